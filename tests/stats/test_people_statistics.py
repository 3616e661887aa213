"""One person against the others, and two classes against each other: hand-worked tables, oracles, invariants."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from labeler.stats.classpair import between_classes, without_each
from labeler.stats.grouping import group_rows
from labeler.stats.kappa import kappa_from_table
from labeler.stats.pairs import count_pairs
from labeler.stats.people import with_others


def rows_of(answers: dict[str, list[int | None]]):
    """(image, annotator, answer) of people who each answered image 0, 1, 2, …; None: not this one."""
    found = [
        (image, person, answer)
        for person, given in enumerate(answers.values())
        for image, answer in enumerate(given)
        if answer is not None
    ]
    image, annotator, answer = np.array(sorted(found)).T
    return image, annotator, answer


def compared(answers, period=None, periods=1, k=2):
    image, annotator, answer = rows_of(answers)
    period = np.zeros(image.size, dtype=np.int64) if period is None else period(image)
    return with_others(group_rows(image), annotator, answer, period, len(answers), periods, k)


# ---- one person against the others


def test_of_two_people_it_is_the_kappa_of_the_pair():
    # 40 images: both 0 on 15, both 1 on 15, only the first 1 on 4, only the second on 6
    ann = [0] * 15 + [1] * 15 + [1] * 4 + [0] * 6
    bea = [0] * 15 + [1] * 15 + [0] * 4 + [1] * 6
    found = compared({"ann": ann, "bea": bea})

    table = kappa_from_table([[15, 6], [4, 15]])
    for person in (0, 1):
        stat = found.kappa_stat(person)
        assert stat.value == pytest.approx(table.value) == pytest.approx(cohen_kappa_score(ann, bea))
        assert found.kappa_error[person, 0] == pytest.approx(table.standard_error, rel=1e-9)
        assert (stat.n, found.observed_stat(person).value) == (40, 30 / 40)


def test_of_three_people_the_others_are_one():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 60)
    answers = {
        name: [int(t) if rng.random() > e else int(rng.integers(3)) for t in truth]
        for name, e in (("ann", 0.1), ("bea", 0.3), ("dora", 0.6))
    }
    found = compared(answers, k=3)

    others = answers["ann"] + answers["bea"]
    assert found.kappa_stat(2).value == pytest.approx(cohen_kappa_score(answers["dora"] * 2, others))
    assert found.kappa_stat(2).n == 60  # images, not comparisons
    assert found.kappa_stat(2).value < found.kappa_stat(0).value


def test_three_others_on_one_image_are_no_three_images():
    """Copies of one colleague add no evidence: the interval of 60 images stays that of 60 images."""
    rng = np.random.default_rng(4)
    ann, bea = rng.integers(0, 2, 60).tolist(), rng.integers(0, 2, 60).tolist()

    alone = compared({"ann": ann, "bea": bea})
    copied = compared({"ann": ann, "bea": bea, "again": bea, "and again": bea})

    assert copied.kappa_error[0, 0] == pytest.approx(alone.kappa_error[0, 0])
    assert copied.observed_error[0, 0] == pytest.approx(alone.observed_error[0, 0])


def test_errors_are_those_of_resampled_images():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 200)
    answers = np.array([[t if rng.random() > e else rng.integers(3) for t in truth] for e in (0.2, 0.3, 0.4)])
    found = compared({str(p): list(map(int, row)) for p, row in enumerate(answers)}, k=3)

    def kappa(images):
        own, a, b = answers[:, images]
        return cohen_kappa_score(np.concatenate((own, own)), np.concatenate((a, b)))

    resampled = [kappa(rng.integers(0, 200, 200)) for _ in range(600)]
    assert found.kappa_error[0, 0] == pytest.approx(np.std(resampled), rel=0.12)


def test_periods_are_those_of_ones_own_labels():
    first, second = [0, 1] * 20, [1, 0] * 20
    # Images 0 to 39 in the first period: all agree; 40 to 79 in the second: nobody does; 80 to 99 in none.
    answers = {"ann": first + first + first[:20], "bea": first + second + second[:20]}
    found = compared(answers, period=lambda image: np.where(image < 40, 0, np.where(image < 80, 1, -1)), periods=2)

    assert found.kappa.tolist() == [[1.0, -1.0], [1.0, -1.0]]
    assert found.n.tolist() == [[40, 40], [40, 40]]


def test_whoever_shares_nothing_or_always_says_the_same_has_a_reason():
    alone = compared({"ann": [0, 1, None, None], "bea": [None, None, 0, 1]})
    same = compared({"ann": [0] * 40, "bea": [0] * 40})

    assert (alone.kappa_stat(0).value, alone.observed_stat(0).value) == (None, None)
    assert alone.kappa_stat(0).reason and alone.observed_stat(0).reason
    assert same.kappa_stat(0).value is None and same.kappa_stat(0).reason
    stat = same.observed_stat(0)
    assert stat.value == 1.0
    assert stat.low < 0.95 and stat.high == 1.0  # 40 images do not make it certain


def test_nobody_at_all():
    nothing = np.empty(0, dtype=np.int64)
    found = with_others(group_rows(nothing), nothing, nothing, nothing, 0, 3, 2)

    assert found.kappa.shape == (0, 3)


def test_sets_of_classes_count_class_by_class_and_equal_only_as_a_whole():
    rng = np.random.default_rng(6)
    ann, bea = rng.random((50, 3)) < 0.4, rng.random((50, 3)) < 0.4
    bea[:40] = ann[:40]
    image = np.repeat(np.arange(50), 2)
    answers = np.stack((ann, bea), axis=1).reshape(100, 3)
    found = with_others(group_rows(image), np.tile([0, 1], 50), answers, np.zeros(100, dtype=np.int64), 2, 1, 3)

    po = (ann == bea).mean()
    r, c = ann.mean(axis=0), bea.mean(axis=0)
    pe = (r * c + (1 - r) * (1 - c)).mean()
    assert found.kappa_stat(0).value == pytest.approx((po - pe) / (1 - pe))
    assert found.observed_stat(0).value == (ann == bea).all(axis=1).mean()


# ---- two classes against each other


def counted(answers, k):
    image, annotator, answer = rows_of(answers)
    return count_pairs(image, annotator, answer, len(answers), k)


def test_only_judgements_between_the_two_classes_count():
    # Of rust (0) and spot (1): both rust 6, both spot 6, one each 4; with healthy (2) on either side it does not count.
    ann = [0] * 6 + [1] * 6 + [0] * 4 + [2] * 5 + [0] * 3
    bea = [0] * 6 + [1] * 6 + [1] * 4 + [2] * 5 + [2] * 3
    found = between_classes(counted({"ann": ann, "bea": bea}, 3), 0, 1)

    # 16 comparisons; half of the 32 judgements are rust: p_e = 1/2, p_o = 12/16, kappa = (3/4 - 1/2) / (1/2)
    assert (found.n, found.split, found.kappa) == (16, 4, pytest.approx(0.5))


def test_one_person_who_draws_the_line_elsewhere_is_told_from_an_unclear_guideline():
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 2, 100)
    agreeing = truth.tolist()
    guessing = rng.integers(0, 2, 100).tolist()
    one = counted({"ann": agreeing, "bea": agreeing, "dora": guessing}, 2)

    assert between_classes(one, 0, 1).kappa < 0.6
    without = without_each(one, 0, 1)
    assert without[2].kappa == 1.0
    assert max(without[0].kappa, without[1].kappa) < 0.5
    assert list(without) == [0, 1, 2]


def test_without_a_choice_between_the_two_there_is_no_figure():
    counts = counted({"ann": [2, 2, 0], "bea": [2, 2, 0]}, 3)

    assert between_classes(counts, 0, 1).kappa is None  # always the same one
    assert between_classes(counts, 1, 2).n == 2
    assert without_each(counts, 0, 1)[0].n == 0
    assert without_each(counted({"ann": [2], "bea": [2]}, 3), 0, 1) == {}
