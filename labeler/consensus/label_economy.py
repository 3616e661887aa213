"""The label economy of a project: ask where one more judgement makes most labels right, and say how many are.

A worker runs it (worker/periodic.py); saving a label does not wait for it. In projects that ask by gain: every image
has a posterior, from its votes and from the model where that may vote (model_votes.py); the queue's priority is what
one more judgement is worth, of a new image and of one more opinion alike; each image has at most one open seat, so that
the next answer is asked for when this one is known. The held-out slices come at a constant random rate, blind, until
one answer leads by two: by them the figures are corrected. At the goal nobody is asked any more but for those.

The arithmetic is labeler/stats/economy.py. The only module that writes EconomyPoint.
"""

from __future__ import annotations

import numpy as np

from labeler.consensus import reliability
from labeler.consensus.economy_standing import (
    _REASONS,
    Board,
    BoolArray,
    FloatArray,
    IntArray,
    Standing,
    _leading,
    read_standing,
)
from labeler.labeling import counters, priorities
from labeler.labeling import seats as image_seats
from labeler.labeling.seats import HELD_OUT_SEATS
from labeler.models import EconomyPoint, Project
from labeler.models.project import ConsensusMethod
from labeler.models.queue import ChosenBy
from labeler.stats import economy
from labeler.stats import tally as votes

SAME = 0.03  # a priority that moved by less than this part of itself is not written again, nor of TIE
TIE = 1e-6  # images of equal gain: the less sure first, or at random
SPREAD = 0.1  # over which the priorities of blind images lie that come for what they bring: in the order of their draw
POINT_EVERY = 0.01  # judgements per image between two readings that are kept


# ---------------------------------------------------------------- for the worker


def ask_where_gain_is_highest(project: Project) -> int:
    """Look at all images anew, in a project that asks by gain: consensus, seats, order, and a reading that is kept.

    How many rows changed. Safe to run twice, beside people who label, and on two workers at once.
    """
    read = read_standing(project)
    if read is None:
        return reliability.run(project)
    now, board, found = read
    changed = reliability.run(project, found if project.consensus_method == ConsensusMethod.WITH_MODEL else None)
    share = now.share_right()
    reached = now.is_borne_out(project.goal_right) and share.reached(project.goal_right)
    gain = now.gain()
    wanted, doubted = _seats(project, now, board, reached=reached)
    changed += _seat(now, board, wanted, doubted)
    changed += _order(project, now, board, gain, wanted, doubted)
    _keep(project, now, share)
    return changed


def _seats(project: Project, now: Standing, board: Board, *, reached: bool) -> tuple[IntArray, BoolArray]:
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
    # Where somebody is paused, a lead may have asked others (agreement/second_opinions.py): what is open there stays
    # open.
    paused = project.memberships.filter(paused_at__isnull=False).values("user")
    if paused:
        asked = project.labels.current().filter(annotator__in=paused).values_list("image_id", flat=True)
        kept = np.isin(now.image_ids, list(asked))
        wanted = np.where(kept, np.maximum(wanted, board.taken + board.left), wanted)
    return np.where(board.accepted, board.taken + board.left, wanted), again


def _seat(now: Standing, board: Board, wanted: IntArray, doubted: BoolArray) -> int:
    """Write the seats that changed, and what follows for the images' status; how many."""
    differs = np.flatnonzero(wanted != board.taken + board.left)
    if not differs.size:
        return 0
    seats = dict(zip(now.image_ids[differs].tolist(), wanted[differs].tolist(), strict=True))
    changed = image_seats.set_each(seats, in_doubt=now.image_ids[doubted].tolist())
    labeled = differs[now.votes[differs] > 0]
    more = wanted[labeled] > (board.taken + board.left)[labeled]
    counters.opened(now.image_ids[labeled[more]].tolist())
    counters.closed(now.image_ids[labeled[~more]].tolist())
    return changed


def _order(
    project: Project, now: Standing, board: Board, gain: FloatArray, wanted: IntArray, doubted: BoolArray
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
    return priorities.place(project, places) if places else 0


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
    seed = int(image_seats.draw(project, "", "economy") * 2**32)
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
