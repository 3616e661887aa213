"""The class each one is mixed up with: from people's votes, and only where it is more than chance."""

from __future__ import annotations

import pytest

from labeler.agreement import reports
from labeler.labeling import claims, labels
from labeler.progress import cache, cached_reports, mixups
from labeler.projects import classes
from tests.helpers.factories import add_images, category, make_model, predict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def judge(project, *votes: tuple[object, str], images: int = 1) -> None:
    """`images` images, each judged alike by these people."""
    for image in add_images(project, images, labels_needed=len(votes)):
        for person, name in votes:
            claims.claim(project=project, annotator=person, count=50)
            labels.save_label(image_id=image.pk, annotator=person, categories=[name])


def test_each_class_names_the_one_it_is_most_often_mixed_up_with(project, ann, bea):
    judge(project, (ann, "cat"), (bea, "fox"), images=4)
    judge(project, (ann, "fox"), (bea, "cat"), images=2)  # either way round
    judge(project, (ann, "dog"), (bea, "fox"), images=3)
    cat, dog, fox = (category(project, name) for name in ("cat", "dog", "fox"))

    assert mixups.mixups_of(project) == {cat: (fox, 6), fox: (cat, 6), dog: (fox, 3)}


def test_a_few_images_say_nothing(project, ann, bea):
    judge(project, (ann, "cat"), (bea, "fox"), images=mixups.LEAST_IMAGES - 1)
    judge(project, (ann, "cat"), (bea, "cat"), images=5)

    assert mixups.mixups_of(project) == {}


def test_what_a_model_thinks_is_no_vote(project, ann):
    images = add_images(project, 5)
    model = make_model(project)
    for image in images:
        predict(model, image, "fox")
    judge(project, (ann, "cat"), images=5)

    assert mixups.mixups_of(project) == {}


def test_a_class_that_left_the_label_set_is_not_named(project, ann, bea, lena):
    judge(project, (ann, "cat"), (bea, "fox"), images=3)
    assert mixups.mixups_of(project) != {}
    classes.change_category(category=project.categories.get(name="fox"), by=lena, changes={"retired": True})
    project.refresh_from_db()

    assert mixups.mixups_of(project) == {}


def test_it_is_kept_although_labels_come(project, ann, bea, monkeypatch):
    judge(project, (ann, "cat"), (bea, "fox"), images=3)
    first = mixups.mixups_of(project)
    judge(project, (ann, "dog"), (bea, "cat"), images=9)
    monkeypatch.setattr(reports, "agreement", lambda *_: pytest.fail("computed again"))

    assert mixups.mixups_of(project) == first


def test_a_large_project_is_counted_by_a_worker_and_no_page_waits(project, ann, bea, monkeypatch):
    judge(project, (ann, "cat"), (bea, "fox"), images=3)
    monkeypatch.setattr(cache, "LARGE", 2)

    with monkeypatch.context() as request:
        request.setattr(reports, "agreement", lambda *_: pytest.fail("counted in the request"))
        assert mixups.mixups_of(project) == {}
        assert cached_reports.refresh() == 1  # what the worker does
        assert len(mixups.mixups_of(project)) == 2


def test_only_members_may_ask(client, project, ann, bea, carl):
    judge(project, (ann, "cat"), (bea, "fox"), images=3)
    url = f"/projects/{project.pk}/label/mixups/"
    client.force_login(ann)
    cat, fox = category(project, "cat"), category(project, "fox")
    assert client.get(url).json() == {
        str(cat): {"other": fox, "images": 3},
        str(fox): {"other": cat, "images": 3},
    }
    client.force_login(carl)
    assert client.get(url).status_code == 404
