"""Receive uploaded files: refused unread, unless the view has checked the sender and accepts them.

settings.FILE_UPLOAD_HANDLERS names RefuseFiles. What a view takes lies in a folder of the data directory until the
request has ended, never in the system's temporary folder, which in a container is memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.core.files.uploadhandler import (
    FileUploadHandler,
    MemoryFileUploadHandler,
    TemporaryFileUploadHandler,
)
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import TooLarge
from labeler.intake.store import delete_old, full_disk_said

FORM_BYTES = 2**20  # of a form besides its files
IMAGES_AT_ONCE = 20  # of the largest size that is taken: a browser sends so many in one form
FULL = gettext_lazy("The disk of the server is full. Free some space, then try again.")


class FilesNotTaken(BadRequest):
    """A form with a file, sent to an address that takes none."""


class FormTooLarge(TooLarge, RequestDataTooBig):
    """For the REST layer and for Django, whose page for it is 413 as well."""


class RefuseFiles(FileUploadHandler):
    """For every view that takes no files, and until a view that does has checked who is asking."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        if content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The form is larger than settings.DATA_UPLOAD_MAX_MEMORY_SIZE.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise FilesNotTaken(_("This address takes no files."))


class _OnDisk(TemporaryFileUploadHandler):
    def new_file(self, *args: Any, **kwargs: Any) -> None:
        with full_disk_said(FULL):
            super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        try:
            with full_disk_said(FULL):
                super().receive_data_chunk(raw_data, start)
        except BaseException:
            self.file.close()  # which deletes it: what there is of it needs room
            raise
        return None


def take_files(request: HttpRequest, *, most_bytes: int, first: FileUploadHandler | None = None) -> None:
    """Let the form of this request bring files, when it is read. Call it when the person may send them, not before.

    most_bytes: of the files together; `first`: a handler before ours. Raises FormTooLarge, before a byte is read. No
    body is longer than it says: the server reads no further, and takes none without a length.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > most_bytes + FORM_BYTES:
        raise FormTooLarge(_("At most %(value)s MB can be sent at once.") % {"value": f"{most_bytes / 2**20:,.0f}"})
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
    handlers: list[Any] = [MemoryFileUploadHandler(request), _OnDisk(request)]
    request.upload_handlers = [first, *handlers] if first else handlers


def most_bytes_of_images() -> int:
    return IMAGES_AT_ONCE * settings.MAX_IMAGE_BYTES


def forget_abandoned() -> int:
    """Delete what killed processes left behind; how many."""
    return delete_old(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*"))
