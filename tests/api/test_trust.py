"""GET /api/projects/{id}/trust/: the whole report for reviewers, one's own row for annotators."""

import pytest

from labeler.labeling import claims
from labeler.labeling.labels import save_label
from tests.helpers.api import as_person
from tests.helpers.factories import add_images


@pytest.fixture
def judged(project, ann, bea):
    for person in (ann, bea):
        images = add_images(project, 3, labels_needed=2) if person is ann else list(project.images.order_by("pk"))
        claims.claim(project=project, annotator=person, count=3)
        for n, image in enumerate(images):
            save_label(image_id=image.pk, annotator=person, categories=["dog" if n or person is ann else "cat"])
    return project


def address(project):
    return f"/api/projects/{project.pk}/trust/"


def test_reviewers_see_everyone_with_their_confusion(judged, rev):
    body = as_person(rev).get(address(judged)).data

    people = {row["username"]: row for row in body["people"]}
    names = {row["id"]: row["name"] for row in body["categories"]}
    assert set(people) == {"ann", "bea"} and body["as_of"]
    said = {(names[c["others"]], names[c["said"]]): c["n"] for c in people["bea"]["confusion"]}
    assert said == {("dog", "cat"): 1, ("dog", "dog"): 2}
    assert (body["why"]["kind"], body["why"]["people"]) == ("unknown", 0)


def test_an_annotator_sees_the_project_and_of_people_only_their_own_row(judged, ann, lena):
    own, all_ = as_person(ann).get(address(judged)).data, as_person(lena).get(address(judged)).data

    assert [row["username"] for row in own["people"]] == ["ann"]
    assert own["blind"] == all_["blind"] and "bea" not in str(own)
