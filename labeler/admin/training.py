"""Runs, predictions, jobs and what else workers write, in the admin site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from labeler.admin.kinds import ReadOnly
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


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly):
    list_display = [
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
    ]
    list_filter = ["state", "is_active", "project"]
    search_fields = ["project__name", "note", "worker"]
    date_hierarchy = "created_at"


@admin.register(Prediction)
class PredictionAdmin(ReadOnly):
    list_display = ["id", "run_id", "image_id", "categories", "probability", "margin", "created_at"]
    search_fields = ["=image__id", "=run__id"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # What the model says of them is told to nobody, administrators included: they label too.
        told = Image.objects.exclude(blindness.HIDES_MODEL)
        return super().get_queryset(request).filter(image__in=told)


@admin.register(RunAnswers)
class RunAnswersAdmin(ReadOnly):
    list_display = ["id", "run_id", "part"]
    list_filter = ["part"]
    search_fields = ["=run__id"]


@admin.register(Feature)
class FeatureAdmin(ReadOnly):
    list_display = ["id", "sha256", "backbone"]
    list_filter = ["backbone"]
    search_fields = ["=sha256"]
    exclude = ["vector"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # 2.5 KB of bytes per row that no page shows.
        return super().get_queryset(request).defer("vector")


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = [
        "id",
        "project",
        "kind",
        "state",
        "progress_done",
        "progress_total",
        "attempt",
        "requested_by",
        "created_at",
    ]
    list_filter = ["kind", "state", "project"]
    search_fields = ["project__name", "worker"]
    date_hierarchy = "created_at"


@admin.register(Guarantee)
class GuaranteeAdmin(ReadOnly):
    list_display = [
        "id", "project", "run", "precision", "confidence", "accepted", "suspension", "ending", "created_at",
    ]  # fmt: skip
    list_filter = ["suspension", "ending", "project"]


@admin.register(Acceptance)
class AcceptanceAdmin(ReadOnly):
    list_display = [
        "id", "image_id", "categories", "probability", "is_audited", "is_right", "created_at", "withdrawn_why",
    ]  # fmt: skip
    list_filter = ["is_audited", "is_right", "withdrawn_why", "project"]
    search_fields = ["=image__id"]
    ordering = ["-id"]


@admin.register(Errand)
class ErrandAdmin(ReadOnly):
    list_display = ["id", "kind", "project", "run", "state", "asked_by", "created_at"]
    list_filter = ["kind", "state"]
    search_fields = ["project__name", "=image__id"]
    exclude = ["picture", "drawing"]


@admin.register(Drift)
class DriftAdmin(ReadOnly):
    list_display = ["id", "project", "run", "day", "name", "created_at"]
    search_fields = ["project__name", "name"]


@admin.register(EconomyPoint)
class EconomyPointAdmin(ReadOnly):
    list_display = ["project", "judgements", "right", "low", "high", "checks", "created_at"]
    search_fields = ["project__name"]


@admin.register(Sketch)
class SketchAdmin(ReadOnly):
    list_display = ["image_id", "project", "group", "compared"]
    search_fields = ["=image__id", "=group"]
    exclude = ["pixels"]


@admin.register(Part)
class PartAdmin(ReadOnly):
    list_display = ["job", "number", "state", "worker", "progress_done", "progress_total"]
    list_filter = ["state"]
    search_fields = ["=job__id"]


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ["project", "name", "seconds", "computed_at", "wanted_at"]
    search_fields = ["project__name", "name"]
