"""Originals that stay in their bucket: read from there, held against their hash, and never another image's pixels."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Pixels

from labeler.curation import deletion
from labeler.data_checks import check
from labeler.errors import BucketUnreachable, NotPossibleNow
from labeler.intake import bucket_objects, full_size, images, originals, tiles, trash
from labeler.intake.bucket_objects import OriginalGone
from labeler.intake.images import media_store
from labeler.jobs import jobs
from labeler.models import BucketObject, Finding, Image, ImageFinding, Job, Label
from tests.helpers.answers import answer
from tests.helpers.api import as_person
from tests.helpers.buckets import bucket_server
from tests.helpers.importing import bring_in, pictures
from tests.helpers.pictures import picture
from tests.helpers.releasing import make_file, make_release

pytestmark = pytest.mark.django_db
PREFIX = "s3://leaves/set/"


@pytest.fixture
def bucket(settings, tmp_path, monkeypatch):
    settings.MODELS_DIR = tmp_path / "models"
    with bucket_server(settings, tmp_path, monkeypatch) as client:
        yield client


def put(bucket, **files):
    for name, content in files.items():
        bucket.put_object(Bucket="leaves", Key=f"set/{name}.jpg", Body=content)


@pytest.fixture
def left(bucket, project, lena):
    """One image whose original stayed in the bucket."""
    put(bucket, a=picture(1))
    result = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    assert (result["added"], result["refused"]) == (1, [])
    return Image.objects.get()


def original_of(image):
    return media_store().original_path(image.sha256, image.extension)


def read(image):
    return originals.read(sha256=image.sha256, extension=image.extension)


# ---------------------------------------------------------------- coming in


def test_an_import_by_reference_keeps_what_a_screen_shows_and_leaves_the_original(left):
    store = media_store()
    assert store.has_renditions(left.sha256) and not original_of(left).exists()
    row = BucketObject.objects.get()
    assert (row.sha256, row.bucket, row.key, row.n_bytes) == (left.sha256, "leaves", "set/a.jpg", len(picture(1)))
    assert row.version == "" and row.etag == hashlib.md5(picture(1)).hexdigest()
    assert read(left) == picture(1)
    assert left.external_id == "s3://leaves/set/a.jpg"


def test_formats_with_labels_come_in_by_reference_and_again_nothing_is_read(bucket, project, lena):
    for name, content in zip(("train/cat/1.jpg", "val/dog/2.jpg"), pictures("a", "b").values(), strict=True):
        bucket.put_object(Bucket="leaves", Key=f"set/{name}", Body=content)
    first = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    again = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    assert (first["added"], first["labels_added"], again["added"], again["duplicates"]) == (2, 2, 0, 2)
    assert Label.objects.count() == BucketObject.objects.count() == 2
    assert not (media_store().root / "originals").exists()


def test_a_confirmed_look_keeps_the_choice(bucket, project, lena):
    bucket.put_object(Bucket="leaves", Key="set/train/cat/1.jpg", Body=picture(1))
    looked = Job.objects.get(
        pk=bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True, ask=True)["job"]
    )
    assert not Image.objects.exists() and not BucketObject.objects.exists()
    bring_in(project, lena, None, job=jobs.confirm(looked, by=lena, params={}))
    assert Image.objects.count() == BucketObject.objects.count() == 1


def test_a_file_that_is_sent_makes_a_copy_of_what_was_only_left(left, bucket, project):
    (outcome,) = images.add_images(project=project, members=[images.file_member("mine.jpg", picture(1))])
    assert outcome.image_id == left.pk and original_of(left).read_bytes() == picture(1)
    bucket.delete_object(Bucket="leaves", Key="set/a.jpg")
    assert read(left) == picture(1)


def test_what_is_here_as_a_copy_stays_one(bucket, project, lena):
    list(images.add_images(project=project, members=[images.file_member("mine.jpg", picture(1))]))
    put(bucket, a=picture(1), b=b"no image")
    result = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    assert (result["added"], result["duplicates"], len(result["refused"])) == (0, 1, 1)
    assert not BucketObject.objects.exists()


def test_pictures_inside_of_another_object_cannot_stay_there(bucket, project, lena):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table, out = pa.table({"image": [{"bytes": picture(1), "path": "a.jpg"}]}), io.BytesIO()
    pq.write_table(table, out)
    bucket.put_object(Bucket="leaves", Key="set/train.parquet", Body=out.getvalue())
    refused = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)["refused"]
    assert "lies inside of another object" in refused[0]["reason"] and not Image.objects.exists()
    assert bring_in(project, lena, None, format="s3", url=PREFIX)["added"] == 1


def test_an_object_that_was_overwritten_comes_in_as_another_image_and_once(left, bucket, project, lena):
    def again():
        result = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
        return result["added"], result["duplicates"]

    put(bucket, a=picture(2))
    assert (again(), again()) == ((1, 0), (0, 1))
    other = Image.objects.exclude(pk=left.pk).get()
    assert other.external_id.startswith("s3://leaves/set/a.jpg#") and read(other) == picture(2)
    put(bucket, a=picture(1))  # as it was
    assert again() == (0, 1) and read(left) == picture(1)


def test_the_same_bytes_with_another_etag_are_the_same_image(left, bucket, project, lena):
    BucketObject.objects.update(etag="0" * 32)  # as if it had been sent in parts before
    result = bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    assert (result["added"], result["duplicates"]) == (0, 1)
    assert BucketObject.objects.get().etag == hashlib.md5(picture(1)).hexdigest()


# ---------------------------------------------------------------- gone, changed, unreachable


def test_an_object_that_was_changed_or_deleted_is_said_to_be(left, bucket):
    put(bucket, a=picture(2))
    with pytest.raises(OriginalGone, match="was changed since the image came in"):
        read(left)
    bucket.delete_object(Bucket="leaves", Key="set/a.jpg")
    with pytest.raises(OriginalGone, match="no longer in its bucket"):
        read(left)
    put(bucket, a=picture(1))  # the same bytes are the same image
    assert read(left) == picture(1)


def test_a_version_is_pinned_where_the_bucket_keeps_them(bucket, project, lena):
    bucket.put_bucket_versioning(Bucket="leaves", VersioningConfiguration={"Status": "Enabled"})
    put(bucket, a=picture(1))
    bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    image, row = Image.objects.get(), BucketObject.objects.get()
    put(bucket, a=picture(2))
    assert row.version and read(image) == picture(1)
    bucket.delete_object(Bucket="leaves", Key="set/a.jpg", VersionId=row.version)
    with pytest.raises(OriginalGone, match="was changed"):
        read(image)
    put(bucket, a=picture(1))  # another version, the same bytes
    assert read(image) == picture(1)


def test_a_bucket_that_does_not_answer_or_was_closed_is_no_image_that_is_gone(left, settings, project, monkeypatch):
    check.run(project, files=True, tell=lambda n: None)
    settings.S3_BUCKETS = []
    with pytest.raises(NotPossibleNow, match="not open"):
        read(left)
    settings.S3_BUCKETS, settings.S3_ENDPOINT = ["leaves"], "http://127.0.0.1:9"  # discard: nobody listens
    monkeypatch.setattr(bucket_objects, "HURRY_ATTEMPTS", 1)
    with pytest.raises(BucketUnreachable, match="does not answer"):
        originals.read(sha256=left.sha256, extension=left.extension, hurry=True)
    check.run(project, files=True, tell=lambda n: None)
    assert not ImageFinding.objects.filter(code__in=(Finding.GONE, Finding.DAMAGED)).exists()


def test_the_check_of_the_data_set_finds_what_vanished_and_takes_it_back(left, bucket, project):
    def gone():
        check.run(project, files=True, tell=lambda n: None)
        return ImageFinding.objects.filter(image=left, code=Finding.GONE).exists()

    assert not gone()
    put(bucket, a=picture(2))
    assert gone()
    put(bucket, a=picture(1))
    assert not gone()


# ---------------------------------------------------------------- who reads it


def file_url(image):
    return f"/api/images/{image.pk}/file/"


def test_people_get_full_size_and_original_through_the_server(left, ann, rev, carl, project):
    client = as_person(ann)
    shown = client.get(file_url(left))
    with Pixels.open(io.BytesIO(b"".join(shown.streaming_content))) as opened:
        assert (shown.status_code, opened.size) == (200, (left.width, left.height))
    assert not media_store().full_path(left.sha256, "jpg").exists()  # no second copy of it grows here
    assert client.get(file_url(left) + "?original=true").status_code == 403
    assert as_person(carl).get(file_url(left) + "?original=true").status_code == 404

    original = as_person(rev).get(file_url(left) + "?original=true")
    assert (original.status_code, original.content) == (200, picture(1))
    assert "attachment" in original["Content-Disposition"] and original["X-Content-Type-Options"] == "nosniff"


def test_a_pinned_version_is_fetched_from_the_bucket_by_an_address_of_minutes(
    bucket, settings, project, lena, rev, ann, monkeypatch
):
    bucket.put_bucket_versioning(Bucket="leaves", VersioningConfiguration={"Status": "Enabled"})
    put(bucket, a=picture(1))
    bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    image = Image.objects.get()
    passed_on = as_person(rev).get(file_url(image) + "?original=true")
    assert passed_on.status_code == 200  # nobody has said that browsers reach the bucket

    settings.S3_PUBLIC_ENDPOINT = settings.S3_ENDPOINT
    assert as_person(ann).get(file_url(image) + "?original=true").status_code == 403
    moved = as_person(rev).get(file_url(image) + "?original=true")
    assert (moved.status_code, moved["Cache-Control"]) == (302, "private, no-store")
    assert "X-Amz-Expires=60" in moved["Location"] and "versionId=" in moved["Location"]
    put(bucket, a=picture(2))  # overwritten meanwhile: the address still names what came in
    with urlopen(moved["Location"]) as fetched:
        assert fetched.read() == picture(1)
        assert (fetched.headers["Content-Type"], "attachment" in fetched.headers["Content-Disposition"]) == (
            "image/jpeg", True,
        )  # fmt: skip

    version = BucketObject.objects.get().version
    bucket.delete_object(Bucket="leaves", Key="set/a.jpg", VersionId=version)
    with pytest.raises(HTTPError):
        urlopen(moved["Location"])
    refused = as_person(rev).get(file_url(image) + "?original=true")
    assert refused.status_code == 404 and "was changed" in refused.json()["error"]["message"]


def test_without_versions_the_server_passes_the_bytes_on_and_compares_them(left, bucket, settings, rev):
    settings.S3_PUBLIC_ENDPOINT = settings.S3_ENDPOINT
    assert as_person(rev).get(file_url(left) + "?original=true").content == picture(1)
    put(bucket, a=picture(2))
    for query in ("", "?original=true"):
        refused = as_person(rev).get(file_url(left) + query)
        assert refused.status_code == 404 and "was changed" in refused.json()["error"]["message"]


def test_releases_and_tiles_read_the_bucket(left, bucket, project, lena):
    answer(left, ann="dog")
    release = make_release(project, lena)
    _row, content = make_file(release, "imagefolder", images=True)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".jpg")]
        with Pixels.open(io.BytesIO(opened.read(name))) as exported, Pixels.open(io.BytesIO(picture(1))) as came:
            assert exported.tobytes() == came.tobytes()

    put(bucket, a=picture(2))
    _row, content = make_file(make_release(project, lena), "imagefolder", images=True)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert [one["image"] for one in json.loads(opened.read("classes.json"))["missing_files"]] == [left.pk]

    wide = io.BytesIO()
    Pixels.new("RGB", (4200, 64), (9, 90, 9)).save(wide, "JPEG")
    put(bucket, wide=wide.getvalue())
    bring_in(project, lena, None, format="s3", url=PREFIX, by_reference=True)
    large = Image.objects.get(width=4200)
    assert tiles.make(large) and tiles.are_made(sha256=large.sha256, width=4200, height=64)


def test_a_file_of_a_release_is_not_built_without_the_pictures_of_a_bucket_that_is_down(left, settings, project, lena):
    answer(left, ann="dog")
    release = make_release(project, lena)
    settings.S3_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(AssertionError, match="bucket_unreachable"):
        make_file(release, "imagefolder", images=True)


def test_with_its_last_image_the_place_is_forgotten_and_the_object_stays(left, bucket, project, lena):
    deletion.delete(project=project, by=lena, image_ids=[left.pk])
    with_rows, contents = trash.purge_rows([left.pk])
    trash.delete_files(contents)
    assert with_rows == 1 and not BucketObject.objects.exists()
    assert bucket.get_object(Bucket="leaves", Key="set/a.jpg")["Body"].read() == picture(1)


# ---------------------------------------------------------------- asked for


def test_rest_takes_the_choice_and_only_for_buckets(bucket, project, lena):
    address = f"/api/projects/{project.pk}/imports/"
    asked = as_person(lena).post(address, {"format": "s3", "url": PREFIX, "by_reference": True})
    assert asked.status_code == 202
    assert Job.objects.get(pk=asked.data["id"]).params["by_reference"] is True
    as_copies = as_person(lena).post(address, {"format": "s3", "url": PREFIX})
    assert "by_reference" not in Job.objects.get(pk=as_copies.data["id"]).params
    wrong = as_person(lena).post(address, {"format": "urls", "urls": ["https://a.example/x.jpg"], "by_reference": True})
    assert wrong.status_code == 400 and "Only objects of a bucket" in wrong.json()["error"]["message"]


def test_the_command_takes_it(bucket, project, capsys, tmp_path):
    put(bucket, a=picture(1))
    call_command("import_images", PREFIX, project=project.name, by_reference=True, json=True)
    assert json.loads(capsys.readouterr().out)["added"] == 1 and BucketObject.objects.count() == 1
    for arguments, sentence in (
        ({"source": str(tmp_path), "by_reference": True}, "Only objects of a bucket"),
        ({"source": "s3://secrets/"}, "not open for imports"),
        ({"source": PREFIX, "format": "csv"}, "leave --format"),
    ):
        with pytest.raises(CommandError, match=sentence):
            call_command("import_images", arguments.pop("source"), project=project.name, **arguments)


@pytest.mark.usefixtures("uncollected_static_files")
def test_the_page_takes_it_where_a_bucket_is_open(bucket, settings, as_, project, lena):
    page = f"/projects/{project.pk}/import/"
    client = as_(lena)
    assert 'name="originals"' in client.get(page).content.decode()
    client.post(page, {"bucket": PREFIX, "originals": "stay"})
    client.post(page, {"bucket": PREFIX, "originals": "copy"})
    stays, copied = Job.objects.order_by("pk")
    assert stays.params["by_reference"] is True and stays.params["url"] == PREFIX and stays.params["ask"] is True
    assert "by_reference" not in copied.params
    refused = client.post(page, {"bucket": "s3://secrets/", "originals": "stay"}, follow=True)
    told = refused.content.decode()
    assert "not open for imports" in told and Job.objects.count() == 2
    assert 'value="s3://secrets/"' in told and 'value="stay" checked' in told  # to be mended, not typed again
    settings.S3_BUCKETS = []
    assert 'name="originals"' not in client.get(page).content.decode()


def test_a_full_size_rendition_of_a_copy_is_kept_as_ever(left, project):
    list(images.add_images(project=project, members=[images.file_member("mine.jpg", picture(1))]))
    opened, _media_type = full_size.open_full_size(sha256=left.sha256, extension=left.extension)
    opened.close()
    assert media_store().full_path(left.sha256, "jpg").exists()
