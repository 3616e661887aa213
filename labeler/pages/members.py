"""Who works in a project: the list, adding by user name, roles. Knows forms; the rules are labeler/projects.py's."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from labeler import projects
from labeler.errors import LabelerError
from labeler.models import Role
from labeler.pages.access import Access, person, project_page
from labeler.pages.forms import AddMember, refuse


@project_page(Role.LEAD)
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    form = AddMember(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            member = projects.add_member(project=project, by=person(request), **form.cleaned_data)
        except LabelerError as error:
            refuse(form, error)
        else:
            name, role = member.user.get_username(), member.get_role_display()
            messages.success(request, _("%(name)s is in, as %(role)s.") % {"name": name, "role": role})
            return redirect("members", project.pk)
    people = project.memberships.select_related("user").order_by("user__username")
    rows = [
        {
            "member": member,
            "is_you": member.user_id == request.user.pk,
            "imported": not member.user.has_usable_password(),
        }
        for member in people
    ]
    return render(request, "project/members.html", access.context("members", rows=rows, form=form, roles=Role.choices))


@project_page(Role.LEAD)
@require_POST
def member(request: HttpRequest, access: Access, member_id: int) -> HttpResponse:
    """Change the role of one person, or show the person out."""
    row = access.project.memberships.select_related("user").filter(pk=member_id).first()
    if row is None:
        raise Http404(_("This person is not a member."))
    name = row.user.get_username()
    try:
        if request.POST.get("do") == "remove":
            projects.remove_member(member=row, by=person(request))
            messages.success(request, _("%(name)s is removed. The labels stay.") % {"name": name})
        else:
            changed = projects.change_role(member=row, by=person(request), role=request.POST.get("role", ""))
            messages.success(
                request, _("%(name)s is %(role)s now.") % {"name": name, "role": changed.get_role_display()}
            )
    except LabelerError as error:
        messages.error(request, error.message)
    # Who has just left, or is no lead any more, cannot see the list.
    gone = row.user_id == person(request).pk and not access.is_admin
    if gone and not access.project.memberships.filter(user=person(request), role=Role.LEAD).exists():
        return redirect("projects")
    return redirect("members", access.project.pk)
