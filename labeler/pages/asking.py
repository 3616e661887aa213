"""How a project's page asks labeler/access.py who may open it, and what every such page is told.

Who is not logged in goes to the login; strangers get the page for 404, members whose role does not reach that for 403.
What a page does with a role is the page's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from labeler import access
from labeler.errors import NotAllowed, NotFound
from labeler.intake.incoming import take_files
from labeler.models import Membership, Project, Role
from labeler.review import comments, worklists
from labeler.training import runs


@dataclass(frozen=True, slots=True)
class Access:
    """One person at one project."""

    project: Project  # from labeler/access.py
    user: User

    @property
    def membership(self) -> Membership | None:
        """None: an admin who is not a member."""
        return self.project.membership

    @property
    def may_lead(self) -> bool:
        return access.may_lead(self.project)

    @property
    def may_review(self) -> bool:
        return access.may_review(self.project)

    def to_settle(self) -> str:
        """How many images are disputed, as the tab shows it; empty when there is none."""
        n = worklists.to_settle(self.project)
        return f"{worklists.COUNTED}+" if n > worklists.COUNTED else str(n or "")

    def has_review(self) -> bool:
        """Is there anything to confirm on the review grid: a model whose word this person may see and label with?"""
        if self.membership is None or not (self.project.draws or self.project.show_prelabels):
            return False
        return runs.active(self.project) is not None

    def questions_waiting(self) -> int:
        """What the tab “Questions” counts for this person."""
        return comments.waiting(project=self.project, person=self.user, may_review=self.may_review)

    def render(self, request: HttpRequest, template: str, tab: str, *, status: int = 200, **more: Any) -> HttpResponse:
        """A page with what templates/project_base.html needs, and what it adds. tab: which one is marked."""
        context = {
            "project": self.project,
            "membership": self.membership,
            "may_lead": self.may_lead,
            "may_review": self.may_review,
            "tab": tab,
            # Called by the template, where it shows the tabs: one query on an index each.
            "to_settle": self.to_settle,
            "has_review": self.has_review,
            "questions_waiting": self.questions_waiting,
        }
        return render(request, template, context | more, status=status)


def person(request: HttpRequest) -> User:
    """Who is logged in. Only behind login_required."""
    return cast("User", request.user)


def find(request: HttpRequest, project_id: int, needs: Role = Role.ANNOTATOR) -> Access:
    """The person's access to a project. Http404 for strangers and for projects in the trash, else PermissionDenied."""
    try:
        return Access(access.project_for(person(request), project_id, at_least=needs), person(request))
    except NotFound as error:
        raise Http404(error.message) from error
    except NotAllowed as error:
        raise PermissionDenied(
            _("Only leads of this project can open this page.")
            if needs == Role.LEAD
            else _("Only reviewers and leads of this project can open this page.")
        ) from error


def project_page(
    needs: Role = Role.ANNOTATOR,
    *,
    methods: Sequence[str] = ("GET",),
    most_bytes_of_files: Callable[[], int] | None = None,
) -> Callable[..., Callable[..., HttpResponse]]:
    """The view gets an Access in place of the project's id, and runs only for people whose role is `needs` or above.

    Everybody else is told so before other methods than these are refused. project_form and project_action are the same
    for pages with a form, and for what only a form's button does.
    most_bytes_of_files: the view takes a form with files, of so many bytes together. Nothing of it is read before the
    role was looked at, so the CSRF check, which reads the form, comes after it.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        inner = require_http_methods(list(methods))(view)
        if most_bytes_of_files:
            inner = csrf_protect(inner)

        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, project_id: int, **ids: int | str) -> HttpResponse:
            found = find(request, project_id, needs)
            if most_bytes_of_files and request.method == "POST":
                take_files(request, most_bytes=most_bytes_of_files())
            return inner(request, found, **ids)

        return csrf_exempt(guarded) if most_bytes_of_files else guarded

    return decorate


project_form = partial(project_page, methods=("GET", "POST"))
project_action = partial(project_page, methods=("POST",))
