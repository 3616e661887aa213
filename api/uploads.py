"""Read forms with files, keeping the path a browser sends with a dropped folder.

Django cuts a file's name down to its last part, as it should for programs that use it as a path. Here it is a
label, cleaned by the intake, and two files of one name in two folders are two images.
"""

from __future__ import annotations

import html
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from rest_framework.parsers import MultiPartParser

from api.parsing import SafeJSONParser
from labeler.intake import incoming
from labeler.models import Project

# Stands for "/" while Django looks at the name. Of the private use area: no file system writes it by itself.
_SLASH = "\ue02f"


class _Parser(DjangoMultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        path = html.unescape(file_name).replace("\\", "/").strip("/")
        name = "".join(c for c in path.replace("/", _SLASH) if c.isprintable() or c == _SLASH)
        return None if name.replace(_SLASH, "") in ("", ".", "..") else name


class PathKeepingUploads(FileUploadHandler):
    """Takes over the parsing of a form."""

    request: HttpRequest  # always given: see Uploads

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> Any:
        handlers = [handler for handler in self.request.upload_handlers if handler is not self]
        return _Parser(META, input_data, handlers, encoding or "utf-8").parse()

    @staticmethod
    def path_of(file: UploadedFile) -> str:
        """The file's name with the folders the browser sent."""
        return str(file.name).replace(_SLASH, "/")


class Uploads:
    """For views that take forms with files, and JSON besides: once project() has let the caller through, not before."""

    parser_classes: Any = [MultiPartParser, SafeJSONParser]

    def most_bytes(self) -> int:
        """Of the files of one form together."""
        raise NotImplementedError

    def project(self, project_id: int) -> Project:
        project: Project = super().project(project_id)  # type: ignore[misc]
        if (request := self.request._request).method == "POST":  # type: ignore[attr-defined]
            incoming.take_files(request, most_bytes=self.most_bytes(), first=PathKeepingUploads(request))
        return project
