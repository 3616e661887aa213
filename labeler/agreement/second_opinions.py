"""Have others judge what one person judged, too: more seats on those images. Nothing is deleted or taken back.

For a lead who no longer trusts somebody's labels. Knows which images these are; seats are labeling/seats.py's. The
person's votes go on counting: where the others see something else they are outvoted, or the image goes to a reviewer.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from labeler.accounts.audit import audit
from labeler.labeling import counters, seats
from labeler.models import Image, Label, Membership, Project

BATCH = 500  # images per transaction, in which people who claim or give back wait


def ask_others(*, project: Project, member: Membership, by: User, since: datetime | None = None) -> int:
    """Give the images this person voted on (since then) seats for as many others as the quota asks for; how many.

    Whoever is paused does not count as another. Images a reviewer has decided stay as they are, and so do those of an
    earlier round. Asked twice, nothing more is opened.
    """
    votes = Label.objects.votes().filter(project=project, annotator=member.user_id, extra=False)
    if since is not None:
        votes = votes.filter(created_at__gte=since)
    undecided = Image.objects.filter(project=project, has_decision=False)
    ids = sorted(undecided.filter(pk__in=votes.values("image")).values_list("pk", flat=True))
    paused = Membership.objects.filter(project=project, paused_at__isnull=False).values_list("user", flat=True)
    doubted = sorted({member.user_id, *paused})
    asked = 0
    for start in range(0, len(ids), BATCH):
        seated = seats.add_seats_for_others(project, ids[start : start + BATCH], doubted)
        counters.opened(seated)
        asked += len(seated)
    seats.forget_frontiers(project)
    if asked:
        details = {"images": asked, "since": since.isoformat() if since else None}
        audit(by, "member.second_opinions", project=project, subject=member.user.get_username(), **details)
    return asked
