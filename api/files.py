"""/api/images/{id}/preview/, thumb/ and file/: an image's bytes, for members only."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from rest_framework.request import Request

from api import parsing
from api.access import View, shown_name
from api.permissions import Needs
from api.schema import describe, file, parameter
from labeler.access import image_for, may_lead, may_review
from labeler.errors import NotAllowed, NotFound
from labeler.intake import private_fields
from labeler.intake.check import Refused
from labeler.intake.full_size import open_full_size
from labeler.intake.images import media_store
from labeler.models import Image, Role
from labeler.models.account import Scope

TAG = "Images"
# The bytes of a hash never change; whether somebody may still see them does, so shared caches keep nothing.
MAX_AGE_SECONDS = 24 * 3600
MEDIA_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp",
    "tif": "image/tiff",
}  # fmt: skip


class _Bytes(View):
    needs = {"GET": Needs(Scope.READ, Role.ANNOTATOR)}

    def _answer(self, request: Request, image: Image, path: Path, kind: str, media_type: str) -> HttpResponseBase:
        tag = f'"{image.sha256[:32]}-{kind}"'
        if tag in request.headers.get("If-None-Match", ""):
            return _guarded(HttpResponse(status=304), tag)
        try:
            opened = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound(_("The file of this image is missing on the server. Skip it, and tell a lead.")) from error
        response = FileResponse(opened, content_type=media_type)
        return _guarded(response, tag)


def guarded_file(opened: BinaryIO, tag: str, media_type: str) -> HttpResponseBase:
    """A file whose bytes never change under its address, for those who were let in only."""
    return _guarded(FileResponse(opened, content_type=media_type), tag)


def _guarded(response: HttpResponseBase, tag: str) -> HttpResponseBase:
    response["ETag"] = tag
    patch_cache_control(response, private=True, max_age=MAX_AGE_SECONDS)
    response["X-Content-Type-Options"] = "nosniff"
    # Whatever a browser takes the bytes for, they run nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


class Preview(_Bytes):
    @describe("get_preview", "The image as the labeling screen shows it: a JPEG, upright, long side at most 1600 "
    "pixels.",
              tag=TAG, answers=file("image/jpeg", "the preview"))  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = self.image(image_id)
        return self._answer(request, image, media_store().preview_path(image.sha256), "preview", "image/jpeg")


class Thumb(_Bytes):
    @describe("get_thumb", "A small JPEG: upright, short side at most 256 pixels.", tag=TAG,
              answers=file("image/jpeg", "the thumbnail"),
              parameters=[parameter("status", "deleted: of an image in the trash, for leads")])  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = image_for(self.person, image_id, also_in_trash=parsing.text(request, "status") == "deleted")
        return self._answer(request, image, media_store().thumb_path(image.sha256), "thumb", "image/jpeg")


class File(_Bytes):
    @describe(
        "get_file", "The image in full size, upright and without metadata, as a JPEG or PNG that every browser shows."
        "\n\nMade when it is first asked for, then kept: while others are being made it may answer 429, and "
        "while other images take the memory 503, both with `Retry-After`. Reviewers and leads get the bytes as "
        "they came "
        "with `original=true`, of images with a place in them leads only.",
        tag=TAG, answers=file("image/*", "the image"),
        parameters=[parameter("original", "as it came, with its metadata", bool)],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = self.image(image_id)
        if parsing.flag(request, "original"):
            if not may_review(image.project):
                # Where and when it was taken, and by whom, stands in a file as it came.
                raise NotAllowed(_("Only reviewers and leads may have the file as it came."))
            if any(private_fields.is_place(key) for key in image.metadata) and not may_lead(image.project):
                raise NotAllowed(_("The file as it came says where it was taken: only leads may have it."))
            original = media_store().original_path(image.sha256, image.extension)
            response = self._answer(request, image, original, "original", MEDIA_TYPES[image.extension])
            name = shown_name(image, image.project, opaque=False).rsplit("/", 1)[-1]
            response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
            return response
        return self._full_size(request, image)

    def _full_size(self, request: Request, image: Image) -> HttpResponseBase:
        tag = f'"{image.sha256[:32]}-full"'
        if tag in request.headers.get("If-None-Match", ""):
            return _guarded(HttpResponse(status=304), tag)
        try:
            opened, media_type = open_full_size(sha256=image.sha256, extension=image.extension)
        except FileNotFoundError as error:
            raise NotFound(_("The file of this image is missing on the server. Skip it, and tell a lead.")) from error
        except Refused as refusal:
            raise NotFound(
                _("The file of this image is damaged on the server. %(reason)s") % {"reason": refusal.reason}
            ) from refusal
        return _guarded(FileResponse(opened, content_type=media_type), tag)
