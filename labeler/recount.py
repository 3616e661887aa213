"""Bring the counters of images in line with their labels, after the rules changed: another quota, merged classes.

A save keeps the counters by itself (labeling.py); this is for the rest. Reads labels, writes Image.tally and
what follows from it, and no label.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from django.db import transaction

from labeler import categories as label_set
from labeler.labeling import status_of
from labeler.models import Image, Label, Project
from labeler.models.label import Answer
from labeler.stats import tally as votes

BATCH = 500


def images(project: Project) -> int:
    """Recount all labeled images of a project; how many changed. May run twice, and beside people who label."""
    return sum(_recount(project, ids) for ids in _batches(project))


def these(project: Project, ids: list[int]) -> int:
    """Recount these images; how many changed. For who brought labels in past labeling.py (existing.py)."""
    return sum(_recount(project, ids[start : start + BATCH]) for start in range(0, len(ids), BATCH))


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
        rows = Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        batch = {image.pk: image for image in rows}
        seats = dict(Image.objects.filter(pk__in=ids).values_list("pk", "entry__seats"))
        index = label_set.index(Project.objects.get(pk=project.pk))
        tallies: dict[int, Counter[str]] = defaultdict(Counter)
        counted = Label.objects.votes().filter(image__in=ids, extra=False)
        for image_id, answer, categories in counted.values_list("image_id", "answer", "categories"):
            named = votes.CANNOT_TELL if answer == Answer.CANNOT_TELL else votes.key(index.resolve(categories))
            tallies[image_id][named] += 1
        changed = []
        for pk, image in batch.items():
            before = (image.tally, image.n_votes, image.status, image.disagreement)
            image.tally = dict(tallies[pk])
            image.n_votes = sum(image.tally.values())
            image.status = status_of(image, seats[pk])
            image.disagreement = votes.disagreement(image.tally)
            if before != (image.tally, image.n_votes, image.status, image.disagreement):
                changed.append(image)
        Image.objects.bulk_update(changed, ["tally", "n_votes", "status", "disagreement"])
    return len(changed)
