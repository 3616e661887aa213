"""Example images of a class: who may choose them, which may be chosen, what is offered, and that it is written down."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.consensus import snapshots
from labeler.errors import Invalid, NotPossibleNow
from labeler.label_set import examples
from labeler.models import AuditEvent, CategoryExample, Image
from labeler.projects import classes
from labeler.review import adjudication
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category, make_project
from tests.helpers.pages import answer

pytestmark = pytest.mark.django_db


def settle(project, *votes: tuple, **fields) -> Image:
    """One image with the answers of some people, each (person, class)."""
    (image,) = add_images(project, 1, **fields)
    for person, name in votes:
        answer(project, person, image, name)
    snapshots.refresh(project, [image.pk])
    image.refresh_from_db()
    return image


@pytest.fixture
def cat(project):
    return project.categories.get(name="cat")


@pytest.fixture
def image(project, ann, bea):
    return settle(project, (ann, "cat"), (bea, "cat"), slice="")


# ---------------------------------------------------------------- the verbs


def test_an_example_is_chosen_captioned_and_removed_and_each_is_written_down(cat, image, lena):
    row, is_new = examples.add(category=cat, image=image, by=lena, caption=" mild ")
    again, is_new_again = examples.add(category=cat, image=image, by=lena, caption="typical")
    unchanged, _ = examples.add(category=cat, image=image, by=lena)
    examples.remove(example=row, by=lena)
    examples.remove(example=row, by=lena)  # somebody was quicker: nothing happens

    assert (is_new, is_new_again, again.pk, unchanged.caption) == (True, False, row.pk, "typical")
    assert not CategoryExample.objects.exists()
    events = AuditEvent.objects.filter(action__startswith="example.").order_by("id")
    assert [(e.action, e.actor, e.details["image"], e.details["caption"]) for e in events] == [
        ("example.add", lena, image.pk, "mild"),
        ("example.caption", lena, image.pk, "typical"),
        ("example.remove", lena, image.pk, "typical"),
    ]


@pytest.mark.parametrize("held_out", ["test", "calibration"])
def test_an_image_that_people_and_models_are_tested_on_is_no_example(held_out, project, cat, lena):
    (image,) = add_images(project, 1, slice=held_out)

    with pytest.raises(NotPossibleNow, match="held out to test"):
        examples.add(category=cat, image=image, by=lena)


def test_a_class_has_at_most_twelve(project, cat, lena):
    images = add_images(project, examples.MOST + 1, slice="")
    for image in images[:-1]:
        examples.add(category=cat, image=image, by=lena)

    with pytest.raises(NotPossibleNow, match="12 examples, the most"):
        examples.add(category=cat, image=images[-1], by=lena)
    examples.add(category=cat, image=images[0], by=lena, caption="still there")  # its own caption can be changed


def test_images_of_other_projects_long_captions_and_retired_classes_are_refused(project, cat, image, lena, dora):
    (foreign,) = add_images(make_project(dora), 1)
    for image_, caption in ((foreign, ""), (image, "x" * 101)):
        with pytest.raises(Invalid):
            examples.add(category=cat, image=image_, by=lena, caption=caption)

    classes.change_category(category=cat, by=lena, changes={"retired": True})
    with pytest.raises(NotPossibleNow, match="not in use"):
        examples.add(category=cat, image=image, by=lena)


def test_the_examples_of_all_classes_cost_one_query(project, cat, image, lena):
    dog = project.categories.get(name="dog")
    for row in (cat, dog):
        for other in [image, *add_images(project, 3, slice="")]:
            examples.add(category=row, image=other, by=lena)

    with CaptureQueriesContext(connection) as queries:
        found = examples.examples_of(project)
        assert [row.image.name for rows in found.values() for row in rows]

    assert {pk: len(rows) for pk, rows in found.items()} == {cat.pk: 4, dog.pk: 4}
    assert len(queries) == 1


# ---------------------------------------------------------------- what is offered


def offered(row) -> dict[str, list[int]]:
    return {kind: list(examples.offer(row, kind).values_list("pk", flat=True)) for kind in examples.OFFERS}


def test_settled_images_of_the_class_are_offered_unanimous_ones_apart(project, cat, ann, bea, dora, rev, lena):
    project.labels_per_image = 3
    project.save()
    open_ = {"slice": ""}
    all_cat = settle(project, (ann, "cat"), (bea, "cat"), (dora, "cat"), **open_)
    most_cat = settle(project, (ann, "cat"), (bea, "cat"), (dora, "dog"), **open_)
    decided = settle(project, (ann, "cat"), (bea, "dog"), (dora, "fox"), **open_)
    adjudication.decide(image_id=decided.pk, reviewer=rev, categories=["cat"])
    settle(project, (ann, "cat"), (bea, "cat"), (dora, "cat"), slice="test")  # held out
    settle(project, (ann, "dog"), (bea, "dog"), (dora, "dog"), **open_)  # another class
    settle(project, (ann, "cat"), **open_)  # not settled

    assert offered(cat) == {"unanimous": [all_cat.pk], "decided": [decided.pk], "mostly": [most_cat.pk]}

    examples.add(category=cat, image=all_cat, by=lena)
    assert offered(cat)["unanimous"] == []


def test_images_of_a_class_that_was_merged_into_this_one_are_offered(project, cat, ann, bea, lena):
    dog_image = settle(project, (ann, "dog"), (bea, "dog"), slice="")
    dog = project.categories.get(name="dog")
    classes.change_category(category=dog, by=lena, changes={"merged_into": cat.pk})
    cat.refresh_from_db()

    assert offered(cat)["unanimous"] == [dog_image.pk]


def test_in_multi_label_work_an_image_of_several_classes_is_offered_for_each(multi_project, ann, bea):
    from labeler.labeling import claims, labels

    (image,) = add_images(multi_project, 1, slice="")
    for person in (ann, bea):
        claims.claim(project=multi_project, annotator=person)
        labels.save_label(image_id=image.pk, annotator=person, categories=["sky", "sea"])
    snapshots.refresh(multi_project)

    offers = {row.name: offered(row)["unanimous"] for row in multi_project.categories.in_use()}
    assert offers == {"sky": [image.pk], "sea": [image.pk], "sand": []}


# ---------------------------------------------------------------- by REST


def test_a_lead_manages_examples_by_rest_and_members_see_them(cat, image, lena, ann):
    url = f"/api/categories/{cat.pk}/examples/"
    client = as_person(lena)

    made = client.post(url, {"image": image.pk, "caption": "mild"})
    again = client.post(url, {"image": image.pk})

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    row = made.json()
    assert (row["category"], row["image"], row["caption"]) == (cat.pk, image.pk, "mild")
    assert row["thumbnail_url"] == f"/api/images/{image.pk}/thumb/"
    assert as_person(ann).get(url).json() == {"results": [row], "next": None}

    assert client.delete(f"/api/examples/{row['id']}/").status_code == 204
    assert client.get(url).json()["results"] == []
    assert client.delete(f"/api/examples/{row['id']}/").status_code == 404


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"image": "none"}, 400, "invalid"),
        ({"image": 10**15}, 400, "invalid"),
        ({"caption": "x" * 101}, 400, "invalid"),
        ({"held_out": True}, 422, "not_possible_now"),
    ],
)
def test_what_cannot_be_an_example_is_refused(sent, status, code, project, cat, image, lena):
    sent = dict(sent)
    if sent.pop("held_out", False):
        sent["image"] = add_images(project, 1, slice="test")[0].pk
    elif "caption" in sent:
        sent["image"] = image.pk

    response = as_person(lena).post(f"/api/categories/{cat.pk}/examples/", sent)

    assert (response.status_code, error_of(response)) == (status, code)
    assert not CategoryExample.objects.exists()


def test_an_image_of_another_project_is_not_told_from_one_that_is_not_there(cat, lena, dora):
    (foreign,) = add_images(make_project(dora), 1)

    response = as_person(lena).post(f"/api/categories/{cat.pk}/examples/", {"image": foreign.pk})

    assert (response.status_code, response.json()["error"]["message"]) == (400, "This project has no such image.")


def test_two_classes_may_share_an_example(project, cat, image, lena):
    for name in ("cat", "dog"):
        client = as_person(lena)
        response = client.post(f"/api/categories/{category(project, name)}/examples/", {"image": image.pk})
        assert response.status_code == 201
