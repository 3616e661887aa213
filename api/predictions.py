"""/api/projects/{id}/predictions/ and /api/predictions/{id}/: what models say of images, of the project and others."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import DrawnShape, FailureShape, IntegersField, StepShape, TextsField
from api.pagination import page
from api.permissions import REVIEWERS_READ
from api.schema import PAGING, describe, example, page_of, parameter
from api.uploads import Uploads
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Errand, Prediction, Project
from labeler.models.errand import ErrandKind
from labeler.models.job import State
from labeler.training import drawn_answers, inference_requests, prelabels

TAG = "Model"
LONGEST_WAIT = 30
ANSWERED = {
    "id": 71, "project": 1, "state": "done", "progress": {"done": 1, "total": 1}, "error": None,
    "created_at": "2026-11-21T18:12:00Z", "categories": ["rust"], "category_ids": [3], "probability": 0.93,
    "probabilities": {"rust": 0.93, "leaf spot": 0.05, "healthy": 0.02}, "objects": None, "width": 4032, "height": 3024,
    "calibrated": True, "model": 4, "run": 9,
}  # fmt: skip


class PredictionInput(serializers.Serializer):
    file = serializers.FileField(help_text="JPEG, PNG, WebP, GIF, BMP or TIFF")


class PredictedObjectShape(DrawnShape):
    number = serializers.IntegerField(help_text="from 1, by falling probability")
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    probability = serializers.FloatField(allow_null=True)
    shown = serializers.BooleanField(help_text="sure enough to be in the pre-label")


class AskedPredictionShape(serializers.Serializer):
    """The members after `created_at` are null until it is answered."""

    id = serializers.IntegerField()
    project = serializers.IntegerField(source="project_id")
    state = serializers.ChoiceField(State.choices)
    progress = StepShape(source="*")
    error = FailureShape(allow_null=True)
    created_at = serializers.DateTimeField()
    categories = serializers.SerializerMethodField(help_text="what it would answer")
    category_ids = IntegersField(source="answer.categories", allow_null=True)
    probability = serializers.FloatField(
        source="answer.probability", allow_null=True, help_text="of that answer; of drawn objects the smallest shown"
    )
    probabilities = serializers.SerializerMethodField(help_text="by class; null where the model draws")
    objects = serializers.SerializerMethodField(
        help_text="where the model draws, in px of the upright image that was sent; all from .05 on, 300 at most"
    )
    width = serializers.IntegerField(source="asked.width", allow_null=True, help_text="px of what was sent, upright")
    height = serializers.IntegerField(source="asked.height", allow_null=True)
    calibrated = serializers.BooleanField(
        source="answer.calibrated", allow_null=True,
        help_text="false: read the probability as an order, not as a frequency",
    )  # fmt: skip
    model = serializers.SerializerMethodField(help_text="number of the model in the project")
    run = serializers.SerializerMethodField(help_text="the run that trained it")

    def get_categories(self, errand: Errand) -> list[str] | None:
        return label_set.index(errand.project).label(errand.answer["categories"]) if errand.answer else None

    def get_probabilities(self, errand: Errand) -> dict[str, float] | None:
        if not errand.answer or errand.run is None or errand.project.draws:
            return None
        names = label_set.index(errand.project).label(errand.run.category_ids)
        return dict(zip(names, errand.answer["probabilities"], strict=True))

    @extend_schema_field(PredictedObjectShape(many=True, allow_null=True))
    def get_objects(self, errand: Errand) -> list[dict[str, Any]] | None:
        if not errand.answer or not errand.project.draws:
            return None
        return drawn_answers.told(errand.answer["objects"], label_set.index(errand.project).names)

    def get_model(self, errand: Errand) -> int | None:
        return errand.run.number if errand.answer and errand.run else None

    def get_run(self, errand: Errand) -> int | None:
        return errand.run_id if errand.answer else None


class PredictionRowShape(serializers.Serializer):
    """One of categories and objects is there, as the project's answers are."""

    id = serializers.IntegerField()
    image = serializers.IntegerField()
    run = serializers.IntegerField(help_text="whose it is")
    categories = TextsField(required=False)
    objects = PredictedObjectShape(many=True, required=False, help_text="all that are kept, also those not shown")
    probability = serializers.FloatField(
        allow_null=True, help_text="of the answer, or the smallest of the objects that are shown; null: none was given"
    )


