"""Send images back to the queue: a new guideline, the same images, new answers. Raises Image.round.

The answers so far stay as they are, in the history of labels; they no longer count for the image. The quota, the
consensus and agreement speak of the present round only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import consensus, queue
from labeler.accounts import audit
from labeler.errors import Invalid
from labeler.models import Claim, Decision, Image, Project, QueueEntry
from labeler.models.image import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BATCH = 200  # images per transaction, in which people who save on them wait
MOST = 10_000  # at a time: more is a new project


def send_back(*, project: Project, by: User, image_ids: Sequence[int], reason: str = "") -> int:
    """Begin a new round of these images; how many were sent back. Those without an answer or decision stay as they are.

    A standing decision is withdrawn: it was made by the old rule. People who have one of the images open keep what
    they see; their answer is kept as history. Raises Invalid for too many, or for images of another project.
    """
    ids = sorted(set(image_ids))
    if len(ids) > MOST:
        raise Invalid(
            _("At most %(most)s images are sent back at a time.") % {"most": f"{MOST:,}"},
            fields={"images": ["too many"]},
        )
    if Image.objects.filter(project=project, pk__in=ids).count() != len(ids):
        raise Invalid(_("Some of these images are not in this project."), fields={"images": ["not in the project"]})
    sent = 0
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            sent += _send_back(project, by, ids[start : start + BATCH])
    queue.forget_frontiers(project)
    if sent:
        audit(by, "images.send_back", project=project, subject=reason[:200], images=sent)
    return sent


def _send_back(project: Project, by: User, ids: list[int]) -> int:
    # Claims, images, queue entries: the order of queue.py, each by rising key.
    list(Claim.objects.select_for_update(no_key=True).filter(image__in=ids).order_by("pk").values_list("pk"))
    images = Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    answered = [image.pk for image in images if image.n_votes or image.has_decision]
    list(QueueEntry.objects.select_for_update().filter(pk__in=answered).order_by("pk").values_list("pk"))
    Decision.objects.filter(image__in=answered, withdrawn_at=None).update(withdrawn_at=timezone.now(), withdrawn_by=by)
    Image.objects.filter(pk__in=answered).update(
        round=F("round") + 1, tally={}, n_votes=0, status=Status.UNLABELED, has_decision=False, disagreement=0.0
    )
    queue.begin_round(answered)
    consensus.refresh(project, answered)
    return len(answered)
