"""The admin site: every table, to look things up and to mend. Where history is kept it can only be read.

Knows columns. The product's rules live in the verbs; so what has rules of its own (labels, decisions, claims,
predictions, audit, seats, computed counters) is read-only here: an edit past the verbs would break counters that
saves rely on.
"""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import User
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from labeler import accounts, blindness
from labeler.models import (
    Acceptance,
    AuditEvent,
    Category,
    CategoryExample,
    Claim,
    Comment,
    Consensus,
    Decision,
    Drift,
    EconomyPoint,
    Errand,
    Exposure,
    Feature,
    Gold,
    Guarantee,
    GuidelineVersion,
    Image,
    Invitation,
    Job,
    Label,
    LoginFailures,
    Membership,
    Part,
    Plant,
    Prediction,
    Preference,
    Project,
    QueueEntry,
    RunAnswers,
    Sketch,
    Snapshot,
    Thread,
    Token,
    TrainingRun,
)

admin.site.site_header = _("Labeler administration")
admin.site.site_title = _("Labeler")
admin.site.index_title = _("All tables")


class Large(admin.ModelAdmin):
    """A table that may have millions of rows: no counting of all of them, no drop-downs of them."""

    show_full_result_count = False
    list_per_page = 50


class ReadOnly(Large):
    """A table that is history or is computed: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Undeletable(admin.ModelAdmin):
    """Rows that others point to: retired or moved to the trash, never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Categories(admin.TabularInline):
    """The label set of a project, to look at: changes raise its version, so they go through the settings page."""

    model = Category
    fields = readonly_fields = ("position", "name", "key", "retired_at", "merged_into")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Members(admin.TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    raw_id_fields = ["user"]
    extra = 0


@admin.register(Project)
class ProjectAdmin(Undeletable):
    list_display = ["name", "task", "labels_per_image", "created_by", "created_at", "trashed_at"]
    list_filter = ["task", "trashed_at", "train_automatically"]
    search_fields = ["name", "question"]
    raw_id_fields = ["created_by"]
    date_hierarchy = "created_at"
    # Each has a verb that does more than set it: a new version, seats brought in line, work cancelled.
    readonly_fields = [
        "task", "guideline", "guideline_version", "label_set_version", "labels_per_image", "blind_share",
        "trashed_at", "version", "created_at",
    ]  # fmt: skip
    inlines = [Members, Categories]


@admin.register(Category)
class CategoryAdmin(ReadOnly):
    list_display = ["name", "project", "position", "key", "retired_at", "merged_into"]
    list_filter = ["retired_at"]
    list_select_related = ["project", "merged_into"]
    search_fields = ["name", "project__name"]
    raw_id_fields = ["project", "merged_into"]


@admin.register(GuidelineVersion)
class GuidelineVersionAdmin(ReadOnly):
    list_display = ["project", "number", "author", "created_at"]
    list_select_related = ["project", "author"]
    search_fields = ["project__name", "text"]
    raw_id_fields = ["project", "author"]
    date_hierarchy = "created_at"


@admin.register(Membership)
class MembershipAdmin(Large):
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "project"]
    search_fields = ["user__username", "project__name"]
    raw_id_fields = ["user", "project"]


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


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly):
    list_display = [
        "id",
        "project",
        "number",
        "state",
        "is_active",
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


@admin.register(Token)
class TokenAdmin(ReadOnly):
    """Read-only: a token is made and revoked on its owner's account page, so that the audit knows of it."""

    list_display = [
        "prefix",
        "name",
        "user",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), ("expires_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    raw_id_fields = ["user"]
    exclude = ["digest"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["id", "project", "role", "note", "invited_by", "created_at", "expires_at", "accepted_by"]
    list_filter = ["role", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project", "invited_by", "accepted_by"]
    search_fields = ["project__name", "note"]
    raw_id_fields = ["project", "invited_by", "accepted_by"]
    exclude = ["digest"]


class NewPassword(AdminPasswordChangeForm):
    """Django's; the person's tokens end with the old password."""

    def __init__(self, user: User, data: Any = None, *, by: Any = None):
        super().__init__(user, data)
        self.by = by

    def save(self, commit: bool = True) -> User:
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        accounts.change_password(user=self.user, password=password, by=self.by)
        return self.user


admin.site.unregister(User)


@admin.register(User)
class People(UserAdmin):
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        of_request = copy(self)  # one of these serves all threads
        of_request.change_password_form = partial(NewPassword, by=request.user)
        return super(People, of_request).user_change_password(request, *args, **kwargs)


@admin.register(Exposure)
class ExposureAdmin(ReadOnly):
    list_display = ["image_id", "user", "round", "shown_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "=image__id"]
    raw_id_fields = ["image", "user"]


@admin.register(LoginFailures)
class LoginFailuresAdmin(Large):
    """Deleting a row forgets what was counted there."""

    list_display = ["key", "forgotten_at", "turn_at", "known_until"]
    readonly_fields = ["key", "forgotten_at", "turn_at", "known_until", "kept_until"]
    search_fields = ["=key"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Preference)
class PreferenceAdmin(Large):
    list_display = ["user", "theme", "single_keys"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    raw_id_fields = ["user"]


@admin.register(CategoryExample)
class CategoryExampleAdmin(ReadOnly):
    list_display = ["category", "image_id", "caption", "added_by", "created_at"]
    list_select_related = ["category", "added_by"]
    search_fields = ["category__name", "caption"]
    raw_id_fields = ["category", "image", "added_by"]


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


@admin.register(Plant)
class PlantAdmin(ReadOnly):
    list_display = ["image_id", "project", "reviewer", "suggested", "known", "answered", "caught", "shown_at"]
    list_filter = ["caught"]
    list_select_related = ["project", "reviewer"]
    search_fields = ["reviewer__username", "=image__id"]
    raw_id_fields = ["project", "image", "reviewer"]


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


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    # actor and project have no foreign key in the database: the rows outlive them. So names are columns, not joins.
    list_display = ["at", "actor_name", "action", "subject", "project_id"]
    list_filter = ["action"]
    search_fields = ["actor_name", "action", "subject"]
    fields = readonly_fields = ("at", "actor_id", "actor_name", "project_id", "action", "subject", "details")
    date_hierarchy = "at"
