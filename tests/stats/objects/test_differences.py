"""What differs between two answers: one hand-worked case of each kind, and what must hold for all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats.objects.differences import KINDS, counts, of_two_people
from tests.helpers.drawn import draw, simulated

CAT, DOG = 0, 1
BOX, FAR = (100, 100, 200, 200), (500, 500, 600, 600)


def kinds(own, reference):
    return [row.kind for row in of_two_people(draw([{0: own, 1: reference}], classes=2), 0, 1)]


@pytest.mark.parametrize(
    ("own", "reference", "expected"),
    [
        ([(CAT, BOX)], [(CAT, BOX)], []),
        ([], [], []),
        ([], [(CAT, BOX)], ["missed"]),
        ([(CAT, BOX)], [], ["extra"]),
        ([(CAT, FAR)], [(CAT, BOX)], ["missed", "extra"]),
        ([(DOG, BOX)], [(CAT, BOX)], ["other_class"]),
        # moved by 10 of 100: IoU 90 / 110 = .82 is good; by 30: 70 / 130 = .54; by 60: 40 / 160 = .25
        ([(CAT, (110, 100, 210, 200))], [(CAT, BOX)], []),
        ([(CAT, (130, 100, 230, 200))], [(CAT, BOX)], ["shifted"]),
        ([(CAT, (160, 100, 260, 200))], [(CAT, BOX)], ["shifted"]),
        ([(CAT, (170, 100, 270, 200))], [(CAT, BOX)], ["missed", "extra"]),  # 30 / 170 = .18
        ([(DOG, (130, 100, 230, 200))], [(CAT, BOX)], ["other_class", "shifted"]),
        # 110 x 110 is 1.21 of 100 x 100; 120 x 120 is 1.44, 80 x 80 .64
        ([(CAT, (95, 95, 205, 205))], [(CAT, BOX)], []),
        ([(CAT, (90, 90, 210, 210))], [(CAT, BOX)], ["too_large"]),
        ([(CAT, (110, 110, 190, 190))], [(CAT, BOX)], ["too_small"]),
        # one edge too far by 40: area 1.4, centre 20 of 100 off
        ([(CAT, (100, 100, 240, 200))], [(CAT, BOX)], ["too_large"]),
        # larger and moved, IoU 50 * 100 / 17500 = .29: not the same thing
        ([(CAT, (150, 100, 300, 200))], [(CAT, BOX)], ["missed", "extra"]),
        # the same drawn twice; two halves of one; a small thing on a large one is nothing doubled
        ([(CAT, BOX), (CAT, (102, 100, 202, 200))], [(CAT, BOX)], ["doubled"]),
        ([(CAT, (100, 100, 150, 200)), (CAT, (150, 100, 200, 200))], [(CAT, BOX)], ["doubled", "too_small"]),
        ([(CAT, BOX), (DOG, (100, 100, 120, 120))], [(CAT, BOX)], ["extra"]),
        # one around two: the larger part is found, if too large, the other missed
        ([(CAT, BOX)], [(CAT, (100, 100, 170, 200)), (CAT, (170, 100, 200, 200))], ["missed", "too_large"]),
    ],
)
def test_kinds(own, reference, expected):
    assert kinds(own, reference) == expected


def test_each_difference_names_its_objects():
    drawn = draw([{0: [(CAT, BOX)], 1: [(CAT, BOX)]}, {0: [(CAT, FAR), (CAT, (130, 100, 230, 200))], 1: [(CAT, BOX)]}])

    extra, shifted = of_two_people(drawn, 0, 1)
    missed, mirrored = of_two_people(drawn, 1, 0)

    assert (extra.kind, extra.image, extra.own, extra.reference, extra.iou) == ("extra", 1, 2, None, None)
    assert (shifted.kind, shifted.own, shifted.reference) == ("shifted", 3, 4)
    assert shifted.iou == pytest.approx(70 / 130)
    assert (missed.kind, missed.own, missed.reference) == ("missed", None, 2)
    assert (mirrored.kind, mirrored.own, mirrored.reference) == ("shifted", 4, 3)


def test_images_of_one_of_the_two_are_left_out():
    assert of_two_people(draw([{0: [(CAT, BOX)]}, {1: [(CAT, BOX)]}]), 0, 1) == []


def test_pairs_of_low_iou_must_be_there():
    with pytest.raises(ValueError, match="left out"):
        of_two_people(draw([{0: [(CAT, BOX)], 1: [(CAT, BOX)]}], least=0.3), 0, 1)


def test_planted_errors_are_found():
    rng = np.random.default_rng(4)
    truth = simulated(rng, images=200, people=1, objects=4, side=2000)
    planted = dict.fromkeys(KINDS, 0)
    answers = []
    for image in truth:
        own = []
        for kind, (left, top, right, bottom) in image[0]:
            error = str(rng.choice([*KINDS, "none"]))
            wide, high = right - left, bottom - top
            box = {
                "shifted": (left + 0.3 * wide, top, right + 0.3 * wide, bottom),
                "too_large": (left - 0.2 * wide, top - 0.2 * high, right + 0.2 * wide, bottom + 0.2 * high),
                "too_small": (left + 0.2 * wide, top + 0.2 * high, right - 0.2 * wide, bottom - 0.2 * high),
            }.get(error, (left, top, right, bottom))
            if error != "missed":
                own.append(((kind + 1) % 3 if error == "other_class" else kind, box))
            if error == "doubled":
                own.append((kind, (left + 1, top, right + 1, bottom)))
            if error == "extra":
                own.append((kind, (left + 5000, top, right + 5000, bottom)))
            planted[error] = planted.get(error, 0) + 1
        answers.append({0: own, 1: image[0]})

    found = counts(of_two_people(draw(answers, classes=3), 0, 1))

    # Objects that happen to lie on each other may be taken for one another.
    assert all(abs(found[kind] - planted[kind]) <= 3 for kind in KINDS), (found, planted)


coordinates = st.integers(0, 12)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), coordinates, coordinates, st.integers(1, 8), st.just(5))
an_answer = st.lists(st.tuples(st.integers(0, 1), boxes), max_size=5)


@settings(max_examples=150, deadline=None)
@given(an_answer, an_answer, st.randoms(use_true_random=False))
def test_every_object_is_matched_or_named_once(own, reference, random):
    drawn = draw([{0: own, 1: reference}], people=2, classes=2)
    rows = of_two_people(drawn, 0, 1)

    alone = [row.own for row in rows if row.kind in ("extra", "doubled")]
    missed = [row.reference for row in rows if row.kind == "missed"]
    assert len(alone) == len({*alone}) and len(missed) == len({*missed})
    assert len(own) - len(alone) == len(reference) - len(missed)  # both are the number of matches
    shuffled = draw(
        [{1: random.sample(reference, len(reference)), 0: random.sample(own, len(own))}], classes=2, people=2
    )
    again = counts(of_two_people(shuffled, 0, 1))
    assert {k: n for k, n in again.items() if k != "other_class"} == {
        k: n for k, n in counts(rows).items() if k != "other_class"
    }
