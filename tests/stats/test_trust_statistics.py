"""What the others say, guideline or person, one class that dominates: hand-worked cases, oracles, invariants."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.stats.cause import Pair, cause
from labeler.stats.others import NOTHING, against_others, class_by_class, plurality_of_others
from labeler.stats.pairs import count_pairs
from labeler.stats.paradox import dominance
from labeler.stats.results import NO_SHARED_IMAGES, Stat, undefined

# ---- what the others say


def by_hand(units, answers):
    """Each row by counting the other rows of its unit."""
    found = []
    for at, unit in enumerate(units):
        others = Counter(a for n, (u, a) in enumerate(zip(units, answers, strict=True)) if u == unit and n != at)
        best = others.most_common(2)
        tied = not best or (len(best) == 2 and best[0][1] == best[1][1])
        found.append(NOTHING if tied else best[0][0])
    return found


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=40))
def test_the_others_are_everybody_but_oneself(rows):
    units, answers = [u for u, _ in rows], [a for _, a in rows]
    found = plurality_of_others(np.array(units, dtype=np.int64), np.array(answers, dtype=np.int64))
    assert found.tolist() == by_hand(units, answers)


def test_the_own_answer_does_not_count_among_the_others():
    # a a b: whoever said b faces a, a; each who said a faces one a and one b, a tie
    assert plurality_of_others(np.array([7, 7, 7]), np.array([0, 0, 1])).tolist() == [NOTHING, NOTHING, 0]


def test_confusion_with_the_others_leaves_ties_out():
    cells = against_others(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0, NOTHING, 0, 1]), 2)
    assert [(c.person, c.others, c.said, c.n) for c in cells] == [(0, 0, 0, 1), (1, 0, 1, 1), (1, 1, 1, 1)]


def test_sets_are_compared_class_by_class():
    # One image, three people, two classes: the first sees both, the second the first only, the third none.
    unit, person = np.array([5, 5, 5]), np.array([0, 1, 2])
    answers = np.array([[True, True], [True, False], [False, False]])
    first, second, third = class_by_class(unit, person, answers, 3)
    # Of the first class the other two say yes and no to 0 (tie), yes and no to 1 (tie), yes and yes to 2: missed.
    assert (first[0].both, first[0].missed, first[0].added) == (0, 0, 0)
    assert (third[0].both, third[0].missed, third[0].added) == (0, 1, 0)
    # Of the second class nobody else sees it.
    assert (first[1].both, first[1].missed, first[1].added) == (0, 0, 1)
    assert (second[1].both, second[1].missed, second[1].added) == (0, 0, 0)


# ---- guideline or person


def pairs(values, n=200, half=0.05):
    """Pairs by their letters: pairs({"ab": .8})."""
    return [
        Pair(ord(a) - 97, ord(b) - 97, Stat(value, value - half, value + half, n))
        for (a, b), value in ((tuple(key), value) for key, value in values.items())
    ]


def test_one_low_row_is_a_person():
    found = cause(pairs({"ab": 0.60, "bc": 0.62, "bd": 0.58, "ac": 0.83, "ad": 0.79, "cd": 0.81}), 0.7)
    assert (found.kind, found.person, found.pairs, found.low, found.people) == ("person", 1, 6, 3, 4)
    assert found.own == pytest.approx(0.60) and found.others == pytest.approx(0.81)


def test_all_pairs_low_is_the_guideline():
    found = cause(pairs({"ab": 0.50, "ac": 0.55, "bc": 0.52}), 0.7)
    assert (found.kind, found.person, found.low) == ("guideline", None, 3)
    assert found.mean == pytest.approx((0.50 + 0.55 + 0.52) / 3)


def test_a_low_row_is_nobodys_fault_where_the_others_do_not_agree_either():
    assert cause(pairs({"ab": 0.40, "ac": 0.45, "bc": 0.66}), 0.7).kind == "guideline"


def test_low_pairs_here_and_there_are_several_lines():
    found = cause(pairs({"ab": 0.5, "cd": 0.5, "ac": 0.8, "ad": 0.8, "bc": 0.8, "bd": 0.8}), 0.7)
    assert (found.kind, found.low) == ("several", 2)


def test_nobody_is_named_where_the_intervals_reach_the_others():
    values = {"ab": 0.60, "bc": 0.62, "ac": 0.83}
    assert cause(pairs(values, half=0.05), 0.7).kind == "person"
    assert cause(pairs(values, half=0.25), 0.7).kind == "several"


def test_little_is_said_of_two_people_or_few_images():
    assert cause(pairs({"ab": 0.4}), 0.7).kind == "unknown"
    assert cause(pairs({"ab": 0.4, "ac": 0.4, "bc": 0.9}, n=29), 0.7).kind == "unknown"
    assert cause([Pair(0, 1, undefined(NO_SHARED_IMAGES)), *pairs({"ac": 0.9})], 0.7).kind == "unknown"
    assert cause(pairs({"ab": 0.9, "ac": 0.9, "bc": 0.9}), 0.7).kind == "fine"


@given(st.lists(st.floats(0.1, 0.95), min_size=6, max_size=6), st.permutations(range(4)))
def test_the_cause_does_not_depend_on_who_comes_first(values, order):
    edges = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    stats = [Stat(v, v - 0.04, v + 0.04, 100) for v in values]
    one = cause([Pair(a, b, s) for (a, b), s in zip(edges, stats, strict=True)], 0.7)
    other = cause([Pair(order[a], order[b], s) for (a, b), s in zip(edges, stats, strict=True)], 0.7)
    assert one.kind == other.kind
    assert other.person == (None if one.person is None else order[one.person])


# ---- one class that dominates


def test_prevalence_bias_and_pabak_of_a_hand_worked_table():
    # 100 images: both yes 85, only a 10, only b 2, both no 3. Yes: 182 of 200 labels; a 95, b 87: bias 8/100;
    # observed .88, PABAK 2 * .88 - 1.
    a, b = [0] * 85 + [0] * 10 + [1] * 2 + [1] * 3, [0] * 85 + [1] * 10 + [0] * 2 + [1] * 3
    image = np.repeat(np.arange(100), 2)
    answers = np.array([a, b]).T.ravel()
    counts = count_pairs(image, np.tile([0, 1], 100), answers, 2, 2)
    found = dominance(np.bincount(answers), counts, 0.88, 2)
    assert (found.category, found.prevalence, found.bias) == (0, 182 / 200, pytest.approx(8 / 100))
    assert found.pabak == pytest.approx(0.76)


def test_no_class_dominates_below_four_in_five():
    counts = count_pairs(np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), 2, 2)
    assert dominance(np.array([79, 21]), counts, 0.9, 2) is None
    assert dominance(np.array([0, 0]), counts, None, 2) is None
    assert dominance(np.array([80, 20]), counts, 0.9, 2).prevalence == 0.8
