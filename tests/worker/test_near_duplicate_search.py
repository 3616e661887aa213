"""Nearly the same images that a sketch does not know: proposed by their features, decided by their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pixels
from PIL import ImageDraw, ImageEnhance, ImageOps

from labeler.intake import near_duplicates
from labeler.jobs import leases
from labeler.models import AuditEvent, Image, Job, Sketch
from labeler.models.job import Kind
from labeler.training import features, image_index
from tests.helpers.copies import cropped, picture
from tests.helpers.factories import make_model
from tests.helpers.near_duplicates import bring_in, drawn, saved, slices
from worker.indexing import build_index, near_duplicate_search
from worker.ml.images import registration
from worker.ml.networks import backbones

NAME = features.name_of("tiny", 64, "ab" * 32)


def marked(image: Pixels.Image) -> Pixels.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 222, 320, 240), fill=(0, 0, 0))
    draw.text((12, 224), "www.example.com 4711", fill=(255, 255, 255))
    return image


CHANGES = {
    "cropped": lambda image: cropped(image, 0.02),
    "cropped more": lambda image: cropped(image, 0.08),
    "turned": lambda image: cropped(image.rotate(3, Pixels.Resampling.BICUBIC), 0.06),
    "mirrored": ImageOps.mirror,
    "marked": marked,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "cut off on one side": lambda image: image.crop((25, 0, 320, 240)),
}


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_picture_that_was_changed_is_found_to_be_the_same(change):
    pictures = [picture(seed) for seed in range(4)]
    one = near_duplicate_search.together([near_duplicate_search.squeezed(image) for image in pictures])
    other = near_duplicate_search.together([near_duplicate_search.squeezed(change(image)) for image in pictures])

    laid = registration.register_pairs(one, other)

    assert laid.same.all() and (laid.mirrored == (change is ImageOps.mirror)).all()


def test_other_pictures_and_the_same_in_other_colours_are_not_the_same():
    squares = [near_duplicate_search.squeezed(picture(seed)) for seed in range(8)]
    assert not registration.register_pairs(
        near_duplicate_search.together(squares), near_duplicate_search.together([*squares[1:], squares[0]])
    ).same.any()
    # One shape, orange and pink, on a white table.
    two = [Pixels.new("RGB", (64, 64), (230, 228, 220)) for _ in range(2)]
    for image, colour in zip(two, ((240, 120, 20), (240, 40, 150)), strict=True):
        ImageDraw.Draw(image).polygon([(15, 12), (52, 16), (48, 55), (12, 50)], fill=colour)
    orange, pink = (near_duplicate_search.together([near_duplicate_search.squeezed(image)]) for image in two)
    found = registration.register_pairs(orange, pink)
    assert found.agreement[0] > registration.SAME and not found.same[0]


def test_a_thing_that_has_to_be_pulled_wider_to_fit_is_another_one():
    narrow = picture(2)
    wide = narrow.resize((338, 240)).crop((9, 0, 329, 240))
    found = registration.register_pairs(
        *(near_duplicate_search.together([near_duplicate_search.squeezed(image)]) for image in (narrow, wide))
    )
    assert found.shapes[0] > 0.98 and found.pulled[0] == pytest.approx(338 / 320 - 1, abs=0.01) and not found.same[0]


def test_pictures_without_anything_on_them_are_nothing_to_compare():
    white, black = (near_duplicate_search.squeezed(Pixels.new("RGB", (64, 64), (tone,) * 3)) for tone in (200, 10))
    blank = near_duplicate_search.together([white, black])
    assert not registration.register_pairs(blank, near_duplicate_search.together([black, white])).same.any()


# ---------------------------------------------------------------- the pass


@pytest.fixture
def _folders(settings, tmp_path, db, uncollected_static_files):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", str(tmp_path / "models")
    image_index.forget()


@pytest.fixture
def seen(project, _folders):
    """Write the index of images with these features."""

    def write(images: list[Image], vectors) -> None:
        there = dict(Image.objects.filter(project=project).values_list("pk", "sha256"))
        rows = {i.sha256: np.asarray(v, "<f2").tobytes() for i, v in zip(images, vectors, strict=True)}
        features.store(NAME, rows)
        build_index.write(project.pk, NAME, sorted(there.items()), last_image=max(there))

    return write


def compared(project, seconds: float = 60.0, tick=lambda: None) -> int:
    return near_duplicate_search.compare(project, seconds=seconds, tick=tick)


def test_cropped_copies_end_on_the_side_of_what_they_are_copies_of(project, seen, monkeypatch):
    drawn(monkeypatch, "test", "", "", "calibration")
    before = bring_in(project, *(saved(picture(seed)) for seed in range(4)))
    seen(before, np.eye(8)[:4])
    assert compared(project) == 0 and Sketch.objects.filter(compared=True).count() == 4
    drawn(monkeypatch, "", "", "test", "test")
    copies = bring_in(project, *(saved(cropped(picture(seed), 0.06)) for seed in range(4)))
    assert slices(*copies) == ["", "", "test", "test"]  # the sketches do not know them
    assert not Sketch.objects.exclude(group__in=[i.pk for i in (*before, *copies)]).exists()
    seen(copies, np.eye(8)[:4] + 0.2 * np.eye(8)[4:])

    assert compared(project) == 0

    # Held-out images stay; what was trained on gives way to them, and of two slices the newer one.
    assert slices(*before) == ["test", "", "apart", "calibration"]
    assert slices(*copies) == ["apart", "", "test", "apart"]
    groups = near_duplicates.groups_of([image.pk for image in copies])
    assert [groups[copy.pk] for copy in copies] == [image.pk for image in before]
    (event,) = AuditEvent.objects.filter(action="images.left_out", project=project)
    assert event.details["images"] == sorted([before[2].pk, copies[0].pk, copies[3].pk])
    assert near_duplicates.groups(project, 10)[1] == 4


def test_images_whose_features_are_alike_and_whose_pixels_are_not_stay_apart(project, seen):
    images = bring_in(project, *(saved(picture(seed)) for seed in range(6)))
    seen(images, np.ones((6, 8)) + 0.05 * np.eye(8)[:6])

    assert compared(project) == 0

    assert near_duplicates.groups(project, 10) == ([], 0)
    assert near_duplicates.uncompared(project) == []


def test_groups_that_turn_out_to_be_one_are_merged(project, seen):
    one = picture(3)
    images = bring_in(project, saved(one), saved(one, 40), saved(cropped(one, 0.06)), saved(cropped(one, 0.06), 40))
    first, second = images[0].pk, images[2].pk
    assert list(Sketch.objects.order_by("pk").values_list("group", flat=True)) == [first, first, second, second]
    seen(images, np.ones((4, 8)) + 0.1 * np.eye(8)[:4])

    compared(project)

    assert set(Sketch.objects.values_list("group", flat=True)) == {first}


def test_a_pass_that_was_stopped_goes_on_where_it_was(project, seen, monkeypatch):
    monkeypatch.setattr(near_duplicate_search, "STEP", 2)
    images = bring_in(project, *(saved(picture(seed)) for seed in range(3)))
    images += bring_in(project, *(saved(cropped(picture(seed), 0.06)) for seed in range(3)))
    seen(images, np.tile(np.eye(8)[:3], (2, 1)))
    assert compared(project, seconds=0) == 4
    found = near_duplicates.groups(project, 10)[1]
    assert found == 2 and near_duplicates.uncompared(project) == [image.pk for image in images[2:]]

    def killed() -> None:
        raise leases.LeaseLost("killed")

    with pytest.raises(leases.LeaseLost):
        compared(project, tick=killed)
    assert len(near_duplicates.uncompared(project)) == 4  # nothing is noted of a step that was not finished

    assert compared(project) == 0 and near_duplicates.groups(project, 10)[1] == 3
    # A file that is gone is compared with nothing, and not asked for again.
    (late,) = bring_in(project, saved(cropped(picture(0), 0.04)))
    seen([late], np.eye(8)[:1])
    near_duplicate_search.media_store().thumb_path(late.sha256).unlink()
    assert compared(project) == 0 and near_duplicates.uncompared(project) == []


@pytest.mark.usefixtures("_folders")
def test_before_a_training_its_own_images_are_compared_by_their_features(project, monkeypatch):
    drawn(monkeypatch, "test", "", "", "", "")
    originals = bring_in(project, *(saved(picture(seed)) for seed in range(3)))
    copies = bring_in(project, *(saved(cropped(picture(seed), 0.06)) for seed in range(2)))
    ids = [image.pk for image in (*copies, *originals)]
    vectors = np.concatenate([np.eye(8)[:2] + 0.2 * np.eye(8)[2:4], np.eye(8)[:3]]).astype(np.float16)
    monkeypatch.setattr(near_duplicate_search, "STEP", 1)

    def among() -> tuple[int, int]:
        return near_duplicate_search.compare_among(project, ids, vectors, seconds=0, tick=lambda: None)

    # The pair that is most alike comes first; what there was no time for is counted.
    vectors[1] = np.eye(8)[1]
    assert among() == (0, 1) and slices(*copies) == ["", ""]
    assert among() == (1, 0)
    assert slices(*copies) == ["apart", ""] and slices(*originals) == ["test", "", ""]
    assert among() == (0, 0)
    # They are not called compared: nobody has held them against the rest of the project.
    assert set(near_duplicates.uncompared(project)) == set(ids)
    Sketch.objects.update(compared=True, group=0)
    monkeypatch.setattr(
        near_duplicates, "groups_of", lambda ids: pytest.fail("nothing is new, and nothing is looked up")
    )
    assert among() == (0, 0)


def test_looks_go_on_until_all_images_are_compared_and_write_the_index_once(project, seen, monkeypatch):
    images = bring_in(project, *(saved(picture(seed)) for seed in range(4)), saved(cropped(picture(0), 0.06)))
    monkeypatch.setattr(near_duplicate_search, "STEP", 3)
    monkeypatch.setattr(build_index, "COMPARE_SECONDS", 0.0)
    monkeypatch.setattr(build_index, "kept_as", lambda _backbone, _size: NAME)
    monkeypatch.setattr(backbones, "get", lambda name: name)
    seen(images, np.tile(np.eye(8)[:4], (2, 1))[:5])
    run = make_model(project, config={"backbone": "tiny", "image_size": 64}, predicted_at="2026-01-01T00:00:00Z")
    written: list[int] = []
    monkeypatch.setattr(
        build_index, "write", lambda project_id, *_a, last_image, tick: written.append(last_image) or len(images)
    )

    results = []
    while run in image_index.due():
        job = image_index.request(run)
        build_index.index_job(job.pk, worker="w")
        job.refresh_from_db()
        results.append(job.result["uncompared"])

    assert results == [2, 0] and written == [images[-1].pk]
    assert near_duplicates.groups_of([images[4].pk]) == {images[4].pk: images[0].pk}
    assert Job.objects.filter(kind=Kind.LOOK, state="done").count() == 2
