"""Drafts: what somebody has drawn and not answered yet, kept with their claim, for themselves alone.

Writes Draft. A draft is no label: nothing counts it and nobody else sees it. It ends with the answer, when the image is
given back, or when nobody touched it for a week.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from labeler.errors import Invalid, NoClaim, NotFound, StaleVersion
from labeler.labeling.objects import TooMany
from labeler.models import Claim, Draft
from labeler.models.drawn import MOST_OBJECTS
from labeler.models.queue import ClaimState
from labeler.models.statements import execute, fetch_one

KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as its author gets it back."""

    objects: list[Any]
    saved_at: datetime
    revision: int


_CLAIM = """
    SELECT c.id, c.state, d.revision, now() FROM labeler_claim c
    JOIN labeler_project p ON p.id = c.project_id AND p.trashed_at IS NULL
    JOIN labeler_membership m ON m.project_id = c.project_id AND m.user_id = c.annotator_id
    LEFT JOIN labeler_draft d ON d.claim_id = c.id
    WHERE c.image_id = %s AND c.annotator_id = %s
    ORDER BY c.round DESC, c.state = 'open' DESC, c.id DESC LIMIT 1 FOR NO KEY UPDATE OF c
"""
# A claim that ran out may be answered late, and an answer may be changed: so both may have a draft.
_MAY_DRAFT = (ClaimState.OPEN, ClaimState.EXPIRED, ClaimState.ANSWERED)
_SAVE = """
    INSERT INTO labeler_draft (claim_id, drawn, revision, saved_at) VALUES (%s, %s, 1, %s)
    ON CONFLICT (claim_id) DO UPDATE
    SET drawn = excluded.drawn, revision = labeler_draft.revision + 1, saved_at = excluded.saved_at
    RETURNING revision
"""


def keep(*, image_id: int, annotator: User, objects: Any, revision: int | None = None) -> Kept:
    """Keep a draft, in the place of the one before.

    objects: a list of {category?, box | polygon | mask, …}, open ones with open: true; not checked as an answer is.
    revision: the one the screen began from; another one means that another screen saved since (StaleVersion).
    Raises NoClaim, Invalid, TooMany, StaleVersion.
    """
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise Invalid(_("objects is a list of objects."), fields={"objects": ["not a list of objects"]})
    if revision is not None and (isinstance(revision, bool) or not isinstance(revision, int)):
        raise Invalid(_("revision is a number."), fields={"revision": ["not a number"]})
    if len(objects) > MOST_OBJECTS:
        raise TooMany(_("An answer has at most %(most)s objects.") % {"most": f"{MOST_OBJECTS:,}"})
    with transaction.atomic():
        row = fetch_one(_CLAIM, [image_id, annotator.pk])
        if row is None or row[1] not in _MAY_DRAFT:
            raise NoClaim(_("You have not been given this image. Ask for the next images first, then answer those."))
        claim, _state, there, now = row
        if revision is not None and revision != (there or 0):
            raise StaleVersion(_("Another screen of yours has kept a newer draft of this image."), current=there or 0)
        return Kept(objects, now, fetch_one(_SAVE, [claim, json.dumps(objects), now])[0])


def find(*, image_id: int, annotator: User) -> Kept:
    """One's own draft of an image. Raises NotFound where there is none, or it is not one's own."""
    own = Draft.objects.filter(
        claim__image=image_id, claim__annotator=annotator, claim__project__trashed_at=None,
        claim__project__memberships__user=annotator,
    )  # fmt: skip
    row = own.order_by("-saved_at").first()
    if row is None:
        raise NotFound(_("There is no draft of yours of this image."))
    return Kept(row.drawn, row.saved_at, row.revision)


def drop(*, image_id: int, annotator: User) -> None:
    """Throw one's draft of an image away. Nothing happens when there is none."""
    Draft.objects.filter(claim__image=image_id, claim__annotator=annotator).delete()


def end(claim_ids: Sequence[int]) -> None:
    """The claims were answered or given back: their drafts go. Call in that transaction."""
    execute("DELETE FROM labeler_draft WHERE claim_id = ANY (%s)", [list(claim_ids)])


def of_claims(claims: Iterable[Claim]) -> dict[int, Kept]:
    """The drafts of these claims, by claim id. One query."""
    rows = Draft.objects.filter(claim__in=[claim.pk for claim in claims])
    return {row.claim_id: Kept(row.drawn, row.saved_at, row.revision) for row in rows}


def forget_old() -> int:
    """Delete drafts that nobody has touched for KEPT_FOR; how many there were."""
    return execute("DELETE FROM labeler_draft WHERE saved_at < now() - make_interval(days => %s)", [KEPT_FOR.days])
