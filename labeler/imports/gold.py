"""Known answers of a file become gold images, by labeler/review/gold.py. Knows items, not how people are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from labeler.errors import LabelerError
from labeler.intake.formats.item import Item
from labeler.intake.outcomes import ItemsResult
from labeler.labeling.objects import Drawing
from labeler.models import Gold, Job
from labeler.review import gold


@dataclass(frozen=True, slots=True)
class Known:
    """What an image certainly is. drawn: as Gold has it; None where answers are classes."""

    image: int
    item: Item
    categories: list[int]
    drawn: list[dict[str, Any]] | None = None


def as_kept(drawing: Drawing) -> list[dict[str, Any]]:
    """The objects as Gold has them."""
    return [{"category": one.category, **one.shape} for one in drawing.objects]


def store(job: Job, answers: Sequence[Known], result: ItemsResult) -> None:
    """What is gold already with the same answer is counted as a duplicate,
    unless an attempt of this very import that was killed made it so.
    """
    there = Gold.objects.filter(image__in=[one.image for one in answers], retired_at=None)
    known = {row.image_id: row for row in there}
    for one in answers:
        before = known.get(one.image)
        if before is not None and (sorted(before.categories), before.drawn) == (one.categories, one.drawn):
            is_ours = before.added_by_id == job.requested_by_id and before.created_at >= job.created_at
            if is_ours:
                result.gold_added += 1
            else:
                result.duplicates += 1
            continue
        try:
            with transaction.atomic():
                gold.add(
                    project=job.project, by=job.requested_by, image_id=one.image,  # type: ignore[arg-type]
                    categories=one.categories, drawn=one.drawn,
                )  # fmt: skip
            result.gold_added += 1
        except LabelerError as error:
            result.refuse_item(one.item, error.message)
