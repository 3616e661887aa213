"""/api/projects/{id}/drift/: do imports look to the model like the images it knows?"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.fields import TextsField
from api.permissions import REVIEWERS_READ
from api.schema import describe, example
from labeler.models import Project
from labeler.training import drift
from labeler.training.drift import Found

TAG = "Model"


class ClassMovedShape(serializers.Serializer):
    categories = TextsField(allow_null=True, help_text="what the model answers; null: rare answers together")
    known = serializers.FloatField(help_text="share of the images it knows, 0 to 1")
    new = serializers.FloatField()


class DriftShape(serializers.Serializer):
    import_ = serializers.IntegerField(allow_null=True, help_text="id of the import; null: uploads of that day")
    name = serializers.CharField()
    day = serializers.DateField()
    model = serializers.IntegerField(help_text="number of the model that looked")
    n = serializers.IntegerField(help_text="new images")
    n_known = serializers.IntegerField(help_text="held-out images that were there when it was trained")
    drifted = serializers.BooleanField(help_text="differs beyond chance and by enough, with all imports corrected for")
    p = serializers.FloatField(allow_null=True, help_text="of both tests; null: too few images")
    p_classes = serializers.FloatField(allow_null=True)
    p_confidence = serializers.FloatField(allow_null=True)
    distance = serializers.FloatField(help_text="share of the images that are of other classes, 0 to 1")
    gap = serializers.FloatField(help_text="largest distance of the distributions of confidence, 0 to 1")
    confidence = serializers.FloatField(allow_null=True, help_text="median of the new images")
    known_confidence = serializers.FloatField(allow_null=True)
    classes = ClassMovedShape(many=True)

    def get_fields(self) -> dict[str, Any]:
        """`import` is a word of the language, and the name of the noun everywhere else."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class DriftsShape(serializers.Serializer):
    results = DriftShape(many=True, help_text=f"the newest {drift.SHOWN} imports that a model has looked at")


EXAMPLE = {
    "results": [{
        "import": 9, "name": "greenhouse-4.zip", "day": "2026-11-20", "model": 7, "n": 800, "n_known": 214,
        "drifted": True, "p": 0.001, "p_classes": 0.0005, "p_confidence": 0.004, "distance": 0.21, "gap": 0.18,
        "confidence": 0.71, "known_confidence": 0.93,
        "classes": [{"categories": ["rust"], "known": 0.12, "new": 0.31}],
    }],
}  # fmt: skip


class Drifts(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "list_drift", "Do imports look to the model like the images it knows?\n\nIts answers on what came in since it "
        "was trained, against those on held-out images that were there: shares of the classes, and confidence. All "
        "imports of a model are judged together: where none has drifted, any is named with a chance of 5 % at most.",
        tag=TAG, answers={200: DriftsShape}, examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        return Response(
            DriftsShape({"results": [_import(project, found) for found in drift.compared_imports(project)]}).data
        )


def _import(project: Project, found: Found) -> dict[str, Any]:
    row = found.row
    return row.figures | {
        "import": row.job_id, "name": row.name, "day": row.day, "model": row.run.number, "drifted": found.drifted,
        "p": found.compared.p,
        "classes": [
            one | {"categories": drift.names_of(project, one["categories"])} for one in row.figures["classes"]
        ],
    }  # fmt: skip
