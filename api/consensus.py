"""/api/images/{id}/consensus/: what an image is taken to be, and a reviewer's decision above the votes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import etags, parsing
from api.access import View
from api.fields import CategoryRefsField, ObjectListField
from api.permissions import MEMBERS_READ, REVIEWERS_LABEL
from api.schema import IF_MATCH, describe, example
from api.shapes import ConsensusShape, consensus_shape, objects_shape
from labeler.access import may_review
from labeler.consensus import objects, snapshots
from labeler.labeling import blindness
from labeler.models import Image
from labeler.review import adjudication

TAG = "Agreement"


class DecisionInput(serializers.Serializer):
    categories = CategoryRefsField(max_length=1000, required=False, help_text="by id or name; or undecidable")
    objects = ObjectListField(
        required=False,
        help_text="where people draw: {category, box | polygon | mask} each; [] says that there is nothing",
    )
    undecidable = serializers.BooleanField(
        required=False, default=False, help_text="the image does not say: settled, and left out of data sets"
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=adjudication.LONGEST_REASON)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # Nothing said must not become "none of the classes" in a multi-label project.
        if not attrs["undecidable"] and "categories" not in attrs and "objects" not in attrs:
            raise serializers.ValidationError({"categories": "Name the classes, or send undecidable: true."})
        return attrs


class OneConsensus(View):
    needs = {"GET": MEMBERS_READ, "PUT": REVIEWERS_LABEL, "DELETE": REVIEWERS_LABEL}

    @describe("get_consensus", "What the image is taken to be: the vote, or a reviewer's decision above it.\n\n403 for "
              "annotators before their own answer, and before the image has all its answers. A label that you give "
              "after reading it is `informed`.", tag=TAG, answers={200: ConsensusShape})  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        blindness.check_others(self.person, image, may_review=may_review(image.project))
        return self._answer(image)

    def _answer(self, image: Image) -> Response:
        blindness.remember(self.person, others=[image.pk])
        decision = adjudication.standing(image)
        told = consensus_shape(image.project, snapshots.shown_consensus([image])[image.pk])
        if image.project.draws:
            told["objects"] = objects_shape(image.project, objects.current(image.project, [image]).get(image.pk, []))
        response = Response(told)
        return etags.tagged(response, adjudication.version_of(image, decision))

    @describe(
        "decide", "Settle an image, whatever the votes say.\n\nWith If-Match it is refused when votes or decision have "
        "changed since you looked. `undecidable: true` says that nobody can tell it from this image: it counts as "
        "settled, has no categories, and is left out of data sets and training.",
        tag=TAG, request=DecisionInput, answers={200: ConsensusShape}, errors=(412,), parameters=[IF_MATCH],
        examples=[
            example({"categories": ["rust"], "reason": "orange dust underneath"}, of_request=True),
            example({"objects": [{"category": "pawn", "box": [10, 20, 30, 40]}]}, "drawn", of_request=True),
            example({"undecidable": True, "reason": "out of focus"}, "undecidable", of_request=True),
        ],
    )  # fmt: skip
    def put(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        wanted = parsing.parse(DecisionInput, request)
        adjudication.decide(
            image_id=image.pk, reviewer=self.person, drawn=wanted.pop("objects", None),
            expected_version=etags.expected(request), **wanted,
        )  # fmt: skip
        return self._answer(self.image(image_id))

    @describe("withdraw_decision", "Return an image to its votes.", tag=TAG, answers={200: ConsensusShape},
              errors=(409, 412), parameters=[IF_MATCH])  # fmt: skip
    def delete(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        adjudication.withdraw(image_id=image.pk, reviewer=self.person, expected_version=etags.expected(request))
        return self._answer(self.image(image_id))
