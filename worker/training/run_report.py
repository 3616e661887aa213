"""Findings of a run: what could be accepted without a person, which labels look wrong, where the model is worse.

Knows datasets, rows of probabilities and the statistics of it. Nothing is accepted or corrected here: these are
findings for people, stored with the run's row (metrics: "acceptance", "label_errors", "slices", "learning_curve",
"orders").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.intake.private_fields import without_place
from labeler.models import Image, Label
from labeler.models.queue import ChosenBy, Purpose
from labeler.stats import labelerrors, learning, promise
from labeler.stats.results import FEW_IMAGES, plain
from worker.ml.detection.samples import Asked
from worker.ml.evaluation import compare, learning_curves, slices
from worker.ml.training.run import TrainingSet
from worker.training import evaluation
from worker.training.dataset import Dataset, Example

PROMISES = (promise.Promise(0.90), promise.Promise(0.95), promise.Promise(0.98))
FEWEST_FOR_GRID = 100  # test images whose scores give the thresholds; below, fixed ones
FIXED_GRID = np.r_[np.linspace(0.999, 0.9, 20), np.linspace(0.89, 0.5, 20)]
SUSPECTS = 300  # of a run's row; the whole list is made anew by every run
FIELDS = 12  # of metadata
MOST_TEXT = 60  # characters of a value that names a slice
AHEAD = (1.0, 1.5, 2.0, 4.0)  # times the present labels that the learning curve looks to
PENALTY = 0.01  # C where cross-validation has not chosen one


def findings_of(dataset: Dataset, *, out_of_fold: NDArray, test: NDArray, calibration: NDArray) -> dict[str, Any]:
    """All three, ready for a run's row. Probabilities (n, K), rows of NaN for images that could not be read; test and
    calibration with the temperature applied.
    """
    return {
        "acceptance": acceptance(dataset, test, calibration),
        "label_errors": label_errors(dataset, out_of_fold),
        "slices": by_metadata(dataset, out_of_fold, test),
    }


def acceptance(dataset: Dataset, test: NDArray, calibration: NDArray) -> list[dict[str, Any]]:
    """For each of PROMISES from which score on suggestions could be accepted, and what share of images that would be.

    [{precision, confidence, threshold, accepted, errors, precision_low, n, coverage, reason}]. The coverage is that of
    the test images, a random sample; None while there are fewer than FEWEST_FOR_GRID.
    """
    several = dataset.is_multi
    seen = ~np.isnan(calibration).any(axis=1)
    truth = evaluation.targets_of(dataset, dataset.calibration)[seen]
    scores = promise.scores_of(calibration[seen], several=several)
    right = promise.right_of(calibration[seen], truth, several=several)
    # Random images, and none of those whose labels are tested at the thresholds: their scores may choose the grid.
    sample = promise.scores_of(test[~np.isnan(test).any(axis=1)], several=several)
    known = sample.size >= FEWEST_FOR_GRID
    grid = promise.thresholds_of(sample) if known else FIXED_GRID
    rows = []
    for aim in PROMISES:
        found = promise.choose(scores, right, grid, aim)
        rows.append(
            {
                "precision": aim.precision,
                "confidence": aim.confidence,
                "threshold": found.value,
                "accepted": found.accepted,
                "errors": found.errors,
                "precision_low": found.precision_low,
                "n": found.n,
                "coverage": float(found.accepts(sample).mean()) if known else None,
                "reason": plain(found.reason),
            }
        )
    return rows


def label_errors(dataset: Dataset, out_of_fold: NDArray) -> dict[str, Any]:
    """Training labels that the model doubts: {n, suspects: [{image, label, suggested, doubt, confident}]}.

    label and suggested are category ids. For several labels, label is the class in question and suggested whether the
    image should have it.
    """
    targets = evaluation.targets_of(dataset, dataset.train)
    several = dataset.is_multi
    found = (labelerrors.suspects_of_sets if several else labelerrors.suspects)(out_of_fold, targets)
    ids = dataset.category_ids
    columns = found.image, found.label, found.suggested, found.doubt, found.confident
    first = list(zip(*(part[:SUSPECTS].tolist() for part in columns), strict=True))
    return {
        "n": len(found),
        "suspects": [
            {
                "image": dataset.train[image].image_id,
                "label": ids[label],
                "suggested": bool(suggested) if several else ids[suggested],
                "doubt": round(doubt, 4),
                "confident": confident,
            }
            for image, label, suggested, doubt, confident in first
        ],
    }


def learning_curve(
    samples: TrainingSet,
    comparison: Sequence[dict[str, Any]],
    *,
    kappas: Sequence[float | None] = (),
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """What fewer labels gave and what more are expected to bring, for the regression on frozen features.

    {candidate, points: [{size, accuracy}], ahead: [{size, expected, low, high}], n, reason, stop, advice}; accuracy is
    the share of right yes/no answers for several labels. stop and advice are of twice the present labels, and of
    kappas: how far successive models said the same of the stop set (run_answers.settled), oldest first.
    """
    sizes, right = learning_curves.points(samples, penalty=_penalty(comparison), tick=tick)
    ahead = [round(times * len(samples)) for times in AHEAD]
    curve = learning.forecast(sizes, right, ahead)
    advice = learning.advise(curve, ahead[2], kappas, since=ahead[0])
    columns = (part.tolist() for part in (curve.ahead, curve.expected, curve.low, curve.high))
    return {
        "candidate": "frozen",
        "points": [
            {"size": size, "accuracy": share}
            for size, share in zip(curve.sizes.tolist(), curve.accuracy.tolist(), strict=True)
        ],
        "ahead": [
            dict(zip(("size", "expected", "low", "high"), row, strict=True)) for row in zip(*columns, strict=True)
        ],
        "n": curve.n,
        "reason": plain(curve.reason),
        "stop": advice.stop,
        "advice": plain(advice.told),
    }


def asked_of(ids: Sequence[int]) -> Asked:
    """How people came to these images: the first judgement of an image says when, and why it was handed out.

    A decision on an image that nobody has judged came last.
    """
    first: dict[int, tuple[int, str]] = {}
    votes = Label.objects.filter(image__in=ids, purpose=Purpose.VOTE).order_by("-id")
    for image, label, why in votes.values_list("image", "id", "chosen_by"):
        first[image] = (label, why)
    last = max((label for label, _why in first.values()), default=0) + 1
    when = np.array([first.get(pk, (last, ""))[0] for pk in ids], np.int64)
    place = np.empty(len(ids), np.int64)
    place[np.lexsort((np.array(ids, np.int64), when))] = np.arange(len(ids))
    return Asked(place, np.array([first.get(pk, (0, ""))[1] == ChosenBy.RANDOM for pk in ids], bool))


def orders(
    dataset: Dataset,
    samples: TrainingSet,
    test_features: NDArray,
    comparison: Sequence[dict[str, Any]],
    *,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Whether asking where the model is unsure paid, on the test images. samples: of dataset.train."""
    asked = asked_of([example.image_id for example in dataset.train])
    order = np.argsort(asked.place, kind="stable")
    in_order = TrainingSet(samples.features[order], samples.targets[order], samples.categories, samples.task)
    penalty = _penalty(comparison)
    targets = evaluation.targets_of(dataset, dataset.test)
    return learning_curves.curves(in_order, asked.by_lot[order], test_features, targets, penalty=penalty, tick=tick)


