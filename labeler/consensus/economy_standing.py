"""The state of a project for the label economy: posterior and seats of each image, and the share of right labels.

Reads; label_economy.py decides what is asked next and writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from labeler.consensus import reliability
from labeler.labeling import label_arrays
from labeler.labeling.seats import HELD_OUT_SEATS
from labeler.models import Decision, Project, columns
from labeler.models.image import HELD_OUT
from labeler.models.project import ConsensusMethod
from labeler.models.queue import ChosenBy
from labeler.stats import dawid_skene, economy
from labeler.stats import tally as votes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
LEAD = 2  # votes by which one answer must lead before a blind image counts as known: with one, 4 of 100 were wrong
FEWEST_CHECKS = 30  # blind images so known, before the product says that any goal is reached
# And before one that must be known to stats.NEAR; of goals known less nearly fewer, by the square; in a small project
# this part of its held-out images, since some are never settled. The claim rests on a temperature that the same images
# gave: with 80 of them by chance less wrong than the rest, it claimed too much and was sure of it.
ENOUGH_CHECKS, MOST_OF = 150, 0.8
# The rule of Standing.checks_wanted() in words, for settings and pages; the docs say the same.
BORNE_OUT = format_lazy(
    gettext_lazy("{enough} blind images bear it out (fewer for lower goals and in small projects, {fewest} at least)"),
    enough=ENOUGH_CHECKS,
    fewest=FEWEST_CHECKS,
)
CLOSE = 1e-4  # how near to chance or to certainty people's accuracy may come


@dataclass(frozen=True, slots=True)
class Standing:
    """What every image that shall have a label is believed to be. All arrays by image, ids ascending."""

    image_ids: IntArray  # (n,)
    categories: list[int]  # ids, (K,)
    posterior: FloatArray  # (n, K); multi-label: of each class by itself
    accuracy: float  # chance that the next person is right
    votes: IntArray  # (n,), cannot-tells included
    decided: BoolArray  # by a reviewer
    held_out: BoolArray
    checks: economy.Checks
    has_model: bool
    is_multi: bool

    @property
    def confidence(self) -> FloatArray:
        """What is claimed of each label, (n,)."""
        return sure(self.posterior, self.is_multi)

    @property
    def judged(self) -> BoolArray:
        return (self.votes > 0) | self.decided

    def share_right(self) -> economy.ShareRight:
        return economy.share_right(self.confidence, self.judged, self.checks if self.checks.right.size else None)

    def gain(self) -> FloatArray:
        """Labels that one more judgement makes right, on average; several labels: answers, of all its classes."""
        if not self.is_multi:
            return economy.gain(self.posterior, self.accuracy)
        found = np.zeros(len(self.posterior))
        for p in self.posterior.T:
            found += economy.gain(np.column_stack((1 - p, p)), self.accuracy)
        return found

    def checks_wanted(self, goal: float) -> int:
        """Blind images that must be known before the goal is said to be reached."""
        enough = ENOUGH_CHECKS * (economy.NEAR / economy.near_enough(goal)) ** 2
        return max(FEWEST_CHECKS, int(min(enough, MOST_OF * self.held_out.sum())))

    def is_borne_out(self, goal: float) -> bool:
        """Enough blind images stand behind what is said of the goal."""
        return self.checks.right.size >= self.checks_wanted(goal)

    def reached(self, goal: float) -> bool:
        """The goal is reached, and enough blind images say so too."""
        return self.is_borne_out(goal) and self.share_right().reached(goal)


def sure(p: FloatArray, is_multi: bool) -> FloatArray:
    return np.maximum(p, 1 - p).prod(axis=1) if is_multi else p.max(axis=1)


def alone(model: FloatArray, is_multi: bool) -> FloatArray:
    """What a calibrated model claims of its own answers where nobody has judged, never certainty; shape (n,)."""
    most = dawid_skene.SUREST_ALONE
    return sure(np.clip(model, 1 - most, most) if is_multi else dawid_skene.bounded(model, most), is_multi)


# One row per image of the project.
_BOARD = """
    SELECT i.id, i.n_votes::int, coalesce((i.tally ->> '?')::int, 0), i.has_decision::int,
           (i.slice IN ('test', 'calibration'))::int, (i.slice <> '')::int, e.seats::int, e.seats_left::int,
           e.accepted::int, (e.chosen_by = 'audit')::int, e.priority,
           coalesce(array_position(%s::text[], e.chosen_by::text), 0)
    FROM labeler_image i JOIN labeler_queueentry e ON e.image_id = i.id WHERE i.project_id = %s
