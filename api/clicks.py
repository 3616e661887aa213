"""/api/images/{id}/click-mask/ and its answers: the pixels of the object that somebody clicked on, to draw it by."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import CategoryRefField, DrawnShape, FailureShape, FloatsField
from api.permissions import MEMBERS_LABEL
from api.schema import PERSON, describe, example
from labeler.label_set import categories as label_set
from labeler.models import Errand
from labeler.models.job import State
from labeler.training import clicks, inference_requests

TAG = "Labeling"
PATIENCE_SECONDS = 1.0


class ClickInput(serializers.Serializer):
    clicks = serializers.ListField(
        child=serializers.DictField(),
        help_text="`{x, y, inside}` in pixels of the image; the first is on the object, `inside: false` is beside it",
    )
    window = FloatsField(
        required=False, allow_null=True,
        help_text="[x, y, width, height] of the part that is looked at, for instance what the screen shows: small "
        "objects are found more exactly in a small part. Left out: the whole image",
    )  # fmt: skip
    category = CategoryRefField(required=False, help_text="what is drawn: sizes of this class are likelier")


class ClickedShape(DrawnShape):
    """One way to see what was clicked on."""

    number = serializers.IntegerField(required=False, help_text="in the pre-label, where the model drew it")
    category_id = serializers.IntegerField(required=False)
    probability = serializers.FloatField(required=False, allow_null=True)


class ClickShape(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True, help_text="to ask again by; null: nothing is pending")
    state = serializers.ChoiceField(State.choices)
    error = FailureShape(allow_null=True)
    by = serializers.ChoiceField(
        ["picture", "model", "segment-anything"], allow_null=True,
        help_text="picture: from the features of a pretrained network; model: of the pre-label of your claim",
    )  # fmt: skip
    objects = ClickedShape(many=True, help_text="smaller ones first; of the model: surest first")
    chosen = serializers.IntegerField(help_text="place of the one that is proposed")


def shape(errand: Errand) -> dict[str, Any]:
    told = errand.answer if errand.state == State.DONE else {}
    return {
        "id": errand.pk, "state": errand.state, "error": errand.error, "by": told.get("by"),
        "objects": told.get("objects", []), "chosen": told.get("chosen", 0),
    }  # fmt: skip


class LessSureShape(serializers.Serializer):
    objects = ClickedShape(many=True, help_text="surest first, 50 at most")


class LessSure(View):
    needs = {"GET": MEMBERS_LABEL}

    @describe("list_less_sure_objects", "Objects of your claim's pre-label that were not sure enough to be shown.\n\n"
              "Their numbers may be named in `from` of an answer. Empty where there are none, and where you are shown "
              "nothing that the model says.", tag=TAG, answers={200: LessSureShape}, parameters=[PERSON])  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        found = clicks.less_sure(self.image(image_id), self.person)
        return Response({"objects": [clicks.told(one) for one in found]})


class ClickMask(View):
    needs = {"POST": MEMBERS_LABEL}

    @describe(
        "click_mask", "Which pixels belong to the object that you clicked on.\n\nOf images in projects where people "
        "draw. A worker answers, usually within a third of a second: 200, or 202 with an `id` to ask again by. "
        "Further clicks correct what the first one found. Nothing is drawn or saved by this. Where your claim shows "
        "you a pre-label that has an object there, that is the answer.", tag=TAG, request=ClickInput,
        answers={200: ClickShape, 202: ClickShape}, errors=(409, 422, 429), parameters=[PERSON],
        examples=[
            example({"clicks": [{"x": 120.5, "y": 88, "inside": True}]}, of_request=True),
            example({
                "id": 91, "state": "done", "error": None, "by": "picture", "chosen": 0,
                "objects": [{"mask": {"size": [2, 3], "offset": [119, 87], "counts": "06"}}],
            }),
        ],
    )  # fmt: skip
    def post(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        wanted = parsing.parse(ClickInput, request)
        named = wanted.get("category")
        category = label_set.index(image.project).id_of(str(named)) if named is not None else None
        found = clicks.ask(
            image=image, person=self.person, clicks=wanted["clicks"], window=wanted.get("window"), category=category
        )
        if isinstance(found, dict):
            return Response({"id": None, "state": State.DONE, "error": None, **found})
        found = inference_requests.wait_for(found, PATIENCE_SECONDS)
        return Response(shape(found), status=200 if found.is_finished else 202)


class ClickAnswer(View):
    needs = {"GET": MEMBERS_LABEL}

    @describe("get_click_mask", "The answer to a click of yours; kept for ten minutes.", tag=TAG,
              answers={200: ClickShape, 202: ClickShape}, parameters=[PERSON])  # fmt: skip
    def get(self, request: Request, image_id: int, errand_id: int) -> Response:
        errand = clicks.find(image=self.image(image_id), person=self.person, errand_id=errand_id)
        return Response(shape(errand), status=200 if errand.is_finished else 202)
