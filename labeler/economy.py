"""The label economy of a project: ask where one more judgement makes most labels right, and say how many are.

A worker weighs (worker/care.py); saving a label knows nothing of it. In projects that ask by gain: every image has a
posterior, from its votes and from the model where that may vote (voice.py); the queue's priority is what one more
judgement is worth, of a new image and of one more opinion alike; each image has at most one open seat, so that the
next answer is asked for when this one is known. The held-out slices come at a constant random rate, blind, until one
answer leads by two: by them the figures are corrected. At the goal nobody is asked any more but for those.

The arithmetic is labeler/stats/economy.py. The only module that writes EconomyPoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Sum
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from labeler import columns, inference, prelabels, recount, reports, seating
from labeler.models import Decision, EconomyPoint, Image, Project
from labeler.models.image import HELD_OUT
from labeler.models.project import ConsensusMethod
from labeler.models.queue import ChosenBy
from labeler.seating import HELD_OUT_SEATS
from labeler.stats import economy, truth
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
SAME = 0.03  # a priority that moved by less than this part of itself is not written again, nor of TIE
TIE = 1e-6  # images of equal gain: the less sure first, or at random
SPREAD = 0.1  # over which the priorities of blind images lie that come for what they bring: in the order of their draw
CLOSE = 1e-4  # how near to chance or to certainty people's accuracy may come
POINT_EVERY = 0.01  # judgements per image between two readings that are kept


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
        return _sure(self.posterior, self.is_multi)

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


def _sure(p: FloatArray, is_multi: bool) -> FloatArray:
    return np.maximum(p, 1 - p).prod(axis=1) if is_multi else p.max(axis=1)


def _alone(model: FloatArray, is_multi: bool) -> FloatArray:
    """What a calibrated model claims of its own answers where nobody has judged, never certainty; shape (n,)."""
    most = truth.SUREST_ALONE
    return _sure(np.clip(model, 1 - most, most) if is_multi else truth.bounded(model, most), is_multi)


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
class _Board:
    """Seats and places of the images that shall have a label, as read. Same order as Standing."""

    taken: IntArray
    left: IntArray
    unsure: IntArray  # cannot-tells
    blind: BoolArray
    accepted: BoolArray  # a model's answer stands for people's (acceptance.py): nobody is asked
    audited: BoolArray  # of the accepted, judged all the same: like the held-out ones, but their place is not ours
    priority: FloatArray
    why: IntArray  # place in _REASONS, from 1; 0: another reason


def standing(project: Project) -> Standing | None:
    """What is believed of the images of a project now; None where there is nothing to infer: no image, one class."""
    found = _read(project)
    return None if found is None else found[0]


def _read(project: Project) -> tuple[Standing, _Board, inference.Inference] | None:
    table = columns.read(_BOARD, [[why.value for why in _REASONS], project.pk], _BOARD_RECORD, whole=True)
    table = table[np.argsort(table["id"], kind="stable")]
    if not table.size:
        return None
    ids = table["id"].astype(np.int64)
    rows = reports.read_labels(project)
    found = inference.infer(project, ConsensusMethod.WITH_MODEL, rows, images=ids)
    if found is None:
        return None
    # A new image may have come between the two queries; it waits for the next look.
    at = np.searchsorted(found.image_ids, ids)
    posterior, model = found.posterior[at], None if found.model is None else found.model[at]
    decisions = dict(
        Decision.objects.filter(image__project=project, withdrawn_at=None).values_list("image", "categories")
    )
    undecidable = _decide(posterior, ids, decisions, project, rows.categories)
    accuracy = float(np.mean(list(found.accuracy.values()))) if found.accuracy else _decent()
    held_out = table["held_out"].astype(bool)
    checks = _checks(project, ids, held_out, model, decisions, rows.categories)
    keep = ~undecidable
    now = Standing(
        ids[keep], rows.categories, posterior[keep], _plausible(accuracy, posterior.shape[1], project.is_multi),
        table["votes"].astype(np.int64)[keep], table["decided"].astype(bool)[keep], held_out[keep], checks,
        model is not None, project.is_multi,
    )  # fmt: skip
    seats, left = table["seats"].astype(np.int64), table["left"].astype(np.int64)
    board = _Board(
        (seats - left)[keep], left[keep], table["unsure"].astype(np.int64)[keep], table["blind"].astype(bool)[keep],
        table["accepted"].astype(bool)[keep], table["audited"].astype(bool)[keep],
        table["priority"].astype(np.float64)[keep], table["why"].astype(np.int64)[keep],
    )  # fmt: skip
    return now, board, found


def _decent() -> float:
    return truth.RIGHT_BEFORE[0] / sum(truth.RIGHT_BEFORE)


def _plausible(accuracy: float, k: int, is_multi: bool) -> float:
    return float(np.clip(accuracy, 1 / (2 if is_multi else k) + CLOSE, 1 - CLOSE))


def _decide(
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
    claimed = _alone(model, project.is_multi)
    confidence, right = [], []
    for at in np.flatnonzero(held_out & ~np.isnan(model).any(axis=1)).tolist():
        named = known.get(int(ids[at]))
        if named is None or any(c not in place for c in named) or (not named and not project.is_multi):
            continue
        confidence.append(float(claimed[at]))
        if project.is_multi:
            said = set(np.flatnonzero(model[at] > inference.SURE).tolist())
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


# ---------------------------------------------------------------- for the worker


def weigh(project: Project) -> int:
    """Look at all images anew, in a project that asks by gain: consensus, seats, order, and a reading that is kept.

    How many rows changed. Safe to run twice, beside people who label, and on two workers at once.
    """
    read = _read(project)
    if read is None:
        return inference.run(project)
    now, board, found = read
    changed = inference.run(project, found if project.consensus_method == ConsensusMethod.WITH_MODEL else None)
    share = now.share_right()
    reached = now.is_borne_out(project.goal_right) and share.reached(project.goal_right)
    gain = now.gain()
    wanted, doubted = _seats(project, now, board, reached=reached)
    changed += _seat(now, board, wanted, doubted)
    changed += _order(project, now, board, gain, wanted, doubted)
    _keep(project, now, share)
    return changed


def _seats(project: Project, now: Standing, board: _Board, *, reached: bool) -> tuple[IntArray, BoolArray]:
    """Seats of each image in all, and which of the held-out ones go on because people differ; shape (n,).

    One open seat where somebody is left to ask, none at the goal. A seat that is taken and not yet answered is waited
    for.
    """
    people = project.memberships.filter(paused_at__isnull=True).count()
    most = min(project.most_labels, max(people, 1))
    waiting = board.taken > now.votes
    asks = ~now.decided & (board.unsure < votes.CANNOT_TELL_LIMIT) & ~waiting & (now.votes < most)
    judges = now.held_out | board.audited
    wanted = board.taken + (asks & ~judges & (not reached))
    tallied = project.images.filter(pk__in=now.image_ids[judges & (now.votes >= HELD_OUT_SEATS)].tolist())
    known = np.isin(
        now.image_ids, [pk for pk, tally in tallied.values_list("pk", "tally") if _leading(tally) is not None]
    )
    first = judges & ~now.decided & (now.votes < HELD_OUT_SEATS)
    wanted = np.where(first, np.maximum(board.taken, HELD_OUT_SEATS), wanted)
    again = judges & asks & ~first & ~known
    wanted = np.where(again, board.taken + 1, wanted)
    # Where somebody is paused, a lead may have asked others (opinions.py): what is open there stays open.
    paused = project.memberships.filter(paused_at__isnull=False).values("user")
    if paused:
        asked = project.labels.current().filter(annotator__in=paused).values_list("image_id", flat=True)
        kept = np.isin(now.image_ids, list(asked))
        wanted = np.where(kept, np.maximum(wanted, board.taken + board.left), wanted)
    return np.where(board.accepted, board.taken + board.left, wanted), again


def _seat(now: Standing, board: _Board, wanted: IntArray, doubted: BoolArray) -> int:
    """Write the seats that changed, and what follows for the images' status; how many."""
    differs = np.flatnonzero(wanted != board.taken + board.left)
    if not differs.size:
        return 0
    seats = dict(zip(now.image_ids[differs].tolist(), wanted[differs].tolist(), strict=True))
    changed = seating.set_each(seats, in_doubt=now.image_ids[doubted].tolist())
    labeled = differs[now.votes[differs] > 0]
    more = wanted[labeled] > (board.taken + board.left)[labeled]
    recount.opened(now.image_ids[labeled[more]].tolist())
    recount.closed(now.image_ids[labeled[~more]].tolist())
    return changed


