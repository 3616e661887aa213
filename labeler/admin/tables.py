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

from labeler.admin.kinds import ReadOnly, read_only
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


read_only(
    Image,
    ["id", "name", "project", "status", "n_votes", "disagreement", "slice", "width", "height", "created_at"],
    filters=["status", "slice", "has_decision", "project"],
    search=["name", "sha256"],
)
read_only(
    QueueEntry,
    ["image_id", "project", "seats_left", "seats", "priority", "chosen_by", "accepted", "round"],
    filters=["chosen_by", "accepted", "project"],
    search=["=image__id"],
)
read_only(
    Claim,
    ["id", "image_id", "annotator", "state", "holds_seat", "chosen_by", "claimed_at", "expires_at"],
    filters=["state", "holds_seat", "chosen_by", "project"],
    search=["annotator__username", "=image__id"],
    ordering=["-id"],
)


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


read_only(
    LabelObject,
    ["id", "label_id", "number", "category", "x", "y", "width", "height", "change", "iou"],
    filters=["change"],
    search=["=label__id", "=label__image__id", "category__name"],
    ordering=["-id"],
)
# Whose draft, and when; not what is in it: that is its author's alone.
read_only(Draft, ["claim_id", "revision", "saved_at"], fields=["claim", "revision", "saved_at"], ordering=["-saved_at"])
read_only(
    Decision,
    ["id", "image_id", "reviewer", "categories", "reason", "created_at", "withdrawn_at"],
    filters=[("withdrawn_at", admin.EmptyFieldListFilter)],
    search=["reviewer__username", "=image__id", "reason"],
)
read_only(
    Consensus,
    ["image_id", "project", "categories", "confidence", "is_tie", "method", "n_votes", "computed_at"],
    filters=["method", "is_tie", "project"],
    search=["=image__id"],
    ordering=["-image_id"],
)


class Comments(admin.TabularInline):
    """What was said, in order: never changed."""

    model = Comment
    fields = readonly_fields = ("created_at", "author", "text")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


read_only(
    Thread,
    ["image_id", "project", "raised_by", "changed_at", "closed_at"],
    filters=[("closed_at", admin.EmptyFieldListFilter)],
    search=["raised_by__username", "=image__id", "comments__text"],
    inlines=[Comments],
)
read_only(Comment, ["thread", "author", "text", "created_at"], search=["author__username", "text"])
read_only(Gold, ["image_id", "project", "categories", "added_by", "created_at", "retired_at"], search=["=image__id"])
read_only(
    Plant,
    ["image_id", "project", "reviewer", "suggested", "known", "answered", "caught", "shown_at"],
    filters=["caught"],
    search=["reviewer__username", "=image__id"],
)
read_only(
    ObjectVerdict,
    ["image_id", "project", "person", "model", "number", "category", "verdict", "created_at"],
    filters=["verdict"],
    search=["person__username", "=image__id"],
)
