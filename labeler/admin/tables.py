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
    list_select_related = ["project"]
    search_fields = ["name", "sha256"]
    raw_id_fields = ["project", "job"]


@admin.register(QueueEntry)
class QueueEntryAdmin(ReadOnly):
    list_display = ["image_id", "project", "seats_left", "seats", "priority", "chosen_by", "accepted", "round"]
    list_filter = ["chosen_by", "accepted", "project"]
    list_select_related = ["project"]
    search_fields = ["=image__id"]
    raw_id_fields = ["image", "project"]


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
    list_select_related = ["annotator"]
    search_fields = ["annotator__username", "=image__id"]
    raw_id_fields = ["project", "image", "annotator", "shown_prediction"]
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
    list_select_related = ["annotator"]
    search_fields = ["annotator__username", "=image__id", "image__name", "reason"]
    raw_id_fields = ["project", "image", "annotator", "shown_prediction", "supersedes"]
    ordering = ["-id"]

    @admin.display(boolean=True, description=_("pre-label shown"))
    def prelabel_shown(self, label: Label) -> bool:
        return label.shown_prediction_id is not None


@admin.register(LabelObject)
class LabelObjectAdmin(ReadOnly):
    list_display = ["id", "label_id", "number", "category", "x", "y", "width", "height", "change", "iou"]
    list_filter = ["change"]
    list_select_related = ["category"]
    search_fields = ["=label__id", "=label__image__id", "category__name"]
    raw_id_fields = ["label", "category"]
    ordering = ["-id"]


@admin.register(Draft)
class DraftAdmin(ReadOnly):
    """Whose draft, and when; not what is in it: that is its author's alone."""

    list_display = ["claim_id", "revision", "saved_at"]
    fields = ["claim", "revision", "saved_at"]
    raw_id_fields = ["claim"]
    ordering = ["-saved_at"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["id", "image_id", "reviewer", "categories", "reason", "created_at", "withdrawn_at"]
    list_filter = [("withdrawn_at", admin.EmptyFieldListFilter)]
    list_select_related = ["reviewer"]
    search_fields = ["reviewer__username", "=image__id", "reason"]
    raw_id_fields = ["image", "reviewer", "withdrawn_by"]


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
    list_select_related = ["project"]
    search_fields = ["=image__id"]
    raw_id_fields = ["image", "project"]
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
    list_select_related = ["project", "raised_by"]
    search_fields = ["raised_by__username", "=image__id", "comments__text"]
    raw_id_fields = ["project", "image", "raised_by", "closed_by"]
    inlines = [Comments]


@admin.register(Comment)
class CommentAdmin(ReadOnly):
    list_display = ["thread", "author", "text", "created_at"]
    list_select_related = ["thread", "author"]
    search_fields = ["author__username", "text"]
    raw_id_fields = ["thread", "author"]


@admin.register(Gold)
class GoldAdmin(ReadOnly):
    list_display = ["image_id", "project", "categories", "added_by", "created_at", "retired_at"]
    list_select_related = ["project", "added_by"]
    search_fields = ["=image__id"]
    raw_id_fields = ["image", "project", "added_by"]


@admin.register(Plant)
class PlantAdmin(ReadOnly):
    list_display = ["image_id", "project", "reviewer", "suggested", "known", "answered", "caught", "shown_at"]
    list_filter = ["caught"]
    list_select_related = ["project", "reviewer"]
    search_fields = ["reviewer__username", "=image__id"]
    raw_id_fields = ["project", "image", "reviewer"]


@admin.register(ObjectVerdict)
class ObjectVerdictAdmin(ReadOnly):
    list_display = ["image_id", "project", "person", "model", "number", "category", "verdict", "created_at"]
    list_filter = ["verdict"]
    list_select_related = ["project", "person"]
    search_fields = ["person__username", "=image__id"]
    raw_id_fields = ["project", "image", "person", "run"]
