"""Who may know of a project or an image, and in which role: one query each, and 404 for strangers.

An administrator counts as a lead everywhere, but labels only where they are a member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.views import APIView

from api.parsing import LARGEST, SafeJSONParser, check_person
from api.permissions import RANK, Needs, SignedIn
from labeler import access
from labeler.errors import NotAllowed, NotFound
from labeler.models import Image, Membership, Project, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NO_PROJECT = "There is no such project, or you are not a member of it."
NO_IMAGE = "There is no such image, or you are not a member of its project."


class OnlyJSON:
    """Answers are JSON, whatever is asked for; what is not says so by its own content type.

    Also keeps `?format=` free for our own use, and saves the parsing of Accept headers.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        sent = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class View(APIView):
    """A view with a table of what each method needs."""

    needs: dict[str, Needs] = {}
    permission_classes = [SignedIn]
    parser_classes = [SafeJSONParser]
    content_negotiation_class = OnlyJSON  # type: ignore[assignment]

    @property
    def person(self) -> User:
        """Who is asking; SignedIn has made sure that it is somebody."""
        return cast("User", self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_person(request)
        if any(isinstance(value, int) and value > LARGEST for value in kwargs.values()):
            raise NotFound(_("There is nothing at this address."))  # no id is so long

    def project(self, project_id: int) -> Project:
        """The project, with the caller's role as `.role`, if that role is enough for this method.

        Raises NotFound for strangers, NotAllowed for members whose role is too small.
        """
        return self._of_member(*access.of_project(self.person, project_id), NO_PROJECT)

    def image(self, image_id: int) -> Image:
        """The image with its project; `.role` is the caller's. Raises as project()."""
        return self._of_member(*access.of_image(self.person, image_id), NO_IMAGE)

    def checked_role(self, row: Any, message: str, outer: str = "project") -> Any:
        """The same for any other row of a project: its queryset's first row, or NotFound and NotAllowed."""
        role = Membership.objects.filter(project=OuterRef(outer), user=self.person).values("role")[:1]
        return self._checked(row.annotate(role=Subquery(role)).first(), message)

    def _of_member(self, row: Any, member: Membership | None, message: str) -> Any:
        if row is not None:
            row.role = member and member.role
        return self._checked(row, message)

    def _checked(self, row: Any, message: str) -> Any:
        if row is None or (row.role is None and not self.request.user.is_superuser):
            raise NotFound(message)
        row.is_member = row.role is not None
        if self.request.user.is_superuser:
            row.role = Role.LEAD
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        least = self.needs[method].role
        if least is not None and RANK[Role(row.role)] < RANK[least]:
            raise NotAllowed(
                _("Only a %(least)s of this project may do this; you are %(a)s.") % {"least": least, "a": _a(row.role)}
            )
        return row


def _a(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def may_review(row: Any) -> bool:
    """A row from View.project() or View.image(): is the caller a reviewer or above?"""
    return RANK[Role(row.role)] >= RANK[Role.REVIEWER]


def may_lead(row: Any) -> bool:
    return row.role == Role.LEAD


def shown_name(image: Image, project: Project, *, opaque: bool) -> str:
    """The image's name as a person may see it: a path can give the class away."""
    return f"Image {image.pk}" if opaque and not project.show_file_names else image.name
