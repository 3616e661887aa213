"""Distance alpha: published boxes of real people, hand-worked distances, and what must never matter."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats.objects.boxes import box_iou
from labeler.stats.objects.distance import distance_alpha
from labeler.stats.objects.matching import one_to_one
from tests.helpers.drawn import draw, iou, simulated


def distance(a, b):
    """As the definition reads."""
    if not a or not b:
        return float(bool(a) != bool(b))
    best = [max(iou(x, y) for _, y in b) for _, x in a]
    other = [max(iou(x, y) for _, x in a) for _, y in b]
    return 1 - 0.5 * (sum(best) / len(best) + sum(other) / len(other))


@pytest.fixture(scope="module")
def crowd_boxes(test_data):
    answers: dict[int, dict[str, list]] = {}
    for line in (test_data / "crowd_boxes" / "answers.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["worker"] != "gold":
            answers.setdefault(row["item"], {})[row["worker"]] = [(0, tuple(box)) for box in row["boxes"]]
    people = sorted({person for image in answers.values() for person in image})
    return draw([{people.index(name): drew for name, drew in image.items()} for image in answers.values()])


def test_boxes_of_196_people(crowd_boxes):
    # D_o .4166, D_e .8958 (drawn, its standard error .0005), alpha .535; mean pair F1 at IoU .5 .645
    figure = distance_alpha(crowd_boxes)

    assert figure.n_same == 6649
    assert figure.same_image == pytest.approx(0.4166, abs=5e-5)
    assert figure.different_images == pytest.approx(0.8958, abs=0.0015)
    assert figure.alpha.value == pytest.approx(0.535, abs=0.001)
    assert 0.48 < figure.alpha.low < 0.52 and 0.55 < figure.alpha.high < 0.59
    assert mean_f1_of_answers(crowd_boxes) == pytest.approx(0.645, abs=5e-4)


def mean_f1_of_answers(drawn):
    """F1 of each two answers to an image, each counted once."""
    matches = one_to_one(drawn, 0.5)
    image, person = drawn.image.tolist(), drawn.person.tolist()
    matched = Counter(
        (image[i], person[i], person[j]) for i, j in zip(matches.low.tolist(), matches.high.tolist(), strict=True)
    )
    size = Counter(zip(image, person, strict=True))
    return np.mean(
        [
            2 * matched[image, a, b] / (size[image, a] + size[image, b])
            for image in range(drawn.n_images)
            for a, b in combinations(np.flatnonzero(drawn.answered[image]).tolist(), 2)
        ]
    )


def test_distance_alpha_of_a_hand_worked_example():
    # Image 1: one box each, IoU 50 / 100. Image 2: a draws one far away, b nothing.
    # Same image: (.5 + 1) / 2. Different: a1-a2, b1-a2 do not meet: 1; a1-b2, b1-b2: one is empty: 1. alpha = 1 - .75
    drawn = draw([{0: [(0, (0, 0, 10, 10))], 1: [(0, (0, 0, 10, 5))]}, {0: [(0, (50, 50, 60, 60))], 1: []}])

    figure = distance_alpha(drawn)

    assert (figure.same_image, figure.different_images) == (pytest.approx(0.75), pytest.approx(1))
    assert figure.alpha.value == pytest.approx(0.25)
    assert (figure.n_same, figure.n_different, figure.alpha.n) == (2, 4, 2)


def test_reasons_where_there_is_nothing_to_compare():
    box = [(0, (0, 0, 10, 10))]

    assert distance_alpha(draw([{0: box}, {1: box}])).alpha.reason.code == "no_shared_images"
    assert distance_alpha(draw([{0: box, 1: box}])).alpha.reason.code == "one_image_only"
    assert distance_alpha(draw([{0: [], 1: []}] * 2)).alpha.reason.code == "one_kind_of_rating"
    assert distance_alpha(draw([], people=2)).alpha.reason.code == "no_shared_images"


coordinates = st.integers(0, 12)
boxes = st.builds(lambda x, y, w, h: (0, (x, y, x + w, y + h)), coordinates, coordinates, st.integers(1, 8), st.just(5))
an_image = st.dictionaries(st.integers(0, 3), st.lists(boxes, max_size=4), max_size=4)


@settings(max_examples=100, deadline=None)
@given(st.lists(an_image, min_size=1, max_size=4), st.sampled_from([0.0, 0.4]))
def test_means_are_those_of_the_definition(images, least):
    # With all pairs at hand, and with those of low IoU left out: then they are computed from the bounds.
    answers = [(number, drew) for number, image in enumerate(images) for _, drew in sorted(image.items())]
    same, different = [], []
    for k, (image, drew) in enumerate(answers):
        for other, others in answers[:k]:
            (same if image == other else different).append(distance(drew, others))

    figure = distance_alpha(draw(images, people=4, least=least), replicates=20)

    assert (figure.n_same, figure.n_different) == (len(same), len(different) if same else 0)
    if same:
        assert figure.same_image == pytest.approx(np.mean(same))
    if same and different:
        assert figure.different_images == pytest.approx(np.mean(different))


def test_drawn_pairs_are_near_all_pairs_and_the_same_each_time():
    drawn = draw(simulated(np.random.default_rng(6), images=80, moved=5, missed=0.2))

    every = distance_alpha(drawn)
    some = [distance_alpha(drawn, drawn_pairs=5000) for _ in range(2)]

    assert every.n_different == 240 * 239 // 2 - 80 * 3
    assert some[0] == some[1] and some[0].n_different == 5000
    assert some[0].different_images == pytest.approx(every.different_images, abs=0.005)


def test_the_interval_holds_for_resampled_images():
    rng = np.random.default_rng(7)
    truth = distance_alpha(draw(simulated(rng, images=700, moved=6, missed=0.2, side=150))).alpha.value
    held = 0
    for _ in range(60):
        stat = distance_alpha(draw(simulated(rng, images=40, moved=6, missed=0.2, side=150)), replicates=200).alpha
        held += stat.low <= truth <= stat.high
    assert held >= 52  # 57 of 60 expected; 51 or fewer by chance once in 200


def test_shapes_come_by_a_function_that_is_asked_only_where_bounds_meet():
    drawn = draw(simulated(np.random.default_rng(8), images=20, moved=5), least=0.5)
    asked = []

    def half(i, j):
        asked.append(box_iou(drawn.bounds[i], drawn.bounds[j]))
        return asked[-1] / 2

    halved, plain = distance_alpha(drawn, iou_of=half), distance_alpha(drawn)

    assert halved.same_image == pytest.approx(1 - (1 - plain.same_image) / 2)
    assert halved.different_images == pytest.approx(1 - (1 - plain.different_images) / 2)
    assert (np.concatenate(asked) > 0).all()


def test_distance_alpha_falls_evenly_as_objects_are_moved():
    values = [
        distance_alpha(draw(simulated(np.random.default_rng(9), images=30, moved=moved))).alpha.value
        for moved in (0, 2, 4, 6, 8, 11, 15)
    ]

    assert values[0] == pytest.approx(1)
    assert (np.diff(values) < 0).all() and np.abs(np.diff(values)).max() < 0.25
