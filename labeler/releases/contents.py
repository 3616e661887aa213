"""Read a project image by image: its labels, who gave them and what they were shown, outcome, decision, prediction.

All of it as of one moment, however long the reader takes, and in memory that does not grow with the project. The one
reader of all formats; what an image is taken to be is the rule of outcomes.py. Tuples, and three queries for a thousand
images: with a model instance for each row an export took four times as long.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, When

from labeler.acceptance.summary import of_images
from labeler.consensus.objects import current as current_objects
from labeler.label_set import categories as label_set
from labeler.labeling import object_rows
from labeler.labeling.objects import Drawn, shape_of
from labeler.models import Image, Label, Project
from labeler.models.label import IMPORT, PERSON, Answer
from labeler.releases.outcomes import ACCEPTED, COLUMNS, IMAGES, Outcome, OutcomeRule

BATCH = 1000
BATCH_DRAWN = 100  # an answer may have 3,000 objects
# Who an outcome comes from, where it is nobody's judgement.
MODEL = "model"

Names = tuple[str, ...]


class Pictured(NamedTuple):
    """The image itself."""

    pk: int
    name: str
    sha256: str
    extension: str
    width: int
    height: int
    n_bytes: int
    status: str
    metadata: str  # JSON


class Object(NamedTuple):
    """A drawn object. shape as in REST: {"box" | "polygon" | "mask": …}, in px of the upright image."""

    number: int  # from 1; stays within its answer
    category: str  # the present name of its class
    shape: dict[str, Any]
    attributes: dict[str, Any] = {}
    n: int | None = None  # of an outcome: how many drew it ...
    asked: int | None = None  # ... of so many who answered
    probability: float | None = None  # of a model's
    # Of a person who was shown a pre-label: what they did with its objects (models.drawn.Change), "" without one.
    origin: int | None = None  # number of the pre-label's object that it comes from
    change: str = ""
    iou: float | None = None  # with that object


class Shown(NamedTuple):
    """A pre-label that a person saw before answering."""

    categories: Names
    probability: float | None  # None: an outside model that gave none
    model: int  # its number in the project


class Judgement(NamedTuple):
    """One current label of one person. Classes by their present names, merged ones as what they were merged into."""

    id: int
    annotator: str
    answer: str
    categories: Names
    created_at: datetime
    seconds: float | None
    shown: Shown | None
    purpose: str
    round: int
    extra: bool
    reason: str
    chosen_by: str
    guideline_version: int
    label_set_version: int
    import_id: int | None  # the import it came with; None: given here
    informed: bool  # others' answers or a model's were known before
    objects: tuple[Object, ...] | None = None  # None: answers are classes
    deleted: tuple[int, ...] = ()  # numbers of the pre-label's objects that the person took away

    @property
    def source(self) -> str:
        return PERSON if self.import_id is None else IMPORT


# How a judgement came about, by the names that tables and JSON have for it too.
PROVENANCE = ("purpose", "round", "extra", "reason", "chosen_by", "guideline_version", "label_set_version", "source")


class Ruling(NamedTuple):
    """A reviewer's standing decision. What it names is the outcome."""

    undecidable: bool
    reviewer: str
    reason: str
    created_at: datetime


class Opinion(NamedTuple):
    """What the active model says."""

    model: int
    categories: Names
    probability: float | None  # None: an outside model that gave none
    probabilities: dict[str, float]
    objects: tuple[Object, ...] | None = None  # those that are shown


class ModelsWord(NamedTuple):
    """What stands for an image by a model's word alone."""

    categories: Names  # of several labels there may be none
    model: int
    probability: float
    precision: float | None  # promised, where it was accepted under a promise
    confidence: float | None


class Contents(NamedTuple):
    """One image with all that is known about it."""

    image: Pictured
    labels: list[Judgement]
    outcome: Outcome
    names: Names | None  # of the outcome; None: nothing can be named (no votes, a tie)
    decision: Ruling | None
    prediction: Opinion | None  # None also where the image is judged blind
    by_model: ModelsWord | None = None  # only where the export asks for it
    split: str = ""  # train, validation or test, where the data set is split
    objects: tuple[Object, ...] | None = None  # of the outcome, where answers are drawn; None: nothing can be named


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


