"""What the labeling page tells its script about the person's last answers."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.labeling import claims, labels
from labeler.pages.label.labeling import LAST_ANSWERS, screen_config
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db


def told(project, person):
    return screen_config(project, list(project.categories.in_use()), person)


def answer(project, person, n: int, **answered) -> list[tuple[int, str]]:
    """`n` answers, as (image, key)."""
    given = []
    for claim in claims.claim(project=project, annotator=person, count=n):
        key = uuid4()
        labels.save_label(image_id=claim.image_id, annotator=person, idempotency_key=key, **answered)
        given.append((claim.image_id, str(key)))
    return given


def test_the_last_answers_newest_first_and_how_many_there_are(project, ann, bea):
    add_images(project, 20)
    given = answer(project, ann, 10, categories=["cat"])
    answer(project, bea, 3, categories=["dog"])

    config = told(project, ann)

    assert config["done"] == 10
    assert [item["claim"]["image"]["id"] for item in config["recent"]] == [i for i, _ in given[::-1]][:LAST_ANSWERS]
    assert config["known"] == [key for _, key in given[::-1]]
    assert (config["id"], config["person"]) == (project.pk, {"id": ann.pk, "name": "ann"})


def test_what_was_taken_back_or_skipped_is_not_counted_and_is_known(project, ann):
    add_images(project, 6)
    (first, _), (second, _) = answer(project, ann, 2, categories=["cat"])
    [(skipped, key_of_skip)] = answer(project, ann, 1, answer="skip")
    undo = uuid4()
    labels.undo(image_id=second, annotator=ann, idempotency_key=undo)

    config = told(project, ann)

    assert config["done"] == 1
    assert [item["claim"]["image"]["id"] for item in config["recent"]] == [skipped, first]
    assert config["known"][:2] == [str(undo), key_of_skip]


def test_somebody_new_has_done_nothing(project, dora):
    config = told(project, dora)
    assert (config["done"], config["recent"], config["known"]) == (0, [], [])


def test_number_and_answers_are_of_one_moment(project, ann):
    """Two statements could lie on both sides of an answer that a closing page still sends."""
    add_images(project, 3)
    answer(project, ann, 2, categories=["cat"])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        told(project, ann)
    assert sum("labeler_label" in query["sql"] for query in queries) == 1
