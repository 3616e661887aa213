"""Send a file whose bytes never change, or a part of it: so that a download that broke off goes on where it was.

Knows HTTP (RFC 9110: Range, If-Range, ETag); not what the file is, nor who may have it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.request import Request

READ_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def answer(request: Request, path: Path, *, checksum: str, media_type: str, file_name: str) -> HttpResponseBase:
    """200 with all of it, 206 with the part that was asked for, 304 or 416. Raises FileNotFoundError.

    A range that cannot be understood is as none at all, and so is one of several parts: both are allowed to be.
    """
    tag = f'"{checksum}"'
    if tag in request.headers.get("If-None-Match", ""):
        return _headed(HttpResponse(status=304), tag, file_name)
    file = path.open("rb")
    size = path.stat().st_size
    part = _part(request, size, tag)
    if part is None:
        return _headed(FileResponse(file, content_type=media_type), tag, file_name)
    start, end = part
    if start >= end:
        file.close()
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{size}"
        return _headed(refused, tag, file_name)
    response = FileResponse(_Part(file, start, end), status=206, content_type=media_type)
    response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response["Content-Length"] = str(end - start)
    return _headed(response, tag, file_name)


def _part(request: Request, size: int, tag: str) -> tuple[int, int] | None:
    """From which byte to before which; None: all of it. start >= end: there is no such part."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or request.headers.get("If-Range", tag) != tag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:  # the last so many bytes
        n = min(int(last), size)
        return (size - n, size) if n else (size, size)
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


class _Part:
    """A part of an open file, to be read and closed like a file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._left = file, end - start
        file.seek(start)

    def read(self, most: int = READ_BYTES) -> bytes:
        piece = self._file.read(min(most, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


def _headed(response: HttpResponseBase, tag: str, file_name: str) -> HttpResponseBase:
    response["ETag"] = tag
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-cache"  # whether somebody may still have it is asked each time
    response["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Accel-Buffering"] = "no"
    return response
