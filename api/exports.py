"""/api/projects/{id}/export/{format}/: everything as of now, streamed. Frozen releases will be apart from it."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request

from api import parsing
from api.access import View
from api.fields import DrawnShape, IntegersField, ObjectField, TextsField
from api.labels import TableRowShape
from api.permissions import REVIEWERS_EXPORT
from api.schema import describe, parameter
from api.shapes import OpinionShape, OutcomeShape, PromisedShape
from labeler import releases
from labeler.accounts.audit import audit
from labeler.curation import filters
from labeler.labeling import blindness
from labeler.models import Task
from labeler.models.image import Status
from labeler.releases import preparation
from labeler.releases.data_set import ALL, CONSENSUS, SOFT
from labeler.releases.formats.answers import STATES
from labeler.releases.preparation import FORMATS, OVER, UNDER, WAYS

TAG = "Data sets out"
# How pictures are prepared, in the address of an export and of a release's file.
PREPARED = [
    parameter("width", "of the pictures, pixels; with `height` and `way`", int),
    parameter("height", "of the pictures, pixels", int),
    parameter("way", "fit: within, never enlarged; fill: exactly, cut; stretch: exactly, bent", enum=WAYS),
    parameter("crop", "left,top,right,bottom as shares of the picture, before anything else"),
    parameter("grey", "pictures in grey", bool),
    parameter("file_format", "of the pictures; left out: as they are", enum=tuple(FORMATS)),
    parameter("quality", "of jpg and webp, 1 to 100", int),
    parameter("copies", "so many augmented copies of each training image", int),
    parameter("sampling", "a list with which classes come equally often", enum=(OVER, UNDER)),
    parameter("seed", "of copies and lists", int),
]


class ExportedObjectShape(DrawnShape):
    number = serializers.IntegerField()
    category = serializers.CharField()
    attributes = ObjectField(required=False, help_text="answers by the name of the question, where there are some")
    n = serializers.IntegerField(required=False, help_text="of a consensus: people who drew it")
    asked = serializers.IntegerField(required=False, help_text="of a consensus: people who answered the image")
    probability = serializers.FloatField(required=False, help_text="of a prediction, where the model gave one")


class JudgedObjectShape(ExportedObjectShape):
    """The last three where its author was shown a pre-label."""

    change = serializers.CharField(
        required=False, help_text="kept, moved, class or drawn: what became of the pre-label"
    )
    iou = serializers.FloatField(required=False, allow_null=True, help_text="with the pre-label's object")

    def get_fields(self) -> dict[str, serializers.Field]:
        origin = serializers.IntegerField(required=False, allow_null=True, help_text="its number in the pre-label")
        return {**super().get_fields(), "from": origin}


class ExportedPredictionShape(OpinionShape):
    probabilities = serializers.DictField(child=serializers.FloatField())
    objects = ExportedObjectShape(many=True, required=False, help_text="where people draw: what the model shows")


class ExportedJudgementShape(TableRowShape):
    prelabel = OpinionShape(allow_null=True, help_text="what the author was shown")
    objects = JudgedObjectShape(many=True, required=False, help_text="where people draw")
    deleted = IntegersField(required=False, help_text="numbers of the pre-label's objects left out")


class ExportedConsensusShape(OutcomeShape):
    objects = ExportedObjectShape(many=True, required=False, allow_null=True, help_text="where people draw")


class ExportedDecisionShape(serializers.Serializer):
    categories = TextsField(allow_null=True)
    undecidable = serializers.BooleanField()
    reviewer = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class ExportedAcceptanceShape(OpinionShape):
    promise = PromisedShape(allow_null=True, help_text="null: filled in by the model, without a promise")


class ExportedImageShape(serializers.Serializer):
    """One line of `jsonl`. Written by labeler/releases, a hundred thousand at a time."""

    image = serializers.IntegerField()
    file_name = serializers.CharField()
    sha256 = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    metadata = ObjectField()
    status = serializers.ChoiceField(Status.choices)
    state = serializers.CharField(help_text=f"one of {', '.join(STATES)}; none: people say that no class applies")
    split = serializers.CharField(allow_blank=True, required=False, help_text="of a data set with splits")
    shares = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, required=False, help_text="of the votes; with labels=soft"
    )
    labels = ExportedJudgementShape(many=True)
    consensus = ExportedConsensusShape()
    decision = ExportedDecisionShape(allow_null=True)
    prediction = ExportedPredictionShape(allow_null=True)
    accepted = ExportedAcceptanceShape(allow_null=True, required=False, help_text="only with accepted=true")

    def get_fields(self) -> dict[str, serializers.Field]:
        # A name that cannot be an attribute here: it is one of every field.
        source = serializers.CharField(allow_null=True, required=False, help_text="model or people; with accepted=true")
        return {**super().get_fields(), "source": source}


class ExportedClassShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)


class ExportedDocumentShape(serializers.Serializer):
    """The one document of `json`."""

    title = serializers.CharField()
    question = serializers.CharField(allow_blank=True)
    task = serializers.ChoiceField(Task.choices)
    classes = ExportedClassShape(many=True)
    release = ObjectField(allow_null=True, help_text="of a frozen release what it says of itself; null: as of now")
    images = ExportedImageShape(many=True)


class Export(View):
    needs = {"GET": REVIEWERS_EXPORT}

    @describe(
        "export", "Download the project, as of this moment.\n\nTables: `csv` (the long table, one row per judgement, "
        "with what its author was shown, consensus and prediction), `jsonl` (one image per line), `json` (the same as "
        "one document), `labels-csv` (file_name, annotator, label: what an import reads), `parquet`. With pictures: "
        "`imagefolder` (root/<class>/<image>; with several classes per image a manifest), `yolo` (single choice), "
        "`huggingface`, `webdataset`. For other tools: `labelstudio`, `cvat`. About it: `croissant`, `datacard`. All "
        "but `csv`, `jsonl`, `json`, `labels-csv`, `parquet` and `datacard` are a zip.\n\n`labels` is `consensus` (one "
        "answer per image), `all` (every judgement, with its author) or `soft` (the share of the votes of each class). "
        "`images` adds or leaves out the pictures where a format can be both. What a format cannot hold is refused "
        "with 422. Pictures go out without the place and the personal fields of their EXIF. In every format verified "
        "none, cannot tell, tied, undecidable and unlabeled are kept apart.\n\nWith `accepted`, also the images that "
        "stand by the model's word alone (accepted, or filled in where the project has it answer for images nobody has "
        "labeled), marked as such: in tables `source` is `model`, in `jsonl` and `json` the member `accepted`, in "
        "folders `.model7` in the file's name, in `labelstudio` a prediction, in `cvat` `source=\"auto\"`; each with "
        "the model's number where the format has a place for it. The filters of `images/` (`search`, `status`, "
        "`category`, `split`, `metadata.<key>` …, all but `accepted`) leave only the images that fit.\n\nWhat the "
        "model says of held-out images, and of others judged blind before they are settled, is in no export.",
        tag=TAG, errors=(422,),
        parameters=[
            parameter("accepted", "with what stands by the model's word alone", bool),
            parameter("labels", "left out: as the format has it", enum=(CONSENSUS, ALL, SOFT)),
            parameter("images", "with the image files; left out: as the format has it", bool),
            *PREPARED,
        ],
        answers={
            (200, "text/csv"): bytes, (200, "application/zip"): bytes, (200, "application/json"): ExportedDocumentShape,
            (200, "application/x-ndjson"): OpenApiResponse(ExportedImageShape, description="an object for each line"),
            (200, "application/vnd.apache.parquet"): bytes, (200, "text/markdown"): bytes,
        },
    )  # fmt: skip
    def get(self, request: Request, project_id: int, format: str) -> StreamingHttpResponse:
        project = self.project(project_id)
        releases.writer_of(format)  # 404 before 400
        wanted: dict[str, Any] = {}
        if parsing.flag(request, "accepted"):
            wanted["accepted"] = True
        if "labels" in request.query_params:
            wanted["labels"] = parsing.choice(request, "labels", (CONSENSUS, ALL, SOFT), CONSENSUS)
        if "images" in request.query_params:
            wanted["images"] = parsing.flag(request, "images")
        sent = parsing.lists(request)
        only = filters.read(project, {name: values for name, values in sent.items() if name != "accepted"})
        how = preparation.parse_texts(request.query_params)
        export = releases.export(project, format, **wanted, preparation=how, only=only)
        noted = {name: values for name, values in sent.items() if name in preparation.NAMES or filters.is_filter(name)}
        audit(self.person, "project.export", project=project, subject=export.file_name, format=format, **noted | wanted)
        blindness.remember_download(self.person, project)
        response = StreamingHttpResponse(export.chunks, content_type=export.media_type)
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        response["X-Accel-Buffering"] = "no"  # a proxy that collects it all first would end the constant memory
        return response
