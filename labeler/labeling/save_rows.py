"""The three statements of a save: read and lock what it depends on, insert the label, count it.

Knows rows. What an answer means, and which may be given, is labels.py's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from labeler.models import Claim, Image, Project
from labeler.models.statements import fetch_one, partly


@dataclass(slots=True)
class Case:
    """What there is about one person and one image, read under lock."""

    claim: Claim
    image: Image
    project: Project
    seats: int
    is_member: bool
    now: datetime
    was_shown: bool  # what others or the model say of this image (blindness.py)
    present: dict[str, Any] | None  # the person's current row of this round, perhaps an undone one
    twin: dict[str, Any] | None  # the row that this very request made before


_CLAIM = ("id", "round", "state", "holds_seat", "chosen_by", "shown_prediction_id", "purpose")
_IMAGE = ("id", "round", "tally", "n_votes", "has_decision", "disputed_objects", "width", "height")
_PROJECT = ("id", "task", "guideline_version", "label_set_version", "lease_seconds", "object_iou")
_EARLIER = ("id", "answer", "categories", "extra", "body_hash", "supersedes_id", "created_at", "informed")


def _columns(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


# By hand, because this is the hot path: building it with the ORM takes four times the processor time of running it.
# Locks claim and image, so two people who answer the same image at once count one after the other. FOR NO KEY UPDATE
# leaves neighbours free to insert claims that point to the image.
# The names above are constants: nothing that a client sends is part of the text.
_READ = f"""
    SELECT {_columns("c", _CLAIM)}, {_columns("i", _IMAGE)}, {_columns("p", _PROJECT)}, {_columns("l", _EARLIER)},
           {_columns("t", _EARLIER)}, e.seats, m.id IS NOT NULL, now(),
           EXISTS (SELECT FROM labeler_exposure x
                   WHERE x.image_id = c.image_id AND x.user_id = c.annotator_id AND x.round >= c.round)
    FROM labeler_claim c
    JOIN labeler_image i ON i.id = c.image_id
    JOIN labeler_project p ON p.id = c.project_id AND p.trashed_at IS NULL
    JOIN labeler_queueentry e ON e.image_id = c.image_id
    LEFT JOIN labeler_membership m ON m.project_id = c.project_id AND m.user_id = c.annotator_id
    LEFT JOIN labeler_label l ON l.image_id = c.image_id AND l.annotator_id = c.annotator_id AND l.round = c.round
                              AND l.purpose = c.purpose AND l.superseded_at IS NULL
    LEFT JOIN labeler_label t ON t.annotator_id = c.annotator_id AND t.idempotency_key = %s
    WHERE c.image_id = %s AND c.annotator_id = %s
    ORDER BY c.round DESC, c.state = 'open' DESC, c.id DESC LIMIT 1 FOR NO KEY UPDATE OF c, i
"""
INSERT = """
    INSERT INTO labeler_label (project_id, image_id, annotator_id, round, purpose, answer, kind, categories, value,
        reason, shown_prediction_id, informed, chosen_by, seconds, guideline_version, label_set_version, extra,
        idempotency_key, body_hash, supersedes_id, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING id
"""
COUNT = """
    WITH answered AS (UPDATE labeler_claim SET state = %s, holds_seat = %s WHERE id = %s)
    UPDATE labeler_image SET tally = %s, n_votes = %s, status = %s, disagreement = %s, disputed_objects = %s
    WHERE id = %s
"""


def read_case(image_id: int, annotator: User, key: UUID | None) -> Case | None:
    """The person's claim of the latest round with all that an answer needs; None without a claim."""
    row = fetch_one(_READ, [key and str(key), image_id, annotator.pk])
    if row is None:
        return None
    parts, at = [], 0
    for names in (_CLAIM, _IMAGE, _PROJECT, _EARLIER, _EARLIER):
        parts.append(row[at : at + len(names)])
        at += len(names)
    seats, is_member, now, was_shown = row[at:]
    claim, image, project, present, twin = parts
    claim_row = dict(zip(_CLAIM, claim, strict=True)) | {"image_id": image_id, "annotator_id": annotator.pk}
    image_row = dict(zip(_IMAGE, image, strict=True))
    image_row["tally"] = json.loads(image_row["tally"])
    return Case(
        claim=partly(Claim, claim_row),
        image=partly(Image, image_row),
        project=partly(Project, dict(zip(_PROJECT, project, strict=True))),
        seats=seats,
        is_member=is_member,
        now=now,
        was_shown=was_shown,
        present=dict(zip(_EARLIER, present, strict=True)) if present[0] else None,
        twin=dict(zip(_EARLIER, twin, strict=True)) if twin[0] else None,
    )
