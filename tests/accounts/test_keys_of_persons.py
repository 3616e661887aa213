"""An idempotency key is its person's: another's opens nothing, and none opens what its person may no longer see."""

from __future__ import annotations

import io

import pytest

from labeler.labeling import claims
from labeler.models import Comment, Job, Label, Membership, Role
from labeler.review import comments
from tests.helpers.api import as_person, error_of, key
from tests.helpers.factories import add_images
from tests.helpers.pictures import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def image(project):
    return add_images(project, 1, labels_needed=5)[0]


def leave(project, person) -> None:
    Membership.objects.filter(project=project, user=person).delete()


def test_labels_and_their_undoing(project, ann, bea, image):
    same, url = key(), f"/api/images/{image.pk}/label/"
    for person in (ann, bea):
        claims.claim(project=project, annotator=person)
    anns = as_person(ann).put(url, {"categories": ["cat"]}, headers=same)

    beas = as_person(bea).put(url, {"categories": ["cat"]}, headers=same)

    assert (anns.status_code, beas.status_code) == (201, 201)
    assert beas.json()["annotator"] == "bea" and beas.json()["id"] != anns.json()["id"]
    undoing = key()
    undone = [as_person(person).delete(url, headers=undoing) for person in (ann, bea)]
    assert [response.status_code for response in undone] == [200, 200]
    assert undone[0].json()["id"] != undone[1].json()["id"]
    leave(project, ann)
    n = Label.objects.count()
    assert as_person(ann).put(url, {"categories": ["cat"]}, headers=same).status_code == 404
    assert as_person(ann).delete(url, headers=undoing).status_code == 404
    assert Label.objects.count() == n


def test_uploads_and_imports(project, multi_project, lena, ada):
    same = key()

    def upload(person, where, kind="images", name="files"):
        sent = io.BytesIO(picture(1))
        sent.name = "leaf.jpg"
        form = {name: sent, **({"format": "zip"} if kind == "imports" else {})}
        return as_person(person).post(f"/api/projects/{where.pk}/{kind}/", form, format="multipart", headers=same)

    first = upload(lena, project)
    assert len(first.json()["added"]) == 1
    assert upload(lena, project).json() == first.json()
    assert upload(ada, project).json()["duplicates"]  # hers is a request of its own
    assert error_of(upload(lena, multi_project)) == "idempotency_key_reused"
    leave(project, lena)
    assert upload(lena, project).status_code == 404

    same = key()
    jobs = [upload(person, multi_project, "imports", "file").json()["id"] for person in (lena, ada, lena)]
    assert jobs[0] == jobs[2] != jobs[1]
    leave(multi_project, lena)
    assert upload(lena, multi_project, "imports", "file").status_code == 404
    assert Job.objects.filter(params__format="zip").count() == 2


def test_comments(project, ann, bea, rev, image):
    same, url = key(), f"/api/images/{image.pk}/comments/"
    for person in (ann, bea):
        assert as_person(person).post(url, {"text": "Rust?"}, headers=same).status_code == 201
    assert Comment.objects.count() == 2
    leave(project, ann)
    assert as_person(ann).post(url, {"text": "Rust?"}, headers=same).status_code == 404


def test_a_replay_does_not_lead_back_into_a_question_of_somebody_else(project, ann, rev, image):
    thread = comments.raise_flag(image=image, by=ann, text="Rust?").thread
    same = key()
    answered = as_person(rev).post(f"/api/threads/{thread.pk}/comments/", {"text": "Dirt."}, headers=same)
    assert answered.status_code == 201
    Membership.objects.filter(project=project, user=rev).update(role=Role.ANNOTATOR)

    again = as_person(rev).post(f"/api/images/{image.pk}/comments/", {"text": "Dirt."}, headers=same)

    assert (again.status_code, error_of(again)) == (409, "idempotency_key_reused")
    assert "Rust?" not in again.content.decode()


def test_rounds(project, multi_project, lena, ada, image):
    same, url = key(), f"/api/projects/{project.pk}/rounds/"
    assert as_person(lena).post(url, {"images": [image.pk]}, headers=same).json() == {"sent": 0}
    assert as_person(ada).post(url, {"images": []}, headers=same).json() == {"sent": 0}  # not lena's body, and no 409
    leave(project, lena)
    assert as_person(lena).post(url, {"images": [image.pk]}, headers=same).status_code == 404
