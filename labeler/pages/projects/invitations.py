"""The page behind an invitation's link: join with one button, or make an account there.

Opening it changes nothing, because programs that show previews of links open them too. Knows forms; when a link is
good is labeler/projects/invitations.py's.
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from labeler.errors import Conflict, Gone, Invalid, LabelerError, NotFound
from labeler.models import Invitation, Membership
from labeler.pages.asking import person
from labeler.pages.forms import Join, refuse
from labeler.projects import invitations


@sensitive_variables("secret")
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    response = _answer(request, secret)
    # The address is the secret. Not "no-referrer": browsers then send a form's origin as "null", which Django refuses.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        found = invitations.find(secret)
    except (NotFound, Gone) as error:
        return _over(request, error)
    if request.user.is_authenticated:
        return _known(request, secret, found)
    return _unknown(request, secret, found)


def _over(request: HttpRequest, error: LabelerError) -> HttpResponse:
    """Whoever came in by this very link goes on to the project; everybody else is told in a sentence."""
    used = error.details.get("invitation")
    if isinstance(used, Invitation) and request.user.is_authenticated and used.accepted_by_id == request.user.pk:
        return redirect("project", used.project_id)
    return render(request, "account/over.html", {"why": error.message}, status=error.status)


def _known(request: HttpRequest, secret: str, found: Invitation) -> HttpResponse:
    """Somebody who is logged in: one button."""
    if request.method == "POST":
        try:
            member = invitations.accept(secret=secret, user=person(request))
        except (NotFound, Gone) as error:
            return _over(request, error)
        except Conflict:
            return redirect("project", found.project_id)
        return _welcome(request, member)
    inside = found.project.memberships.filter(user=person(request)).exists()
    return render(request, "invitations/invitation.html", {"invitation": found, "inside": inside})


def _unknown(request: HttpRequest, secret: str, found: Invitation) -> HttpResponse:
    """Somebody without an account, or not logged in: the form that makes one, and the way to log in."""
    form = Join(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            member = invitations.join_with_new_account(
                secret=secret, username=form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
        except (NotFound, Gone) as error:
            return _over(request, error)
        except Invalid as error:  # each field with its own sentences: Django's validators may have several
            for name, texts in error.fields.items():
                form.add_error(name, texts)
        except LabelerError as error:
            refuse(form, error)
        else:
            login(request, member.user)
            return _welcome(request, member)
    return render(request, "invitations/invitation.html", {"invitation": found, "form": form})


def _welcome(request: HttpRequest, member: Membership) -> HttpResponse:
    messages.success(request, _("You are in, as %(role)s.") % {"role": member.get_role_display()})
    return redirect("project", member.project_id)
