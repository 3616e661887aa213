"""/api/projects/{id}/label-errors/: labels that are probably wrong by the model and not yet decided; how many were."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.claims import WithImageUrls
from api.fields import FloatsField, StatShape
from api.permissions import REVIEWERS_READ
from api.schema import describe, example
from labeler.label_set import categories as label_set
from labeler.label_set.categories import CategoryIndex
from labeler.labeling import blindness
from labeler.review import label_errors
from labeler.review.label_errors import Waiting
from labeler.training import runs

TAG = "Model"


class LabelErrorShape(WithImageUrls):
    image = serializers.IntegerField(source="image_id")
    category = serializers.CharField(help_text="the class in question")
    category_id = serializers.IntegerField()
    suggested = serializers.CharField(allow_null=True, help_text="the class instead; null where any number is chosen")
    suggested_id = serializers.IntegerField(allow_null=True)
    missing = serializers.BooleanField(
        allow_null=True, help_text="where any number is chosen: true, the image should have it; false, it should not"
    )
    box = FloatsField(
        allow_null=True,
        help_text="where people draw: the place, x, y, width and height in px; `missing` says whether an object of the "
        "class should be there. Else null",
    )
    doubt = serializers.FloatField(help_text="0 to 1: by how much surer the model is of its own answer")


class LabelErrorsShape(serializers.Serializer):
    model = serializers.IntegerField(allow_null=True, help_text="number of the model that doubts them; null: no model")
    results = LabelErrorShape(many=True, help_text="the clearest first, one per image")
    corrected = serializers.IntegerField(help_text="doubted labels that a reviewer found to be wrong")
    confirmed = serializers.IntegerField()
    undecidable = serializers.IntegerField(help_text="images that do not say")
    precision = StatShape(help_text="share of the doubted labels that were wrong")


EXAMPLE = {
    "model": 7, "corrected": 19, "confirmed": 5, "undecidable": 3,
    "precision": {"value": 0.79, "low": 0.6, "high": 0.91, "n": 24, "reason": "few labels were looked at, the clearest "
                  "doubts first: read the interval"},
    "results": [{
        "image": 613, "category": "rust", "category_id": 3, "suggested": "leaf spot", "suggested_id": 4,
        "missing": None, "box": None, "doubt": 0.93, "preview_url": "/api/images/613/preview/",
        "thumbnail_url": "/api/images/613/thumb/", "file_url": "/api/images/613/file/",
    }],
}  # fmt: skip


class LabelErrors(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "list_label_errors", "Labels that the active model doubts.\n\nEach by a model that had not seen the image. One "
        "leaves the list when a reviewer decides the image (PUT its consensus), whatever the decision, or when people "
        "say something else of it. Images that are judged blind are left out.", tag=TAG,
        answers={200: LabelErrorsShape}, examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        run = runs.active(project)
        found = label_errors.listed(run)
        index = label_set.index(project)
        waiting = label_errors.still_open(project, label_errors.rows_of(found))
        told = label_errors.checked(project)
        blindness.remember(self.person, told=[one.image.pk for one in waiting])
        answer = {
            "model": run.number if run else None,
            "results": [_doubted(one, index) for one in waiting],
            "corrected": told.corrected,
            "confirmed": told.confirmed,
            "undecidable": told.undecidable,
            "precision": told.precision,
        }
        return Response(LabelErrorsShape(answer).data)


def _doubted(one: Waiting, index: CategoryIndex) -> dict[str, Any]:
    doubt = one.doubt
    several = isinstance(doubt.suggested, bool)
    return {
        "image_id": doubt.image_id,
        "category": index.label([doubt.label])[0],
        "category_id": doubt.label,
        "suggested": None if several else index.label([int(doubt.suggested)])[0],
        "suggested_id": None if several else doubt.suggested,
        "missing": doubt.suggested if several else None,
        "box": doubt.box,
        "doubt": doubt.doubt,
    }
