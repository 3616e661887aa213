"""Each check finds the pictures made for it, and no sound one; what was measured is not measured again."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image as Pixels
from PIL import ImageFilter

from labeler.curation import deletion
from labeler.data_checks import check, findings, found
from labeler.data_checks.measures import measure_pixels
from labeler.intake.images import media_store
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Finding, Image, ImageCheck, ImageFinding, Job
from labeler.models.job import Kind, State
from tests.helpers.factories import add_images as add_rows
from tests.helpers.factories import make_model, make_project, make_user
from tests.helpers.faulty_pictures import blurred, bring_in, dark, green, overexposed, plain, sound
from worker.intake import checks_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def images_with(project, code):
    return Image.objects.filter(ImageFinding.objects.of_image(code), project=project)


def run(project, *, files=True, seconds=check.SECONDS):
    return check.run(project, files=files, tell=lambda n: None, seconds=seconds)


def codes(image: Image) -> set[str]:
    return set(ImageFinding.objects.filter(image=image).values_list("code", flat=True))


FAULTY = {
    "blurred": (blurred(1), {Finding.BLURRED}),
    "dark": (dark(2), {Finding.DARK}),
    "light": (overexposed(3), {Finding.OVEREXPOSED}),
    "black": (plain((0, 0, 0)), {Finding.ONE_COLOUR, Finding.DARK}),
    "white": (plain((255, 255, 255)), {Finding.ONE_COLOUR, Finding.OVEREXPOSED}),
    "red": (plain((180, 60, 60)), {Finding.ONE_COLOUR}),
    "tiny": (sound(4, (60, 80)), {Finding.TINY}),
    "strip": (sound(5, (900, 200)), {Finding.EXTREME_ASPECT}),
}
SOUND = {
    "plain": sound(6),
    "at 64": sound(7, (64, 64)),
    "four to one": sound(8, (800, 200)),
    "large": sound(9, (900, 700)),
}


def test_each_fault_is_found_and_nothing_is_found_of_sound_pictures(project):
    there = bring_in(project, {name: picture for name, (picture, _codes) in FAULTY.items()} | SOUND)
    done = run(project)
    assert {name: codes(there[name]) for name in FAULTY} == {name: set(wanted) for name, (_p, wanted) in FAULTY.items()}
    assert {name: codes(there[name]) for name in SOUND} == {name: set() for name in SOUND}
    assert (done.measured, done.files, done.is_whole) == (12, 12, True)
    assert found.counts(project)[Finding.DARK] == 2
    assert set(images_with(project, "dark")) == {there["dark"], there["black"]}
    assert found.newest(project, 1)["dark"] == [max(there["dark"].pk, there["black"].pk)]


def test_photographs_as_they_are_have_no_blur_and_blurred_ones_do(test_data):
    files = sorted((test_data / "clothing").rglob("*.jpg"))
    assert len(files) > 1000
    for path in random.Random(5).sample(files, 25):
        with Pixels.open(path) as image:
            image.thumbnail((341, 341))
            photo = image.convert("RGB")
        as_it_is, soft = (
            findings.of_image(600, 800, measure_pixels(_small(one)))
            for one in (photo, photo.filter(ImageFilter.GaussianBlur(6)))
        )
        assert as_it_is == [], path.name
        assert soft == [Finding.BLURRED], path.name


def _small(image: Pixels.Image) -> np.ndarray:
    image.thumbnail((256, 256))
    return np.asarray(image, np.float32)


def test_a_picture_unlike_fifty_others_is_odd_and_one_among_fewer_is_not(project):
    there = bring_in(project, {f"s{n}": sound(n) for n in range(48)} | {"green": green(100)})
    run(project)
    assert codes(there["green"]) == set()  # of 49 nobody knows what is usual
    more = bring_in(project, {"s48": sound(48)})
    run(project)
    assert codes(there["green"]) == {Finding.ODD_COLOURS}
    assert found.counts(project)[Finding.ODD_COLOURS] == 1
    assert codes(more["s48"]) == set()
    Image.objects.exclude(pk=there["green"].pk).filter(pk__lt=more["s48"].pk - 20).delete()
    run(project)
    assert codes(there["green"]) == set()  # a finding goes when it is none any more


def test_near_duplicates_are_found_as_long_as_there_are_two(project):
    pair = bring_in(project, {"one": sound(1), "again": sound(1).resize((300, 225)), "other": sound(2)})
    run(project)
    assert set(images_with(project, "near_duplicate")) == {pair["one"], pair["again"]}
    pair["again"].delete()
    run(project)
    assert not images_with(project, "near_duplicate").exists()


# ---------------------------------------------------------------- files


def test_files_that_are_gone_or_changed_are_found_and_what_is_mended_is_forgotten(project):
    there = bring_in(project, {f"s{n}": sound(n) for n in range(4)})
    store = media_store()
    lost, rotten, torn, whole = there.values()
    kept = {path: path.read_bytes() for path in (
        store.original_path(lost.sha256, "png"), store.original_path(rotten.sha256, "png"),
        store.thumb_path(torn.sha256),
    )}  # fmt: skip
    first, second, third = kept
    first.unlink()
    second.write_bytes(second.read_bytes()[:-20] + b"x" * 20)
    third.write_bytes(third.read_bytes()[:200])
    run(project)
    assert [codes(image) for image in (lost, rotten, torn, whole)] == [{"gone"}, {"damaged"}, {"damaged"}, set()]
    assert ImageCheck.objects.get(image=torn).brightness is None
    for path, content in kept.items():
        Path(path).write_bytes(content)
    run(project, files=False)
    assert found.counts(project)["gone"] == 1  # not looked for without being asked
    run(project)
    assert [codes(image) for image in (lost, rotten, torn, whole)] == [set()] * 4
    assert ImageCheck.objects.get(image=torn).brightness is not None


def test_an_image_without_any_file_is_both(project):
    (image,) = add_rows(project, 1)
    run(project)
    assert codes(image) == {Finding.GONE, Finding.DAMAGED}


# ---------------------------------------------------------------- only what is new


def test_only_new_images_are_measured_and_labels_and_models_change_nothing(project, ann, monkeypatch):
    bring_in(project, {f"s{n}": sound(n) for n in range(3)})
    assert run(project).measured == 3
    (claim, *_rest) = claims.claim(project=project, annotator=ann, count=1)
    save_label(image_id=claim.image_id, annotator=ann, categories=["cat"])
    make_model(project)
    assert run(project).measured == 0
    new = bring_in(project, {"new": dark(9)})
    measured = []
    monkeypatch.setattr(check, "_measured", lambda row, store: measured.append(row[0]))
    run(project, files=False)
    assert measured == [new["new"].pk]


def test_work_is_done_in_steps_and_the_next_goes_on(project, monkeypatch):
    bring_in(project, {f"s{n}": sound(n) for n in range(7)})
    monkeypatch.setattr(check, "STEP", 3)
    told = []
    done = check.run(project, files=True, tell=told.append, seconds=0.0)
    assert (done.measured, done.is_whole, told) == (3, False, [3])
    with pytest.raises(KeyboardInterrupt):  # killed after its second step
        check.run(project, files=True, tell=_stop, seconds=60.0)
    assert ImageCheck.objects.count() == 6
    assert (run(project).measured, ImageCheck.objects.count()) == (1, 7)


def _stop(_done: int) -> None:
    raise KeyboardInterrupt


def test_it_takes_as_many_queries_for_many_images_as_for_few(project):
    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            run(project)
        return len(taken)

    bring_in(project, {f"s{n}": sound(n) for n in range(2)})
    few = queries()
    bring_in(project, {f"t{n}": sound(50 + n) for n in range(12)})
    assert queries() == few


# ---------------------------------------------------------------- jobs


def test_a_check_is_due_when_images_came_in_and_nothing_is_under_way(project):
    assert check.due() == []
    bring_in(project, {"one": sound(1)})
    importing = Job.objects.create(project=project, kind=Kind.IMPORT, state=State.RUNNING)
    assert check.due() == []
    importing.delete()
    assert check.request_due() == 1
    job = Job.objects.get(kind=Kind.CHECKS)
    assert job.params["files"]  # the first time
    assert check.request_due() == 0 and check.request(project, by=None) == job
    checks_job(job.pk, worker="w")
    checks_job(job.pk, worker="w")  # the message came twice
    job.refresh_from_db()
    assert (job.state, job.result["measured"], job.progress_done) == (State.DONE, 1, 1)
    assert check.due() == []
    bring_in(project, {"two": sound(2)})
    check.request_due()
    assert Job.objects.filter(kind=Kind.CHECKS).latest("pk").params["files"] is False


def test_images_that_come_back_from_the_trash_are_looked_at_again(project, lena):
    there = bring_in(project, {"never measured": dark(3), "one": sound(1), "again": sound(1).resize((300, 225))})
    back = [there["never measured"].pk, there["one"].pk]

    def checked():
        assert check.request_due() == 1
        checks_job(Job.objects.filter(kind=Kind.CHECKS).latest("pk").pk, worker="w")
        return set(images_with(project, "near_duplicate")), set(images_with(project, "dark"))

    deletion.delete(project=project, by=lena, image_ids=back)
    assert checked() == (set(), set())
    assert check.due() == []
    deletion.restore(project=project, by=lena, image_ids=back)
    assert checked() == ({there["one"], there["again"]}, {there["never measured"]})
    assert check.due() == []


def test_a_check_that_failed_is_not_asked_for_again_at_once(project):
    bring_in(project, {"one": sound(1)})
    failed = Job.objects.create(project=project, kind=Kind.CHECKS, state=State.FAILED, finished_at=timezone.now())
    assert check.due() == []
    Job.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(hours=2))
    assert check.due() == [project]


def test_projects_do_not_mix(project):
    other = make_project(make_user("otto"))
    there = bring_in(project, {"dark": dark(1)})
    elsewhere = bring_in(other, {"dark": dark(1)})
    run(project)
    assert list(images_with(project, "dark")) == [there["dark"]]
    assert not images_with(other, "dark").exists()
    run(other)
    assert list(images_with(other, "dark")) == [elsewhere["dark"]]
    assert not images_with(project, "no such code").exists()
