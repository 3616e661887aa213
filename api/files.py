"""/api/images/{id}/preview/, thumb/, file/ and tiles/: an image's bytes, for members only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View, shown_name
from api.permissions import MEMBERS_READ
from api.schema import describe, example, file, parameter
from labeler.access import image_for, may_lead, may_review
from labeler.errors import NotAllowed, NotFound
from labeler.intake import bucket_objects, originals, private_fields, tile_jobs, tiles
from labeler.intake.bucket_objects import OriginalGone
from labeler.intake.budget import turn
from labeler.intake.check import Refused
from labeler.intake.full_size import open_full_size
from labeler.intake.images import media_store
from labeler.intake.pyramid import TILE, is_large, levels_of
from labeler.models import Image

TAG = "Images"
# The bytes of a hash never change; whether somebody may still see them does, so shared caches keep nothing.
MAX_AGE_SECONDS = 24 * 3600
MEDIA_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp",
    "tif": "image/tiff",
}  # fmt: skip


class _Bytes(View):
    needs = {"GET": MEMBERS_READ}

    def _answer(
        self, request: Request, image: Image, kind: str, open_file: Callable[[], tuple[BinaryIO, str]]
    ) -> HttpResponseBase:
        """open_file: returns the open file and its media type."""
        tag = f'"{image.sha256[:32]}-{kind}"'
        if tag in request.headers.get("If-None-Match", ""):
            return _guarded(HttpResponse(status=304), tag)
        try:
            return guarded_file(*open_file(), tag)
        except OriginalGone as gone:
            raise NotFound(str(gone)) from gone
        except FileNotFoundError as error:
            raise NotFound(_("The file of this image is missing on the server. Skip it, and tell a lead.")) from error
        except Refused as refusal:
            raise NotFound(
                _("The file of this image is damaged on the server. %(reason)s") % {"reason": refusal.reason}
            ) from refusal


def _stored(path: Path, media_type: str) -> tuple[BinaryIO, str]:
    return path.open("rb"), media_type


def guarded_file(opened: BinaryIO, media_type: str, tag: str) -> HttpResponseBase:
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
    @describe(
        "get_preview", "The image as the labeling screen shows it: a JPEG, upright, long side at most 1600 pixels.",
        tag=TAG, answers=file("image/jpeg", "the preview"),
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = self.image(image_id)
        path = media_store().preview_path(image.sha256)
        return self._answer(request, image, "preview", partial(_stored, path, "image/jpeg"))


class Thumb(_Bytes):
    @describe("get_thumb", "A small JPEG: upright, short side at most 256 pixels.", tag=TAG,
              answers=file("image/jpeg", "the thumbnail"),
              parameters=[parameter("status", "deleted: of an image in the trash, for leads")])  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = image_for(self.person, image_id, also_in_trash=parsing.text(request, "status") == "deleted")
        path = media_store().thumb_path(image.sha256)
        return self._answer(request, image, "thumb", partial(_stored, path, "image/jpeg"))


class File(_Bytes):
    @describe(
        "get_file", "The image in full size, upright and without metadata, as a JPEG or PNG that every browser shows."
        "\n\nMade when it is first asked for, then kept: while others are being made it may answer 429, and "
        "while other images take the memory 503, both with `Retry-After`. Reviewers and leads get the bytes as "
        "they came with `original=true`, of images with a place in them leads only. An original that an import left in "
        "its bucket comes from there: passed on, or by a redirect to an address that works for a minute.",
        tag=TAG, answers=file("image/*", "the image")
        | {302: OpenApiResponse(description="where an original is that stayed in its bucket")},
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
            name = shown_name(image, image.project, opaque=False).rsplit("/", 1)[-1]
            response = self._original(request, image, name)
            response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
            return response
        full_size = partial(open_full_size, sha256=image.sha256, extension=image.extension)
        return self._answer(request, image, "full", full_size)

    def _original(self, request: Request, image: Image, name: str) -> HttpResponseBase:
        """The file of the store; of one that stayed in its bucket a short-lived address there, or its checked bytes."""
        path, media_type = media_store().original_path(image.sha256, image.extension), MEDIA_TYPES[image.extension]
        place = None if path.is_file() else originals.place_of(image.sha256)
        if place is None:
            return self._answer(request, image, "original", partial(_stored, path, media_type))
        try:
            if address := bucket_objects.address(place, file_name=name, media_type=media_type):
                moved = HttpResponseRedirect(address)
                patch_cache_control(moved, private=True, no_store=True)  # the address is a key to the object
                moved["Referrer-Policy"] = "no-referrer"
                return moved
            with turn(place.n_bytes):
                content = bucket_objects.fetch(place, image.sha256, hurry=True)
        except OriginalGone as gone:
            raise NotFound(str(gone)) from gone
        return _guarded(HttpResponse(content, content_type=media_type), f'"{image.sha256[:32]}-original"')


# ---------------------------------------------------------------- tiles


class LevelShape(serializers.Serializer):
    level = serializers.IntegerField(help_text="0: full size")
    width = serializers.IntegerField(help_text="pixels of the whole image at this level")
    height = serializers.IntegerField()
    columns = serializers.IntegerField()
    rows = serializers.IntegerField()
    scale = serializers.FloatField(help_text="its pixels per pixel of the image, to a side: 1, 1/2, 1/4 …")


class TilesShape(serializers.Serializer):
    tile = serializers.IntegerField(help_text="pixels, to each side; less in the last column and row")
    levels = LevelShape(many=True, help_text="full size first; none: shown without tiles")
    ready = serializers.BooleanField(help_text="false: a worker was asked for them")


def _tiles(image: Image, *, ready: bool) -> Response:
    levels = levels_of(image.width, image.height)
    body = {"tile": TILE, "levels": LevelShape(levels, many=True).data, "ready": ready}
    response = Response(body, status=200 if ready else 202)
    if not ready:
        response["Retry-After"] = "1"
    # What it says changes once, and whoever asks waits for that.
    patch_cache_control(response, private=True, no_store=True)
    return response


class Tiles(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "get_tiles", "The levels and tiles of a large image, so that no program has to decode the whole of it."
        "\n\nImages whose longer side is over 4,096 pixels have them. A worker makes them when they are first asked "
        "for, in projects where people draw when the image comes in; until then the answer is 202, `ready: false`.",
        tag=TAG, answers={200: TilesShape, 202: TilesShape},
        examples=[example({"tile": 512, "ready": True, "levels": [
            {"level": 0, "width": 5000, "height": 3000, "columns": 10, "rows": 6, "scale": 1.0},
            {"level": 1, "width": 2500, "height": 1500, "columns": 5, "rows": 3, "scale": 0.5}]})],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        is_ready = not is_large(image.width, image.height) or tiles.are_made(
            sha256=image.sha256, width=image.width, height=image.height
        )
        if not is_ready:
            tile_jobs.ask(image)
        return _tiles(image, ready=is_ready)


class Tile(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "get_tile", "One tile of a large image: a JPEG, upright, without metadata.\n\nWhile tiles are being made the "
        "answer is 202 and that of `tiles/`.",
        tag=TAG, answers=file("image/jpeg", "the tile") | {202: TilesShape},
    )  # fmt: skip
    def get(self, request: Request, image_id: int, level: int, column: int, row: int) -> HttpResponseBase:
        image = self.image(image_id)
        levels = levels_of(image.width, image.height)
        number = levels[level].number(column, row) if level < len(levels) else None
        if number is None:
            raise NotFound(_("This image has no such tile."))
        tag = f'"{image.sha256[:32]}-tile-{number}"'
        if tag in request.headers.get("If-None-Match", ""):
            return _guarded(HttpResponse(status=304), tag)
        content = tiles.read(sha256=image.sha256, width=image.width, height=image.height, number=number)
        if content is None:
            tile_jobs.ask(image)
            return _tiles(image, ready=False)
        return _guarded(HttpResponse(content, content_type="image/jpeg"), tag)
