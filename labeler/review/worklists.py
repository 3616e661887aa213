"""What is left to settle, hardest first: the images of a project on which people differ, as one ordered list.

Disputed images come first, then those that a majority settled, then those that a reviewer did. Among equals: the
entropy of the votes, then how little the model agrees with the leading vote. Knows counters and predictions;
writes nothing. Deciding is adjudication.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations
from typing import Any

from django.db.models import F, Q, QuerySet

from labeler.labeling import blindness
from labeler.models import Decision, Image, Prediction, Project, TrainingRun
from labeler.models.image import Status
from labeler.models.label import Answer, Purpose
from labeler.review import label_errors
from labeler.stats import tally as votes

MOST = 2_000  # of one list: nobody settles more before it is read again
COUNTED = 999  # on the tab; beyond it says "999+", and costs no more

Pair = tuple[int, int]  # category ids, ascending


class Rank(IntEnum):
    """What comes first."""

    DISPUTED = 0
    DIFFER = 1  # people differ, and a majority settles it, or votes are still to come
    DECIDED = 2


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images are asked for. Normally those that are disputed."""

    pair: Pair | None = None  # somebody said the one and not the other, somebody else the other and not the one
    person: int | None = None  # this person said something else than the decision, the majority, or a divided vote
    everything: bool = False  # also what a majority or a reviewer settled
    # Instead of all that: labels that the active model doubts (label_errors.py), the clearest first.
    doubted: bool = False

    @property
    def is_wide(self) -> bool:
        # What one person said otherwise is mostly settled already, by the others.
        return self.everything or self.person is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """One image in the list."""

    image_id: int
    tally: dict[str, int]
    rank: Rank
    disagreement: float
    doubt: float  # 0: the model is sure of a leading vote, 1: it is sure of something else

    @property
    def key(self) -> tuple[int, float, float, int]:
        return (self.rank, -self.disagreement, -self.doubt, self.image_id)


@dataclass(frozen=True, slots=True)
class Worklist:
    """Images in order, and what they could be narrowed to."""

    entries: list[Entry]
    # Of all of them, before a pair was chosen; most frequent first. None where people draw: answers hold many classes.
    pairs: list[tuple[Pair, int]]
    is_cut: bool  # there are more than MOST; these are the hardest

    def __len__(self) -> int:
        return len(self.entries)

    def place(self, image_id: int) -> int | None:
        """From 0; None when it is not in the list."""
        return next((n for n, entry in enumerate(self.entries) if entry.image_id == image_id), None)

    def following(self, entry: Entry) -> int | None:
        """The place of the first image after `entry`, which need not be in the list; after the last one, the top."""
        if not self.entries:
            return None
        later = (n for n, other in enumerate(self.entries) if other.key > entry.key)
        first = 0 if self.entries[0].image_id != entry.image_id else None
        return next(later, first)


def to_settle(project: Project) -> int:
    """How many images are disputed, up to COUNTED + 1: read from an index, on every page of a reviewer."""
    return Image.objects.for_project(project).filter(status=Status.DISPUTED)[: COUNTED + 1].count()


def worklist(project: Project, selection: Selection, run: TrainingRun | None) -> Worklist:
    """The hardest MOST images of a selection. `run`: the active model, for the order among equals."""
    if selection.doubted:
        entries = [_doubted(one.image, one.doubt.doubt) for one in label_errors.waiting(project, run)]
        return Worklist(sorted(entries, key=lambda entry: entry.key), [], is_cut=False)
    rows = _rows(project, selection)
    is_cut = len(rows) > MOST
    every = _entries(rows[:MOST], run)
    pairs = Counter(pair for entry in every for pair in pairs_of(entry.tally)) if not project.draws else Counter()
    chosen = every
    if selection.pair is not None:
        if is_cut and not project.is_multi:
            # The pair's own images may lie behind the hardest of all.
            rows = _rows(project, selection, Q(tally__has_keys=[str(pk) for pk in selection.pair]))
            is_cut = len(rows) > MOST
            every = _entries(rows[:MOST], run)
        chosen = [entry for entry in every if selection.pair in pairs_of(entry.tally)]
    return Worklist(chosen, pairs.most_common(), is_cut)


def entry_of(image: Image, run: TrainingRun | None, selection: Selection | None = None) -> Entry:
    """Where an image stands in the order of a selection, or stood before it was decided."""
    if selection is not None and selection.doubted:
        of_image = [one.doubt for one in label_errors.rows_of(label_errors.listed(run)) if one.image_id == image.pk]
        return _doubted(image, max(of_image, default=0.0))
    is_disputed = image.status == Status.DISPUTED or (image.has_decision and not votes.is_settled(image.tally))
    rank = Rank.DISPUTED if is_disputed else Rank.DIFFER
    (doubt,) = _doubts([(image.pk, image.tally)], run)
    return Entry(image.pk, image.tally, rank, image.disagreement, doubt)


