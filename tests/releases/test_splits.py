"""Splits: stratified, groups whole, what is settled kept, and the same each time. Arrays only, no database."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.releases.splits import NOWHERE, RULES, Dealt, Subjects, deal

THREE = (0.8, 0.1, 0.1)
TEST = 2


def subjects(strata, *, seed=0, imported=None, earlier=None, held_out=None, groups=()):
    """Images with these classes, in an order drawn by the seed."""
    n = len(strata)
    kinds = sorted(set(strata))
    none = np.full(n, NOWHERE, np.int8)
    return Subjects(
        order=np.random.default_rng(seed).permutation(n).astype(np.uint64),
        stratum=np.array([kinds.index(one) for one in strata], np.int64),
        strata=kinds,
        imported=none if imported is None else np.array(imported, np.int8),
        earlier=none if earlier is None else np.array(earlier, np.int8),
        held_out=np.zeros(n, bool) if held_out is None else np.array(held_out),
        groups=[np.array(kind, np.int64) for kind in groups],
    )


def rules(dealt: Dealt) -> list[str]:
    return [RULES[at] for at in dealt.rule]


def per_side(dealt: Dealt, fractions=THREE) -> list[int]:
    return np.bincount(dealt.side, minlength=len(fractions)).tolist()


CLASSES = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(lambda found: [(one,) for one in found])
FRACTIONS = st.sampled_from([THREE, (0.5, 0.5), (0.7, 0.3), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05)])
GROUPS = st.lists(st.integers(-1, 12), min_size=120, max_size=120)


@given(CLASSES, FRACTIONS, st.integers(0, 3))
def test_each_class_is_dealt_out_as_evenly_as_whole_images_can_be(strata, fractions, seed):
    dealt = deal(subjects(strata, seed=seed), fractions, test=len(fractions) - 1)

    assert (dealt.side >= 0).all()
    for one in set(strata):
        here = dealt.side[[at for at, stratum in enumerate(strata) if stratum == one]]
        for at, share in enumerate(fractions):
            assert abs((here == at).sum() - share * len(here)) < 1


@given(CLASSES, GROUPS, GROUPS, FRACTIONS)
def test_no_group_is_divided_where_nothing_is_settled(strata, near, patients, fractions):
    n = len(strata)
    dealt = deal(subjects(strata, groups=(near[:n], patients[:n])), fractions, test=len(fractions) - 1)

    assert (dealt.side >= 0).all() and dealt.n_divided == 0
    for kind in (near[:n], patients[:n]):
        for group in set(kind) - {NOWHERE}:
            assert len({int(dealt.side[at]) for at in range(n) if kind[at] == group}) == 1


@given(CLASSES, GROUPS, st.data())
def test_what_is_settled_is_kept_in_the_order_of_the_rules(strata, near, data):
    n = len(strata)
    maybe = st.lists(st.integers(-1, 2), min_size=n, max_size=n)
    imported, earlier = data.draw(maybe), data.draw(maybe)
    held_out = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    given_ = subjects(strata, imported=imported, earlier=earlier, held_out=held_out, groups=(near[:n],))

    dealt = deal(given_, THREE, test=TEST)

    for at in range(n):
        if imported[at] != NOWHERE:
            assert (dealt.side[at], rules(dealt)[at]) == (imported[at], "imported")
        elif earlier[at] != NOWHERE:
            assert (dealt.side[at], rules(dealt)[at]) == (earlier[at], "earlier")
        elif held_out[at]:
            assert (dealt.side[at], rules(dealt)[at]) == (TEST, "held_out")
        else:
            mates = [other for other in range(n) if near[other] == near[at] != NOWHERE and other != at]
            assert rules(dealt)[at] == ("group" if mates else "seed")
            # It lies where one of its group does: it divides none that was whole.
            assert not mates or dealt.side[at] in {dealt.side[other] for other in mates}


@given(CLASSES, GROUPS, st.data())
def test_images_that_are_added_move_none_that_was_there(strata, near, data):
    n = len(strata)
    more = data.draw(st.lists(st.integers(0, 8), min_size=1, max_size=40))
    kinds = [*strata, *((one,) for one in more)]
    before = deal(subjects(strata, groups=(near[:n],)), THREE, test=TEST)
    kept = [*before.side.tolist(), *[NOWHERE] * len(more)]

    after = deal(subjects(kinds, earlier=kept, groups=((near * 2)[: len(kinds)],)), THREE, test=TEST)

    assert after.side[:n].tolist() == before.side.tolist()


@given(CLASSES, GROUPS)
def test_the_same_images_in_another_order_have_the_same_sides(strata, near):
    n = len(strata)
    given_ = subjects(strata, groups=(near[:n],))
    turned = Subjects(
        given_.order[::-1], given_.stratum[::-1], given_.strata, given_.imported[::-1], given_.earlier[::-1],
        given_.held_out[::-1], [kind[::-1] for kind in given_.groups],
    )  # fmt: skip

    assert deal(turned, THREE, test=TEST).side[::-1].tolist() == deal(given_, THREE, test=TEST).side.tolist()


def test_another_seed_deals_otherwise_and_as_evenly():
    strata = [(at % 2,) for at in range(200)]
    one, other = (deal(subjects(strata, seed=seed), THREE, test=TEST) for seed in (1, 2))

    assert one.side.tolist() != other.side.tolist()
    assert per_side(one) == per_side(other) == [160, 20, 20]


def test_a_thousand_small_classes_leave_no_split_empty():
    # 1,000 classes of three images: each side lacks less than a whole image of most of them
    dealt = deal(subjects([(at // 3,) for at in range(3000)]), THREE, test=TEST)

    train, validation, test = per_side(dealt)
    assert train >= 2000 and validation >= 280 and test >= 280
    for at in range(1000):
        assert (dealt.side[3 * at : 3 * at + 3] == 0).any()  # what is never trained on cannot be learned


def test_several_classes_of_an_image_are_all_dealt_out():
    # sky on every image, sea on half, kite on ten of 200
    strata = [(0,) + ((1,) if at % 2 else ()) + ((2,) if at % 20 == 0 else ()) for at in range(200)]
    dealt = deal(subjects(strata), THREE, test=TEST)

    for one, n in ((0, 200), (1, 100), (2, 10)):
        held = [int(dealt.side[at]) for at, classes in enumerate(strata) if one in classes]
        assert np.bincount(held, minlength=3) == pytest.approx([0.8 * n, 0.1 * n, 0.1 * n], abs=1.5)


def test_a_verified_none_is_dealt_out_like_a_class():
    strata = [() if at < 50 else (1,) for at in range(100)]
    dealt = deal(subjects(strata), (0.8, 0.2), test=1)

    assert [int((dealt.side[:50] == at).sum()) for at in (0, 1)] == [40, 10]


def test_a_group_that_import_has_divided_is_counted():
    # a, b, c of one patient: imported into train and test; d alone
    dealt = deal(
        subjects([(0,)] * 4, imported=[0, 2, NOWHERE, NOWHERE], groups=([7, 7, 7, NOWHERE],)), THREE, test=TEST
    )

    assert dealt.side[:3].tolist() == [0, 2, 0]
    assert (dealt.n_groups, dealt.n_divided) == (1, 1)
    assert rules(dealt) == ["imported", "imported", "group", "seed"]
