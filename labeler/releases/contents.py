"""Read a project image by image: its labels, who gave them and what they were shown, consensus, decision, prediction.

All of it as of one moment, however long the reader takes, and in memory that does not grow with the project.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from labeler import categories as label_set
from labeler import consensus
from labeler.accepted import Accepted, of_images
from labeler.models import Consensus, Decision, Image, Label, Prediction, Project, TrainingRun

BATCH = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """A pre-label that a person saw before answering."""

    categories: list[str]
    probability: float
    model: int  # its number in the project


@dataclass(frozen=True, slots=True)
class Judgement:
    """One current label of one person. Classes by their present names, merged ones as what they were merged into."""

    id: int
    annotator: str
    answer: str
    categories: list[str]
    created_at: datetime
    seconds: float | None
    shown: Shown | None  # None: judged blind
    purpose: str
    round: int
    extra: bool
    reason: str
    chosen_by: str
    guideline_version: int
    label_set_version: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the active model says."""

    model: int
    categories: list[str]
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class Contents:
    """One image with all that is known about it."""

    image: Image
    labels: list[Judgement]
    consensus: Consensus
    consensus_names: list[str] | None  # None: nothing can be named (no votes, a tie)
    decision: Decision | None
    prediction: Opinion | None
    accepted: Accepted | None = None  # by a model's word alone; only where the export asks for it


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is as of its first query. A transaction that is open already is used as it is."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A client may take its time between two pieces; the usual limits would cut the file off.
            cursor.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                "SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL statement_timeout = '5min'"
            )
        yield


def read(project: Project, *, accepted: bool = False) -> Iterator[Contents]:
    """Every image of a project in order of id. Call inside snapshot(). accepted: with what stands by a model's word."""
    reader = _Reader(project, accepted=accepted)
    images = Image.objects.for_project(project).order_by("id").iterator(chunk_size=BATCH)
    while batch := list(islice(images, BATCH)):
        yield from reader.contents(batch)


class _Reader:
    """What is the same for all images, read once, and four queries per batch of them (five with the accepted)."""

    def __init__(self, project: Project, *, accepted: bool = False) -> None:
        self.project = project
        self.accepted = accepted
        self.index = label_set.index(project)
        self.run = TrainingRun.objects.filter(project=project, is_active=True).first()
        annotators = Label.objects.filter(project=project).values("annotator")
        self.usernames = dict(get_user_model().objects.filter(pk__in=annotators).values_list("pk", "username"))

    def names(self, ids: list[int]) -> list[str]:
        return self.index.label(self.index.resolve(ids))

    def contents(self, images: list[Image]) -> Iterator[Contents]:
        ids = [image.pk for image in images]
        labels = self._labels(ids)
        decisions = {
            d.image_id: d
            for d in Decision.objects.filter(image__in=ids, withdrawn_at__isnull=True).select_related("reviewer")
        }
        opinions = self._opinions(ids)
        unseen = of_images(self.project, ids) if self.accepted else {}
        for image in images:
            image.standing = [decisions[image.pk]] if image.pk in decisions else []  # type: ignore[attr-defined]
        outcomes = consensus.current(images)
        for image in images:
            decision, outcome = decisions.get(image.pk), outcomes[image.pk]
            yield Contents(
                image=image,
                labels=labels.get(image.pk, []),
                consensus=outcome,
                consensus_names=None if outcome.categories is None else self.names(outcome.categories),
                decision=decision,
                prediction=opinions.get(image.pk),
                accepted=unseen.get(image.pk),
            )

    def _labels(self, ids: list[int]) -> dict[int, list[Judgement]]:
        found: dict[int, list[Judgement]] = defaultdict(list)
        rows: Iterable[Any] = Label.objects.current().filter(image__in=ids).order_by("image", "id").values_list(
            "image_id", "id", "annotator_id", "answer", "categories", "created_at", "seconds", "purpose", "round",
            "extra", "reason", "chosen_by", "guideline_version", "label_set_version", "shown_prediction__categories",
            "shown_prediction__probability", "shown_prediction__run__number",
        )  # fmt: skip
        for image, pk, annotator, answer, named, created_at, seconds, *columns in rows:
            purpose, round_, extra, reason, chosen_by, guideline, label_set_version, *shown = columns
            found[image].append(
                Judgement(
                    id=pk,
                    annotator=self.usernames[annotator],
                    answer=answer,
                    categories=self.names(named),
                    created_at=created_at,
                    seconds=seconds,
                    shown=self._shown(*shown),
                    purpose=purpose,
                    round=round_,
                    extra=extra,
                    reason=reason,
                    chosen_by=chosen_by,
                    guideline_version=guideline,
                    label_set_version=label_set_version,
                )
            )
        return found

    def _shown(self, categories: list[int], probability: float | None, model: int) -> Shown | None:
        return None if probability is None else Shown(self.names(categories), probability, model)

    def _opinions(self, ids: list[int]) -> dict[int, Opinion]:
        if self.run is None:
            return {}
        classes = self.index.label(self.run.category_ids)
        rows = Prediction.objects.filter(run=self.run, image__in=ids).values_list(
            "image_id", "categories", "probability", "probabilities"
        )
        return {
            image: Opinion(
                self.run.number, self.index.label(named), probability, dict(zip(classes, probabilities, strict=True))
            )
            for image, named, probability, probabilities in rows
        }
