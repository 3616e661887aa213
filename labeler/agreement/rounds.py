"""Send images back to the queue: a new guideline, the same images, new answers.

The answers so far stay as they are, in the history of labels; they no longer count for the image. The quota, the
consensus and agreement speak of the present round only. Which images were sent back when stands in the audit, so that
a report of last year can be counted as it was then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.consensus import snapshots
from labeler.errors import Invalid, KeyReused
from labeler.labeling import seats
from labeler.labeling.label_arrays import SENT_BACK
from labeler.models import AuditEvent, Claim, Image, Project, QueueEntry
from labeler.review import adjudication

BATCH = 200  # images per transaction, in which people who save on them wait
MOST = 10_000  # at a time: more is a new project


def send_back(
    *,
    project: Project,
    by: User,
    image_ids: Sequence[int],
    reason: str = "",
    of_rounds: Mapping[int, int] | None = None,
    idempotency_key: UUID | None = None,
) -> int:
    """Begin a new round of these images; how many were sent back. Those without an answer or decision stay as they are.

    A standing decision is withdrawn: it was made by the old rule. People who have one of the images open keep what
    they see; their answer is kept as history. of_rounds: the round in which each image was seen; those that another
    one began since stay as they are, and so do those it does not name. idempotency_key: the same person's same key
    sends nothing twice and answers what it did. Raises Invalid for too many, or for images of another project,
    KeyReused for one key and other images.
    """
    ids = sorted(set(image_ids))
    if len(ids) > MOST:
        raise Invalid(
            _("At most %(most)s images are sent back at a time.") % {"most": f"{MOST:,}"},
            fields={"images": ["too many"]},
        )
    if Image.objects.filter(project=project, pk__in=ids).count() != len(ids):
        raise Invalid(_("Some of these images are not in this project."), fields={"images": ["not in the project"]})
    key = "" if idempotency_key is None else f"{by.pk}:{idempotency_key}"
    body = hashlib.sha256(json.dumps([ids, reason]).encode()).hexdigest()
    sent, done = _done_before(project, key, body) if key else (0, set())
    rest = [pk for pk in ids if pk not in done]
    for start in range(0, len(rest), BATCH):
        batch = rest[start : start + BATCH]
        with transaction.atomic():
            answered = _send_back(project, by, batch, of_rounds)
            if answered or key:
                # In the batch's own transaction: what was sent back and what is written of it are one.
                details = {"images": len(answered), "ids": answered}
                details |= {"key": key, "body": body, "asked": batch} if key else {}
                audit(by, SENT_BACK, project=project, subject=reason, **details)
        sent += len(answered)
    seats.forget_frontiers(project)
    return sent


def _done_before(project: Project, key: str, body: str) -> tuple[int, set[int]]:
    """What a request with this key has sent back already, and which images it asked about."""
    sent, asked = 0, set()
    for details in AuditEvent.objects.filter(project=project, action=SENT_BACK, details__key=key).values_list(
        "details", flat=True
    ):
        if details["body"] != body:
            raise KeyReused(_("This Idempotency-Key was used with another body. Send a new key."))
        sent += details["images"]
        asked |= set(details["asked"])
    return sent, asked


def _send_back(project: Project, by: User, ids: list[int], of_rounds: Mapping[int, int] | None) -> list[int]:
    # Claims, images, queue entries: the order of labeling/claims.py, each by rising key.
    list(Claim.objects.select_for_update(no_key=True).filter(image__in=ids).order_by("pk").values_list("pk"))
    images = Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    answered = [
        image.pk
        for image in images
        if (image.n_votes or image.has_decision) and (of_rounds is None or of_rounds.get(image.pk) == image.round)
    ]
    list(QueueEntry.objects.select_for_update().filter(pk__in=answered).order_by("pk").values_list("pk"))
    adjudication.withdraw_all(answered, by)
    seats.begin_round(project, answered)
    snapshots.refresh(project, answered)
    return answered