def read(project: Project, *, accepted: bool = False, only: QuerySet[Image] | None = None) -> Iterator[Contents]:
    """Every image of a project, or only some, in order of id. Call inside snapshot().

    accepted: with what stands by a model's word alone. Without, such images have no outcome.
    """
    reader = _Reader(project, accepted=accepted)
    images = Image.objects.for_project(project) if only is None else only
    ids = images.order_by("id").values_list("pk", flat=True).iterator(chunk_size=BATCH)
    while batch := list(islice(ids, BATCH_DRAWN if project.draws else BATCH)):
        yield from reader.contents(batch[0], batch[-1], None if only is None else batch)


_IMAGES = f"""
    SELECT i.id, i.name, i.sha256, i.extension, i.width, i.height, i.n_bytes, i.status, i.metadata::text,
           {COLUMNS},
           d.reviewer_id, d.reason, d.created_at, p.categories,
           CASE WHEN p.margin IS NULL THEN NULL ELSE p.probability END, p.probabilities, p.drawn::text
    FROM {IMAGES} LEFT JOIN labeler_prediction p ON p.image_id = i.id AND p.run_id = %(run)s
    WHERE i.project_id = %(project)s AND i.id BETWEEN %(first)s AND %(last)s
      AND (%(some)s::bigint[] IS NULL OR i.id = ANY (%(some)s::bigint[])) ORDER BY i.id
"""
_ABOUT = len(Pictured._fields)  # the columns of the image itself come first ...
_DECIDING = _ABOUT + 10  # ... then those of Rule.outcome


# Nothing where an outside model gave no probabilities with its answer.
SAID_PROBABILITY = Case(When(shown_prediction__margin__isnull=False, then=F("shown_prediction__probability")))


