"""/api/projects/{id}/claims/ and /api/images/{id}/claim/: take the next images, and give one back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import get_script_prefix, reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View, shown_name
from api.drafts import DraftShape
from api.drafts import shape as draft_shape
from api.fields import CategoryRefField, DrawnShape, ShareField, TextsField
from api.permissions import MEMBERS_LABEL
from api.schema import PERSON, describe, example
from labeler.label_set import categories as label_set
from labeler.labeling import claim_ends, drafts
from labeler.labeling import claims as queue
from labeler.models import Claim, Image, Prediction, Project
from labeler.training import drawn_answers

TAG = "Labeling"


class ClaimInput(serializers.Serializer):
    count = serializers.IntegerField(required=False, default=1, min_value=1, max_value=queue.MOST_CLAIMS)
    client = serializers.UUIDField(
        required=False, allow_null=True, help_text="of the tab: its own open claims come first"
    )
    predicted = CategoryRefField(required=False, allow_null=True, help_text="only images the model puts in this class")
    min_confidence = ShareField(required=False, default=0.0, help_text="together with `predicted`")


class ImageUrlField(serializers.CharField):
    """Where the bytes of a row's image are."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"source": "image_id", **kwargs})

    def to_representation(self, value: Any) -> str:
        return image_urls(value)[str(self.field_name)]


class WithImageUrls(serializers.Serializer):
    """A row with `image_id`, and where that image's bytes are."""

    preview_url = ImageUrlField(help_text="long side at most 1600 pixels")
    thumbnail_url = ImageUrlField(help_text="short side at most 256 pixels")
    file_url = ImageUrlField(help_text="full size")


class HandedOutImageShape(WithImageUrls):
    """Made by hand: claims are taken at the pace of labeling."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="opaque unless the project shows file names")
    width = serializers.IntegerField(help_text="pixels, upright")
    height = serializers.IntegerField(help_text="pixels, upright")


class ClaimedImageShape(HandedOutImageShape):
    description = serializers.CharField(help_text="from its metadata, for those who do not see it; may be empty")


class ShownObjectShape(DrawnShape):
    number = serializers.IntegerField()
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    probability = serializers.FloatField(allow_null=True)
    calibrated = serializers.BooleanField()


class PrelabelShape(serializers.Serializer):
    prediction = serializers.IntegerField()
    categories = TextsField()
    probability = serializers.FloatField(
        allow_null=True, help_text="null: a model of another program that gave no probabilities"
    )
    calibrated = serializers.BooleanField(help_text="false: read the probability as an order, not as a frequency")
    objects = ShownObjectShape(many=True, required=False, help_text="where people draw")


class ClaimShape(serializers.Serializer):
    image = ClaimedImageShape()
    prelabel = PrelabelShape(allow_null=True, help_text="null: to be judged without help")
    expires_at = serializers.DateTimeField()
    draft = DraftShape(allow_null=True, required=False, help_text="where people draw: what you had drawn already")


class ClaimsShape(serializers.Serializer):
    claims = ClaimShape(many=True)
    remaining = serializers.IntegerField(help_text="images with an open seat, about")


EXAMPLE = {
    "claims": [
        {
            "image": {"id": 613, "name": "Image 613", "description": "",
                      "width": 1152, "height": 864,
                      "preview_url": "/api/images/613/preview/",
                      "thumbnail_url": "/api/images/613/thumb/", "file_url": "/api/images/613/file/"},
            "prelabel": {"prediction": 9041, "categories": ["rust"], "probability": 0.84, "calibrated": True},
            "expires_at": "2026-11-05T10:30:00Z",
        }
    ],
    "remaining": 888,
}  # fmt: skip


DRAWN_EXAMPLE = {
    "claims": [
        {
            **EXAMPLE["claims"][0],  # type: ignore[index]
            "prelabel": {"prediction": 9042, "categories": ["pawn"], "probability": 0.84, "calibrated": True,
                         "objects": [{"number": 1, "category": "pawn", "category_id": 3, "box": [102.5, 61, 38, 57],
                                      "probability": 0.84, "calibrated": True}]},
            "draft": None,
        }
    ],
    "remaining": 888,
}  # fmt: skip


class Claims(View):
    needs = {"POST": MEMBERS_LABEL}

    @describe(
        "claim_images", "Take the next images to label.\n\nThe claims a client holds already come first, renewed: a "
        "lost answer costs nothing, ask again. An empty list when nothing is left for you. What is shown as a "
        "pre-label here is remembered with the label.",
        tag=TAG, request=ClaimInput, answers={200: ClaimsShape}, errors=(409,), parameters=[PERSON],
        examples=[example({"count": 5, "client": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a"}, of_request=True),
        example(EXAMPLE), example(DRAWN_EXAMPLE, "drawn")],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project_of_member(project_id)
        wanted = parsing.parse(ClaimInput, request)
        if wanted.get("predicted") is not None:
            (wanted["predicted"],) = label_set.index(project).resolve([wanted["predicted"]])
        claims = queue.claim(project=project, annotator=self.person, **wanted)
        # One query for the models of all pre-labels, not one each.
        prefetch_related_objects([c.shown_prediction for c in claims if c.shown_prediction], "run")
        shapes = [_shape(project, claim) for claim in claims]
        if project.draws:
            kept = drafts.of_claims(claims)
            for claim, told in zip(claims, shapes, strict=True):
                told["draft"] = draft_shape(kept[claim.pk]) if claim.pk in kept else None
        return Response({"claims": shapes, "remaining": queue.remaining(project)})


def image_urls(image_id: int) -> dict[str, str]:
    """Where an image's bytes are."""
    image = f"{_images_at(get_script_prefix())}{image_id}/"
    return {"preview_url": f"{image}preview/", "thumbnail_url": f"{image}thumb/", "file_url": f"{image}file/"}


