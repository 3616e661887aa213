"""Choose gold images and silent repeats for a person's next images: which, how many, and at which places.

Chooses only; claims are claims.py's. Both are judged blind and hold no seat: they are to show the person, not the
image.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from labeler.models import Project
from labeler.models.queue import ChosenBy, Purpose
from labeler.models.statements import fetch


@dataclass(frozen=True, slots=True)
class Seat:
    """One image to hand out, and what for."""

    image: int
    priority: float
    chosen_by: str
    round: int
    purpose: str = Purpose.VOTE.value


# Repeats lie at least this many of the person's answers back: nobody remembers, or they would not be judging anew.
FORGOTTEN_AFTER = 50
_GOLD = """
    SELECT g.image_id, i.round FROM labeler_gold g JOIN labeler_image i ON i.id = g.image_id
    WHERE g.project_id = %(project)s AND g.retired_at IS NULL AND NOT g.image_id = ANY (%(given)s)
      AND NOT EXISTS (
        SELECT 1 FROM labeler_claim c WHERE c.image_id = g.image_id AND c.annotator_id = %(annotator)s
          AND c.round = i.round AND c.state IN ('open', 'answered', 'skipped'))
    ORDER BY random() LIMIT %(n)s
"""
_REPEATS = """
    SELECT l.image_id, l.round FROM (
        SELECT image_id, round, answer, purpose FROM labeler_label
        WHERE annotator_id = %(annotator)s AND project_id = %(project)s AND superseded_at IS NULL
        ORDER BY id DESC OFFSET %(forgotten)s LIMIT 500) l
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    WHERE l.answer = 'labeled' AND l.purpose = 'vote' AND NOT EXISTS (
        SELECT 1 FROM labeler_claim c WHERE c.image_id = l.image_id AND c.annotator_id = %(annotator)s
          AND c.round = l.round AND c.purpose = 'repeat')
    ORDER BY random() LIMIT %(n)s
"""


def add_gold_and_repeats(project: Project, annotator: User, seats: list[Seat]) -> list[Seat]:
    """Put gold images and silent repeats among those to be handed out, each place by a draw of its own.

    Only among others: when nothing else is left for somebody, there is nothing to mix them into.
    """
    if not seats or not (project.gold_share or project.repeat_share):
        return seats
    gold = sum(_dice.random() < project.gold_share for _ in seats)
    repeats = sum(_dice.random() < project.repeat_share for _ in seats)
    mixed = list(seats)
    params: dict[str, Any] = {
        "project": project.pk, "annotator": annotator.pk, "given": [seat.image for seat in seats],
        "forgotten": FORGOTTEN_AFTER,
    }  # fmt: skip
    for sql, n, why, purpose in (
        (_GOLD, gold, ChosenBy.GOLD, Purpose.GOLD), (_REPEATS, repeats, ChosenBy.REPEAT, Purpose.REPEAT)
    ):  # fmt: skip
        if n:
            for image, round_ in fetch(sql, params | {"n": n}):
                seat = Seat(image, 0.0, why.value, round_, purpose.value)
                mixed.insert(_dice.randint(0, len(mixed)), seat)
    return mixed


_dice = random.SystemRandom()  # a seed could be guessed, and with it which images are gold
