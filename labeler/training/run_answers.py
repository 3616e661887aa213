"""Predictions of each version of the model for held-out images: kept with its run, and compared.

The only module that writes RunAnswers. Two versions are compared on the images that both have judged, by the answer
that people had settled on when the later one was judged. Knows no network: a worker brings the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Func, QuerySet, Value
from django.db.models.functions import Concat

from labeler.label_set import categories as label_set
from labeler.models import Image, Project, RunAnswers, TrainingRun
from labeler.models.image import Slice, Status
from labeler.models.job import State
from labeler.stats import kappa, learning, paired
from labeler.stats.results import FEW_IMAGES, Reason, Stat, undefined

Part = RunAnswers.Part
T = TypeVar("T")
STOP_SET = 500  # images; kappa of .99 is then known to about one point
MOST_CROSSED = 20_000  # training images whose answers are kept


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model said: entry k of each is about the k-th image. Classes by id."""

    part: str
    image_ids: Sequence[int]
    answers: Sequence[Sequence[int]]
    probabilities: Sequence[float]  # of each answer
    truth: Sequence[Sequence[int]] | None = None  # what people had settled on; None where nobody had looked


def keep(run: TrainingRun, found: Sequence[Answers]) -> None:
    """Store what a run's model said; in the transaction that finishes the run. Writing it twice is the same as once."""
    rows = [
        RunAnswers(
            run=run,
            part=said.part,
            image_ids=list(said.image_ids),
            answers=[list(ids) for ids in said.answers],
            probabilities=[min(1.0, max(0.0, p)) for p in said.probabilities],
            truth=None if said.truth is None else [list(ids) for ids in said.truth],
        )
        for said in found
        if said.image_ids and (said.part != Part.CROSSED or len(said.image_ids) <= MOST_CROSSED)
    ]
    RunAnswers.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["run", "part"],
        update_fields=["image_ids", "answers", "probabilities", "truth"],
    )


def answers_of(run: TrainingRun, part: str) -> RunAnswers | None:
    """None where nothing is kept: a run of before, or one without such images."""
    return RunAnswers.objects.filter(run=run, part=part).first()


def has(run: TrainingRun) -> bool:
    """Is it kept what this run's model answered on the images that judge it?"""
    return RunAnswers.objects.filter(run=run).exclude(part=Part.STOP).exists()


def judged(run: TrainingRun) -> RunAnswers | None:
    """The answers that the run's figures are of: on the test images, or by cross-validation."""
    part = Part.CROSSED if (run.metrics or {}).get("judged_on") == "cross-validation" else Part.TEST
    return answers_of(run, part)