@lru_cache(maxsize=8)
def _images_at(_script_prefix: str) -> str:
    """Where images begin. Once: three reverse() for each row were a tenth of a list's processor time."""
    return reverse("api:image", args=[0]).removesuffix("0/")


def handed_out(project: Project, image: Image) -> dict[str, Any]:
    """A HandedOutImageShape."""
    return {
        "id": image.pk,
        "name": shown_name(image, project, opaque=True),
        "width": image.width,
        "height": image.height,
        **image_urls(image.pk),
    }


def _shape(project: Project, claim: Claim) -> dict[str, Any]:
    shown = claim.shown_prediction
    return {
        "image": handed_out(project, claim.image) | {"description": claim.image.description},
        "prelabel": shown
        and {
            "prediction": shown.pk,
            "categories": label_set.index(project).label(shown.categories),
            "probability": shown.confidence,
            "calibrated": shown.run.is_calibrated,
            **_objects(project, shown),
        },
        "expires_at": claim.expires_at,
    }


def _objects(project: Project, shown: Prediction) -> dict[str, Any]:
    """The objects of a pre-label that are sure enough to be shown; nothing where classes are predicted."""
    if shown.drawn is None:
        return {}
    sure = [one for one in shown.drawn if one.get("shown", True)]
    objects = drawn_answers.told(sure, label_set.index(project).names)
    for one in objects:
        del one["shown"]  # all of these are
        one["calibrated"] = shown.run.is_calibrated
    return {"objects": objects}


class OneClaim(View):
    needs = {"DELETE": MEMBERS_LABEL}

    @describe("release_claim", "Give an image back unanswered. Nothing happens when you do not hold it.", tag=TAG,
              answers={204: None}, errors=(409,), parameters=[PERSON])  # fmt: skip
    def delete(self, request: Request, image_id: int) -> Response:
        self.image(image_id)
        claim_ends.release(image_id=image_id, annotator=self.person)
        return Response(status=204)
