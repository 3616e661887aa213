"""The rows of judgements that people made elsewhere: lock and read what a batch depends on, insert its labels, count.

Knows rows. Whose they are, and which are refused, is intake/import_labels.py's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from labeler.labeling import counters, object_rows, seats
from labeler.labeling.objects import Drawing
from labeler.models import Job, Project
from labeler.models.queue import ChosenBy
from labeler.models.statements import execute, fetch


class There(NamedTuple):
    """A current row of somebody on an image: perhaps one that says that they took their answer back."""

    label_id: int
    answer: str
    categories: list[int]
    import_id: int | None


Place = tuple[int, int, int]  # image, person, round


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of some people on some images, read under lock."""

    rounds: dict[int, int]  # by image
    sitting: set[Place]  # with a seat
    there: dict[Place, There]


# Locks in the order of claims.py: memberships, so that these people are given nothing meanwhile; claims,
# images, queue entries; each kind by rising key.
_LOCK_MEMBERS = """
    SELECT id FROM labeler_membership WHERE project_id = %(project)s AND user_id = ANY (%(people)s)
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_CLAIMS = """
    SELECT image_id, annotator_id, round, holds_seat FROM labeler_claim
    WHERE image_id = ANY (%(images)s) AND annotator_id = ANY (%(people)s) AND purpose = 'vote'
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_IMAGES = """
    SELECT id, round FROM labeler_image WHERE id = ANY (%(images)s) AND project_id = %(project)s
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_ENTRIES = "SELECT image_id FROM labeler_queueentry WHERE image_id = ANY (%(images)s) ORDER BY image_id FOR UPDATE"
_THERE = """
    SELECT id, image_id, annotator_id, round, answer, categories, source_import_id FROM labeler_label
    WHERE image_id = ANY (%(images)s) AND annotator_id = ANY (%(people)s) AND superseded_at IS NULL AND purpose = 'vote'
"""
_TAKE_BACK = "UPDATE labeler_label SET superseded_at = now() WHERE id = ANY (%(taken_back)s)"
# An answered claim with a seat for each, and the label: one statement for a batch, which by the ORM took ten times as
# long.
_INSERT = """
    WITH fresh AS (
        SELECT * FROM json_to_recordset(%(fresh)s::json) AS f (
            image bigint, person bigint, round int, answer text, categories bigint[], seconds float8,
            created_at timestamptz, supersedes bigint, kind text)
    ), seated AS (
        INSERT INTO labeler_claim (project_id, image_id, annotator_id, round, state, holds_seat, chosen_by, purpose,
                                   claimed_at, expires_at)
        SELECT %(project)s, image, person, round, 'answered', true, %(chosen_by)s, 'vote', created_at, created_at
        FROM fresh
        ON CONFLICT (image_id, annotator_id, round, purpose) DO UPDATE SET state = 'answered', holds_seat = true
    )
    INSERT INTO labeler_label (
        project_id, image_id, annotator_id, round, purpose, answer, kind, categories, reason, informed,
        source_import_id, chosen_by, seconds, guideline_version, label_set_version, extra, body_hash, supersedes_id,
        created_at)
    SELECT %(project)s, image, person, round, 'vote', answer, kind, categories, '', %(informed)s,
           %(import)s, %(chosen_by)s, seconds, %(guideline)s, %(label_set)s, false, '', supersedes, created_at
    FROM fresh
    RETURNING id, image_id, annotator_id
"""


def read(project: Project, images: list[int], people: list[int]) -> Found:
    """What these people have on these images. Call in the transaction that writes."""
    wanted: dict[str, Any] = {"project": project.pk, "images": images, "people": people}
    execute(_LOCK_MEMBERS, wanted)
    sitting = {claim[:3] for claim in fetch(_LOCK_CLAIMS, wanted) if claim[3]}
    rounds = dict(fetch(_LOCK_IMAGES, wanted))
    execute(_LOCK_ENTRIES, wanted)
    there = {(row[1], row[2], row[3]): There(row[0], *row[4:]) for row in fetch(_THERE, wanted)}
    return Found(rounds, sitting, there)


def write(
    job: Job, fresh: list[dict[str, Any]], taken: dict[int, int], drawings: Mapping[tuple[int, int], Drawing | None],
    *, blind: bool,
) -> None:  # fmt: skip
    """Insert these labels, take so many seats of each image, count. Call in the transaction that read().

    fresh: rows of {image, person, round, answer, categories, created_at, seconds, supersedes, kind}, as JSON has them.
    drawings: what was drawn, by image and person.
    """
    project = job.project
    seats.take_or_add_seats(taken)
    execute(_TAKE_BACK, {"taken_back": [row["supersedes"] for row in fresh if row["supersedes"]]})
    made = fetch(_INSERT, {
        "project": project.pk, "import": job.pk, "informed": not blind,
        # Nobody knows how the images were chosen: who says blind says that they are as good as drawn.
        "chosen_by": ChosenBy.RANDOM if blind else ChosenBy.ELSEWHERE,
        "guideline": project.guideline_version, "label_set": project.label_set_version, "fresh": json.dumps(fresh),
    })  # fmt: skip
    object_rows.insert(
        (label, drawing.objects)
        for label, image, person in made
        if (drawing := drawings.get((image, person))) is not None
    )
    # Here, with the images locked: an answer that is taken back a moment later must have been counted.
    counters.these(project, sorted({row["image"] for row in fresh}))
