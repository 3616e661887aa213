"""Count the labels of images again after the rules changed: another quota, merged classes; mark what was decided.

A save keeps the counters by itself (labels.py), a new round begins without any (seats.py); this is for the rest. Reads
labels, writes Image.tally and what follows from it, and no label.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from labeler.label_set import categories as label_set
from labeler.labeling import drawn_votes
from labeler.labeling.labels import status_of
from labeler.models import Image, Label, Project, QueueEntry
from labeler.models.image import Status
from labeler.models.label import Answer
from labeler.models.statements import execute, partly
from labeler.stats import tally as votes

BATCH = 500


def images(project: Project) -> int:
    """Recount all labeled images of a project; how many changed. May run twice, and beside people who label."""
    return sum(_recount(project, ids) for ids in _batches(project))


def these(project: Project, ids: list[int]) -> int:
    """Recount these images; how many changed. For who brought labels in past labels.py (intake/import_labels.py)."""
    return sum(_recount(project, ids[start : start + BATCH]) for start in range(0, len(ids), BATCH))


def opened(ids: list[int]) -> int:
    """Images that got seats wait for answers again, unless people cannot tell; how many changed.

    What status_of says where seats alone have changed, and only grown: no label is read (50,000 images: 64 s by
    these(), in a lead's request).
    """
    changed = 0
    for start in range(0, len(ids), BATCH):
        params: dict[str, Any] = {
            "ids": ids[start : start + BATCH], "partly": Status.PARTLY.value, "unsure": votes.CANNOT_TELL,
            "limit": votes.CANNOT_TELL_LIMIT,
        }  # fmt: skip
        with transaction.atomic():
            changed += execute(_OPENED, params)
    return changed


def closed(ids: list[int]) -> int:
    """Images whose seats are all answered are settled, or people differ on them; how many changed. No label is read."""
    changed = 0
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            rows = Image.objects.select_for_update(no_key=True).filter(pk__in=ids[start : start + BATCH]).order_by("pk")
            images = list(rows)
            seats = dict(rows.model.objects.filter(pk__in=[i.pk for i in images]).values_list("pk", "entry__seats"))
            moved = [image for image in images if image.status != status_of(image, seats[image.pk])]
            for image in moved:
                image.status = status_of(image, seats[image.pk])
            Image.objects.bulk_update(moved, ["status"])
        changed += len(moved)
    return changed


def decided(image: Image, has_decision: bool) -> None:
    """A reviewer settled the image, or took that back (review/adjudication.py). Call with it locked."""
    image.has_decision = has_decision
    image.status = status_of(image, QueueEntry.objects.values_list("seats", flat=True).get(pk=image.pk))
    image.save(update_fields=["has_decision", "status"])


# Locked by rising id, as in _recount.
_OPENED = """
    WITH locked AS (
        SELECT id FROM labeler_image WHERE id = ANY (%(ids)s) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE labeler_image i SET status = %(partly)s
    FROM locked l JOIN labeler_queueentry e ON e.image_id = l.id
    WHERE i.id = l.id AND NOT i.has_decision AND i.n_votes BETWEEN 1 AND e.seats - 1 AND i.status <> %(partly)s
      AND coalesce((i.tally ->> %(unsure)s)::int, 0) < %(limit)s
"""


def _batches(project: Project) -> Iterator[list[int]]:
    last = 0
    while ids := list(
        Image.objects.filter(project=project, n_votes__gt=0, pk__gt=last)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    ):
        yield ids
        last = ids[-1]


def _recount(project: Project, ids: list[int]) -> int:
    with transaction.atomic():
        # Locked in order of id before the labels are read: a save that commits meanwhile waits, or is seen.
        rows = Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values(*_COUNTED)
        batch = [partly(Image, row) for row in rows]
        seats = dict(QueueEntry.objects.filter(pk__in=ids).values_list("pk", "seats"))
        now = Project.objects.get(pk=project.pk)
        index = label_set.index(now)
        keys: dict[tuple[int, ...], str] = {}  # the same few answers on every image
        tallies: dict[int, Counter[str]] = defaultdict(Counter)
        counted = Label.objects.votes().filter(image__in=ids, extra=False)
        for image_id, answer, categories in counted.values_list("image_id", "answer", "categories"):
            said = tuple(categories)
            if said not in keys:
                keys[said] = votes.key(index.resolve(said))
            tallies[image_id][votes.CANNOT_TELL if answer == Answer.CANNOT_TELL else keys[said]] += 1
        before = {image.pk: _counted(image) for image in batch}
        for image in batch:
            image.tally = dict(tallies[image.pk])
            image.n_votes = sum(image.tally.values())
            image.disagreement = votes.disagreement(image.tally)
        if now.draws:
            drawn_votes.compare(now, batch)
        for image in batch:
            image.status = status_of(image, seats[image.pk])
        changed = [_counted(image) for image in batch if _counted(image) != before[image.pk]]
        if changed:
            execute(_WRITE, [json.dumps(changed)])
    return len(changed)


def _counted(image: Image) -> dict[str, Any]:
    return {name: getattr(image, name) for name in _COUNTED}


_COUNTED = ("id", "has_decision", "tally", "n_votes", "status", "disagreement", "disputed_objects", "width", "height")
# One statement: bulk_update spells a case for each image and column, and took most of the time of an import.
_WRITE = """
    UPDATE labeler_image i SET tally = n.tally, n_votes = n.n_votes, status = n.status, disagreement = n.disagreement,
                               disputed_objects = n.disputed_objects
    FROM json_to_recordset(%s::json) AS n (id bigint, tally jsonb, n_votes int, status text, disagreement float8,
                                           disputed_objects int)
    WHERE i.id = n.id
"""
