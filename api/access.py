"""What all views of REST share: JSON only, a signed-in person, and labeler/access.py asked by the table of `needs`."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.views import APIView

from api.parsing import LARGEST, SafeJSONParser, check_person
from api.permissions import Needs, SignedIn
from labeler import access
from labeler.errors import NotAllowed, NotFound
from labeler.models import Image, Project, Role


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
        """The project, with the caller's `role` and `membership`, if the role is enough for this method.

        Raises NotFound for strangers, NotAllowed for members whose role is too small.
        """
        return access.project_for(self.person, project_id, at_least=self._least)

    def project_of_member(self, project_id: int) -> Project:
        """The same for members alone. Raises NotAllowed for an administrator who is none, too."""
        project = self.project(project_id)
        if project.membership is None:
            raise NotAllowed(_("Become a member of this project first: labels belong to its members."))
        return project

    def image(self, image_id: int) -> Image:
        """The image, with such a project. Raises as project()."""
        return access.image_for(self.person, image_id, at_least=self._least)

    def row(self, rows: Any, pk: int, missing: str, project: str = "project") -> Any:
        """The same for any other row of a project: the one of `rows` with this key, with the caller's `role` there."""
        live = rows.select_related(project).filter(pk=pk, **{f"{project}__trashed_at": None})
        return access.row_for(self.person, live, at_least=self._least, missing=missing, project=project)

    @property
    def _least(self) -> Role:
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        return self.needs[method].role or Role.ANNOTATOR


def shown_name(image: Image, project: Project, *, opaque: bool) -> str:
    """The image's name as a person may see it: a path can give the class away."""
    return f"Image {image.pk}" if opaque and not project.show_file_names else image.name
