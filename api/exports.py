"""/api/projects/{id}/export/{format}/: everything as of now, streamed. Frozen releases will be apart from it."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request

from api import parsing
from api.access import View
from api.fields import ObjectField
from api.labels import TableRowShape
from api.permissions import Needs
from api.schema import describe, parameter
from api.shapes import OpinionShape, OutcomeShape, PromisedShape
from labeler import releases
from labeler.accounts.audit import audit
from labeler.labeling import blindness
from labeler.models import Role
from labeler.models.account import Scope
from labeler.models.image import Status

TAG = "Data sets out"


class ExportedPredictionShape(OpinionShape):
    probabilities = serializers.DictField(child=serializers.FloatField())


class ExportedJudgementShape(TableRowShape):
    prelabel = OpinionShape(allow_null=True, help_text="what the author was shown")


class ExportedDecisionShape(serializers.Serializer):
    categories = serializers.ListField(child=serializers.CharField(), allow_null=True)
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
    labels = ExportedJudgementShape(many=True)
    consensus = OutcomeShape()
    decision = ExportedDecisionShape(allow_null=True)
    prediction = ExportedPredictionShape(allow_null=True)
    accepted = ExportedAcceptanceShape(allow_null=True, required=False, help_text="only with accepted=true")

    def get_fields(self) -> dict[str, serializers.Field]:
        # A name that cannot be an attribute here: it is one of every field.
        source = serializers.CharField(allow_null=True, required=False, help_text="model or people; with accepted=true")
        return {**super().get_fields(), "source": source}


class Export(View):
    needs = {"GET": Needs(Scope.EXPORT, Role.REVIEWER)}

    @describe(
        "export", "Download the project, as of this moment.\n\n`csv`: the long table, one row per judgement, with what "
        "its author "
        "was shown, consensus and prediction. `jsonl`: one image per line. `imagefolder`: a zip with "
        "root/<class>/<image> by "
        "consensus, for single-choice projects. With `accepted`, also the images that stand by the model's word "
        "alone (accepted, or filled in where the project has it answer for images nobody has labeled): in `csv` a "
        "row without an annotator whose `source` is `model`, in `jsonl` the member `accepted`, in "
        "`imagefolder` `.model7` in the file's name; each with the model's number and, of accepted ones, what is "
        "promised. Each judgement says its `source` (`person`, or `import` with the import's id) and whether it was "
        "`informed`. What the model says of held-out images, and of others judged blind before they are settled, is "
        "in no export.",
        tag=TAG, errors=(422,), parameters=[parameter("accepted", "with what stands by the model's word alone", bool)],
        answers={
            (200, "text/csv"): bytes, (200, "application/zip"): bytes,
            (200, "application/x-ndjson"): OpenApiResponse(ExportedImageShape, description="an object for each line"),
        },
    )  # fmt: skip
    def get(self, request: Request, project_id: int, format: str) -> StreamingHttpResponse:
        project = self.project(project_id)
        accepted = bool(parsing.flag(request, "accepted"))
        export = releases.export(project, format, accepted=accepted)
        details = {"format": format} | ({"accepted": True} if accepted else {})
        audit(self.person, "project.export", project=project, subject=export.file_name, **details)
        blindness.remember_download(self.person, project)
        response = StreamingHttpResponse(export.chunks, content_type=export.media_type)
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        response["X-Accel-Buffering"] = "no"  # a proxy that collects it all first would end the constant memory
        return response
