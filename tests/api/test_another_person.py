"""X-Labeler-Person: what a browser kept for one person is never written in the name of another."""

from __future__ import annotations

import pytest

from labeler.labeling import claims
from labeler.models import Claim, Label
from labeler.models.queue import ClaimState
from tests.helpers.api import as_person, error_of, key, with_token
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db


def speaking_for(person):
    return {"X-Labeler-Person": str(person.pk)}


@pytest.fixture
def image(project, ann, bea):
    """An image that both have been given."""
    add_images(project, 1)
    for person in (ann, bea):
        [claimed] = claims.claim(project=project, annotator=person)
    return claimed.image


@pytest.mark.parametrize("signed_in", [as_person, with_token])
def test_the_answer_of_one_person_is_not_saved_as_anothers(image, ann, bea, signed_in):
    headers = speaking_for(ann) | key()
    body = {"categories": ["cat"]}

    refused = signed_in(bea).put(f"/api/images/{image.pk}/label/", body, headers=headers)

    assert (refused.status_code, error_of(refused)) == (409, "another_person")
    assert refused.json()["error"]["signed_in_as"] == "bea"
    assert Label.objects.count() == 0
    # Its owner sends the same thing later, under the same key.
    assert signed_in(ann).put(f"/api/images/{image.pk}/label/", body, headers=headers).status_code == 201
    assert Label.objects.get().annotator == ann


def test_neither_taking_back_nor_claims_happen_in_anothers_name(project, image, ann, bea):
    browser = as_person(bea)
    assert browser.put(f"/api/images/{image.pk}/label/", {"categories": ["cat"]}).status_code == 201
    add_images(project, 3)

    for refused in (
        browser.delete(f"/api/images/{image.pk}/label/", headers=speaking_for(ann)),
        browser.delete(f"/api/images/{image.pk}/claim/", headers=speaking_for(ann)),
        browser.post(f"/api/projects/{project.pk}/claims/", {"count": 3}, headers=speaking_for(ann)),
    ):
        assert (refused.status_code, error_of(refused)) == (409, "another_person")

    assert Label.objects.get(superseded_at=None).answer == "labeled"
    assert Claim.objects.filter(annotator=bea).exclude(state=ClaimState.ANSWERED).count() == 0


def test_one_s_own_name_and_no_name_at_all_are_fine(image, bea):
    browser = as_person(bea)
    for headers in ({}, speaking_for(bea)):
        response = browser.put(f"/api/images/{image.pk}/label/", {"categories": ["cat"]}, headers=headers)
        assert response.status_code in (200, 201)


@pytest.mark.parametrize("name", ["ann", "-1", "1.0", "", "١", "9" * 30])
def test_a_name_that_is_no_id_is_a_mistake(image, bea, name):
    response = as_person(bea).put(
        f"/api/images/{image.pk}/label/", {"categories": ["cat"]}, headers={"X-Labeler-Person": name}
    )
    assert (response.status_code, error_of(response)) == (400, "invalid")
    assert Label.objects.count() == 0


def test_somebody_who_is_logged_out_is_told_that_and_not_who_else_there_is(image, ann, client):
    response = client.put(f"/api/images/{image.pk}/label/", headers=speaking_for(ann))
    assert (response.status_code, error_of(response)) == (401, "not_authenticated")
