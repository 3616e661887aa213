"""Projects whose people disagree about some images."""

from __future__ import annotations

import numpy as np
import pytest

from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.training import features
from tests.helpers.factories import add_images, make_model

NAME = features.name_of("tiny", 64)
AXES = 4 * np.eye(64)


@pytest.fixture
def run(project):
    return make_model(project, config={"backbone": "tiny", "image_size": 64})


def look(images, axis, seed=0):
    """Have these images look alike: noise around one direction."""
    noise = np.random.default_rng(seed).normal(scale=0.3, size=(len(images), 64))
    features.store(
        NAME, {i.sha256: (AXES[axis] + e).astype("<f2").tobytes() for i, e in zip(images, noise, strict=True)}
    )


def divide(project, images, ann, bea, first="cat", second="dog"):
    """ann says the one, bea the other."""
    for person, name in ((ann, first), (bea, second)):
        while claims := queue.claim(project=project, annotator=person, count=50):
            for claim in claims:
                own = claim.image_id in {image.pk for image in images}
                save_label(image_id=claim.image_id, annotator=person, categories=[name if own else "fox"])


@pytest.fixture
def two_questions(project, run, ann, bea):
    """Ten images of one look divided on cat and dog, eight of another on dog and fox, and five that people agree on."""
    one, other, agreed = add_images(project, 10), add_images(project, 8), add_images(project, 5)
    look(one, 0)
    look(other, 1, seed=1)
    look(agreed, 2, seed=2)
    answers = {image.pk: ("cat", "dog") for image in one} | {image.pk: ("dog", "fox") for image in other}
    for place, person in enumerate((ann, bea)):
        while claims := queue.claim(project=project, annotator=person, count=50):
            for claim in claims:
                name = answers.get(claim.image_id, ("cat", "cat"))[place]
                save_label(image_id=claim.image_id, annotator=person, categories=[name])
    return one, other
