"""Links that let one person into a project, in a role.

The only module that writes Invitation. A link is a secret: its hash alone is kept, so it is shown once, and whoever
reads the database cannot join. It works once, until it expires or is revoked, and only as long as the person who made
it could still invite. Adding a member is labeler/projects/members.py's, making an account labeler/accounts/people.py's.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.access import leads
from labeler.accounts.audit import audit
from labeler.accounts.people import create_person
from labeler.accounts.tokens import digest
from labeler.errors import Conflict, Gone, Invalid, NotFound
from labeler.models import Invitation, Membership, Project, Role
from labeler.projects import members

LIFE_DAYS = 14
LONGEST_LIFE_DAYS = 90
SECRET_BYTES = 32
CLOSED_SHOWN = 50

OPEN, ACCEPTED, EXPIRED, REVOKED = "open", "accepted", "expired", "revoked"


def state_of(invitation: Invitation) -> str:
    """open, accepted, expired or revoked."""
    if invitation.accepted_at is not None:
        return ACCEPTED
    if invitation.revoked_at is not None:
        return REVOKED
    return OPEN if invitation.expires_at > timezone.now() else EXPIRED


def _open(now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now)


def create(
    *, project: Project, by: User, role: str = Role.ANNOTATOR, note: str = "", expires_in_days: int = LIFE_DAYS
) -> tuple[Invitation, str]:
    """A new invitation and the secret of its link, which is not kept: show it once.

    note: for whom, to recognise it in a list. expires_in_days: 1 to 90. Raises Invalid.
    """
    if role not in Role.values:
        raise Invalid(
            _("The role is one of %(names)s.") % {"names": ", ".join(Role.values)}, fields={"role": ["unknown"]}
        )
    if not 1 <= expires_in_days <= LONGEST_LIFE_DAYS:
        raise Invalid(
            _("An invitation lasts 1 to %(most)d days.") % {"most": LONGEST_LIFE_DAYS},
            fields={"expires_in_days": ["out of range"]},
        )
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project=project,
            role=role,
            note=" ".join(note.split())[:100],
            digest=digest(secret),
            invited_by=by,
            expires_at=timezone.now() + timedelta(days=expires_in_days),
        )
        audit(by, "invitation.create", project=project, subject=invitation.note, invitation=invitation.pk, role=role)
    return invitation, secret


def find(secret: str) -> Invitation:
    """The open invitation of this link, with its project and who made it. Changes nothing: a preview may ask.

    Raises NotFound for a link that never was, Gone for one that is used, revoked or expired.
    """
    invitation = (
        Invitation.objects.select_related("project", "invited_by", "accepted_by").filter(digest=digest(secret)).first()
    )
    if invitation is None:
        raise NotFound(_("There is no such invitation. Was the link copied whole?"))
    state = state_of(invitation)
    if state == ACCEPTED:
        raise Gone(_("This invitation has been used. Each link lets one person in."), invitation=invitation)
    if state == EXPIRED:
        raise Gone(_("This invitation has expired. Ask the person who sent it for a new one."))
    if state == REVOKED or invitation.project.trashed_at is not None or not _may_still_invite(invitation):
        raise Gone(_("This invitation was taken back. Ask the person who sent it."))
    return invitation


def _may_still_invite(invitation: Invitation) -> bool:
    """Else a lead who was shown out could come back by a link of his own."""
    by = invitation.invited_by
    if by is None or not by.is_active:
        return False
    return leads(by, invitation.project_id)


def accept(*, secret: str, user: User) -> Membership:
    """Make a person who has an account a member. Raises NotFound, Gone, Conflict for somebody who is in already."""
    with transaction.atomic():
        return _take(find(secret), user)


def join_with_new_account(*, secret: str, username: str, password: str) -> Membership:
    """Make an account with this name and password, and its owner a member: both, or neither.

    Raises NotFound, Gone, and Invalid or Conflict where name or password cannot be had.
    """
    with transaction.atomic():
        invitation = find(secret)
        return _take(invitation, create_person(username=username, password=password, invitation=invitation.pk))


def _take(invitation: Invitation, user: User) -> Membership:
    # Only one of two wins: the second's update waits for the first's commit, and then finds nothing to change.
    now = timezone.now()
    if not _open(now).filter(pk=invitation.pk).update(accepted_at=now, accepted_by=user):
        raise Gone(_("Somebody used this invitation a moment ago. Each link lets one person in."))
    member = members.add_member(
        project=invitation.project, by=invitation.invited_by or user, username=user.get_username(), role=invitation.role
    )
    audit(
        user, "invitation.accept", project=invitation.project, subject=invitation.note, invitation=invitation.pk,
        role=invitation.role,
    )  # fmt: skip
    return member


def revoke(*, invitation: Invitation, by: User) -> Invitation:
    """Make the link worthless at once. A second time changes nothing. Raises Conflict when somebody came in by it."""
    with transaction.atomic():
        now = timezone.now()
        if _open(now).filter(pk=invitation.pk).update(revoked_at=now):
            audit(by, "invitation.revoke", project=invitation.project_id, subject=invitation.note,
                  invitation=invitation.pk)  # fmt: skip
        row = Invitation.objects.select_related("accepted_by").get(pk=invitation.pk)
    if row.accepted_at is not None:
        raise Conflict(_("Somebody came in by this invitation already: remove the member instead."))
    return row


def of_project(project: Project) -> list[Invitation]:
    """All that are open, newest first, then the fifty newest of the others."""
    rows = Invitation.objects.filter(project=project).select_related("invited_by", "accepted_by").order_by("-id")
    now = timezone.now()
    over = Q(accepted_at__isnull=False) | Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
    return [*rows.exclude(over), *rows.filter(over)[:CLOSED_SHOWN]]
