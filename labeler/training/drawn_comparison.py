"""What a model that draws got right on each image that judged it: kept with its run, and two versions compared.

Kept as RunAnswers (run_answers.py writes them). An entry of `answers` is [[class id, shared, the model's, people's], …]
in objects, or pixels where every pixel has a class (labeler/stats/objects/shared.py); its entry of `truth` is a
checksum of what people had drawn by then, so that an image whose answer has changed since is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from labeler.models import RunAnswers, TrainingRun
from labeler.models.project import Task
from labeler.stats import paired
from labeler.stats.objects import shared
from labeler.stats.results import Stat
from labeler.training import run_answers
from labeler.training.run_answers import Answers

Rows = Sequence[Sequence[int]]  # of one image


@dataclass(frozen=True, slots=True)
class Counts:
    """One version on one image, all classes together; objects, or pixels. score: F1, or the share of pixels right."""

    right: int
    missed: int
    invented: int
    score: float


@dataclass(frozen=True, slots=True)
class ChangedImage:
    """One image on which one version is better than the other."""

    image_id: int
    old: Counts
    new: Counts


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions on the images that both have judged by the same answers of people; fixed, broken: of the newer one.

    figures: f1, precision and recall, or miou, of the new one minus the old one, with 95 % intervals by images; the
    first is the one to read. flips: the images one by one, p by the sign test. left_out: images that both have judged,
    by answers that differ.
    """

    part: str  # of RunAnswers.Part
    measure: str
    figures: Mapping[str, Stat]
    flips: paired.Flips
    fixed: list[ChangedImage]  # the largest change first
    broken: list[ChangedImage]
    left_out: int

    @property
    def difference(self) -> Stat:
        return self.figures[self.measure]


def answers(
    part: str, image_ids: Sequence[int], counts: NDArray[np.int64], category_ids: Sequence[int], truth: Sequence[int]
) -> Answers:
    """As RunAnswers keeps them. counts: (n, K, 3), as shared.py has them; truth: (n,), checksum() of each image."""
    rows = [
        [[category_ids[k], *of_image[k].tolist()] for k in np.flatnonzero(of_image.any(axis=1)).tolist()]
        for of_image in counts
    ]
    return Answers(part, image_ids, rows, [], [[one] for one in truth])  # type: ignore[arg-type]


def checksum(objects: Sequence[Mapping[str, Any]]) -> int:
    """Of what people drew on an image, whatever the order: classes by id and shapes as JSON; boxes to a whole px."""
    said = sorted(json.dumps(one, sort_keys=True, default=float) for one in objects)
    return crc32("\n".join(said).encode())


def compare(old: TrainingRun, new: TrainingRun) -> Comparison | None:
    """None where no image was judged by both; of which images, run_answers.of_both says."""
    compare = partial(_compare, pixels=new.project.task == Task.SEMANTIC)
    return run_answers.of_both(old, new, compare, lambda found: found.difference.n)


def _compare(old: RunAnswers, new: RunAnswers, *, pixels: bool) -> Comparison | None:
    before = {pk: (rows, truth) for pk, rows, truth in _entries(old)}
    both = [(pk, *before[pk], rows, truth) for pk, rows, truth in _entries(new) if pk in before]
    alike = [(pk, first, second) for pk, first, then, second, now in both if then == now]
    if not alike:
        return None
    classes = sorted({row[0] for _pk, *sides in alike for rows in sides for row in rows})
    first = _counts([rows for _pk, rows, _now in alike], classes)
    second = _counts([rows for _pk, _then, rows in alike], classes)
    flips = paired.image_by_image(shared.scores(first), shared.scores(second))
    changed = {
        at: ChangedImage(alike[at][0], _of_image(first[at]), _of_image(second[at]))
        for at in [*flips.fixed, *flips.broken]
    }
    return Comparison(
        part=new.part,
        measure=(shared.PIXELS if pixels else shared.OBJECTS)[0],
        figures=shared.differences(first, second, pixels=pixels),
        flips=flips,
        fixed=[changed[at] for at in flips.fixed],
        broken=[changed[at] for at in flips.broken],
        left_out=len(both) - len(alike),
    )


def _entries(kept: RunAnswers) -> Sequence[tuple[int, Rows, Sequence[int]]]:
    return list(zip(kept.image_ids, kept.answers, kept.truth or [], strict=True))


def _counts(images: Sequence[Rows], classes: Sequence[int]) -> NDArray[np.int64]:
    """(n, K, 3), of these classes in their order; one class of nothing where no image has any."""
    place = {pk: k for k, pk in enumerate(classes)}
    counts = np.zeros((len(images), max(len(classes), 1), 3), np.int64)
    for at, rows in enumerate(images):
        for pk, *numbers in rows:
            counts[at, place[pk]] = numbers
    return counts


def _of_image(counts: NDArray[np.int64]) -> Counts:
    right, said, there = (int(number) for number in counts.sum(axis=0))
    return Counts(right, there - right, said - right, float(shared.scores(counts[None])[0]))
