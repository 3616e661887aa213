"""Known answers of a file become gold images, by labeler/review/gold.py. Knows items, not how people are scored."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from labeler.errors import LabelerError
from labeler.intake.outcomes import ItemsResult, Refusal
from labeler.models import Gold, Job
from labeler.review import gold


def store(job: Job, answers: Sequence[tuple[int, str, int | None, list[int]]], result: ItemsResult) -> None:
    """answers: (image id, name, row, class ids). What is gold already with the same answer is counted as a duplicate,
    unless an attempt of this very import that was killed made it so.
    """
    there = Gold.objects.filter(image__in=[image for image, *_rest in answers], retired_at=None)
    known = {one.image_id: one for one in there}
    for image, name, row, ids in answers:
        before = known.get(image)
        if before is not None and sorted(before.categories) == ids:
            is_ours = before.added_by_id == job.requested_by_id and before.created_at >= job.created_at
            if is_ours:
                result.gold_added += 1
            else:
                result.duplicates += 1
            continue
        try:
            with transaction.atomic():
                gold.add(project=job.project, by=job.requested_by, image_id=image, categories=ids)  # type: ignore[arg-type]
            result.gold_added += 1
        except LabelerError as error:
            result.refuse(Refusal(name, error.message, row))
