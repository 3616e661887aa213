"""Pages of the review grid: what the model said, and what a reviewer answers."""

from __future__ import annotations

import random
from uuid import uuid4

import pytest

from labeler.labeling import claims, labels
from labeler.models import Image
from labeler.review import grid
from labeler.review import planted as planted_answers
from labeler.review.grid import ReviewAnswer
from tests.helpers.factories import add_images, category, predict


def say(model, project, n, name="cat", top=0.99, **fields) -> list[Image]:
    """`n` new images that the model puts in one class, surest first."""
    images = add_images(project, n, **fields)
    for k, image in enumerate(images):
        predict(model, image, name, top - 0.001 * k)
    return images


def open_page(project, person, name="cat", client=None, **more) -> grid.Page:
    return grid.open_page(
        project=project, reviewer=person, client=client or uuid4(), predicted=category(project, name), **more
    )


def ids(page: grid.Page) -> list[int]:
    return [tile.image.pk for tile in page.tiles]


def confirm(page: grid.Page) -> list[ReviewAnswer]:
    return [ReviewAnswer(tile.image.pk, tile.categories) for tile in page.tiles]


def results(outcomes) -> dict[int, str]:
    return {outcome.image_id: outcome.result for outcome in outcomes}


def settle(project, people, images, name) -> None:
    """These people say the same of these images, before there is a model to see."""
    for person in people:
        for one in claims.claim(project=project, annotator=person, count=50):
            assert one.shown_prediction is None
            labels.save_label(image_id=one.image_id, annotator=person, categories=[name])
    assert {image.status for image in Image.objects.filter(pk__in=[i.pk for i in images])} == {"settled"}


@pytest.fixture
def known(project, ann, bea):
    """Ten images that ann and bea took for dogs, and three for foxes, before there was a model."""
    dogs = add_images(project, 10)
    settle(project, (ann, bea), dogs, "dog")
    foxes = add_images(project, 3)
    settle(project, (ann, bea), foxes, "fox")
    project.planted_share = 0.25
    project.save()
    return dogs, foxes


@pytest.fixture
def same_chance(monkeypatch):
    monkeypatch.setattr(planted_answers, "chance", random.Random(7))
