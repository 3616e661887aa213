"""/api/projects/{id}/acceptance/: what the model accepts without a person, under which promise, and the switch."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.fields import ReasonField, StatShape
from api.permissions import LEADS_MANAGE, REVIEWERS_LABEL, REVIEWERS_READ
from api.schema import describe, example
from api.shapes import PromisedShape
from labeler.acceptance import promises, summary
from labeler.models import Project
from labeler.models.acceptance import Suspension

TAG = "Model"


class PromiseShape(PromisedShape):
    per_class = serializers.BooleanField(help_text="a threshold for each class with enough calibration images")


class ThresholdShape(serializers.Serializer):
    value = serializers.FloatField(allow_null=True, help_text="accepted from this score on; null: nothing is")
    accepted = serializers.IntegerField(help_text="calibration images at or above it")
    wrong = serializers.IntegerField(help_text="of these")
    precision_low = serializers.FloatField(allow_null=True, help_text="exact lower bound, at the promise's confidence")
    n = serializers.IntegerField(help_text="calibration images")
    reason = ReasonField(allow_null=True)


class CalibrationShape(serializers.Serializer):
    n = serializers.IntegerField(help_text="calibration images that people have judged")
    disputed = serializers.IntegerField(help_text="of them: people differ; each counts as an error until it is settled")
    needed = serializers.IntegerField(allow_null=True, help_text="fewest that can carry the promise")
    pooled = ThresholdShape(allow_null=True)
    classes = serializers.DictField(child=ThresholdShape(), help_text="thresholds of their own, by class")


class UnspokenShape(serializers.Serializer):
    images = serializers.IntegerField()
    since = serializers.DateTimeField()
    judged = serializers.IntegerField(help_text="of its calibration images")
    needed = serializers.IntegerField(help_text="before the promise speaks for it")


class WaitingShape(serializers.Serializer):
    waiting = serializers.IntegerField(help_text="images that would be accepted, if the promise spoke for their import")
    imports = UnspokenShape(many=True)


class AuditShape(serializers.Serializer):
    share = serializers.FloatField(help_text="of the accepted: people judge them all the same, blind")
    asked = serializers.IntegerField()
    judged = serializers.IntegerField(help_text="settled by people")
    wrong = serializers.IntegerField(help_text="where people said something else")
    right = StatShape()
    evidence = serializers.FloatField(help_text="of a broken promise; suspended at `limit`")
    limit = serializers.FloatField()


class SuspensionShape(serializers.Serializer):
    at = serializers.DateTimeField()
    why = serializers.ChoiceField(Suspension.choices)
    by = serializers.CharField(allow_null=True, help_text="null: the audit")


class AcceptanceShape(serializers.Serializer):
    state = serializers.CharField(help_text=", ".join(summary.STATES))
    reason = serializers.CharField(help_text="why nothing new is accepted; empty where it is")
    model = serializers.IntegerField(allow_null=True, help_text="number of the model in the project")
    promise = PromiseShape()
    images = serializers.IntegerField(help_text="in the project")
    accepted = serializers.IntegerField(help_text="by the model's word alone; audited ones and answered ones left out")
    share = serializers.FloatField(allow_null=True, help_text="of the images")
    since = serializers.DateTimeField(allow_null=True)
    calibration = CalibrationShape()
    waiting = WaitingShape()
    audit = AuditShape()
    suspended = SuspensionShape(allow_null=True)


THRESHOLD = {"value": 0.913, "accepted": 331, "wrong": 8, "precision_low": 0.9569, "n": 500, "reason": None}
EXAMPLE = {
    "state": "accepting", "reason": "", "model": 7,
    "promise": {"precision": 0.95, "confidence": 0.95, "per_class": False},
    "images": 3781, "accepted": 1466, "share": 0.388, "since": "2026-11-05T10:30:00Z",
    "calibration": {"n": 500, "disputed": 0, "needed": 59, "pooled": THRESHOLD, "classes": {}},
    "waiting": {"waiting": 0, "imports": []},
    "audit": {
        "share": 0.05, "asked": 78, "judged": 46, "wrong": 1,
        "right": {"value": 0.978, "low": 0.887, "high": 0.996, "n": 46, "reason": None}, "evidence": 0.31, "limit": 20,
    },
    "suspended": None,
}  # fmt: skip


class OfProject(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_acceptance", "What the model has accepted without a person, the promise, and what its audit found.\n\n"
        "Switched on and off by `auto_accept` of the project, with `accept_precision`, `accept_confidence`, "
        "`accept_per_class` and `audited_share`. Accepted answers are no labels: agreement, consensus and training do "
        "not see them.", tag=TAG, answers={200: AcceptanceShape}, examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        return Response(_figures(self.project(project_id)))


class Suspending(View):
    needs = {"POST": LEADS_MANAGE}

    @describe(
        "suspend_acceptance", "Accept nothing more.\n\nWhat is accepted stays, and goes on being audited; to give it "
        "back to people, set `auto_accept` to false.", tag=TAG, request=None, answers={200: AcceptanceShape},
        errors=(422,),
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        promises.suspend(project=project, by=self.person)
        return Response(_figures(project))


class Resuming(View):
    needs = {"POST": LEADS_MANAGE}

    @describe(
        "resume_acceptance", "Accept again.\n\nAfter a breach the promise is found anew, from all calibration images "
        "there are, and its audit begins anew; a worker does it in seconds.", tag=TAG, request=None,
        answers={200: AcceptanceShape}, errors=(422,),
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        promises.resume(project=project, by=self.person)
        return Response(_figures(project))


class OfImage(View):
    needs = {"DELETE": REVIEWERS_LABEL}

    @describe(
        "withdraw_acceptance", "Have people look at an image that the model has accepted.\n\nIt goes back into the "
        "queue, and no model accepts it again.", tag=TAG, answers={204: None}, errors=(409,),
    )  # fmt: skip
    def delete(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        promises.ask_people(project=image.project, image_id=image.pk, by=self.person)
        return Response(status=204)


def _figures(project: Project) -> dict[str, Any]:
    return AcceptanceShape(summary.figures(project)).data