"""
_NUMBERS = ("votes", "unsure", "decided", "held_out", "blind", "seats", "left", "accepted", "audited")
_REASONS = (ChosenBy.RANDOM, ChosenBy.UNCERTAINTY, ChosenBy.GAIN, ChosenBy.DOUBT, ChosenBy.COVER)
_BOARD_RECORD = columns.record(
    [("id", ">i8"), *((name, ">i4") for name in _NUMBERS), ("priority", ">f8"), ("why", ">i4")]
)


@dataclass(frozen=True, slots=True)
class Board:
    """Seats and places of the images that shall have a label, as read. Same order as Standing."""

    taken: IntArray
    left: IntArray
    unsure: IntArray  # cannot-tells
    blind: BoolArray
    accepted: BoolArray  # a model's answer stands for people's (acceptance/accepting.py): nobody is asked
    audited: BoolArray  # of the accepted, judged all the same: like the held-out ones, but their place is not ours
    priority: FloatArray
    why: IntArray  # place in _REASONS, from 1; 0: another reason


def standing(project: Project) -> Standing | None:
    """What is believed of the images of a project now; None where there is nothing to infer: no image, one class, or
    drawn objects, of which nobody computes how probable they are."""
    found = read_standing(project)
    return None if found is None else found[0]


def read_standing(project: Project) -> tuple[Standing, Board, reliability.Inference] | None:
    if project.draws:
        return None
    table = columns.read(_BOARD, [[why.value for why in _REASONS], project.pk], _BOARD_RECORD, whole=True)
    table = table[np.argsort(table["id"], kind="stable")]
    if not table.size:
        return None
    ids = table["id"].astype(np.int64)
    rows = label_arrays.read_labels(project)
    found = reliability.infer(project, ConsensusMethod.WITH_MODEL, rows, images=ids)
    if found is None:
        return None
    # A new image may have come between the two queries; it waits for the next look.
    at = np.searchsorted(found.image_ids, ids)
    posterior, model = found.posterior[at], None if found.model is None else found.model[at]
    decisions = dict(
        Decision.objects.filter(image__project=project, withdrawn_at=None).values_list("image", "categories")
    )
    undecidable = decide(posterior, ids, decisions, project, rows.categories)
    accuracy = float(np.mean(list(found.accuracy.values()))) if found.accuracy else dawid_skene.DECENT
    chance = 1 / (2 if project.is_multi else posterior.shape[1])
    held_out = table["held_out"].astype(bool)
    checks = _checks(project, ids, held_out, model, decisions, rows.categories)
    keep = ~undecidable
    kept = table[keep]
    number = {name: kept[name].astype(np.int64) for name in ("votes", "seats", "left", "unsure", "why")}
    flag = {name: kept[name].astype(bool) for name in ("decided", "held_out", "blind", "accepted", "audited")}
    now = Standing(
        ids[keep], rows.categories, posterior[keep], float(np.clip(accuracy, chance + CLOSE, 1 - CLOSE)),
        number["votes"], flag["decided"], flag["held_out"], checks, model is not None, project.is_multi,
    )  # fmt: skip
    board = Board(
        number["seats"] - number["left"], number["left"], number["unsure"], flag["blind"], flag["accepted"],
        flag["audited"], kept["priority"].astype(np.float64), number["why"],
    )  # fmt: skip
    return now, board, found


def decide(
    posterior: FloatArray, ids: IntArray, decisions: dict[int, list[int]], project: Project, categories: list[int]
) -> BoolArray:
    """Let reviewers' decisions stand above every vote, in place. True where a reviewer found no answer."""
    place, none = {pk: at for at, pk in enumerate(categories)}, np.zeros(len(ids), dtype=bool)
    where = {pk: at for at, pk in enumerate(ids.tolist())} if decisions else {}
    for pk, named in decisions.items():
        known = [place[c] for c in named if c in place]
        if pk not in where:
            continue
        if len(known) < len(named) or (not known and not project.is_multi):
            none[where[pk]] = True
            continue
        posterior[where[pk]] = 0.0
        posterior[where[pk], known] = 1.0
    return none


def _checks(
    project: Project,
    ids: IntArray,
    held_out: BoolArray,
    model: FloatArray | None,
    decisions: dict[int, list[int]],
    categories: list[int],
) -> economy.Checks:
    """The held-out images that are known, and what the model alone would have called them."""
    nothing = economy.Checks(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    if model is None:
        return nothing
    tallies = project.images.filter(slice__in=HELD_OUT, n_votes__gte=HELD_OUT_SEATS)
    known = {pk: named for pk, tally in tallies.values_list("pk", "tally") if (named := _leading(tally)) is not None}
    known |= decisions
    place = {pk: at for at, pk in enumerate(categories)}
    claimed = alone(model, project.is_multi)
    confidence, right = [], []
    for at in np.flatnonzero(held_out & ~np.isnan(model).any(axis=1)).tolist():
        named = known.get(int(ids[at]))
        if named is None or any(c not in place for c in named) or (not named and not project.is_multi):
            continue
        confidence.append(float(claimed[at]))
        if project.is_multi:
            said = set(np.flatnonzero(model[at] > reliability.SURE).tolist())
            right.append(said == {place[c] for c in named})
        else:
            right.append(int(model[at].argmax()) == place[named[0]])
    if not right:
        return nothing
    return economy.Checks(np.array(confidence), np.array(right), np.zeros(len(right), dtype=bool))


def _leading(tally: dict[str, int]) -> list[int] | None:
    """The answer that leads by LEAD votes, or None."""
    told = sorted((n for answer, n in tally.items() if answer != votes.CANNOT_TELL), reverse=True)
    if not told or told[0] - (told[1] if len(told) > 1 else 0) < LEAD:
        return None
    return votes.vote(tally).categories
