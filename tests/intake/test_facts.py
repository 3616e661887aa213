"""What is known of an image from its file: at import, of images of before, by hand, and who sees which of it."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.urls import reverse

from labeler.intake import import_metadata, private_fields
from labeler.intake.formats.metadata import Listed
from labeler.intake.images import add_images, file_member, import_path
from labeler.models import AuditEvent, Image, Job
from tests.helpers.api import as_person, body_of, error_of
from tests.helpers.exif import directory, photograph, with_block
from tests.helpers.factories import add_images as add_rows
from worker import periodic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
PLACE = {"exif.gps_latitude": 51.477317, "exif.gps_longitude": -0.000694}
CAMERA = {
    "exif.taken_at": "2024-05-03T12:33:10+02:00", "exif.camera_make": "Acme", "exif.camera": "C-3",
    "exif.lens": "Acme 50mm f/1.8",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    periodic._read_up_to.clear()


@pytest.fixture
def photo(project) -> Image:
    """One photograph with a place."""
    list(add_images(project=project, members=[file_member("2024/north/a.jpg", photograph())]))
    return Image.objects.get()


def test_an_upload_has_what_its_file_and_its_name_say(photo):
    assert photo.metadata == {**CAMERA, **PLACE, "file.folder": "2024/north", "file.source": "upload"}


def test_an_import_says_which_it_was(project, tmp_path):
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr("b.png", photograph("PNG", gps=False))
    params = {"path": str(tmp_path / "archive"), "name": "spring.zip"}
    job = Job.objects.create(project=project, kind="import", params=params)
    import_path(tmp_path / "archive", project=project, job=job)
    assert Image.objects.get().metadata == {**CAMERA, "file.source": "spring.zip", "file.import": job.pk}


def test_a_file_with_hostile_exif_comes_in(project):
    hostile = with_block(directory([(0x0110, 2, 2**32 - 1, b"\xff\xff\xff\xff")] * 5000)[:60_000])
    (outcome,) = add_images(project=project, members=[file_member("h.jpg", hostile)])
    assert outcome.image.metadata == {"file.source": "upload"}


def test_images_of_before_are_read_some_at_a_time(project, photo, monkeypatch):
    Image.objects.update(metadata={"site": "gate"})
    gone = add_rows(project, 2, metadata={})  # whose files are not there
    monkeypatch.setattr(periodic, "READ_AT_ONCE", 2)
    assert [periodic.read_older_files() for _ in range(4)] == [2, 1, 0, 0]
    photo.refresh_from_db()
    assert photo.metadata == {
        **CAMERA, **PLACE, "file.folder": "2024/north", "file.source": "upload", "site": "gate",
    }  # fmt: skip
    assert {image.metadata["file.source"] for image in Image.objects.filter(pk__in=[one.pk for one in gone])} == {
        "upload"
    }


# ---------------------------------------------------------------- by hand


def test_a_lead_changes_fields_and_what_was_read_stays(photo, lena):
    client = as_person(lena)
    address = f"/api/images/{photo.pk}/"
    sent = {"metadata": {"site": "gate", "iso": 400, "outdoors": True}}
    assert client.patch(address, sent, format="json").json()["metadata"] == photo.metadata | sent["metadata"]
    answer = client.patch(address, {"metadata": {"iso": None, "unknown": None}}, format="json")
    assert answer.json()["metadata"] == photo.metadata | {"site": "gate", "outdoors": True}
    refused = client.patch(address, {"metadata": {"exif.camera": "X", "site": "other"}}, format="json")
    assert refused.status_code == 400 and error_of(refused) == "invalid"
    assert list(refused.json()["error"]["fields"]) == ["metadata.exif.camera"]
    photo.refresh_from_db()
    assert photo.metadata["site"] == "gate" and photo.metadata["exif.camera"] == "C-3"
    events = AuditEvent.objects.filter(action="metadata.edit").order_by("id")
    assert [(event.actor, event.details["fields"]) for event in events] == [
        (lena, ["site", "iso", "outdoors"]), (lena, ["iso"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "metadata",
    [{"x": [1]}, {"x": {"y": 1}}, {"": 1}, {"x" * 101: 1}, {"x": "y" * 1001}, {"x": "two\nlines"}, {"x\0": 1},
     {"x": 2**70}, {"file.source": "me"}, {f"k{n}": n for n in range(51)}, "text", [1], None],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_a_sentence(photo, lena, metadata):
    answer = as_person(lena).patch(f"/api/images/{photo.pk}/", {"metadata": metadata}, format="json")
    assert answer.status_code == 400
    before = photo.metadata
    photo.refresh_from_db()
    assert photo.metadata == before


def test_reviewers_and_annotators_change_nothing(photo, rev, ann):
    for person in (rev, ann):
        answer = as_person(person).patch(f"/api/images/{photo.pk}/", {"metadata": {"site": "x"}}, format="json")
        assert answer.status_code == 403


def test_a_table_leaves_what_was_read_as_it_is(photo, lena, project):
    rows = Listed([{"id": photo.pk, "exif.camera": "X", "file.source": None, "site": "gate"}])
    outcome = import_metadata.describe(project=project, by=lena, rows=rows)
    assert (outcome.updated, outcome.n_refused) == (1, 0)
    before = photo.metadata
    photo.refresh_from_db()
    assert photo.metadata == before | {"site": "gate"}


def test_the_page_changes_only_what_somebody_changed(photo, lena, rev, as_, project):
    import_metadata.edit(image=photo, by=lena, changes={"site": "gate", "iso": 400, "note": "old"})
    page = reverse("image", args=[project.pk, photo.pk])
    assert b'value="gate"' in as_(lena).get(page).content
    import_metadata.edit(image=photo, by=lena, changes={"note": "by somebody else, meanwhile"})
    form = {
        "key": ["iso", "note", "site"], "before": ["400", "old", "gate"], "value": ["800", "old", "gate"],
        "remove": ["site"], "new_key": " outdoors ", "new_value": "true",
    }  # fmt: skip
    address = reverse("image_metadata", args=[project.pk, photo.pk])
    assert as_(lena).post(address, form).status_code == 302
    photo.refresh_from_db()
    own = {key: value for key, value in photo.metadata.items() if not private_fields.is_reserved(key)}
    assert own == {"iso": 800, "note": "by somebody else, meanwhile", "outdoors": True}
    as_(lena).post(address, {"new_key": "exif.camera", "new_value": "X"})
    photo.refresh_from_db()
    assert photo.metadata["exif.camera"] == "C-3"
    assert as_(rev).post(address, form).status_code == 403


# ---------------------------------------------------------------- who sees which


def test_the_place_is_for_leads_and_exif_is_not_for_annotators(photo, project, lena, rev, ann):
    project.show_file_names = True
    project.save()
    there = {"file.folder": "2024/north", "file.source": "upload"}
    for person, shown in ((lena, {**CAMERA, **PLACE, **there}), (rev, {**CAMERA, **there}), (ann, there)):
        client = as_person(person)
        assert client.get(f"/api/images/{photo.pk}/").json()["metadata"] == shown
        (listed,) = client.get(f"/api/projects/{project.pk}/images/").json()["results"]
        assert listed["metadata"] == shown
    project.show_file_names = False
    project.save()
    assert as_person(ann).get(f"/api/images/{photo.pk}/").json()["metadata"] == {}


def test_nobody_finds_out_the_place_by_looking_for_it(photo, project, lena, rev, ann):
    project.show_file_names = True
    project.save()
    address = f"/api/projects/{project.pk}/images/?metadata.%s"
    place, model = "exif.gps_latitude=51.477317", "exif.camera=C-3"
    status = {
        person.username: [as_person(person).get(address % asked).status_code for asked in (place, model)]
        for person in (lena, rev, ann)
    }
    assert status == {"lena": [200, 200], "rev": [403, 200], "ann": [403, 403]}


def test_a_file_with_a_place_goes_out_as_it_came_to_leads_only(photo, project, lena, rev):
    original = f"/api/images/{photo.pk}/file/?original=true"
    assert body_of(as_person(lena).get(original)) == photograph()
    assert as_person(rev).get(original).status_code == 403
    (outcome,) = add_images(project=project, members=[file_member("b.png", photograph("PNG", gps=False))])
    without = as_person(rev).get(f"/api/images/{outcome.image.pk}/file/?original=true")
    assert body_of(without) == photograph("PNG", gps=False)


def test_the_page_shows_a_reviewer_no_place(photo, project, rev, lena, as_):
    page = reverse("image", args=[project.pk, photo.pk])
    assert b"51.477317" in as_(lena).get(page).content
    content = as_(rev).get(page).content
    assert b"51.47" not in content and b"C-3" in content


def test_metadata_without_the_place_is_all_the_rest():
    assert private_fields.without_place({**CAMERA, **PLACE, "site": 1}) == {**CAMERA, "site": 1}


# ---------------------------------------------------------------- what is served


def secret(image_format: str) -> bytes:
    """A picture with all there is to hide: place, serial number, a thumbnail, XMP, IPTC, comments, what follows."""
    from PIL import Image as Pixels
    from PIL import PngImagePlugin

    from tests.helpers.exif import camera
    from tests.helpers.scenes import scene

    image, out = scene((400, 300)), io.BytesIO()
    exif = camera(tag010e="SECRETDESCRIPTION", tag8298="SECRETCOPYRIGHT")
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRETXMP</x:xmpmeta>'
    match image_format:
        case "JPEG":
            image.save(out, "JPEG", exif=exif, xmp=xmp, comment=b"SECRETCOMMENT")
            content = out.getvalue()
            more = io.BytesIO()
            Pixels.new("RGB", (32, 24)).save(more, "JPEG", comment=b"SECRETTHUMBNAIL")
            segments = [
                (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0cSECRETIPTC\0\0"),
                (0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + more.getvalue()),
                (0xEE, b"Adobe\0\x64\0\0\0\0\x01SECRETBEHINDADOBE"),
                (0xE0, b"JFXX\0\x10" + more.getvalue()),
                (0xE2, b"MPF\0SECRETMPF"),
                (0xEB, b"SECRETAPP11"),
            ]
            put = b"".join(bytes((0xFF, m)) + (len(b) + 2).to_bytes(2, "big") + b for m, b in segments)
            return content[:2] + put + content[2:] + b"SECRETTAIL"
        case "PNG":
            info = PngImagePlugin.PngInfo()
            info.add_text("Comment", "SECRETTEXT")
            info.add_itxt("XML:com.adobe.xmp", xmp.decode())
            image.save(out, "PNG", exif=exif, pnginfo=info)
        case "WEBP":
            image.save(out, "WEBP", exif=exif, xmp=xmp)
        case "TIFF":
            image.save(out, "TIFF", exif=exif, tiffinfo={700: xmp, 33723: b"SECRETIPTC", 270: "SECRETDESCRIPTION"})
    return out.getvalue() + b"SECRETTAIL"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_nothing_that_is_served_says_who_where_or_with_which_camera(project, ann, image_format):
    content = secret(image_format)
    assert content.count(b"SECRET") >= 4
    (outcome,) = add_images(project=project, members=[file_member("a", content)])
    for kind in ("preview", "thumb", "file"):
        answer = as_person(ann).get(f"/api/images/{outcome.image.pk}/{kind}/")
        served = body_of(answer)
        assert answer.status_code == 200 and len(served) > 500
        for hidden in (b"SECRET", b"Acme", b"C-3", b"xmpmeta", b"8BIM", b"Exif", b"eXIf", b"MPF\0"):
            assert hidden not in served, (kind, hidden)