def _penalty(comparison: Sequence[dict[str, Any]]) -> float:
    """C that cross-validation chose for the regression."""
    settings = next((row.get("settings") or {} for row in comparison if row["candidate"] == "frozen"), {})
    return float(settings.get("C", PENALTY))


def by_metadata(dataset: Dataset, out_of_fold: NDArray, test: NDArray) -> list[dict[str, Any]]:
    """Where the model is worse, for each field of metadata: [{field, slices, n}], fields with a worse slice first.

    On the test images; on the training images by cross-validation while fewer than FEW_IMAGES can be judged.
    """
    examples: Sequence[Example] = dataset.test
    found = test
    seen, truth = evaluation.truth_of(dataset, examples, found)
    if seen.sum() < FEW_IMAGES:
        examples, found = dataset.train, out_of_fold
        seen, truth = evaluation.truth_of(dataset, examples, found)
    if not seen.any():
        return []
    scores = compare.scores(found[seen], truth, dataset.task)
    ids = [example.image_id for example, known in zip(examples, seen, strict=True) if known]
    reports = [{"field": field, **slices.by_value(values, scores)} for field, values in metadata_of(ids)]
    reports.sort(key=lambda report: not any(row["worse"] for row in report["slices"]))
    return reports


def metadata_of(ids: Sequence[int]) -> list[tuple[str, list[Any]]]:
    """Fields of metadata that divide these images, with the value of each image, None where it is missing."""
    metadata = dict(Image.objects.filter(pk__in=ids).values_list("pk", "metadata"))
    # The report is for reviewers, the place for leads.
    rows = [without_place(metadata.get(pk) or {}) for pk in ids]
    return [(field, [_value(row.get(field)) for row in rows]) for field in _fields(rows)]


def _fields(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Fields that divide the images: several values, and not one for each image. The most frequent first."""
    counts = Counter[str]()
    values: dict[str, set[Any]] = {}
    for row in rows:
        for field, value in row.items():
            if (plain := _value(value)) is not None:
                counts[field] += 1
                values.setdefault(field, set()).add(plain)
    divides = [
        field
        for field, known in values.items()
        if (len(known) > 1 or counts[field] < len(rows))
        and (len(known) <= len(rows) / 2 or all(isinstance(value, (int, float)) for value in known))
    ]
    return sorted(divides, key=lambda field: (-counts[field], field))[:FIELDS]


def _value(value: Any) -> str | int | float | None:
    """A value that can name a slice; lists, texts of a paragraph and the like are none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and np.isfinite(value):
        return value
    return value if isinstance(value, str) and 0 < len(value) <= MOST_TEXT else None