def _order(
    project: Project, now: Standing, board: _Board, gain: FloatArray, wanted: IntArray, doubted: BoolArray
) -> int:
    """Places of the images with an open seat; how many moved.

    By gain, the blind ones among them in the order of their draw, at a constant rate at least, and all of them before
    images that gain less than one of theirs does on average. Which of them comes next never depends on what the model
    says of it: so those judged by then are a random sample at any time.
    """
    chance = _chance(project, now.image_ids)
    open_ = (wanted > board.taken) & (board.why > 0) & ~board.accepted
    drawn = open_ & board.blind & (now.held_out | (now.votes == 0))
    known = (now.votes > 0) | now.has_model
    priority = gain + TIE * np.where(known, 1 - _margin(now) + chance / 100, chance)
    ordered = np.flatnonzero(open_ & ~drawn)
    ordered = ordered[np.argsort(-priority[ordered], kind="stable")]
    blind = np.flatnonzero(drawn)
    blind = blind[np.argsort(-chance[blind], kind="stable")]
    rate = max(float(board.blind.mean()), TIE)
    priority[blind] = _among(priority[ordered], (wanted - board.taken)[blind], rate)
    untouched = blind[now.votes[blind] == 0]
    if untouched.size:
        # What nobody has judged has the model's answer, right as often as on any random image: towards the end that is
        # most of what is wrong, and no other image gains as much.
        brings = float(gain[untouched].mean())
        priority[blind] = np.maximum(priority[blind], brings * (1 - SPREAD * np.arange(blind.size) / blind.size))
    moved = np.abs(priority - board.priority) > np.maximum(SAME * priority, SAME * TIE)
    if (np.diff(np.where(moved, priority, board.priority)[blind]) > 0).any():
        moved[blind] = True  # a place that is kept because it is nearly right would be out of turn
    priority = np.where(moved, priority, board.priority)
    places = {}
    names = [why.value for why in _REASONS]
    for at in np.flatnonzero(open_).tolist():
        why = names[board.why[at] - 1]
        if not drawn[at]:
            why = ChosenBy.GAIN.value if known[at] else ChosenBy.RANDOM.value
        elif why != ChosenBy.DOUBT.value:
            why = ChosenBy.DOUBT.value if doubted[at] else ChosenBy.RANDOM.value
        if moved[at] or why != names[board.why[at] - 1]:
            places[int(now.image_ids[at])] = (float(priority[at]), why)
    return prelabels.place(project, places) if places else 0


