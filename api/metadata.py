"""/api/projects/{id}/metadata/: what is known of images besides their pixels, many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.imports import TAG, RefusedRowShape
from api.permissions import LEADS_MANAGE
from api.schema import describe, example
from api.uploads import Uploads
from labeler.curation import filters
from labeler.errors import Invalid
from labeler.intake import import_metadata
from labeler.intake.formats import metadata

# One object per image: which fields it has is the sender's to say.
ROWS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "file_name": {"type": "string"},
            "sha256": {"type": "string"},
            "id": {"type": "integer"},
        },
        "additionalProperties": {
            "oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}],
            "nullable": True,
        },
    },
}  # fmt: skip


class MetadataInput(serializers.Serializer):
    file = serializers.FileField(help_text="a CSV whose first line names file_name and the fields; or JSON Lines")
    empty_removes = serializers.BooleanField(
        required=False, default=False, help_text="an empty cell takes the field away; else it says nothing"
    )


class MetadataShape(serializers.Serializer):
    updated = serializers.IntegerField(help_text="images whose metadata are others now")
    unchanged = serializers.IntegerField(help_text="images of which all that was sent was known")
    refused = RefusedRowShape(many=True)


class Metadata(Uploads, View):
    needs = {"POST": LEADS_MANAGE}

    def most_bytes(self) -> int:
        return metadata.MOST_BYTES

    @describe(
        "describe_images", "Say what is known of images: camera, place, date, a description.\n\nA form with `file` "
        "(CSV with a header, or JSON Lines), or a list of objects; one row per image. `file_name` (`sha256`, `id`) "
        "names the image, everything else is a field: text, a number, true or false. Fields that are named are "
        "changed, the others stay; `null` takes one away. A bad row is refused alone, with its number and the reason. "
        "The same once more changes nothing.",
        tag=TAG, request={"multipart/form-data": MetadataInput, "application/json": ROWS},
        answers={200: MetadataShape}, errors=(413, 422),
        examples=[
            example([{"file_name": "leaves/0001.jpg", "camera": "C-3", "outdoors": True},
                     {"id": 614, "camera": None, "altitude": 420.5}], "rows", of_request=True),
            example({"updated": 1, "unchanged": 0,
                     "refused": [{"name": "614", "row": 2, "reason": "This project has no image with this id."}]}),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        outcome = import_metadata.describe(project=project, by=self.person, rows=_rows(request))
        return Response(MetadataShape(outcome.as_json()).data)


def _rows(request: Request) -> Iterable[Any]:
    # request.data first: reading the body is what a malformed one is refused by.
    if isinstance(request.data, list):
        return metadata.Listed(request.data)
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(
            _("Send a form with the table as “file”, or a JSON list with an object for each image."),
            fields={"file": ["missing"]},
        )
    remove_empty = filters.flag("empty_removes", str(request.data.get("empty_removes", "")))
    return metadata.Table(cast("BinaryIO", file.file), remove_empty=remove_empty)