class _Reader:
    """What is the same for all images, read once, and what their names and votes come to, kept while they recur."""

    def __init__(self, project: Project, *, accepted: bool = False) -> None:
        self.project = project
        self.accepted = accepted
        self.rule = OutcomeRule(project)
        self.run = self.rule.run
        self.index = label_set.index(project)
        self.learned = self.index.label(self.run.category_ids if self.run else None)
        self.usernames: dict[int, str] = {}
        self.resolved = lru_cache(maxsize=10_000)(lambda ids: tuple(self.index.label(self.index.resolve(ids))))
        self.labelled = lru_cache(maxsize=10_000)(lambda ids: tuple(self.index.label(ids)))

    def names(self, ids: Iterable[int]) -> Names:
        return self.resolved(tuple(ids))

    def contents(self, first: int, last: int, some: list[int] | None = None) -> Iterator[Contents]:
        """The project's images from one id to another; all, or some of them."""
        labels = self._labels(first, last, some)
        asked: dict[str, Any] = {
            "project": self.project.pk, "first": first, "last": last, "some": some, "methods": self.rule.methods,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_IMAGES, {**asked, "run": self.run.pk if self.run else None})
            rows = cursor.fetchall()
        self._learn_usernames(row[_DECIDING] for row in rows)
        outcomes = [self.rule.outcome(*row[_ABOUT:_DECIDING]) for row in rows]
        accepted = self._accepted(rows, outcomes) if self.accepted else {}
        drawn = self._drawn([row[0] for row in rows]) if self.project.draws else {}
        for row, outcome in zip(rows, outcomes, strict=True):
            pk, hidden = row[0], row[_ABOUT + 2]
            reviewer, reason, decided_at, *opinion = row[_DECIDING:]
            objects = drawn.get(pk)
            if self.project.draws:
                outcome = _outcome_of(outcome, objects)
            yield Contents(
                Pictured._make(row[:_ABOUT]),
                labels.get(pk, []),
                outcome,
                _classes_of(objects) if self.project.draws
                else None if outcome.categories is None else self.names(outcome.categories),
                None if reviewer is None else Ruling(
                    outcome.categories is None, self.usernames[reviewer], reason, decided_at
                ),
                None if hidden else self._opinion(*opinion),
                accepted.get(pk),
                objects=objects,
            )  # fmt: skip

    def _drawn(self, images: list[int]) -> dict[int, tuple[Object, ...]]:
        """The objects of each image's outcome; an image without an outcome is missing.

        So is one with an open object, as a tie of classes is: its place would be taught as empty.
        """
        listed = Image.objects.filter(pk__in=images).only("n_votes", "has_decision", "width", "height")
        return {
            pk: tuple(
                Object(
                    number, self.names([one["category"]])[0], shape_of(one),
                    one.get("attributes") or {}, one.get("n"), one.get("asked"),
                )
                for number, one in enumerate(found, start=1)
            )
            for pk, found in current_objects(self.project, listed).items()
            if all(one.get("settled", True) for one in found)
        }  # fmt: skip

    def _labels(self, first: int, last: int, some: list[int] | None) -> dict[int, list[Judgement]]:
        found: dict[int, list[Judgement]] = defaultdict(list)
        labels = Label.objects.current().filter(project=self.project, image__gte=first, image__lte=last)
        labels = labels if some is None else labels.filter(image__in=some)
        rows: list[Any] = list(labels.order_by("image", "id").values_list(
            "image_id", "id", "annotator_id", "answer", "categories", "created_at", "seconds",
            "shown_prediction__categories", SAID_PROBABILITY, "shown_prediction__run__number",
            "purpose", "round", "extra", "reason", "chosen_by", "guideline_version", "label_set_version",
            "source_import", "informed", "value",
        ))  # fmt: skip
        self._learn_usernames(row[2] for row in rows)
        drawn = object_rows.read([row[1] for row in rows]) if self.project.draws else {}
        for image, pk, annotator, answer, named, created_at, seconds, said, sure, model, *rest, value in rows:
            shown = None if said is None else Shown(self.names(said), sure, model)
            one = Judgement(pk, self.usernames[annotator], answer, self.names(named), created_at, seconds, shown, *rest)
            if answer == Answer.LABELED and pk in drawn:
                deleted = tuple(value.get("deleted", ())) if value else ()
                one = one._replace(objects=self._objects(drawn[pk]), deleted=deleted)
            found[image].append(one)
        return found

    def _objects(self, drawn: Iterable[Drawn]) -> tuple[Object, ...]:
        return tuple(
            Object(
                one.number, self.names([one.category])[0], one.shape, one.attributes,
                origin=one.origin, change=str(one.change), iou=one.iou,
            )
            for one in drawn
        )  # fmt: skip

    def _learn_usernames(self, ids: Iterable[int | None]) -> None:
        unknown = {pk for pk in ids if pk is not None} - self.usernames.keys()
        if unknown:
            self.usernames |= dict(get_user_model().objects.filter(pk__in=unknown).values_list("pk", "username"))

    def _opinion(
        self, named: list[int] | None, probability: float | None, probabilities: Sequence[float] | None,
        drawn: str | None,
    ) -> Opinion | None:  # fmt: skip
        if self.run is None or named is None or probabilities is None:
            return None
        each = dict(zip(self.learned, probabilities, strict=True)) if probabilities else {}
        objects = None
        if drawn is not None and self.project.draws:
            objects = tuple(
                Object(
                    one["number"], self.names([one["category"]])[0],
                    shape_of(one), probability=one.get("probability"),
                )
                for one in json.loads(drawn)
                if one.get("shown", True)
            )  # fmt: skip
        return Opinion(self.run.number, self.labelled(tuple(named)), probability, each, objects)

    def _accepted(self, rows: list[Any], outcomes: list[Outcome]) -> dict[int, ModelsWord]:
        """What stands by a model's word alone, by image: accepted under a promise, or filled in without one."""
        alone = {row[0]: (row, outcome) for row, outcome in zip(rows, outcomes, strict=True) if outcome.by_model}
        promised = of_images(self.project, [pk for pk, (_, one) in alone.items() if one.by_model == ACCEPTED])
        found = {}
        for pk, (row, _) in alone.items():
            if (one := promised.get(pk)) is not None:
                found[pk] = ModelsWord(tuple(one.names), one.model, one.probability, one.precision, one.confidence)
            elif self.run is not None:
                _method, kept, confidence, _votes = row[_DECIDING - 4 : _DECIDING]
                found[pk] = ModelsWord(self.names(kept), self.run.number, confidence, None, None)
        return found


def _classes_of(objects: Sequence[Object] | None) -> Names | None:
    """The classes present, each once; None where there is no outcome."""
    return None if objects is None else tuple(dict.fromkeys(one.category for one in objects))


def _outcome_of(outcome: Outcome, objects: Sequence[Object] | None) -> Outcome:
    """Object by object, not by the votes' sets of classes: people who saw the same classes may have drawn other
    things.
    """
    if objects is not None:
        return outcome._replace(categories=outcome.categories or (), is_tie=False)
    is_open = outcome.categories is not None or outcome.is_tie
    return outcome._replace(categories=None, confidence=None, is_tie=is_open and bool(outcome.n_votes))