def _among(ordered: FloatArray, seats: IntArray, rate: float) -> FloatArray:
    """Priorities of blind images that come, seat by seat, at this rate between those of the others, highest first.

    ordered: the others', descending. The first comes half a step from the top.
    """
    before = (np.cumsum(seats) - seats + 0.5) * (1 / rate - 1)  # judgements of others that come first
    at = np.floor(before).astype(np.int64)
    ends = np.concatenate(([1.0], ordered, [0.0])) if ordered.size else np.array([1.0, 0.0])
    inside = np.minimum(at, len(ends) - 2)
    between = (ends[inside] + ends[inside + 1]) / 2
    # Behind all others: still one after another.
    beyond = ends[-2] / (2.0 + np.arange(seats.size))
    return np.where(at <= len(ends) - 2, between, beyond)


def _margin(now: Standing) -> FloatArray:
    """How far the first class leads, 0 to 1."""
    if now.is_multi:
        return np.abs(2 * now.posterior - 1).min(axis=1)
    two = np.partition(now.posterior, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def _chance(project: Project, ids: IntArray) -> FloatArray:
    """A number in [0, 1) for each image, random to everyone without the project's salt, the same at every look."""
    seed = int(seating.draw(project, "", "economy") * 2**32)
    mixed = (ids.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53


# ---------------------------------------------------------------- readings


def _keep(project: Project, now: Standing, share: economy.ShareRight) -> None:
    """Keep how many labels are right, when enough judgements came since the last reading."""
    stat, judgements = share.estimate, int(now.votes.sum())
    if stat.value is None or stat.low is None or stat.high is None:
        return
    last = EconomyPoint.objects.filter(project=project).order_by("-id").first()
    if last is not None and abs(judgements - last.judgements) < POINT_EVERY * len(now.image_ids):
        return
    EconomyPoint.objects.create(
        project=project, judgements=judgements, images=len(now.image_ids), judged=int(now.judged.sum()),
        checks=now.checks.right.size, right=stat.value, low=min(stat.low, stat.value), high=max(stat.high, stat.value),
        claimed=share.claimed or 0.0,
    )  # fmt: skip


def judgements(project: Project) -> int:
    """Votes of the present rounds so far."""
    return Image.objects.filter(project=project).aggregate(n=Sum("n_votes"))["n"] or 0
