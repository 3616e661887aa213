"""What a caller needs for a method: to be signed in, a scope of the token, a role in the project.

A view declares it in one table (`needs`), so that a test can hold every method of every address against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from labeler.models import Role, Token
from labeler.models.account import Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView


@dataclass(frozen=True, slots=True)
class Needs:
    """A token's scope, and the least role in the project (None: the view has no project, or the verb itself looks)."""

    scope: Scope
    role: Role | None = None


MEMBERS_READ = Needs(Scope.READ, Role.ANNOTATOR)
MEMBERS_LABEL = Needs(Scope.LABEL, Role.ANNOTATOR)
REVIEWERS_READ = Needs(Scope.READ, Role.REVIEWER)
REVIEWERS_LABEL = Needs(Scope.LABEL, Role.REVIEWER)
REVIEWERS_EXPORT = Needs(Scope.EXPORT, Role.REVIEWER)
LEADS_READ = Needs(Scope.READ, Role.LEAD)
LEADS_MANAGE = Needs(Scope.MANAGE, Role.LEAD)


class SignedIn(BasePermission):
    """Signed in, and with the scope that the view's table asks for. A method without a line is refused."""

    message = "You may not do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        needs = getattr(view, "needs", {}).get(method)
        if needs is None:
            return request.method == "OPTIONS" or method not in view.allowed_methods
        if isinstance(request.auth, Token) and needs.scope not in request.auth.scopes:
            self.message = f"This token lacks the scope “{needs.scope}”."
            return False
        return True
