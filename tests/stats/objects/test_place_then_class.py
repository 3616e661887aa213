"""Alpha over matched objects: hand-worked tables, the same figure computed step by step, and what must never matter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats.alpha import krippendorff_alpha
from labeler.stats.objects.drawings import drawings
from labeler.stats.objects.matching import clusters, clusters_at, one_to_one
from labeler.stats.objects.place_then_class import CURVE, alpha_at, place_then_class
from tests.helpers.drawn import draw, iou, simulated

CAT, DOG = 0, 1
LEFT, RIGHT, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (100, 100, 110, 110)
# IoU with LEFT: moved by 1 of 10, 90 / 110 = .818; by 3, 70 / 130 = .538; by 5, 50 / 150 = .333
LEFT_1, LEFT_3, LEFT_5 = (1, 0, 11, 10), (3, 0, 13, 10), (5, 0, 15, 10)


def table(drawn, threshold):
    """Votes per column, as the definition reads: clusters of shared images, "nothing" as the last class."""
    found = clusters(drawn, threshold)
    columns = []
    for image in range(drawn.n_images):
        people = int(drawn.answered[image].sum())
        if people < 2:
            continue
        here = np.flatnonzero(found.image == image)
        for cluster in here:
            votes = np.bincount(drawn.category[found.of == cluster], minlength=drawn.n_categories + 1)
            votes[-1] = people - votes.sum()
            columns.append(votes)
        if not here.size:
            columns.append(np.bincount([drawn.n_categories] * people))
    width = drawn.n_categories + 1
    return np.array([np.pad(votes, (0, width - len(votes))) for votes in columns]).reshape(-1, width)


def members(drawn, threshold):
    of = clusters(drawn, threshold).of
    return {frozenset(np.flatnonzero(of == cluster).tolist()) for cluster in set(of.tolist())}


def test_alpha_of_a_hand_worked_table():
    # Image 1: both a cat at the left; a draws a dog at the right, b nothing. Image 2: both draw nothing.
    # Columns (cat, cat), (dog, nothing), (nothing, nothing): N = 6, n = cat 2, dog 1, nothing 3
    # D_o = 2/6, D_e = 1 - (2*1 + 1*0 + 3*2) / (6*5) = 22/30; alpha = 1 - (1/3) / (22/30) = 12/22
    drawn = draw([{0: [(CAT, LEFT), (DOG, RIGHT)], 1: [(CAT, LEFT_1)]}, {0: [], 1: []}])

    figure = place_then_class(drawn)

    assert figure.alpha.value == pytest.approx(12 / 22)
    assert (figure.alpha.n, figure.columns) == (2, 3)
    # A cat or something else: (cat, cat), (else, else) twice: everybody agrees.
    # A dog or something else: (else, else) twice, (dog, else): 1 - (2/6) / (1 - 20/30) = 0
    assert figure.classes[CAT].value == pytest.approx(1)
    assert figure.classes[DOG].value == pytest.approx(0)


def test_who_skipped_an_image_is_blank_and_who_drew_nothing_is_not():
    skipped = draw([{0: [(CAT, LEFT)], 1: [(CAT, LEFT)]}, {0: [(DOG, LEFT)], 1: [(DOG, LEFT)]}], people=3)
    nothing = draw([{0: [(CAT, LEFT)], 1: [(CAT, LEFT)], 2: []}, {0: [(DOG, LEFT)], 1: [(DOG, LEFT)]}])

    assert alpha_at(skipped).value == pytest.approx(1)
    # (cat, cat, nothing) and (dog, dog): 2 of its 6 ordered pairs agree; D_o = 1 - (2/2 + 2) / 5 = 2/5,
    # D_e = 1 - (2 + 2 + 0) / 20 = 4/5
    assert alpha_at(nothing).value == pytest.approx(0.5)


def test_the_class_is_not_looked_at_while_matching():
    # b's dog lies nearer to a's cat than b's cat does: class-blind, cat and dog are the same thing.
    drawn = draw([{0: [(CAT, LEFT)], 1: [(DOG, LEFT_1), (CAT, LEFT_3)]}])

    assert members(drawn, 0.5) == {frozenset({0, 1}), frozenset({2})}


def test_clusters_by_falling_iou_one_object_per_person():
    # a LEFT, b LEFT_1 (.818 with a), b LEFT_5, c LEFT_3 (.667 with b's first, .538 with a, .667 with b's second)
    assert iou(LEFT_1, LEFT_3) == pytest.approx(80 / 120) == pytest.approx(iou(LEFT_3, LEFT_5))
    drawn = draw([{0: [(CAT, LEFT)], 1: [(CAT, LEFT_1), (CAT, LEFT_5)], 2: [(CAT, LEFT_3)]}])

    # c is tied between b's two objects: the one further left comes first. b's second stays alone.
    assert members(drawn, 0.5) == {frozenset({0, 1, 3}), frozenset({2})}
    # At .7 only a and b meet; at .9 nobody.
    assert members(drawn, 0.7) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}
    assert len(members(drawn, 0.9)) == 4


def test_two_clusters_without_a_person_in_common_are_joined_by_one_pair_of_members():
    # a-b .818, c-d .818, b-c .538; a-d 30 / 170: chained, though the ends hardly overlap.
    boxes = [(0, 0, 10, 10), (1, 0, 11, 10), (4, 0, 14, 10), (5, 0, 15, 10)]
    drawn = draw([{person: [(CAT, box)] for person, box in enumerate(boxes)}])

    assert members(drawn, 0.5) == {frozenset(range(4))}
    assert members(drawn, 0.6) == {frozenset({0, 1}), frozenset({2, 3})}


def test_the_threshold_itself_counts():
    # 50 / 100 = .5 exactly
    drawn = draw([{0: [(CAT, (0, 0, 10, 10))], 1: [(CAT, (0, 0, 10, 5))]}])

    assert len(members(drawn, 0.5)) == 1
    assert len(members(drawn, 0.5000001)) == 2


def test_one_kind_of_rating_has_no_alpha_but_a_reason():
    perfect = place_then_class(draw([{0: [(CAT, LEFT)], 1: [(CAT, LEFT)]}] * 40))
    nothing = place_then_class(draw([{0: [], 1: []}] * 40, classes=1))
    alone = place_then_class(draw([{0: [(CAT, LEFT)]}, {1: [(CAT, LEFT)]}]))
    no_images = place_then_class(draw([], people=2, classes=1))

    assert [figure.alpha.reason.code for figure in (perfect, nothing, alone, no_images)] == [
        "one_kind_of_rating",
        "one_kind_of_rating",
        "no_shared_images",
        "no_shared_images",
    ]
    assert [figure.alpha.n for figure in (perfect, nothing, alone)] == [40, 40, 0]
    assert all(stat.value is None for _, stat in perfect.curve + alone.curve)
    assert nothing.classes[CAT].reason.code == "nobody_chose_this_class"
    assert alone.people[0].without.reason.code == "no_shared_images"


def test_identical_answers_are_1_and_the_interval_still_doubts():
    answers = simulated(np.random.default_rng(1), images=40)

    figure = place_then_class(draw(answers))

    assert figure.alpha.value == pytest.approx(1)
    assert 0.5 < figure.alpha.low < 1 == figure.alpha.high
    assert [stat.value for _, stat in figure.curve] == pytest.approx([1] * len(CURVE))
    assert figure.people[0].difference.value == pytest.approx(0)


def test_vitality_is_alpha_without_the_person():
    rng = np.random.default_rng(2)
    answers = simulated(rng, images=60, moved=3, missed=0.1, confused=0.1)
    for image, away in zip(answers, rng.integers(0, 6, 60).tolist(), strict=True):
        image.pop(away, None)  # half of the images have two people
        if 2 in image:
            image[2] = [(int(rng.integers(0, 3)), box) for _, box in image[2]]  # who guesses classes

    whole = place_then_class(draw(answers, people=3, classes=3))
    without = [
        alpha_at(
            draw([{p: drew for p, drew in image.items() if p != person} for image in answers], people=3, classes=3)
        )
        for person in range(3)
    ]

    for person, (vitality, alpha) in enumerate(zip(whole.people, without, strict=True)):
        assert vitality.without.value == pytest.approx(alpha.value), person
        assert vitality.without.n == alpha.n < whole.alpha.n
        assert vitality.difference.value == pytest.approx(whole.alpha.value - alpha.value)
    # All are better off without the one who guesses, and that is beyond chance.
    assert whole.people[2].difference.high < 0 < whole.people[0].difference.low


@pytest.mark.parametrize("images", [200, 800])
def test_the_interval_is_that_of_resampled_images(images):
    drawn = draw(simulated(np.random.default_rng(3), images=images, moved=4, missed=0.1, confused=0.2, objects=4))
    per_image = [table(draw_one(drawn, image), 0.5) for image in range(images)]
    rng, values = np.random.default_rng(4), []
    for _ in range(300):
        chosen = rng.integers(0, images, images)
        values.append(_alpha(np.concatenate([per_image[image] for image in chosen])))

    figure = alpha_at(drawn)

    assert (figure.low, figure.high) == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.012)


def draw_one(drawn, image):
    answered = np.zeros_like(drawn.answered)
    answered[image] = drawn.answered[image]
    return drawn.part(drawn.image == image, answered)


def _alpha(votes):
    r = votes.sum(axis=1, keepdims=True)
    n = votes.sum(axis=0)
    observed = (votes * (votes - 1) / (r - 1)).sum() / n.sum()
    return 1 - (1 - observed) / (1 - (n * (n - 1)).sum() / (n.sum() * (n.sum() - 1)))


coordinates = st.integers(0, 12)
boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h), coordinates, coordinates, st.integers(1, 8), st.integers(1, 8)
)
an_answer = st.lists(st.tuples(st.integers(0, 2), boxes), max_size=4)
an_image = st.dictionaries(st.integers(0, 3), an_answer, max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.lists(an_image, min_size=1, max_size=4), st.sampled_from(CURVE))
def test_alpha_is_that_of_its_table(images, threshold):
    drawn = draw(images, people=4, classes=3)
    votes = table(drawn, threshold)

    figure = place_then_class(drawn, iou=threshold, curve=[threshold], replicates=20)

    if votes.size:
        assert figure.columns == len(votes)
        expected = krippendorff_alpha(votes)
        assert (figure.alpha.value is None) == (expected.value is None)
        assert figure.alpha.value == pytest.approx(expected.value)
        for k, stat in enumerate(figure.classes):
            of_class = krippendorff_alpha(np.column_stack((votes[:, k], votes.sum(axis=1) - votes[:, k])))
            assert stat.value == pytest.approx(of_class.value)
    else:
        assert figure.alpha.value is None


@settings(max_examples=150, deadline=None)
@given(st.lists(an_image, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_people_and_objects_does_not_matter(images, random):
    # Boxes on a small grid: equal IoU, equal boxes and one person's twins are common.
    people = list(range(4))
    random.shuffle(people)
    shuffled = []
    for image in images:
        renamed = [(people[person], random.sample(drew, len(drew))) for person, drew in image.items()]
        shuffled.append(dict(random.sample(renamed, len(renamed))))

    one, other = draw(images, people=4, classes=3), draw(shuffled, people=4, classes=3)

    for threshold in (0.3, 0.5):
        tables = [Counter(map(tuple, table(drawn, threshold).tolist())) for drawn in (one, other)]
        assert tables[0] == tables[1]


@settings(max_examples=50, deadline=None)
@given(an_image)
def test_a_curve_is_one_pass_and_clusters_hold_a_person_once(image):
    drawn = draw([image], people=4, classes=3)
    falling = CURVE[::-1]

    for threshold, found in zip(falling, clusters_at(drawn, falling), strict=True):
        assert np.array_equal(found.of, clusters(drawn, threshold).of)
        assert len({*zip(found.of.tolist(), drawn.person.tolist(), strict=True)}) == drawn.n_objects
        assert found.size.sum() == drawn.n_objects


def test_alpha_falls_evenly_as_objects_are_moved():
    values = []
    for moved in (0, 2, 4, 6, 8, 11, 15):
        rng = np.random.default_rng(5)
        figure = alpha_at(draw(simulated(rng, images=60, moved=moved)))
        values.append(figure.value)

    steps = -np.diff(values)
    assert values[0] == pytest.approx(1)
    assert (steps > -0.01).all() and steps.max() < 0.5
    assert values[-1] < 0.2


def test_matches_of_two_people_take_the_best_pair_first_and_each_object_once():
    # a-b: LEFT with LEFT_1 .818, LEFT with LEFT_3 .538, LEFT_5 with LEFT_3 .667, LEFT_5 with LEFT_1 60 / 140 = .429
    drawn = draw([{0: [(CAT, LEFT), (CAT, LEFT_5)], 1: [(DOG, LEFT_1), (CAT, LEFT_3)]}])

    matches = one_to_one(drawn, 0.5)
    by_class = one_to_one(drawn, 0.5, same_class=True)

    assert [*zip(matches.low.tolist(), matches.high.tolist(), strict=True)] == [(0, 2), (1, 3)]
    assert matches.iou == pytest.approx([90 / 110, 80 / 120])
    # b's dog is nobody's; of the cats LEFT_5 is nearer.
    assert [*zip(by_class.low.tolist(), by_class.high.tolist(), strict=True)] == [(1, 3)]


def test_input_that_cannot_be_is_refused_in_a_sentence():
    given = {
        "answered": [[True, True]],
        "image": [0, 0],
        "person": [0, 1],
        "category": [0, 0],
        "bounds": [[0, 0, 1, 1], [0, 0, 1, 1]],
        "pairs": ([0], [1], [1.0]),
        "least": 0.3,
        "n_categories": 1,
    }
    assert drawings(**given).pairs_from(0.3) == 1
    for change, words in [
        ({"answered": [[True, False]]}, "did not answer"),
        ({"category": [0, 1]}, "category"),
        ({"person": [0, 2]}, "person"),
        ({"bounds": [[0, 0, 1, 1], [5, 0, 1, 1]]}, "bounds"),
        ({"bounds": [[0, 0, 1, 1], [0, 0, 1, float("nan")]]}, "bounds"),
        ({"pairs": ([0], [2], [1.0])}, "not there"),
        ({"pairs": ([0], [1], [1.5])}, "IoU"),
        ({"pairs": ([0], [0], [1.0])}, "two people"),
    ]:
        with pytest.raises(ValueError, match=words):
            drawings(**{**given, **change})
    for threshold in (0.2, 0.0, 1.1):
        with pytest.raises(ValueError, match="IoU"):
            alpha_at(drawings(**given), threshold)
