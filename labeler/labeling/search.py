"""Which images a person is given next: the searches of the queue, in SQL, and in which order they are tried.

Finds and locks queue entries; takes no seat and writes nothing (claims.py does, and says why the locks hold). Call in
a transaction, with the person's membership locked, or two searches for one person may find the same image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import User

from labeler.label_set import categories as label_set
from labeler.models import Project, TrainingRun
from labeler.models.statements import fetch

# The top of the queue is looked at by everyone, whatever their frontier: that is where seats that were given back and
# newly urgent images appear. Each entry costs two index look-ups, also for somebody who has seen all of them.
WINDOW = 50
EntryRow = tuple[int, float, str, int]  # image id, priority, why it was chosen, round
Frontier = tuple[float, int]  # a place in the order: priority and image id

_UNSEEN = """
    NOT EXISTS (
        SELECT 1 FROM labeler_claim c
        WHERE c.image_id = e.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
          AND c.state IN ('open', 'answered', 'skipped'))
"""
_SELECT = "SELECT e.image_id, e.priority, e.chosen_by, e.round FROM labeler_queueentry e"
# With the words of the index that holds these alone: what a model's answer stands for is not in it.
_OPEN = "WHERE e.project_id = %(project)s AND e.seats_left > 0 AND NOT e.accepted"
_ORDER = "ORDER BY e.priority DESC, e.image_id DESC LIMIT %(count)s"

# The project is asked again outside: a row that somebody had locked is looked at anew, and may be in the trash by then.
TOP = f"""
    {_SELECT}
    WHERE e.image_id = ANY (ARRAY (
        SELECT e.image_id FROM labeler_queueentry e {_OPEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT {WINDOW}))
      AND e.project_id = %(project)s AND e.seats_left > 0 AND NOT e.accepted AND {_UNSEEN} {_ORDER}
    FOR UPDATE OF e SKIP LOCKED
"""
BEYOND_FRONTIER = f"""
    {_SELECT} {_OPEN} AND (e.priority, e.image_id) < (%(frontier_priority)s, %(frontier_image)s) AND {_UNSEEN}
    {_ORDER} FOR UPDATE OF e SKIP LOCKED
"""
ANYWHERE = f"{_SELECT} {_OPEN} AND {_UNSEEN} {_ORDER} FOR UPDATE OF e SKIP LOCKED"
# Those of a list that somebody picked by eye: never a blind one, whose sample must stay random.
THESE = f"""
    {_SELECT} JOIN labeler_image i ON i.id = e.image_id
    {_OPEN} AND e.image_id = ANY (%(images)s) AND i.slice = '' AND e.chosen_by <> 'audit' AND {_UNSEEN}
    ORDER BY e.image_id FOR UPDATE OF e SKIP LOCKED
"""
# Chosen without a lock and locked by name: with both in one statement the search would go on past an image that is full
# by the time it is locked, and wait for the next one with that lock in hand.
LAST_SEAT = f"{_SELECT} {_OPEN} AND {_UNSEEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT 1"
THAT_SEAT = f"{_SELECT} {_OPEN} AND e.image_id = %(image)s AND {_UNSEEN} FOR UPDATE OF e"
# What a person has seen on the review grid and sent back is not shown to them there again; in labeling it may be.
# A class that was retired since the training cannot be confirmed: no label could name it.
# An audited one is judged blind: it comes to labeling alone.
# Walks the predictions of one model in the order of their index, and asks of each whether it is still to be had.
PREDICTED = """
    SELECT e.image_id, e.priority, e.chosen_by, e.round
    FROM labeler_prediction p
    JOIN labeler_queueentry e ON e.image_id = p.image_id AND e.project_id = %(project)s
    JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %(run)s AND p.probability BETWEEN %(min_confidence)s AND %(max_confidence)s
      AND %(predicted)s = ANY (p.categories)
      AND e.seats_left > 0 AND NOT e.accepted AND e.chosen_by <> 'audit' AND i.slice = ''
      AND p.categories <@ %(in_use)s::bigint[] AND NOT EXISTS (
        SELECT 1 FROM labeler_claim c
        WHERE c.image_id = e.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
          AND c.state IN ('open', 'answered', 'skipped', 'sent_back'))
    ORDER BY p.probability DESC, p.image_id DESC LIMIT %(count)s FOR UPDATE OF e SKIP LOCKED
"""


def most_urgent(
    project: Project, annotator: User, count: int, frontier: Frontier | None
) -> tuple[list[EntryRow], Frontier | None]:
    """Up to `count` queue entries, locked; and the person's new frontier, when it moves.

    The top of the queue first. Somebody far ahead of the others finds only their own images there, so the search
    goes on behind their frontier, where their last one ended. When that gives too few, the whole queue is searched
    once more: the frontier is a short cut, and may never hide an image. What a neighbour has locked is passed by.
    """
    params: dict[str, float | None] = {"project": project.pk, "annotator": annotator.pk, "count": count}
    found = fetch(TOP, params)
    moved = None
    if len(found) < count:
        beyond: list[EntryRow] = []
        # What is locked already is mine, but has no claim yet: ask for as many more and leave those out.
        if frontier is not None:
            priority, image = frontier
            behind = params | {"frontier_priority": priority, "frontier_image": image}
            beyond = _new(found, fetch(BEYOND_FRONTIER, behind))
        if len(found) + len(beyond) < count:
            beyond = _new(found, fetch(ANYWHERE, params | {"count": count + len(found)}))
        found += beyond[: count - len(found)]
        if beyond:
            moved = (found[-1][1], found[-1][0])
    return found, moved


def _new(known: Sequence[EntryRow], rows: Iterable[EntryRow]) -> list[EntryRow]:
    seen = {row[0] for row in known}
    return [row for row in rows if row[0] not in seen]


def most_urgent_image(project: Project, annotator: User) -> int | None:
    """The image of the most urgent open seat, also of one that somebody is about to take. Locks nothing."""
    rows = fetch(LAST_SEAT, {"project": project.pk, "annotator": annotator.pk})
    return rows[0][0] if rows else None


def lock_entry(project: Project, annotator: User, image: int) -> list[EntryRow]:
    """The entry of one image, locked, after waiting for whoever has it; empty when it is full by then."""
    return fetch(THAT_SEAT, {"project": project.pk, "annotator": annotator.pk, "image": image})


def these(project: Project, annotator: User, image_ids: Sequence[int]) -> list[EntryRow]:
    """The entries of these images that the person may be given, locked; never a blind one."""
    return fetch(THESE, {"project": project.pk, "annotator": annotator.pk, "images": list(image_ids)})


def predicted_as(
    project: Project, annotator: User, run: TrainingRun, category: int, confidence: tuple[float, float], count: int
) -> list[EntryRow]:
    """Up to `count` entries that one model puts in a class (an id), surest first, locked; never a blind one.

    confidence: between which (0 to 1) the model's is.
    """
    low, high = confidence
    params = {
        "project": project.pk,
        "annotator": annotator.pk,
        "run": run.pk,
        "predicted": category,
        "in_use": list(label_set.index(project).ids_in_use),
        "min_confidence": low,
        "max_confidence": high,
        "count": count,
    }
    return fetch(PREDICTED, params)
