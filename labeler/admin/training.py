"""Runs, predictions, jobs and what else workers write, in the admin site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from labeler.admin.kinds import ReadOnly, read_only
from labeler.labeling import blindness
from labeler.models import (
    Acceptance,
    Drift,
    EconomyPoint,
    Errand,
    Feature,
    Guarantee,
    Image,
    Job,
    Part,
    Prediction,
    RunAnswers,
    Sketch,
    Snapshot,
    TrainingRun,
)

read_only(
    TrainingRun,
    [
        "id",
        "project",
        "number",
        "state",
        "is_active",
        "outside_name",
        "n_labels",
        "attempt",
        "worker",
        "created_at",
        "finished_at",
    ],
    filters=["state", "is_active", "project"],
    search=["project__name", "note", "worker"],
    date_hierarchy="created_at",
)


@admin.register(Prediction)
class PredictionAdmin(ReadOnly):
    list_display = ["id", "run_id", "image_id", "categories", "probability", "margin", "created_at"]
    search_fields = ["=image__id", "=run__id"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # What the model says of them is told to nobody, administrators included: they label too.
        told = Image.objects.exclude(blindness.HIDES_MODEL)
        return super().get_queryset(request).filter(image__in=told)


read_only(RunAnswers, ["id", "run_id", "part"], filters=["part"], search=["=run__id"])


@admin.register(Feature)
class FeatureAdmin(ReadOnly):
    list_display = ["id", "sha256", "backbone"]
    list_filter = ["backbone"]
    search_fields = ["=sha256"]
    exclude = ["vector"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # 2.5 KB of bytes per row that no page shows.
        return super().get_queryset(request).defer("vector")


read_only(
    Job,
    ["id", "project", "kind", "state", "progress_done", "progress_total", "attempt", "requested_by", "created_at"],
    filters=["kind", "state", "project"],
    search=["project__name", "worker"],
    date_hierarchy="created_at",
)
read_only(
    Guarantee,
    ["id", "project", "run", "precision", "confidence", "accepted", "suspension", "ending", "created_at"],
    filters=["suspension", "ending", "project"],
)
read_only(
    Acceptance,
    ["id", "image_id", "categories", "probability", "is_audited", "is_right", "created_at", "withdrawn_why"],
    filters=["is_audited", "is_right", "withdrawn_why", "project"],
    search=["=image__id"],
    ordering=["-id"],
)
read_only(
    Errand,
    ["id", "kind", "project", "run", "state", "asked_by", "created_at"],
    filters=["kind", "state"],
    search=["project__name", "=image__id"],
    exclude=["picture", "drawing"],
)
read_only(Drift, ["id", "project", "run", "day", "name", "created_at"], search=["project__name", "name"])
read_only(
    EconomyPoint, ["project", "judgements", "right", "low", "high", "checks", "created_at"], search=["project__name"]
)
read_only(Sketch, ["image_id", "project", "group", "compared"], search=["=image__id", "=group"], exclude=["pixels"])
read_only(
    Part,
    ["job", "number", "state", "worker", "progress_done", "progress_total"],
    filters=["state"],
    search=["=job__id"],
)
read_only(Snapshot, ["project", "name", "seconds", "computed_at", "wanted_at"], search=["project__name", "name"])
