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
    list_select_related = ["project"]
    search_fields = ["project__name", "note", "worker"]
    raw_id_fields = ["project", "requested_by"]
    date_hierarchy = "created_at"


@admin.register(Prediction)
class PredictionAdmin(ReadOnly):
    list_display = ["id", "run_id", "image_id", "categories", "probability", "margin", "created_at"]
    search_fields = ["=image__id", "=run__id"]
    raw_id_fields = ["run", "image"]
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
    raw_id_fields = ["run"]


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
    list_select_related = ["project", "requested_by"]
    search_fields = ["project__name", "worker"]
    raw_id_fields = ["project", "requested_by"]
    date_hierarchy = "created_at"


@admin.register(Guarantee)
class GuaranteeAdmin(ReadOnly):
    list_display = [
        "id", "project", "run", "precision", "confidence", "accepted", "suspension", "ending", "created_at",
    ]  # fmt: skip
    list_filter = ["suspension", "ending", "project"]
    list_select_related = ["project", "run"]
    raw_id_fields = ["project", "run", "suspended_by"]


@admin.register(Acceptance)
class AcceptanceAdmin(ReadOnly):
    list_display = [
        "id", "image_id", "categories", "probability", "is_audited", "is_right", "created_at", "withdrawn_why",
    ]  # fmt: skip
    list_filter = ["is_audited", "is_right", "withdrawn_why", "project"]
    search_fields = ["=image__id"]
    raw_id_fields = ["guarantee", "project", "image", "prediction"]
    ordering = ["-id"]


@admin.register(Errand)
class ErrandAdmin(ReadOnly):
    list_display = ["id", "kind", "project", "run", "state", "asked_by", "created_at"]
    list_filter = ["kind", "state"]
    list_select_related = ["project", "run", "asked_by"]
    search_fields = ["project__name", "=image__id"]
    raw_id_fields = ["project", "run", "image", "asked_by"]
    exclude = ["picture", "drawing"]


@admin.register(Drift)
class DriftAdmin(ReadOnly):
    list_display = ["id", "project", "run", "day", "name", "created_at"]
    list_select_related = ["project", "run"]
    search_fields = ["project__name", "name"]
    raw_id_fields = ["project", "run", "job"]


@admin.register(EconomyPoint)
class EconomyPointAdmin(ReadOnly):
    list_display = ["project", "judgements", "right", "low", "high", "checks", "created_at"]
    list_select_related = ["project"]
    search_fields = ["project__name"]
    raw_id_fields = ["project"]


@admin.register(Sketch)
class SketchAdmin(ReadOnly):
    list_display = ["image_id", "project", "group", "compared"]
    list_select_related = ["project"]
    search_fields = ["=image__id", "=group"]
    raw_id_fields = ["image", "project"]
    exclude = ["pixels"]


@admin.register(Part)
class PartAdmin(ReadOnly):
    list_display = ["job", "number", "state", "worker", "progress_done", "progress_total"]
    list_filter = ["state"]
    list_select_related = ["job"]
    search_fields = ["=job__id"]
    raw_id_fields = ["job"]


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ["project", "name", "seconds", "computed_at", "wanted_at"]
    list_select_related = ["project"]
    search_fields = ["project__name", "name"]
    raw_id_fields = ["project"]
