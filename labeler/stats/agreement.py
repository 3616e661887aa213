"""One report from rows of labels: how far people agree, who with whom, and on which classes.

Knows codes of images, people and classes; names only to write its notes. Which labels are comparable
(blind, current, of one round) is decided by whoever selects the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats import multilabel
from labeler.stats.alpha import ManyRaters, count_patterns, many_raters
from labeler.stats.grouping import Groups, group_rows
from labeler.stats.intervals import IntArray
from labeler.stats.kappa import NOTHING_SHARED, Kappa, pair_kappas
from labeler.stats.notes import describe
from labeler.stats.pairs import checked_codes, count_rows, light_kappa, one_against_rest, sample_comparisons
from labeler.stats.results import Reason, Stat, undefined

Task = Literal["single", "multi"]

# Pairs without a shared image are listed as undefined up to here; 500 people would be 124,750 empty lines.
LISTED_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two people, by code, a < b."""

    a: int
    b: int
    kappa: Kappa


@dataclass(frozen=True, slots=True)
class CategoryAgreement:
    """One class against all others."""

    category: int
    kappa: Stat  # n: comparisons of two people on one image
    n: int  # labels that name the class


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two classes, a < b, and the images on which one person said a and another b."""

    a: int
    b: int
    count: int


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """One person with all others."""

    annotator: int
    n: int  # labels
    n_shared: int  # of them on images that others labeled too
    mean_kappa: float | None  # over the pairs with a defined kappa; None without any


@dataclass(frozen=True, slots=True)
class AgreementSummary:
    """All figures of one selection of labels, by code; `as_dict` puts the names in."""

    task: Task
    n_images: int  # with at least one label
    n_shared_images: int  # with labels of two or more people: what all figures speak about
    n_labels: int
    alpha: Stat
    fleiss: Stat
    light: Stat
    observed: Stat
    pairs: tuple[PairAgreement, ...]  # ordered by a, b
    categories: tuple[CategoryAgreement, ...]  # every class, by code
    confusion: tuple[Confusion, ...]  # most frequent first, without zeros
    annotators: tuple[AnnotatorAgreement, ...]  # every person, by code
    notes: tuple[Reason, ...]  # what a reader should know first, most important first

    def as_dict(self, annotator_names: Sequence[Any], category_names: Sequence[str]) -> dict[str, Any]:
        """Plain values for JSON, with the keys of the REST contract; codes where that has sentences."""
        people, classes = annotator_names, category_names
        return {
            "n_images": self.n_images,
            "n_shared_images": self.n_shared_images,
            "n_labels": self.n_labels,
            "alpha": self.alpha.as_dict(),
            "fleiss": self.fleiss.as_dict(),
            "light": self.light.as_dict(),
            "observed": self.observed.as_dict(),
            "pairs": [
                {
                    "a": people[pair.a],
                    "b": people[pair.b],
                    "n": pair.kappa.n,
                    "kappa": pair.kappa.stat().as_dict(),
                    "observed": pair.kappa.observed,
                    "expected": pair.kappa.expected,
                    "ac1": pair.kappa.ac1,
                    "pabak": pair.kappa.pabak,
                }
                for pair in self.pairs
            ],
            "categories": [
                {"name": classes[one.category], "kappa": one.kappa.as_dict(), "n": one.n} for one in self.categories
            ],
            "confusion": [{"a": classes[pair.a], "b": classes[pair.b], "count": pair.count} for pair in self.confusion],
            "annotators": [
                {
                    "username": people[one.annotator],
                    "n": one.n,
                    "n_shared": one.n_shared,
                    "mean_kappa": one.mean_kappa,
                }
                for one in self.annotators
            ],
            "notes": [note.as_dict() for note in self.notes],
        }


def summarize(
    image_codes: ArrayLike,
    annotator_codes: ArrayLike,
    answers: ArrayLike,
    n_annotators: int,
    n_categories: int,
    task: Task,
    *,
    category_names: Sequence[str] | None = None,
) -> AgreementSummary:
    """Every figure of the agreement report.

    image_codes: any integers, shape (n_labels,); ordered rows save a sort.
    annotator_codes: 0..n_annotators-1, shape (n_labels,).
    answers: "single": category codes 0..n_categories-1, shape (n_labels,); "multi": boolean, shape
    (n_labels, n_categories), an empty row being the verified "none". Missing answers are rows left out.
    n_categories: the declared classes, also those nobody chose: PABAK and AC1 depend on it.
    Raises ValueError for codes out of range, unequal lengths, or two rows of one person on one image.

    300,000 labels of 50 people take some 25 ms (bench/agreement.py).
    """
    if n_annotators < 0 or n_categories < 1:
        raise ValueError("at least one class is needed, and no negative number of people")
    image = np.asarray(image_codes)
    annotator = checked_codes(annotator_codes, n_annotators, "annotator_codes")
    answers = _checked_answers(answers, n_categories, task)
    if not image.shape == annotator.shape == answers.shape[:1]:
        raise ValueError("image_codes, annotator_codes and answers must be equally long")
    if image.size and not bool((image[1:] >= image[:-1]).all()):
        order = np.argsort(image, kind="stable")
        image, annotator, answers = image[order], annotator[order], answers[order]
    groups = group_rows(image)
    measure = _measure_single if task == "single" else _measure_multi
    together, light, pairs, classes, confusion = measure(groups, annotator, answers, n_annotators, n_categories)

    chosen = np.bincount(answers, minlength=n_categories) if task == "single" else answers.sum(axis=0)
    labels = np.bincount(annotator, minlength=n_annotators)
    alone = np.bincount(annotator[groups.starts[groups.sizes == 1]], minlength=n_annotators)
    pairs = _with_strangers(pairs, labels)
    notes = describe(
        alpha=together.alpha,
        observed=together.observed,
        pairs=[pair.kappa for pair in pairs],
        chosen=chosen,
        n_labels=int(annotator.size),
        n_images=int(groups.starts.size),
        n_shared=int((groups.sizes >= 2).sum()),
        category_names=category_names,
        task=task,
    )
    return AgreementSummary(
        task=task,
        n_images=int(groups.starts.size),
        n_shared_images=int((groups.sizes >= 2).sum()),
        n_labels=int(annotator.size),
        alpha=together.alpha,
        fleiss=together.fleiss,
        light=light,
        observed=together.observed,
        pairs=tuple(pairs),
        categories=tuple(CategoryAgreement(k, stat, int(chosen[k])) for k, stat in enumerate(classes)),
        confusion=_ranked(confusion),
        annotators=_per_annotator(pairs, labels, labels - alone),
        notes=tuple(notes),
    )


def _checked_answers(answers: ArrayLike, n_categories: int, task: str) -> NDArray[Any]:
    if task == "single":
        return checked_codes(answers, n_categories, "answers")
    if task != "multi":
        raise ValueError(f"no agreement is defined for task {task!r}")
    answers = np.asarray(answers)
    if answers.ndim != 2 or answers.shape[1] != n_categories or answers.dtype != np.bool_:
        raise ValueError(f"answers must be boolean with {n_categories} columns")
    return answers


Measured = tuple[ManyRaters, Stat, list[PairAgreement], list[Stat], IntArray]


def _measure_single(
    groups: Groups, annotator: IntArray, category: IntArray, n_annotators: int, n_categories: int
) -> Measured:
    counts = count_rows(groups, annotator, category, n_annotators, n_categories)
    kappas = pair_kappas(counts)
    comparisons = sample_comparisons(groups, annotator, n_annotators, (counts.a, counts.b))
    patterns = count_patterns(groups, category, n_categories).shared()
    present = (patterns.votes > 0).astype(np.int64)
    pairs = [
        PairAgreement(a, b, kappa)
        for a, b, kappa in zip(counts.a.tolist(), counts.b.tolist(), kappas.kappas(), strict=True)
    ]
    return (
        many_raters(patterns),
        light_kappa(kappas, comparisons, category),
        pairs,
        one_against_rest(counts, kappas, comparisons, category),
        (present * patterns.images[:, None]).T @ present,
    )


def _measure_multi(
    groups: Groups, annotator: IntArray, answers: NDArray[np.bool_], n_annotators: int, n_categories: int
) -> Measured:
    compared = multilabel.compare_sets(groups, annotator, answers, n_annotators)
    alpha, observed = multilabel.masi_alpha(compared, answers)
    fleiss = undefined(Reason("fleiss_of_one_class"), alpha.n)
    kappas, classes, light = multilabel.pair_and_class_kappas(compared, n_categories)
    pairs = [
        PairAgreement(a, b, kappa) for a, b, kappa in zip(compared.a.tolist(), compared.b.tolist(), kappas, strict=True)
    ]
    confusion = multilabel.confused_sets(compared, n_categories)
    return ManyRaters(alpha, fleiss, observed), light, pairs, classes, confusion


def _with_strangers(pairs: list[PairAgreement], labels: IntArray) -> list[PairAgreement]:
    """The pairs, with those added who labeled but share no image."""
    people = np.flatnonzero(labels).tolist()
    if len(people) > LISTED_PEOPLE or len(pairs) == len(people) * (len(people) - 1) // 2:
        return pairs
    nothing = Kappa(None, None, None, None, None, None, None, None, 0, NOTHING_SHARED)
    known = {(pair.a, pair.b): pair for pair in pairs}
    return [known.get((a, b)) or PairAgreement(a, b, nothing) for i, a in enumerate(people) for b in people[i + 1 :]]


def _ranked(table: IntArray) -> tuple[Confusion, ...]:
    a, b = np.nonzero(np.triu(table, 1))
    order = np.argsort(-table[a, b], kind="stable")
    return tuple(Confusion(int(a[i]), int(b[i]), int(table[a[i], b[i]])) for i in order)


def _per_annotator(pairs: list[PairAgreement], labels: IntArray, shared: IntArray) -> tuple[AnnotatorAgreement, ...]:
    sums, n_pairs = [0.0] * len(labels), [0] * len(labels)
    for pair in pairs:
        if pair.kappa.value is not None:
            for person in (pair.a, pair.b):
                sums[person] += pair.kappa.value
                n_pairs[person] += 1
    return tuple(
        AnnotatorAgreement(person, n, with_others, sums[person] / n_pairs[person] if n_pairs[person] else None)
        for person, (n, with_others) in enumerate(zip(labels.tolist(), shared.tolist(), strict=True))
    )
