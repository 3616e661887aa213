"""/api/images/{id}/explanation/: which parts of an image led the model to its prediction."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import FailureShape, FloatsField, StepShape
from api.permissions import MEMBERS_READ
from api.schema import describe, example, parameter
from labeler.access import may_review
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Errand
from labeler.models.job import State
from labeler.training import explanation, inference_requests

TAG = "Model"
MAX_AGE_SECONDS = 300  # another model may be in use after that


class ExplanationShape(serializers.Serializer):
    """The members after `model` are null until a worker has made it."""

    id = serializers.IntegerField()
    image = serializers.IntegerField(source="image_id")
    state = serializers.ChoiceField(State.choices)
    progress = StepShape(source="*")
    error = FailureShape(allow_null=True)
    model = serializers.IntegerField(source="run.number", help_text="number of the model in the project")
    category = serializers.SerializerMethodField(
        help_text="the class that is explained; “all classes” of a model that draws"
    )
    category_id = serializers.IntegerField(source="answer.category", allow_null=True, help_text="null: of all classes")
    probability = serializers.FloatField(source="answer.probability", allow_null=True, help_text="of that class")
    calibrated = serializers.BooleanField(source="answer.calibrated", allow_null=True)
    method = serializers.ChoiceField(
        ["grad-cam", "occlusion", "heat-map", "pixels", "uncertainty"], source="answer.method", allow_null=True,
        help_text="occlusion: models without a gradient (forest, SVM, …); the last three: of models that draw",
    )  # fmt: skip
    how = serializers.SerializerMethodField(help_text="the method in a sentence")
    where = serializers.SerializerMethodField(help_text="where the heat lies, in words")
    thirds = serializers.ListField(
        child=FloatsField(), source="answer.thirds", allow_null=True,
        help_text="share of the heat in nine fields of the centre square, or of the image, rows from above",
    )  # fmt: skip
    map_url = serializers.SerializerMethodField(help_text="a PNG to lay over the image; same proportions")

    def get_category(self, errand: Errand) -> str | None:
        return explanation.category_of(errand) if errand.state == State.DONE else None

    def get_how(self, errand: Errand) -> str | None:
        return explanation.method_of(errand.answer) if errand.state == State.DONE else None

    def get_where(self, errand: Errand) -> str | None:
        return explanation.where(errand.answer) if errand.state == State.DONE else None

    def get_map_url(self, errand: Errand) -> str | None:
        of_class = f"&category={errand.category}" if errand.category else ""
        url = f"/api/images/{errand.image_id}/explanation/?format=png{of_class}"
        return url if errand.state == State.DONE else None


class Explanation(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "get_explanation", "What in the image speaks for what the model in use says of it.\n\n202 until a worker has "
        "made it: ask again. With `format=png` the map itself, as soon as it is there. Grad-CAM where the model has a "
        "gradient, else occlusion, and `method` says which. Of a model that draws it is what its network saw on the "
        "whole image: the heat map of a class, or of all; where every pixel has a class, how likely it is, and of "
        "all classes how near the second comes to the first. Annotators see it after their own answer, when the "
        "image has all its answers; of images that are judged blind it is shown when they are settled, of held-out "
        "ones to nobody (403). 409 `no_model` before there is a model, 422 while one of another program is in use.",
        tag=TAG, errors=(409, 422),
        parameters=[parameter("category", "of this class (id or name) instead of the model's own answer"),
                    parameter("format", "the map itself", enum=["json", "png"])],
        answers={
            (200, "application/json"): ExplanationShape,
            (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, description="the map"),
            202: ExplanationShape,
        },
        examples=[example({
            "id": 72, "image": 613, "state": "done", "progress": {"done": 1, "total": 1}, "error": None, "model": 4,
            "category": "rust", "category_id": 3, "probability": 0.93, "calibrated": True, "method": "grad-cam",
            "how": "Grad-CAM: bright is what raised the model's score for the class.",
            "where": "Most of it lies in the middle of the square that the model looks at.",
            "thirds": [[0.02, 0.06, 0.03], [0.08, 0.55, 0.1], [0.04, 0.09, 0.03]],
            "map_url": "/api/images/613/explanation/?format=png",
        })],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = self.image(image_id)
        blindness.check_model(self.person, image, may_review=may_review(image.project))
        form = parsing.choice(request, "format", ("json", "png"), "json")
        named = parsing.text(request, "category")
        category = label_set.index(image.project).id_of(named) if named else 0
        errand = inference_requests.explain(image=image, asked_by=self.person, category=category)
        blindness.remember(self.person, told=[image.pk])
        if form == "png" and errand.drawing is not None:
            response = HttpResponse(bytes(errand.drawing), content_type="image/png")
            patch_cache_control(response, private=True, max_age=MAX_AGE_SECONDS)
            response["X-Content-Type-Options"] = "nosniff"
            return response
        return Response(ExplanationShape(errand).data, status=200 if errand.is_finished else 202)
