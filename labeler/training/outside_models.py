"""Predictions of other programs' models: who they are of, whether they make sense, stored beside our own.

Two verbs: register() and take_in(). Both are for anybody who brings predictions: REST, imports, a command. Knows rows
of (image id, classes by any name, probabilities by name); not how they were sent, nor how good they are (judging.py).
Such a model is a TrainingRun without files. Never a person's: what it says is no label and no vote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import Invalid
from labeler.intake import lookup
from labeler.label_set import categories as label_set
from labeler.label_set.categories import CategoryIndex
from labeler.models import Prediction, Project, TrainingRun
from labeler.training import judging, outside_objects, prelabels, runs
from labeler.training.outside_objects import DrawnObject, Unusable
from labeler.training.prelabels import Opinion

LONGEST_NAME, LONGEST_VERSION = 200, 100
OFF = 0.01  # so far the probabilities of a single choice may be from a sum of 1: they were rounded
HAIR = 1e-6  # an answer may be so much less likely than the likeliest class, and a probability so far beyond 0 and 1
TOGETHER = 1_000  # rows per transaction
Class = int | str


@dataclass(frozen=True, slots=True)
class Given:
    """What another program says of one image."""

    image_id: int
    categories: Sequence[Class] | None = None  # by id or any name they ever had; None: what its probabilities say
    probabilities: Mapping[str, float] | None = None  # by such a name, missing: 0; None: it gave none
    objects: Sequence[DrawnObject] | None = None  # where people draw; (): nothing is there


@dataclass(slots=True)
class Taken:
    """How many images were stored, and of the others the place (from 0) and a sentence.

    refused_objects: of images that were stored without them: the place, the object's number from 1, and a sentence.
    """

    stored: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    refused_objects: list[tuple[int, int, str]] = field(default_factory=list)


def register(
    *, project: Project, by: User | None, name: str, version: str = "", threshold: float | None = None
) -> tuple[TrainingRun, bool]:
    """The run of another program's model, and whether it is new: the same name and version are the same one.

    threshold: where people draw, the probability from which on its objects are shown; of a new one only.

    Raises Invalid, NotPossibleNow (too many of them).
    """
    name, version = " ".join(name.split()), " ".join(version.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        text = _("A model of another program has a name of 1 to %(most)s characters.") % {"most": LONGEST_NAME}
        raise Invalid(text, fields={"name": ["1 to 200 characters"]})
    if len(version) > LONGEST_VERSION:
        text = _("A version has at most %(most)s characters.") % {"most": LONGEST_VERSION}
        raise Invalid(text, fields={"version": ["too long"]})
    if threshold is not None and not project.draws:
        text = _("A threshold is for drawn objects: here the model answers with classes.")
        raise Invalid(text, fields={"threshold": ["not for classes"]})
    if threshold is not None and not 0 <= threshold <= 1:
        raise Invalid(_("threshold is a probability, from 0 to 1."), fields={"threshold": ["out of range"]})
    config = {} if threshold is None else {"threshold": threshold}
    return runs.register_outside(project=project, by=by, name=name, version=version, config=config)


def take_in(run: TrainingRun, rows: Iterable[Given]) -> Taken:
    """Store what an outside model says, a thousand rows at a time; refuse what makes no sense, row by row.

    An image that is there already is replaced, so the same rows again change nothing; but never what a person was
    shown, because their label says that they saw it. Afterwards a worker judges and calibrates them.
    """
    taken, numbered = Taken(), enumerate(rows)
    while part := list(islice(numbered, TOGETHER)):
        _take_in(run, part, taken)
    if taken.stored:
        judging.request(run)
    return taken


@transaction.atomic
def _take_in(run: TrainingRun, part: Sequence[tuple[int, Given]], taken: Taken) -> None:
    # Two batches of one model, one after the other: they may name the same images in another order.
    locked = TrainingRun.objects.select_for_update(no_key=True, of=("self",)).select_related("project").get(pk=run.pk)
    index = label_set.index(locked.project)
    if not locked.predicted_done:
        in_use = [pk for pk in index.names if pk in index.ids_in_use]
        if in_use != locked.category_ids:
            runs.set_classes(locked, in_use, index.label(in_use))
    image_ids = {row.image_id for _place, row in part}
    there = lookup.by_id(locked.project, image_ids)
    of_classes = _Reader(locked, index)
    of_objects = outside_objects.Reader(locked, image_ids) if locked.project.draws else None
    found: dict[int, tuple[int, Opinion]] = {}
    for place, row in part:
        try:
            if row.image_id not in there:
                raise Unusable(_("This project has no such image."))
            if row.image_id in found:
                raise Unusable(_("This image was named before in the same request."))
            opinion = of_objects.opinion(row.image_id, row.objects) if of_objects else of_classes.opinion(row)
            found[row.image_id] = place, opinion
        except Unusable as refusal:
            taken.refused.append((place, str(refusal)))
        if of_objects:
            taken.refused_objects += [(place, number, reason) for number, reason in of_objects.take_refused()]
    for pk in _said_otherwise(locked, {pk: opinion for pk, (_place, opinion) in found.items()}):
        place, _opinion = found.pop(pk)
        text = _("A person was shown what this model said of this image before. Send it as a new version of the model.")
        taken.refused.append((place, text))
    taken.refused.sort()
    if found:
        n_new = prelabels.store_given(locked, [opinion for _place, opinion in found.values()])
        runs.record_outside_predictions(locked, n_new)
        taken.stored += len(found)


def _said_otherwise(run: TrainingRun, opinions: Mapping[int, Opinion]) -> list[int]:
    """Images of which somebody was shown another word of this model than the one that comes now."""
    seen = prelabels.shown(run, list(opinions))
    before = Prediction.objects.filter(run=run, image__in=seen).values_list("image", "categories", "given", "drawn")
    now = {pk: [one.categories, one.given, one.drawn] for pk, one in opinions.items()}
    return [pk for pk, *said in before if said != now[pk]]


class _Reader:
    """Turns rows into opinions, for one model and the classes of now."""

    def __init__(self, run: TrainingRun, index: CategoryIndex):
        self.index, self.is_multi, self.ids = index, run.project.is_multi, run.category_ids
        self.position = {pk: at for at, pk in enumerate(run.category_ids)}
        self.temperature = run.temperature or 1.0

    def opinion(self, row: Given) -> Opinion:
        """Raises Unusable."""
        p = None if row.probabilities is None else self._vector(row.probabilities)
        if row.categories is None:
            if p is None:
                raise Unusable(_("Give the classes it answers, or the probabilities of the classes."))
            chosen = np.flatnonzero(p >= 0.5) if self.is_multi else [int(p.argmax())]
            answer = sorted(self.ids[at] for at in chosen)
        else:
            answer = sorted({self._class(named) for named in row.categories})
        if not self.is_multi and len(answer) != 1:
            raise Unusable(_("This project wants exactly one class per image."))
        if p is None:
            return Opinion(row.image_id, [], answer, 1.0, None, [])
        places = [self.position[pk] for pk in answer]
        if not self.is_multi and p[places[0]] < p.max() - HAIR:
            names = self.index.label([answer[0], self.ids[int(p.argmax())]])
            raise Unusable(
                _("It answers “%(answer)s”, but by its probabilities “%(likeliest)s” is likelier.")
                % {"answer": names[0], "likeliest": names[1]}
            )
        return prelabels.opinion_of(row.image_id, p, answer, places, self.temperature, is_multi=self.is_multi)

    def _class(self, named: Any) -> int:
        """Where the class is today. Retired ones are refused: what cannot be chosen cannot be suggested."""
        if isinstance(named, bool) or not isinstance(named, int | str):
            raise Unusable(_("Name each class by its id or its name."))
        pk = self.index.by_name.get(named.strip().casefold()) if isinstance(named, str) else named
        if pk is None or pk not in self.index.names:
            raise Unusable(_("This project has no class “%(name)s”.") % {"name": str(named)[:100]})
        today = self.index.present([pk])
        if not today:
            raise Unusable(_("The class “%(name)s” is not in use any more.") % {"name": self.index.names[pk]})
        if today[0] not in self.position:
            text = _("The class “%(name)s” is newer than this model: register a new version of the model.")
            raise Unusable(text % {"name": self.index.names[today[0]]})
        return today[0]

    def _vector(self, given: Mapping[str, float]) -> np.ndarray:
        """(K,) over the classes of the run. Classes that were merged: one or the other of them."""
        p = np.zeros(len(self.ids))
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise Unusable(_("The probability of “%(name)s” is not a number.") % {"name": str(name)[:100]})
            if not -HAIR <= value <= 1 + HAIR:
                raise Unusable(_("The probability of “%(name)s” is not from 0 to 1.") % {"name": str(name)[:100]})
            at, value = self.position[self._class(name)], min(1.0, max(0.0, float(value)))
            p[at] = 1 - (1 - p[at]) * (1 - value) if self.is_multi else p[at] + value
        total = p.sum()
        if not self.is_multi:
            if abs(total - 1) > OFF + 1e-9:
                raise Unusable(_("Its probabilities sum to %(sum)s instead of 1.") % {"sum": f"{total:.4g}"})
            if abs(total - 1) > 1e-9:
                p /= total
        return p


def where_from(run: TrainingRun) -> str:
    """In words, for what a model of another program cannot be asked."""
    return _(
        "Model %(n)s is “%(name)s” of another program: only its predictions are here, so it cannot be asked about "
        "anything else. Use a model that was trained here for this."
    ) % {"n": run.number, "name": run.origin}


def counted(run: TrainingRun) -> str:
    """How many images it has predicted, in words."""
    n = run.predicted_done
    return ngettext("%(n)s prediction", "%(n)s predictions", n) % {"n": f"{n:,}"}
