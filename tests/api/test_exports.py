"""Every format over REST, as of now, with what was asked of it; and what it cannot hold, refused with a sentence."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from PIL import Image

from labeler.models import AuditEvent
from labeler.releases.formats import ONLY_OBJECTS, WRITERS
from tests.helpers.api import as_person, body_of, error_of
from tests.helpers.data_sets import fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def export(project, multi_project, ann, bea, rev, settings, tmp_path):
    """GET of a format, with parameters; of the project with several classes where `multi`."""
    settings.MEDIA_DIR = tmp_path / "media"
    fill(project, (ann, bea), rev)

    def get(format_: str, query: str = "", *, multi: bool = False):
        where = multi_project if multi else project
        person = where.memberships.get(role="lead").user
        return as_person(person).get(f"/api/projects/{where.pk}/export/{format_}/{query}")

    return get


@pytest.mark.parametrize("format_", [name for name in WRITERS if name not in ONLY_OBJECTS])
def test_each_format_is_sent_as_what_it_is(export, format_):
    response = export(format_, "?accepted=true")

    assert response.status_code == 200 and response.streaming
    media_type, extension = WRITERS[format_].FILE
    assert response["Content-Type"] == media_type
    assert response["Content-Disposition"].endswith(f'.{extension}"')
    assert len(body_of(response)) > 100


def test_labels_and_images_are_asked_for_and_written_down(export):
    assert b"share.cat" in body_of(export("csv", "?labels=soft"))
    assert b'"shares":' in body_of(export("json", "?labels=soft"))
    assert b"consensus" in body_of(export("labels-csv", "?labels=consensus"))
    assert b"ann" in body_of(export("labels-csv"))  # of itself it has every judgement
    assert b"images/" in body_of(export("cvat", "?images=true"))

    event = AuditEvent.objects.filter(action="project.export").latest("id")
    assert event.details == {"format": "cvat", "images": True}


def test_what_cannot_be_is_said(export):
    assert export("xlsx", "?labels=what").status_code == 404
    assert error_of(export("coco")) == "not_possible_now"
    assert export("csv", "?labels=what").status_code == 400
    assert export("cvat", "?images=perhaps").status_code == 400
    assert export("parquet", "?images=true").status_code == 422
    assert export("yolo", "?labels=all").status_code == 422
    refused = export("yolo", multi=True)
    assert refused.status_code == 422 and "several" in refused.json()["error"]["message"]


def test_a_filter_leaves_only_the_images_that_fit(export):
    lines = [json.loads(line) for line in body_of(export("jsonl")).splitlines()]
    status = lines[0]["status"]
    wanted = [one["image"] for one in lines if one["status"] == status]
    assert 0 < len(wanted) < len(lines)

    response = export("jsonl", f"?status={status.replace(' ', '+')}")

    assert [json.loads(line)["image"] for line in body_of(response).splitlines()] == wanted
    assert "-part." in response["Content-Disposition"]
    event = AuditEvent.objects.filter(action="project.export").latest("id")
    assert event.details == {"format": "jsonl", "status": [status]}
    assert export("csv", "?status=deleted").status_code == 400
    assert export("csv", "?status=perhaps").status_code == 400
    assert len(body_of(export("jsonl", "?search=there+is+no+such+name"))) == 0


def test_pictures_are_prepared_as_asked_and_twice_the_same(export):
    query = "?width=32&height=32&way=fill&grey=true&file_format=png"
    first, again = (body_of(export("imagefolder", query)) for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        pictures = [name for name in archive.namelist() if name.startswith("root/")]
        assert pictures and all(name.endswith(".png") for name in pictures)
        for name in pictures:
            image = Image.open(io.BytesIO(archive.read(name)))
            assert (image.size, image.mode) == ((32, 32), "L")


@pytest.mark.parametrize(("query", "field"), [
    ("?width=none", "width"), ("?width=0", "width"), ("?way=fill&width=10", "height"), ("?crop=0,0,2,1", "crop"),
    ("?crop=a", "crop"), ("?grey=perhaps", "grey"), ("?file_format=gif", "file_format"), ("?copies=99999", "copies"),
])  # fmt: skip
def test_a_preparation_that_cannot_be_is_refused_by_its_field(export, query, field):
    response = export("imagefolder", query)
    assert response.status_code == 400 and list(response.json()["error"]["fields"]) == [field]
    assert export("csv", "?width=32&height=32").status_code == 422
