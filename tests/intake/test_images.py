"""Images into a project: once each, whatever happens on the way."""

import io
import threading

import pytest
from django.db import connection

from labeler.errors import NotFound, StorageFull
from labeler.intake import images
from labeler.intake.archives import Caps
from labeler.intake.check import Refused
from labeler.intake.images import add_images, file_member, import_path
from labeler.intake.outcomes import Added, Duplicate, Refusal
from labeler.intake.store import Batch
from labeler.models import Image, Job, QueueEntry
from tests.helpers.factories import make_project
from tests.helpers.importing import add_image
from tests.helpers.pictures import archive, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    return settings.MEDIA_DIR


def test_an_image_gets_its_row_its_seats_and_its_files(project, media):
    content = picture(1)
    outcome = add_image(project=project, name="../leaf.jpg", source=io.BytesIO(content))

    assert isinstance(outcome, Added)
    image = Image.objects.get()
    assert (outcome.image.pk, image.name, image.extension) == (image.pk, "leaf.jpg", "jpg")
    assert (image.width, image.height, image.n_bytes) == (64, 48, len(content))
    entry = QueueEntry.objects.get(image=image)
    assert (entry.seats, entry.seats_left) == (project.labels_per_image, project.labels_per_image)
    store = images.media_store()
    assert store.original_path(image.sha256, "jpg").read_bytes() == content
    assert store.has(image.sha256, "jpg")


def test_the_same_bytes_are_a_duplicate_in_this_project_and_new_in_another(project, lena):
    first = add_image(project=project, name="a.jpg", source=picture(1))
    again = add_image(project=project, name="b.jpg", source=picture(1))
    other = add_image(project=make_project(lead=lena), name="c.jpg", source=picture(1))
    assert again == Duplicate("b.jpg", first.image.pk)
    assert isinstance(other, Added)
    assert Image.objects.count() == 2


def test_one_bad_file_refuses_itself_alone(project):
    members = [
        file_member("a.jpg", picture(1)),
        file_member("cut.jpg", picture(2)[:300]),
        file_member("page.jpg", b"<html>not found</html>"),
        file_member("copy.jpg", picture(1)),
        file_member("z.png", picture(3, "PNG")),
    ]
    outcomes = list(add_images(project=project, members=members))
    assert [type(outcome) for outcome in outcomes] == [Added, Refusal, Refusal, Duplicate, Added]
    assert "web page" in outcomes[2].reason
    assert outcomes[3].image_id == outcomes[0].image.pk


def test_an_import_reports_every_file(project, tmp_path):
    files = {"good/1.jpg": picture(1), "good/2.jpg": picture(2), "copy.jpg": picture(1), "bad.jpg": b"no"}
    seen = []
    result = import_path(
        archive(tmp_path / "a.zip", files),
        project=project,
        progress=lambda so_far, total: seen.append((so_far.seen, total)),
    )
    assert (result.added, result.duplicates, result.n_refused) == (2, 1, 1)
    assert [file.name for file in result.refused] == ["bad.jpg"]
    assert seen[-1] == (4, 4)
    assert result.as_json()["refused"] == [{"name": "bad.jpg", "reason": result.refused[0].reason}]


class WorkerDied(BaseException):
    """Like a kill: nothing gets a chance to clear up."""