PREDICTION_PAGE = page_of(PredictionRowShape)


def _rows(project: Project, found: list[Prediction]) -> list[dict[str, Any]]:
    index = label_set.index(project)
    return [
        {
            "id": one.pk, "image": one.image_id, "run": one.run_id, "probability": one.confidence,
            **({"objects": drawn_answers.told(one.drawn or (), index.names)} if project.draws
               else {"categories": index.label(one.categories)}),
        }
        for one in found
    ]  # fmt: skip


class Predictions(Uploads, View):
    # Whoever labels must not know what the model says: an image sent from outside may be the one they are asked about.
    needs = {"GET": REVIEWERS_READ, "POST": REVIEWERS_READ}

    @describe(
        "list_predictions", "What a model says of the project's images, by rising id.\n\nOf the model in use, or of "
        "`?run=`. Without images that are judged blind: nobody is told what the model says there.", tag=TAG,
        parameters=[*PAGING, parameter("run", "whose; the model in use if left out", int)],
        answers={200: PREDICTION_PAGE},
        examples=[
            example({"results": [{"id": 9041, "image": 613, "run": 7, "probability": 0.84, "categories": ["rust"]}],
                     "next": None}),
            example({"results": [{"id": 9042, "image": 614, "run": 7, "probability": 0.84, "objects": [
                {"number": 1, "category": "pawn", "category_id": 3, "box": [102.5, 61, 38, 57], "probability": 0.84,
                 "shown": True},
            ]}], "next": None}, "drawn"),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        rows = prelabels.told(project, parsing.integer(request, "run"))

        def shape(found: list[Prediction]) -> list[dict[str, Any]]:
            # Whoever was told what the model says is informed from then on.
            blindness.remember(request.user, told=[one.image_id for one in found])
            return _rows(project, found)

        return page(request, rows.select_related("run"), shape)

    def most_bytes(self) -> int:
        return settings.MAX_IMAGE_BYTES

    @describe(
        "predict", "Ask the model what is on an image that is not in the project.\n\nA form with `file`. Answers 202 "
        "with a row to poll, or, with `?wait=5`, 200 as soon as a worker has answered within those seconds; one "
        "request per web process waits at a time, others get their 202 at once. A model that draws answers with "
        "`objects`. Only what the model looks at is kept, a thumbnail or a preview of 1,600 px, until it is "
        "answered (at most ten minutes); the answer can be read for a day. 409 `no_model` before there is a model, "
        "and `conflict` for an image of the project that is judged blind, its preview, its thumbnail and near copies: "
        "a held-out one always, another one until it is settled. 422 while a model of another program is in use.",
        tag=TAG, request={"multipart/form-data": PredictionInput}, errors=(409, 413, 422, 429),
        answers={200: AskedPredictionShape, 202: AskedPredictionShape},
        parameters=[parameter("wait", f"seconds, 0 to {LONGEST_WAIT}", int)], examples=[example(ANSWERED)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wait = parsing.integer(request, "wait", high=LONGEST_WAIT) or 0
        # request.data first: reading the form is what a malformed one is refused by.
        file = request.data and request.FILES.get("file")
        if not file:
            raise Invalid(_("Send a form with one image named “file”."), fields={"file": ["missing"]})
        errand = inference_requests.predict(project=project, asked_by=self.person, source=file)
        errand = inference_requests.wait_for(errand, wait)
        return Response(AskedPredictionShape(errand).data, status=200 if errand.is_finished else 202)


class OnePrediction(View):
    needs = {"GET": REVIEWERS_READ}

    @describe("get_prediction", "A prediction that was asked for; 404 a day later.", tag=TAG,
              answers={200: AskedPredictionShape}, examples=[example(ANSWERED)])  # fmt: skip
    def get(self, request: Request, prediction_id: int) -> Response:
        rows = Errand.objects.select_related("run").filter(kind=ErrandKind.PREDICT)
        missing = _("There is no such prediction, or it was asked for more than a day ago.")
        errand = self.row(rows, prediction_id, missing)
        return Response(AskedPredictionShape(errand).data)
