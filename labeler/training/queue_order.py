"""Put the images that people may still be asked about in order: the ones the model is least sure of first.

Computes places, labeling/priorities.py writes them. Knows margins (prelabels.py stored them), not where they come from.
May run twice, or stop half-way and run again: the order is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from labeler.labeling import seats
from labeler.labeling.priorities import ORDERED, Place, place
from labeler.models import Image, Project, TrainingRun
from labeler.models.image import Slice, Status
from labeler.models.queue import ChosenBy


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An image that people may still be asked about."""

    image_id: int
    sha256: str
    is_blind: bool
    margin: float | None  # of the active model, 0 unsure to 1 sure; None: it has not judged this image
    priority: float
    chosen_by: str


def reorder(project: Project, spread: Callable[[Sequence[OpenEntry]], Sequence[OpenEntry]] | None = None) -> int:
    """Put the images that are still open in order: least sure first, or at random where the project says so.

    Each place is a rank, evenly spaced in (0, 1). Images in a blind slice keep their order among themselves, which is
    random, and get evenly spaced ranks too: so they come at a constant rate, whatever the model thinks of the others.
    `spread` may put the unsure ones, which it is given least sure first, into a better order
    (worker/inference/write_prelabels.py has one). Images that were chosen as gold, repeat or for review keep their
    place. Returns how many changed.
    """
    by_model = project.ask_uncertain_first
    run = TrainingRun.objects.filter(project=project, is_active=True).first() if by_model else None
    if run is not None and run.is_outside and project.draws:
        run = None  # its objects have no thresholds of ours, so nobody knows what it is unsure of
    entries = _open_entries(project, run)
    places: dict[int, Place] = {}
    if run is not None:
        blind = sorted((e for e in entries if e.is_blind), key=lambda e: (-e.priority, -e.image_id))
        judged = [e for e in entries if not e.is_blind and e.margin is not None]
        unsure: Sequence[OpenEntry] = sorted(judged, key=lambda e: (e.margin, -e.image_id))
        if spread is not None:
            unsure = spread(unsure)
        for ordered, why in ((blind, ChosenBy.RANDOM), (unsure, ChosenBy.UNCERTAINTY)):
            ranks = 1 - (np.arange(len(ordered)) + 0.5) / max(1, len(ordered))
            places |= {e.image_id: (rank, why.value) for e, rank in zip(ordered, ranks.tolist(), strict=True)}
    for e in entries:
        if e.image_id not in places:
            # New images, and all of them in a project that wants it so, lie where they were drawn.
            places[e.image_id] = (seats.draw(project, e.sha256, "priority"), ChosenBy.RANDOM.value)
    return place(project, {e.image_id: places[e.image_id] for e in entries if places[e.image_id] != _place_of(e)})


def cover_first(project: Project, image_ids: Sequence[int]) -> int:
    """Before any model: hand these images out first, in this order; how many changed their place.

    They change places with those that chance had put there, so the blind images between them come as often as ever, and
    the others stay in random order. Images that are blind, or labeled by somebody, stay where they are; what an earlier
    call put first and this one does not goes back to where it was drawn.
    """
    free = Image.objects.filter(project=project, slice=Slice.NONE, status=Status.UNLABELED)
    unlabeled = set(free.values_list("pk", flat=True))
    entries = {e.image_id: e for e in _open_entries(project, None) if e.image_id in unlabeled}
    drawn = {pk: seats.draw(project, e.sha256, "priority") for pk, e in entries.items()}
    by_chance = sorted(drawn, key=lambda pk: (-drawn[pk], -pk))
    first = [pk for pk in image_ids if pk in entries]
    top = by_chance[: len(first)]
    left_free = sorted((drawn[pk] for pk in set(first) - set(top)), reverse=True)
    others = drawn | dict(zip([pk for pk in top if pk not in set(first)], left_free, strict=True))
    places: dict[int, Place] = {pk: (rank, ChosenBy.RANDOM.value) for pk, rank in others.items()}
    places |= {pk: (drawn[other], ChosenBy.COVER.value) for pk, other in zip(first, top, strict=True)}
    return place(project, {pk: new for pk, new in places.items() if new != _place_of(entries[pk])})


def _place_of(entry: OpenEntry) -> Place:
    return entry.priority, entry.chosen_by


def _open_entries(project: Project, run: TrainingRun | None) -> list[OpenEntry]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT e.image_id, i.sha256, i.slice <> '', p.margin, e.priority, e.chosen_by
            FROM labeler_queueentry e
            JOIN labeler_image i ON i.id = e.image_id
            LEFT JOIN labeler_prediction p ON p.image_id = e.image_id AND p.run_id = %s
            WHERE e.project_id = %s AND (e.seats_left > 0 OR i.status <> 'settled') AND e.chosen_by = ANY(%s)
              AND NOT e.accepted
            """,
            [run.pk if run else None, project.pk, [str(why) for why in ORDERED]],
        )
        return [OpenEntry(*row) for row in cursor.fetchall()]