@pytest.mark.parametrize("died_after", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_an_import_killed_and_repeated_ends_in_the_counts_of_one_that_was_not(
    project, tmp_path, monkeypatch, died_after
):
    monkeypatch.setattr(images, "BATCH_IMAGES", 4)
    monkeypatch.setattr(images, "PROGRESS_SECONDS", 0)
    files = {f"{number:02}.jpg": picture(number) for number in range(11)}
    files |= {"99-copy.jpg": picture(3), "50-bad.jpg": b"no"}
    path = archive(tmp_path / "a.zip", files)
    job = Job.objects.create(project=project, kind="import")
    commits = []
    commit = images._commit

    def dying(*args):
        outcome = commit(*args)
        commits.append(1)
        if len(commits) == died_after:
            raise WorkerDied  # committed, but nobody was told
        return outcome

    monkeypatch.setattr(images, "_commit", dying)
    with pytest.raises(WorkerDied):
        import_path(path, project=project, job=job)
    assert Image.objects.count() == 4 * died_after

    monkeypatch.setattr(images, "_commit", commit)
    result = import_path(path, project=project, job=job)
    assert (result.added, result.duplicates, result.n_refused) == (11, 1, 1)
    assert Image.objects.count() == QueueEntry.objects.count() == 11

    another = Job.objects.create(project=project, kind="import")
    result = import_path(path, project=project, job=another)
    assert (result.added, result.duplicates, result.n_refused) == (0, 12, 1)


def test_the_same_file_twice_in_one_job_is_added_once(project):
    job = Job.objects.create(project=project, kind="import")
    members = [file_member("a.jpg", picture(1)), file_member("a.jpg", picture(1))]
    assert [type(outcome) for outcome in add_images(project=project, members=members, job=job)] == [
        Added,
        Duplicate,
    ]


def test_the_same_bytes_in_two_batches_are_added_once(project, monkeypatch):
    # The second batch is looked at before the first one has its rows.
    monkeypatch.setattr(images, "BATCH_IMAGES", 1)
    members = [file_member(name, picture(1)) for name in ("a.jpg", "b.jpg", "c.jpg")]

    outcomes = list(add_images(project=project, members=members))

    assert [type(outcome) for outcome in outcomes] == [Added, Duplicate, Duplicate]
    assert Image.objects.count() == 1


def test_files_are_on_the_disk_before_their_row(project, monkeypatch):
    def look_first(image_list):
        for image in image_list:
            assert images.media_store().has(image.sha256, image.extension)
        return create(image_list)

    create = Image.objects.bulk_create
    monkeypatch.setattr(Image.objects, "bulk_create", look_first)
    assert isinstance(add_image(project=project, name="a.jpg", source=picture(1)), Added)


def test_a_full_disk_stops_before_any_row_and_a_later_try_goes_on(project, monkeypatch):
    def full(*_args, **_kwargs):
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("labeler.intake.store.Batch.add", full)
        with pytest.raises(StorageFull):
            add_image(project=project, name="a.jpg", source=picture(1))
    assert not Image.objects.exists()
    assert isinstance(add_image(project=project, name="a.jpg", source=picture(1)), Added)


@pytest.mark.parametrize("full_after", range(0, 30, 4))
def test_a_disk_that_fills_up_in_a_batch_leaves_no_file_of_it(project, media, monkeypatch, full_after):
    written = []
    add = Batch.add

    def filling(self, **files):
        written.append(1)
        if len(written) > full_after:
            raise StorageFull("The disk is full.")
        add(self, **files)

    monkeypatch.setattr(Batch, "add", filling)
    members = [file_member(f"{number}.jpg", picture(number)) for number in range(30)]
    with pytest.raises(StorageFull):
        list(add_images(project=project, members=members))
    assert [path for path in media.rglob("*") if path.is_file()] == []
    assert not Image.objects.exists()


def test_sending_an_image_again_restores_its_lost_files(project):
    image = add_image(project=project, name="a.jpg", source=picture(1)).image
    store = images.media_store()
    store.preview_path(image.sha256).unlink()
    store.original_path(image.sha256, "jpg").unlink()
    assert isinstance(add_image(project=project, name="a.jpg", source=picture(1)), Duplicate)
    assert store.has(image.sha256, "jpg")


def test_a_dry_run_tells_the_same_and_writes_nothing(project, tmp_path, media):
    add_image(project=project, name="old.jpg", source=picture(5))
    before = sorted(media.rglob("*"))
    files = {"1.jpg": picture(1), "2.jpg": picture(1), "3.jpg": picture(5), "4.jpg": b"no"}
    path = archive(tmp_path / "a.zip", files)
    planned = import_path(path, project=project, dry_run=True)
    assert (planned.added, planned.duplicates, planned.n_refused) == (1, 2, 1)
    assert Image.objects.count() == 1
    assert sorted(media.rglob("*")) == before
    done = import_path(path, project=project)
    assert done.as_json() == planned.as_json()


def test_a_damaged_archive_keeps_what_came_before(project, tmp_path, monkeypatch):
    files = {f"{number}.jpg": picture(number) for number in range(9)}
    path = archive(tmp_path / "a.zip", files)
    monkeypatch.setattr(images, "caps", lambda: Caps(ratio_free_bytes=4000, ratio=0, member_bytes=10_000))
    result = import_path(path, project=project)
    assert 1 <= result.added < 9
    assert "unpacks to more than" in result.stopped
    assert result.as_json()["refused"][-1]["reason"] == result.stopped
    assert Image.objects.count() == result.added

    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(Refused, match="damaged"):
        import_path(tmp_path / "no.zip", project=project)


def test_a_source_that_fails_keeps_what_came_before(project, monkeypatch):
    monkeypatch.setattr(images, "BATCH_IMAGES", 2)

    def members():
        yield from [file_member(f"{number}.jpg", picture(number)) for number in range(5)]
        raise OSError("The share is gone.")

    with pytest.raises(OSError, match="share"):
        list(add_images(project=project, members=members()))
    assert Image.objects.count() == 4


def test_what_a_progress_callback_raises_ends_the_import_with_all_it_counted_in_place(
    project, tmp_path, media, monkeypatch
):
    monkeypatch.setattr(images, "BATCH_IMAGES", 3)
    monkeypatch.setattr(images, "PROGRESS_SECONDS", 0)
    path = archive(tmp_path / "a.zip", {f"{number}.jpg": picture(number) for number in range(9)})

    def cancelled(result, _total):
        if result.seen == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        import_path(path, project=project, progress=cancelled)
    assert Image.objects.count() == 3
    # The next batch was begun already; nothing of it stays.
    assert len([path for path in media.rglob("*") if path.is_file()]) == 3 * 3


def test_a_project_that_is_gone_takes_nothing_in(project):
    gone = make_project()
    gone_too = type(gone).objects.get(pk=gone.pk)
    gone.delete()
    with pytest.raises(NotFound):
        add_image(project=gone_too, name="a.jpg", source=picture(1))


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_images_at_once_end_with_each_once(project):
    members = [file_member(f"{number}.jpg", picture(number)) for number in range(30)]
    results: list[list] = []

    def run():
        try:
            results.append(list(add_images(project=project, members=members)))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = [outcome for result in results for outcome in result]
    assert len(results) == 4
    assert sum(isinstance(outcome, Added) for outcome in outcomes) == 30
    assert sum(isinstance(outcome, Duplicate) for outcome in outcomes) == 90
    assert Image.objects.count() == QueueEntry.objects.count() == 30
