"""/api/runs/{id}/export/ and /api/runs/{id}/card/: a trained model as files, and what it is in words."""

from __future__ import annotations

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.fields import FailureShape, ObjectField, StepShape, TextsField
from api.permissions import REVIEWERS_EXPORT, REVIEWERS_READ
from api.runs import OfRun
from api.schema import describe, parameter
from labeler.accounts.audit import audit
from labeler.models.job import State
from labeler.training import inference_requests, model_card, model_card_text, model_files

TAG = "Model"


class ConversionShape(serializers.Serializer):
    """How far the making of an ONNX file is."""

    id = serializers.IntegerField()
    run = serializers.IntegerField(source="run_id")
    state = serializers.ChoiceField(State.choices)
    progress = StepShape(source="*")
    error = FailureShape(allow_null=True)


class CardShape(serializers.Serializer):
    format = serializers.CharField()
    model = ObjectField()
    data = ObjectField()  # type: ignore[assignment]
    method = ObjectField()
    metrics = ObjectField(help_text="with intervals, per class")
    limits = TextsField()
    cost = ObjectField(
        allow_null=True,
        help_text="seconds of work, elapsed_seconds with the time between attempts, energy and carbon; measured or "
        "estimated",
    )
    versions = ObjectField()


class ModelExport(OfRun):
    needs = {"GET": REVIEWERS_EXPORT}

    @describe(
        "export_model", "Download a trained model.\n\nA zip: `model.safetensors`, `model.json` (classes, "
        "preprocessing, temperature, thresholds, versions, checksums), its card, and a README with the lines that load "
        "it. With `format=onnx` also `model.onnx`, one graph from pixels to probabilities, or to objects, then with "
        "`all_weights.safetensors`: 202 until a worker has made it and compared it with PyTorch on real images; 422 "
        "where that is not possible (models that are no network, or without the extra `onnx`).",
        tag=TAG, errors=(422,), parameters=[parameter("format", "what the zip holds", enum=["safetensors", "onnx"])],
        answers={
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="the model"),
            202: ConversionShape,
        },
    )  # fmt: skip
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = self.run(run_id)
        form = parsing.choice(request, "format", ("safetensors", "onnx"), "safetensors")
        onnx = None
        if form == "onnx":
            errand = inference_requests.convert(run=run, asked_by=self.person)
            onnx = model_files.conversion_of(errand)
            if onnx is None:
                return Response(ConversionShape(errand).data, status=202)
        made = model_files.package(run, onnx=onnx)
        audit(self.person, "model.export", project=run.project_id, subject=made.name, format=form)
        response = FileResponse(made.file, as_attachment=True, filename=made.name, content_type="application/zip")
        response["Content-Length"] = str(made.size)
        return response


class Card(OfRun):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_model_card", "What a model is, what it was made of, how good it is and where it is not.\n\nAlso as a "
        "document: `format=markdown` or `html` (prints well).", tag=TAG, errors=(422,),
        parameters=[parameter("format", "json is the default", enum=["json", "markdown", "html"])],
        answers={
            (200, "application/json"): CardShape,
            (200, "text/markdown"): OpenApiResponse(OpenApiTypes.STR, description="the card"),
            (200, "text/html"): OpenApiResponse(OpenApiTypes.STR, description="the card"),
        },
    )  # fmt: skip
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = self.run(run_id)
        form = parsing.choice(request, "format", ("json", "markdown", "html"), "json")
        card = model_card.card_of(run)
        if form == "json":
            return Response(CardShape(card).data)
        text, kind, end = (
            (model_card_text.markdown(card), "text/markdown", "md")
            if form == "markdown"
            else (model_files.html(card), "text/html", "html")
        )
        response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
        # A file to keep: as a page of ours it would lack our policy, so it is never shown as one.
        response["Content-Disposition"] = f'attachment; filename="model-{run.number}-card.{end}"'
        return response
