"""Contested groups and rounds over REST."""

from __future__ import annotations

import pytest

from labeler.agreement import disagreement_groups
from labeler.models import AuditEvent, Image
from tests.helpers.api import as_person, error_of, key, with_token
from tests.helpers.disagreements import divide, run, two_questions
from tests.helpers.factories import add_images, category

__all__ = ["run", "two_questions"]  # fixtures

pytestmark = pytest.mark.django_db


def groups(project, person, query=""):
    return as_person(person).get(f"/api/projects/{project.pk}/disagreements/groups/{query}")


def rounds(project, client, images, **headers):
    body = {"images": [getattr(image, "pk", image) for image in images], "reason": "whiskers"}
    return client.post(f"/api/projects/{project.pk}/rounds/", body, "json", headers=headers)


def test_groups_come_with_their_images_votes_and_pair(project, two_questions, rev):
    one, other = two_questions

    said = groups(project, rev).json()

    assert (said["n"], said["n_grouped"]) == (18, 18)
    first, second = said["groups"]
    assert set(first["images"]) == {i.pk for i in one} and set(second["images"]) == {i.pk for i in other}
    cat, dog = category(project, "cat"), category(project, "dog")
    assert first["votes"] == [
        {"categories": ["cat"], "category_ids": [cat], "n": 10},
        {"categories": ["dog"], "category_ids": [dog], "n": 10},
    ]
    assert first["pair"] == {"categories": ["cat", "dog"], "category_ids": [cat, dog], "n": 10}
    assert (first["number"], first["cannot_tell"], first["reasons"]) == (1, 0, [])


def test_groups_are_narrowed_by_names_or_ids(project, two_questions, rev):
    assert groups(project, rev, "?pair=fox,dog").json()["n"] == 8
    assert groups(project, rev, f"?pair={category(project, 'dog')},fox").json()["n"] == 8
    assert error_of(groups(project, rev, "?pair=dog")) == "invalid"
    assert error_of(groups(project, rev, "?pair=dog,owl")) == "category_not_in_project"


def test_many_are_counted_while_the_client_waits(project, two_questions, rev, monkeypatch):
    monkeypatch.setattr(disagreement_groups, "AT_ONCE", 5)
    assert groups(project, rev).json()["n_grouped"] == 18


def test_images_are_sent_back_once_per_key(project, ann, bea, lena):
    images = add_images(project, 3)
    divide(project, images[:2], ann, bea)
    client, once = as_person(lena), key()

    assert rounds(project, client, images[:2], **once).json() == {"sent": 2}
    divide(project, images[:2], ann, bea)
    assert rounds(project, client, images[:2], **once).json() == {"sent": 2}

    assert list(Image.objects.order_by("pk").values_list("round", flat=True)) == [2, 2, 1]
    reused = rounds(project, client, images, **once)
    assert (reused.status_code, error_of(reused)) == (409, "idempotency_key_reused")
    assert AuditEvent.objects.get(action="images.send_back").subject == "whiskers"


def test_another_persons_key_is_another_key(project, ann, bea, lena, ada):
    images = add_images(project, 1)
    divide(project, images, ann, bea)
    once = key()
    rounds(project, as_person(lena), images, **once)
    divide(project, images, ann, bea)

    assert rounds(project, as_person(ada), images, **once).json() == {"sent": 1}


def test_images_without_an_answer_are_not_counted(project, lena):
    assert rounds(project, as_person(lena), add_images(project, 2)).json() == {"sent": 0}


def test_images_of_another_project_are_refused(project, multi_project, lena):
    assert error_of(rounds(project, as_person(lena), add_images(multi_project, 1))) == "invalid"


@pytest.mark.parametrize("images", [None, "x", ["a"], [0], [2**70], [[1]], list(range(1, 10_002))])
def test_what_are_no_images_is_refused(project, lena, images):
    answer = as_person(lena).post(f"/api/projects/{project.pk}/rounds/", {"images": images}, "json")
    assert answer.status_code == 400


def test_sending_back_needs_the_scope_to_manage(project, lena):
    assert rounds(project, with_token(lena, "label"), []).status_code == 403
