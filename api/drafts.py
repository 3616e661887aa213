"""/api/images/{id}/draft/: what somebody has drawn and not answered yet, for themselves alone."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import ObjectListField
from api.permissions import MEMBERS_LABEL
from api.schema import PERSON, describe, example
from labeler.access import NO_IMAGE
from labeler.errors import Invalid, NotFound
from labeler.labeling import drafts

TAG = "Labeling"


class DraftInput(serializers.Serializer):
    objects = ObjectListField(help_text="as for a label; unfinished ones with `open: true`")
    revision = serializers.IntegerField(
        required=False, help_text="the one you began from, 0 for none: 412 when another screen has saved since"
    )


class DraftShape(serializers.Serializer):
    objects = ObjectListField()
    saved_at = serializers.DateTimeField()
    revision = serializers.IntegerField(help_text="raised by each save")


def shape(kept: drafts.Kept) -> dict[str, Any]:
    return {"objects": kept.objects, "saved_at": kept.saved_at, "revision": kept.revision}


class OneDraft(View):
    needs = dict.fromkeys(("GET", "PUT", "DELETE"), MEMBERS_LABEL)

    def _own(self, image_id: int) -> None:
        """Raises NotFound for who is no member: an administrator has no draft here, and may not have one."""
        if self.image(image_id).project.membership is None:
            raise NotFound(str(NO_IMAGE))

    @describe("get_draft", "Your own draft of an image. 404 for everybody else, leads too.", tag=TAG,
              answers={200: DraftShape}, parameters=[PERSON])  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        self._own(image_id)
        return Response(shape(drafts.find(image_id=image_id, annotator=self.person)))

    @describe(
        "keep_draft", "Keep what you have drawn so far.\n\nNeeds a claim of your own. It ends with your answer, when "
        "you give the image back, or after seven days.", tag=TAG, request=DraftInput, answers={200: DraftShape},
        errors=(409, 412), parameters=[PERSON],
        examples=[example({"objects": [{"category": "pawn", "box": [10, 20, 30, 40]}], "revision": 3},
                          of_request=True)],
    )  # fmt: skip
    def put(self, request: Request, image_id: int) -> Response:
        self._own(image_id)
        sent = parsing.body(request)
        if "objects" not in sent:
            raise Invalid(_("objects is a list of objects."), fields={"objects": ["missing"]})
        kept = drafts.keep(
            image_id=image_id, annotator=self.person, objects=sent["objects"], revision=sent.get("revision")
        )
        return Response(shape(kept))

    @describe("drop_draft", "Throw your draft of an image away.", tag=TAG, answers={204: None}, parameters=[PERSON])
    def delete(self, request: Request, image_id: int) -> Response:
        self._own(image_id)
        drafts.drop(image_id=image_id, annotator=self.person)
        return Response(status=204)
