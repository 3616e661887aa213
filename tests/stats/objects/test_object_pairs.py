"""Two people side by side: hand-worked figures, second-annotator AP against COCO's own code, and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats.objects.pairs import drawn_again, pairs
from tests.helpers.drawn import draw, iou, simulated
from tests.helpers.oracles import coco_ap

CAT, DOG, OWL = 0, 1, 2
LEFT, RIGHT, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (100, 100, 110, 110)
LEFT_1, RIGHT_3 = (1, 0, 11, 10), (23, 0, 33, 10)  # IoU 90 / 110 and 70 / 130


def test_figures_of_a_hand_worked_pair():
    # Image 1: cat with cat .818, cat with dog .538, a's far owl alone. Image 2: a's far cat, b nothing.
    drawn = draw(
        [
            {0: [(CAT, LEFT), (CAT, RIGHT), (OWL, FAR)], 1: [(CAT, LEFT_1), (DOG, RIGHT_3)]},
            {0: [(CAT, FAR)], 1: []},
            {0: [(CAT, LEFT)], 2: [(CAT, LEFT)]},
        ]
    )

    pair = pairs(drawn)[0]

    assert (pair.a, pair.b, pair.n, pair.objects_a, pair.objects_b, pair.matched) == (0, 1, 2, 4, 2, 2)
    mean_iou = (90 / 110 + 70 / 130) / 2
    assert pair.f1.value == pytest.approx(4 / 6)
    assert pair.mean_iou.value == pytest.approx(mean_iou)
    assert pair.same_class.value == pytest.approx(1 / 2)
    assert pair.pq.value == pytest.approx(4 / 6 * mean_iou)
    # b as if a model of a: of 3 cats 1 found, b drew 1: precision 1 at the 34 recalls up to .33; owl 0.
    # a as if a model of b: of 1 cat 1 found, a drew 3: precision 1/3 at all; dog 0.
    assert pair.ap.value == pytest.approx(((34 / 101 + 0) / 2 + (1 / 3 + 0) / 2) / 2)
    # The cats' IoU of .818 reaches .5, .55, … .8: 7 of 10
    assert pair.ap_50_95.value == pytest.approx(pair.ap.value * 7 / 10)


def test_reasons_where_there_is_nothing_to_compare():
    apart, empty, unmatched, one_sided = (
        pairs(draw(answers, people=2, classes=1))[0]
        for answers in (
            [{0: [(CAT, LEFT)]}, {1: []}],
            [{0: [], 1: []}],
            [{0: [(CAT, LEFT)], 1: [(CAT, FAR)]}],
            [{0: [(CAT, LEFT)], 1: []}],
        )
    )

    assert {stat.reason.code for stat in (apart.f1, apart.mean_iou, apart.pq, apart.ap)} == {"no_shared_images"}
    assert {stat.reason.code for stat in (empty.f1, empty.pq, empty.ap, empty.ap_50_95)} == {"nothing_drawn"}
    assert empty.mean_iou.reason.code == "no_matched_objects"
    assert (unmatched.f1.value, unmatched.pq.value, unmatched.ap.value) == (0, 0, 0)
    assert unmatched.same_class.reason.code == "no_matched_objects"
    assert (one_sided.f1.value, one_sided.ap.value) == (0, 0)
    assert pairs(draw([{0: [(CAT, LEFT)]}])) == []


def test_identical_answers_are_1():
    pair = pairs(draw(simulated(np.random.default_rng(1), images=5, people=2)))[0]

    figures = (pair.f1, pair.mean_iou, pair.same_class, pair.pq, pair.ap, pair.ap_50_95)
    assert [stat.value for stat in figures] == pytest.approx([1] * 6)


def test_second_annotator_ap_is_cocos_at_its_least_lucky_order_of_equal_scores():
    # COCO's code needs an order. Objects that match nothing first is the worst; where shapes of one person do not
    # overlap, order changes no match.
    drawn = draw(apart(np.random.default_rng(2), images=30))
    pair = pairs(drawn, replicates=10)[0]

    for ious, stat in (((0.5,), pair.ap), ([0.5 + 0.05 * step for step in range(10)], pair.ap_50_95)):
        found = [unlucky(drawn, truth, threshold) for truth in (0, 1) for threshold in ious]
        assert stat.value == pytest.approx(np.mean(found), abs=1e-6)


def unlucky(drawn, truth, threshold):
    """By pycocotools and hotcoco, which must agree: the other's objects get .9 without a match of this IoU, else .8."""
    rows = [np.flatnonzero(drawn.person == person) for person in (truth, 1 - truth)]
    shapes = [[(drawn.image[k], drawn.category[k], tuple(drawn.bounds[k])) for k in own] for own in rows]
    scores = [
        0.8 if any(row[:2] == other[:2] and iou(row[2], other[2]) >= threshold for other in shapes[0]) else 0.9
        for row in shapes[1]
    ]
    return coco_ap(shapes[0], [(*row, score) for row, score in zip(shapes[1], scores, strict=True)], [threshold])


