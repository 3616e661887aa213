"""Columns that go to PostgreSQL and come back are the same numbers."""

import numpy as np
import pytest
from django.db import connection

from labeler.models import columns
from labeler.training import features
from labeler.training.prelabels import Opinion, store
from tests.helpers.factories import add_images, make_model

pytestmark = pytest.mark.django_db


def test_numbers_and_arrays_come_back_as_they_went():
    kind = columns.record([("id", ">i8"), ("share", ">f8"), ("said", columns.array_of(">f8", 3))])
    rows = np.zeros(2, kind)
    rows["id"], rows["share"] = [2**40, -1], [0.1, np.nan]
    rows["said"]["of"]["value"] = [[0.25, 1e-300, 1], [3, 4, 5]]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE given (id bigint, share float8, said float8[]) ON COMMIT DROP")
        columns.write("given", rows)
        cursor.execute("SELECT id, share::text, said FROM given ORDER BY id")
        assert cursor.fetchall() == [(-1, "NaN", [3, 4, 5]), (2**40, "0.1", [0.25, 1e-300, 1])]

    found = columns.read("SELECT id, share, said FROM given WHERE id > %s", [0], kind)

    assert (found["id"].tolist(), found["share"].tolist()) == ([2**40], [0.1])
    assert found["said"]["of"]["value"].tolist() == [[0.25, 1e-300, 1]]


def test_no_rows_are_an_empty_array():
    assert columns.read("SELECT 1::int8 WHERE false", [], columns.record([("id", ">i8")])).size == 0


def test_answers_of_none_one_and_several_classes_are_stored_as_they_are(multi_project):
    run, images = make_model(multi_project), add_images(multi_project, 3)
    sky, sea, sand = run.category_ids
    answers = [[], [sea], [sky, sea, sand]]

    # in one transaction with another call: what that one has written is not written again
    store(run, [Opinion(images[0].pk, [0.5, 0.5, 0.5], [sky], 0.5, 0.5)])
    store(run, [Opinion(i.pk, [0.2, 0.3, 0.4], said, 0.5, 0.5) for i, said in zip(images, answers, strict=True)])

    found = dict(run.predictions.values_list("image", "categories"))
    assert [found[image.pk] for image in images] == answers
    assert run.predictions.count() == 3


def test_a_vector_of_another_length_is_no_vector_and_the_others_keep_their_places():
    features.store("net@224", {"a" * 64: b"1234", "b" * 64: b"123456", "c" * 64: b"abcd"})

    places, vectors = features.table("net@224", ["c" * 64, "d" * 64, "b" * 64, "a" * 64], 4)

    order = np.argsort(places)
    assert places[order].tolist() == [0, 3]
    assert [row.tobytes() for row in vectors[order]] == [b"abcd", b"1234"]
