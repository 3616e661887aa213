"""Add, pause and remove members, and change their role. Writes Membership. A project keeps one lead at least."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Conflict, Invalid
from labeler.labeling import claim_ends
from labeler.models import Claim, Membership, Project, Role
from labeler.models.queue import ClaimState


def add_member(*, project: Project, by: User, username: str, role: str = Role.ANNOTATOR) -> Membership:
    """Let a person into the project. Raises Invalid for an unknown name or role, Conflict for a member."""
    check_role(role)
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(
            _("There is no account “%(username)s”.") % {"username": username}, fields={"username": ["no such account"]}
        )
    try:
        with transaction.atomic():
            member = Membership.objects.create(project=project, user=user, role=role)
            audit(by, "member.add", project=project, subject=username, role=role)
    except IntegrityError as error:
        raise Conflict(
            _("%(username)s is a member already.") % {"username": username}, fields={"username": ["a member already"]}
        ) from error
    return member


def change_role(*, member: Membership, by: User, role: str) -> Membership:
    """Raises Invalid for an unknown role, Conflict when the last lead would be gone."""
    check_role(role)
    with transaction.atomic():
        row = _locked_member(member)
        if row.role != role:
            if row.may_lead:
                _check_not_last_lead(row)
            name = row.user.get_username()
            audit(by, "member.role", project=row.project_id, subject=name, before=row.role, after=role)
            row.role = role
            row.save(update_fields=["role"])
    return row


def pause(*, member: Membership, by: User, paused: bool) -> Membership:
    """Hand this person no more images, or some again. Their labels stay, and what they hold may still be answered."""
    with transaction.atomic():
        row = _locked_member(member)
        if (row.paused_at is not None) != paused:
            row.paused_at = timezone.now() if paused else None
            row.save(update_fields=["paused_at"])
            action = "member.pause" if paused else "member.resume"
            audit(by, action, project=row.project_id, subject=row.user.get_username())
    return row


def remove_member(*, member: Membership, by: User) -> None:
    """Show a person out: their labels stay, their open images go back. Raises Conflict for the last lead."""
    with transaction.atomic():
        row = _locked_member(member)
        if row.may_lead:
            _check_not_last_lead(row)
        audit(by, "member.remove", project=row.project_id, subject=row.user.get_username(), role=row.role)
        row.delete()
    held = Claim.objects.filter(project=member.project_id, annotator=member.user_id, state=ClaimState.OPEN)
    for image_id in held.values_list("image_id", flat=True):
        claim_ends.release(image_id=image_id, annotator=member.user)


def _locked_member(member: Membership) -> Membership:
    # The project first: two leads who show each other out at the same moment would both see another lead.
    Project.objects.select_for_update(no_key=True).get(pk=member.project_id)
    row = Membership.objects.select_related("user").filter(pk=member.pk).first()
    if row is None:
        raise Conflict(_("This person has left the project already."))
    return row


def _check_not_last_lead(row: Membership) -> None:
    if not Membership.objects.filter(project=row.project_id, role=Role.LEAD).exclude(pk=row.pk).exists():
        raise Conflict(_("This is the last lead of the project: make somebody else a lead first."))


def check_role(role: str) -> None:
    if role not in Role.values:
        raise Invalid(
            _("role must be one of %(names)s.") % {"names": ", ".join(Role.values)}, fields={"role": ["unknown"]}
        )
