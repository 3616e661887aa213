"""Images, the queue, labels, decisions and comments in the admin site. All of it can only be read.

Knows columns. The product's rules live in the verbs; so what has rules of its own (labels, decisions, claims,
predictions, audit, seats, computed counters) is read-only here: an edit past the verbs would break counters that
saves rely on.
"""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from labeler.admin.kinds import ReadOnly
from labeler.models import (
    Claim,
    Comment,
    Consensus,
    Decision,
    Draft,
    Gold,
    Image,
    Label,
    LabelObject,
    ObjectVerdict,
    Plant,
    QueueEntry,
    Thread,
)

admin.site.site_header = _("Labeler administration")
admin.site.site_title = _("Labeler")
admin.site.index_title = _("All tables")


@admin.register(Image)
class ImageAdmin(ReadOnly):
    list_display = [
        "id",
        "name",
        "project",
        "status",
        "n_votes",
        "disagreement",
        "slice",
        "width",
        "height",
        "created_at",
    ]
    list_filter = ["status", "slice", "has_decision", "project"]
    search_fields = ["name", "sha256"]


@admin.register(QueueEntry)
class QueueEntryAdmin(ReadOnly):
    list_display = ["image_id", "project", "seats_left", "seats", "priority", "chosen_by", "accepted", "round"]
    list_filter = ["chosen_by", "accepted", "project"]
    search_fields = ["=image__id"]


@admin.register(Claim)
class ClaimAdmin(ReadOnly):
    list_display = [
        "id",
        "image_id",
        "annotator",
        "state",
        "holds_seat",
        "chosen_by",
        "claimed_at",
        "expires_at",
    ]
    list_filter = ["state", "holds_seat", "chosen_by", "project"]
    search_fields = ["annotator__username", "=image__id"]
    ordering = ["-id"]


@admin.register(Label)
class LabelAdmin(ReadOnly):
    list_display = [
        "id", "image_id", "annotator", "answer", "categories", "prelabel_shown", "seconds", "extra", "created_at",
        "superseded_at",
    ]  # fmt: skip
    list_filter = [
        "answer", "purpose", "chosen_by", "extra",
        ("superseded_at", admin.EmptyFieldListFilter), ("shown_prediction", admin.EmptyFieldListFilter), "project",
    ]  # fmt: skip
    search_fields = ["annotator__username", "=image__id", "image__name", "reason"]
    ordering = ["-id"]

    @admin.display(boolean=True, description=_("pre-label shown"))
    def prelabel_shown(self, label: Label) -> bool:
        return label.shown_prediction_id is not None


@admin.register(LabelObject)
class LabelObjectAdmin(ReadOnly):
    list_display = ["id", "label_id", "number", "category", "x", "y", "width", "height", "change", "iou"]
    list_filter = ["change"]
    search_fields = ["=label__id", "=label__image__id", "category__name"]
    ordering = ["-id"]


@admin.register(Draft)
class DraftAdmin(ReadOnly):
    """Whose draft, and when; not what is in it: that is its author's alone."""

    list_display = ["claim_id", "revision", "saved_at"]
    fields = ["claim", "revision", "saved_at"]
    ordering = ["-saved_at"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["id", "image_id", "reviewer", "categories", "reason", "created_at", "withdrawn_at"]
    list_filter = [("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = ["reviewer__username", "=image__id", "reason"]


@admin.register(Consensus)
class ConsensusAdmin(ReadOnly):
    list_display = [
        "image_id",
        "project",
        "categories",
        "confidence",
        "is_tie",
        "method",
        "n_votes",
        "computed_at",
    ]
    list_filter = ["method", "is_tie", "project"]
    search_fields = ["=image__id"]
    ordering = ["-image_id"]


class Comments(admin.TabularInline):
    """What was said, in order: never changed."""

    model = Comment
    fields = readonly_fields = ("created_at", "author", "text")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Thread)
class ThreadAdmin(ReadOnly):
    list_display = ["image_id", "project", "raised_by", "changed_at", "closed_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter)]
    search_fields = ["raised_by__username", "=image__id", "comments__text"]
    inlines = [Comments]


@admin.register(Comment)
class CommentAdmin(ReadOnly):
    list_display = ["thread", "author", "text", "created_at"]
    search_fields = ["author__username", "text"]


@admin.register(Gold)
class GoldAdmin(ReadOnly):
    list_display = ["image_id", "project", "categories", "added_by", "created_at", "retired_at"]
    search_fields = ["=image__id"]


@admin.register(Plant)
class PlantAdmin(ReadOnly):
    list_display = ["image_id", "project", "reviewer", "suggested", "known", "answered", "caught", "shown_at"]
    list_filter = ["caught"]
    search_fields = ["reviewer__username", "=image__id"]


@admin.register(ObjectVerdict)
class ObjectVerdictAdmin(ReadOnly):
    list_display = ["image_id", "project", "person", "model", "number", "category", "verdict", "created_at"]
    list_filter = ["verdict"]
    search_fields = ["person__username", "=image__id"]