def _doubted(image: Image, doubt: float) -> Entry:
    # By the doubt alone: how far people differ is another reason to look, with a list of its own.
    return Entry(image.pk, image.tally, Rank.DIFFER, 0.0, doubt)


def pairs_of(tally: Mapping[str, int]) -> set[Pair]:
    """The classes that votes are divided on: one answer names the first and not the second, another the reverse."""
    told = [set(votes.categories_of(answer)) for answer in tally if answer != votes.CANNOT_TELL]
    return {(min(a, b), max(a, b)) for one, other in combinations(told, 2) for a in one - other for b in other - one}


# ---------------------------------------------------------------- reading

_Row = tuple[Any, ...]  # as _COLUMNS, and with a person that person's answer
_COLUMNS = ("id", "tally", "disagreement", "status", "has_decision")


def _rows(project: Project, selection: Selection, narrower: Q | None = None) -> list[_Row]:
    """Up to MOST + 1 rows, rank by rank: each part is read in the order of an index and stops when it is enough."""
    images = Image.objects.for_project(project)
    if narrower is not None:
        images = images.filter(narrower)
    parts: list[QuerySet[Image]] = [images.filter(status=Status.DISPUTED)]
    if selection.is_wide:
        divided = images.filter(disagreement__gt=0)
        parts.append(divided.filter(has_decision=False).exclude(status=Status.DISPUTED))
        # A decision may also be against everybody: only one person's list asks for that.
        parts.append((images if selection.person else divided).filter(has_decision=True))
    found: list[_Row] = []
    for part in parts:
        if len(found) <= MOST:
            found += _part(part, selection.person)[: MOST + 1 - len(found)]
    return found


def _part(images: QuerySet[Image], person: int | None) -> list[_Row]:
    columns = images.order_by("-disagreement", "id")
    if person is None:
        return list(columns.values_list(*_COLUMNS)[: MOST + 1])
    own = columns.filter(
        labels__annotator=person,
        labels__superseded_at=None,
        labels__answer=Answer.LABELED,
        labels__purpose=Purpose.VOTE,
        labels__round=F("round"),
    )
    rows = list(own.values_list(*_COLUMNS, "labels__categories")[: 2 * MOST])
    standing = Decision.objects.filter(image__in=[row[0] for row in rows if row[4]], withdrawn_at=None)
    decided = dict(standing.values_list("image", "categories"))
    return [row for row in rows if _differs(row[-1], row[1], decided.get(row[0]))]


def _differs(own: list[int], tally: Mapping[str, int], decided: list[int] | None) -> bool:
    # A divided vote names nobody the majority: then everybody in it differs from somebody.
    outcome = votes.vote(tally).categories if decided is None else decided
    return outcome != own


def _entries(rows: list[_Row], run: TrainingRun | None) -> list[Entry]:
    doubts = _doubts([(row[0], row[1]) for row in rows], run)
    entries = [
        Entry(pk, tally, _rank(status, decided), disagreement, doubt)
        for (pk, tally, disagreement, status, decided, *_), doubt in zip(rows, doubts, strict=True)
    ]
    return sorted(entries, key=lambda entry: entry.key)


def _rank(status: str, decided: bool) -> Rank:
    if decided:
        return Rank.DECIDED
    return Rank.DISPUTED if status == Status.DISPUTED else Rank.DIFFER


def _doubts(images: list[tuple[int, Mapping[str, int]]], run: TrainingRun | None) -> Iterator[float]:
    """Of each image (id, tally). In between where the model has not looked or must not be listened to: a blind image
    must not even stand in an order that the model made, nor one that is there to check the model.
    """
    told = Image.objects.filter(pk__in=[pk for pk, _ in images]).exclude(blindness.HIDES_MODEL)
    said = {}
    if run and images:
        rows = Prediction.objects.filter(run=run, image__in=told, margin__isnull=False)
        for pk, named, probability in rows.values_list("image", "categories", "probability"):
            said[pk] = votes.key(named), probability
    return (_doubt(tally, *said[pk]) if pk in said else 0.5 for pk, tally in images)


def _doubt(tally: Mapping[str, int], answer: str, probability: float) -> float:
    told = {key: n for key, n in tally.items() if key != votes.CANNOT_TELL}
    most = max(told.values(), default=0)
    leads = told.get(answer, -1) == most
    return (1 - probability) / 2 if leads else (1 + probability) / 2