def apart(rng, *, images):
    """Two people's boxes in the cells of a grid, so that no object overlaps more than its own in the other answer."""
    answers = []
    for _ in range(images):
        image = {0: [], 1: []}
        for x, y in np.ndindex(3, 3):
            kind = int(rng.integers(0, 3))
            for person in (0, 1):
                if rng.random() < 0.85:
                    left, top = 100 * x + rng.uniform(0, 12), 100 * y + rng.uniform(0, 12)
                    says = kind if rng.random() < 0.9 else int(rng.integers(0, 3))
                    image[person].append((says, (left, top, left + rng.uniform(50, 70), top + rng.uniform(50, 70))))
        answers.append(image)
    return answers


@pytest.mark.parametrize("images", [60, 700])
def test_intervals_are_those_of_resampled_images(images):
    rng = np.random.default_rng(3)
    answers = simulated(rng, images=images, people=2, objects=3, moved=5, missed=0.2, confused=0.2)
    pair = pairs(draw(answers))[0]
    values = []
    for _ in range(80):
        again = pairs(draw([answers[k] for k in rng.integers(0, images, images)], people=2, classes=3), replicates=1)[0]
        values.append([again.f1.value, again.mean_iou.value, again.same_class.value, again.pq.value, again.ap.value])

    for stat, column in zip(
        (pair.f1, pair.mean_iou, pair.same_class, pair.pq, pair.ap), np.transpose(values), strict=True
    ):
        spread = 2 * 1.96 * column.std()
        assert stat.high - stat.low == pytest.approx(spread, rel=0.35)
        assert stat.low < stat.value < stat.high


coordinates = st.integers(0, 12)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), coordinates, coordinates, st.integers(1, 8), st.just(4))
an_answer = st.lists(st.tuples(st.integers(0, 2), boxes), max_size=4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(an_answer, an_answer), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_people_objects_and_images_does_not_matter(answers, random):
    swapped = [
        {0: random.sample(b, len(b)), 1: random.sample(a, len(a))} for a, b in random.sample(answers, len(answers))
    ]

    one = pairs(draw([{0: a, 1: b} for a, b in answers], people=2, classes=3), replicates=1)[0]
    other = pairs(draw(swapped, people=2, classes=3), replicates=1)[0]

    assert (one.objects_a, one.objects_b, one.matched) == (other.objects_b, other.objects_a, other.matched)
    for figure in ("f1", "mean_iou", "same_class", "pq", "ap", "ap_50_95"):
        value, mirrored = getattr(one, figure).value, getattr(other, figure).value
        assert value == pytest.approx(mirrored) if value is not None else mirrored is None, figure
        assert value is None or 0 <= value <= 1 + 1e-9


def test_two_answers_of_each_person_are_compared_person_by_person():
    # Person 7: image 0 the cat again (IoU .818), the dog as an owl, a far cat no more; image 1 nothing, twice.
    # Person 9: image 2 one cat, and another one far from it.
    drawn = draw(
        [
            {0: [(CAT, LEFT), (DOG, RIGHT), (CAT, FAR)], 1: [(CAT, LEFT_1), (OWL, RIGHT)]},
            {0: [], 1: []},
            {0: [(CAT, LEFT)], 1: [(CAT, FAR)]},
        ]
    )

    found = drawn_again(drawn, np.array([7, 7, 9]))

    assert (found[7].n, found[9].n) == (2, 1)
    assert found[7].f1.value == pytest.approx(2 * 2 / 5)
    assert found[7].mean_iou.value == pytest.approx((90 / 110 + 1) / 2)
    assert found[7].same_class.value == pytest.approx(1 / 2)
    assert found[9].f1.value == 0.0
    assert found[9].mean_iou.value is None and found[9].mean_iou.reason.code == "no_matched_objects"
    nothing = drawn_again(draw([{0: [], 1: []}], classes=1), np.array([3]))[3]
    assert nothing.f1.value is None and nothing.f1.reason.code == "nothing_drawn"