# ---------------------------------------------------------------- two versions


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """One image on which two versions differ. Classes by id."""

    image_id: int
    truth: list[int]
    old: list[int]
    new: list[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions on the images that both have judged; fixed and broken are of the newer one."""

    part: str  # of RunAnswers.Part
    flips: paired.Flips
    fixed: list[ChangedAnswer]
    broken: list[ChangedAnswer]
    differently_wrong: int  # both wrong, with another answer


def compare(old: TrainingRun, new: TrainingRun) -> Comparison | None:
    """None where no image was judged by both; of which images, of_both says."""
    return of_both(old, new, _compare, lambda found: found.flips.difference.n)


def of_both(
    old: TrainingRun, new: TrainingRun, compare: Callable[[RunAnswers, RunAnswers], T | None], n: Callable[[T], int]
) -> T | None:
    """What `compare` says of the test images, unless those are few and the training images, judged by models that had
    not learned from them, are more. n: how many images a comparison is of.
    """
    kept = {}
    for row in RunAnswers.objects.filter(run__in=[old, new]).exclude(part=Part.STOP):
        row.run = old if row.run_id == old.pk else new  # not read again: its figures are large
        kept[row.run_id, row.part] = row
    found = [
        comparison
        for part in (Part.TEST, Part.CROSSED)
        if (old.pk, part) in kept
        and (new.pk, part) in kept
        and (comparison := compare(kept[old.pk, part], kept[new.pk, part])) is not None
    ]
    if len(found) == 2 and n(found[0]) < FEW_IMAGES < n(found[1]):
        return found[1]
    return found[0] if found else None


def _compare(old: RunAnswers, new: RunAnswers) -> Comparison | None:
    before = dict(zip(old.image_ids, old.answers, strict=True))
    today = label_set.index(new.run.project).resolve  # classes that were merged since are one
    shared = [
        ChangedAnswer(image_id, today(truth), today(before[image_id]), today(said))
        for image_id, said, truth in zip(new.image_ids, new.answers, new.truth or [], strict=True)
        if image_id in before
    ]
    if not shared:
        return None
    n_classes = len(new.run.category_ids)
    several = new.run.project.is_multi
    scores = [
        [_score(row.truth, said, n_classes, several) for row, said in ((row, getattr(row, which)) for row in shared)]
        for which in ("old", "new")
    ]
    flips = paired.image_by_image(*scores)
    wrong = [row for row, s, z in zip(shared, *scores, strict=True) if s < 1 and z < 1]
    return Comparison(
        part=new.part,
        flips=flips,
        fixed=[shared[k] for k in flips.fixed],
        broken=[shared[k] for k in flips.broken],
        differently_wrong=sum(sorted(row.old) != sorted(row.new) for row in wrong),
    )


def _score(truth: Sequence[int], said: Sequence[int], n_classes: int, several: bool) -> float:
    """1 or 0 for a single choice; the share of right yes and no for several labels."""
    if not several:
        return float(list(said) == list(truth))
    return 1 - len(set(truth) ^ set(said)) / max(n_classes, 1)


# ---------------------------------------------------------------- the stop set


class _Md5(Func):
    function = "MD5"


def stop_set(project: Project) -> QuerySet[Image]:
    """A fixed random sample of the images that nobody has judged: STOP_SET of them, by a hash of their content.

    An image that is labeled leaves it and the next by hash enters, so two runs in a row share most of it; nothing about
    the image or the model decides who is in it. Held-out images are not: people are asked about them anyway.
    """
    unseen = Image.objects.filter(project=project, status=Status.UNLABELED).exclude(
        slice__in=(Slice.TEST, Slice.CALIBRATION)
    )
    return unseen.order_by(_Md5(Concat("sha256", Value("stop"))), "pk")[:STOP_SET]


def settled(run: TrainingRun, said: Answers) -> dict[str, Any]:
    """How far this model says the same as the one before of images that nobody has judged, ready for run.metrics.

    {"n", "before": number of that model or None, "kappa": STAT, "same": share or None, "kappas": this and the earlier
    ones, oldest first}. kappa counts whole answers: for several labels the whole set.
    """
    earlier = (
        TrainingRun.objects.filter(
            project=run.project_id, state=State.DONE, number__lt=run.number, answers__part=Part.STOP
        )
        .order_by("-number")
        .only("id", "number")
    )
    last = earlier.first()
    if last is None:
        stat = undefined(Reason("no_earlier_model"), 0)
        return {"n": len(said.image_ids), "before": None, "kappa": stat.as_dict(), "same": None, "kappas": []}
    row = RunAnswers.objects.get(run=last, part=Part.STOP)
    before = dict(zip(row.image_ids, row.answers, strict=True))
    today = label_set.index(run.project).resolve
    pairs = [
        (tuple(today(before[pk])), tuple(today(now)))
        for pk, now in zip(said.image_ids, said.answers, strict=True)
        if pk in before
    ]
    stat = _kappa(pairs)
    measured = (
        TrainingRun.objects.filter(pk__in=earlier.values("pk")[: learning.ROUNDS])
        .order_by("number")
        .values_list("metrics__stop_set__kappa__value", flat=True)
    )
    return {
        "n": len(pairs),
        "before": last.number,
        "kappa": stat.as_dict(),
        "same": sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        "kappas": [*measured, stat.value],
    }


def _kappa(pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> Stat:
    if not pairs:
        return undefined(Reason("no_image_left_of_both"), 0)
    codes = {answer: k for k, answer in enumerate(sorted({answer for pair in pairs for answer in pair}))}
    first, second = ([codes[pair[side]] for pair in pairs] for side in (0, 1))
    return kappa.cohen_kappa(first, second, max(len(codes), 2)).stat()
