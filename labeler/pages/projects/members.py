"""Who works in a project: members and invitations, adding by user name or by link, roles, pausing.

Knows forms; the rules are labeler/projects/members.py's, labeler/projects/invitations.py's and
labeler/agreement/second_opinions.py's.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.access import leads
from labeler.agreement import second_opinions
from labeler.errors import Invalid
from labeler.models import Invitation, Membership, Project, Role
from labeler.pages.asking import Access, person, project_action, project_form
from labeler.pages.forms import AddMember, Invite
from labeler.pages.refusals import first_or_404, refusal_as_message, refusal_in
from labeler.projects import invitations
from labeler.projects import members as membership


@project_form(Role.LEAD)
def members(request: HttpRequest, access: Access) -> HttpResponse:
    """The whole page; a form on it adds a person by name, another makes a link.

    The new link is shown in the answer to the form itself: on its way through a session its secret would be stored.
    """
    project, wanted = access.project, request.POST.get("do", "add")
    posted = request.method == "POST"
    form = AddMember(request.POST if posted and wanted == "add" else None)
    invite = Invite(request.POST if posted and wanted == "invite" else None, auto_id="invite_%s")
    link, made = "", None
    if posted and wanted == "add" and form.is_valid():
        with refusal_in(form):
            member = membership.add_member(project=project, by=person(request), **form.cleaned_data)
            name, role = member.user.get_username(), member.get_role_display()
            messages.success(request, _("%(name)s is in, as %(role)s.") % {"name": name, "role": role})
            return redirect("members", project.pk)
    if posted and wanted == "invite" and invite.is_valid():
        with refusal_in(invite):
            made, secret = invitations.create(project=project, by=person(request), **invite.cleaned_data)
            link = request.build_absolute_uri(reverse("invitation", args=[secret]))
            invite = Invite(auto_id="invite_%s")
    people = project.memberships.select_related("user").order_by("user__username")
    rows = [
        {
            "member": member,
            "is_you": member.user_id == request.user.pk,
            "imported": not member.user.has_usable_password(),
        }
        for member in people
    ]
    invited = [
        {"invitation": one, "state": invitations.state_of(one), "words": _words(one)}
        for one in invitations.of_project(project)
    ]
    context: dict[str, Any] = {
        "rows": rows, "form": form, "roles": Role.choices, "invite_form": invite, "link": link, "made": made,
        "waiting": [row for row in invited if row["state"] == invitations.OPEN],
        "over": [row for row in invited if row["state"] != invitations.OPEN],
    }  # fmt: skip
    return access.render(request, "members/members.html", "members", **context)


def _words(invitation: Invitation) -> str:
    """What became of an invitation, in words."""
    state = invitations.state_of(invitation)
    if state == invitations.ACCEPTED:
        by = invitation.accepted_by.get_username() if invitation.accepted_by else _("somebody who is gone")
        return _("accepted by %(name)s") % {"name": by}
    return {
        invitations.OPEN: _("open"),
        invitations.EXPIRED: _("expired"),
        invitations.REVOKED: _("taken back"),
    }[state]


@project_action(Role.LEAD)
def revoke(request: HttpRequest, access: Access, invitation_id: int) -> HttpResponse:
    """Make a link worthless."""
    rows = access.project.invitations.filter(pk=invitation_id)
    row = first_or_404(rows, _("This project has no such invitation."))
    with refusal_as_message(request):
        invitations.revoke(invitation=row, by=person(request))
        messages.success(request, _("The invitation is taken back: its link no longer works."))
    return redirect("members", access.project.pk)


@project_action(Role.LEAD)
def member(request: HttpRequest, access: Access, member_id: int) -> HttpResponse:
    """Change the role of one person, pause them, ask others about their images, or show the person out."""
    rows = access.project.memberships.select_related("user").filter(pk=member_id)
    row = first_or_404(rows, _("This person is not a member."))
    with refusal_as_message(request):
        messages.success(request, _carry_out(request, access.project, row))
    # Who has just left, or is no lead any more, cannot see the list.
    if row.user_id == person(request).pk and not leads(person(request), access.project.pk):
        return redirect("projects")
    return redirect("members", access.project.pk)


def _carry_out(request: HttpRequest, project: Project, row: Membership) -> str:
    """Do what the button says; what to tell of it. Raises LabelerError."""
    by, do, name = person(request), request.POST.get("do"), row.user.get_username()
    if do == "remove":
        membership.remove_member(member=row, by=by)
        return _("%(name)s is removed. The labels stay.") % {"name": name}
    if do == "pause":
        membership.pause(member=row, by=by, paused=True)
        return _("%(name)s is paused: no more images come, and the labels stay.") % {"name": name}
    if do == "resume":
        membership.pause(member=row, by=by, paused=False)
        return _("%(name)s is given images again.") % {"name": name}
    if do == "ask_others":
        n = second_opinions.ask_others(project=project, member=row, by=by, since=_since(request.POST.get("since", "")))
        if not n:
            return _("Nothing to do: others have judged these images, or are about to.")
        said = ngettext("%(n)s image goes to others too.", "%(n)s images go to others too.", n)
        return said % {"n": f"{n:,}"}
    changed = membership.change_role(member=row, by=by, role=request.POST.get("role", ""))
    return _("%(name)s is %(role)s now.") % {"name": name, "role": changed.get_role_display()}


def _since(text: str) -> datetime | None:
    """The beginning of a day; None: all days. Raises Invalid."""
    if not text.strip():
        return None
    try:
        day = parse_date(text.strip())
    except ValueError:
        day = None
    if day is None:
        raise Invalid(_("Write the day as 2026-11-05, or leave it empty for all days."), fields={"since": ["no day"]})
    return timezone.make_aware(datetime.combine(day, time()))
