"""What people draw on an image: the objects of an answer, the questions asked of each, and drafts before the answer.

An answer is a Label; its objects are rows of their own, written with it and never changed. Shapes are as in the REST
contract, in pixels of the upright image: {"box": [x, y, width, height]}, {"polygon": [ring, hole, …]} (several parts:
one nesting more) or {"mask": {"size", "counts", "offset"}}, a run-length code.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MOST_OBJECTS = 3_000  # of an answer
MOST_POINTS = 50_000  # of an answer


class Change(models.TextChoices):
    """What the author did with an object of the pre-label. Empty: there was no pre-label."""

    KEPT = "kept", _("kept")
    MOVED = "moved", _("moved")
    CLASS = "class", _("another class")
    DRAWN = "drawn", _("drawn by hand")


class LabelObject(models.Model):
    """One object of one answer."""

    # The database deletes it with its label, which is when an image or a project is purged (migration 0040).
    label = models.ForeignKey(
        "labeler.Label", on_delete=models.CASCADE, related_name="drawn", db_constraint=False, db_index=False
    )
    number = models.PositiveSmallIntegerField(help_text=_("from 1 in the order drawn; stays within the answer"))
    category = models.ForeignKey("labeler.Category", on_delete=models.PROTECT, related_name="+", db_index=False)
    shape = models.JSONField(help_text=_("as drawn, clipped to the image"))
    # Of the shape, so that lists, filters and comparisons need not decode it: pixels of the upright image.
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    area = models.FloatField()
    attributes = models.JSONField(default=dict, help_text=_("answers by the name of the question"))
    origin = models.PositiveSmallIntegerField(null=True, help_text=_("its number in the pre-label"))
    change = models.CharField(max_length=8, choices=Change.choices, blank=True)
    iou = models.FloatField(null=True, help_text=_("with its origin, 0 to 1"))

    class Meta:
        ordering = ["label", "number"]
        constraints = [
            models.UniqueConstraint(fields=["label", "number"], name="one_object_per_label_and_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="objects_are_numbered_from_1"),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0, area__gt=0), name="an_object_has_an_area"),
            models.CheckConstraint(
                condition=Q(origin__isnull=True, iou__isnull=True) | Q(origin__isnull=False, iou__isnull=False),
                name="iou_with_an_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"object {self.number} of label {self.label_id}"


class Question(models.Model):
    """Something asked of each object of some classes beside its class: truncated? how many windows? Never deleted."""

    class Kind(models.TextChoices):
        ONE = "one", _("one of several")
        SEVERAL = "several", _("any of several")
        YES_NO = "yes_no", _("yes or no")
        NUMBER = "number", _("a number")
        TEXT = "text", _("a short text")

    class About(models.TextChoices):
        OBJECT = "object", _("each object")

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="questions")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    about = models.CharField(max_length=8, choices=About.choices, default=About.OBJECT)
    options = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    required = models.BooleanField(default=False)
    categories = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text=_("empty: all classes"))
    position = models.PositiveIntegerField(default=0)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=Q(retired_at__isnull=True), name="one_question_in_use_per_name"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="question_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """What somebody has drawn and not answered yet: theirs alone, counted by nothing. Ends with the claim."""

    claim = models.OneToOneField(
        "labeler.Claim", primary_key=True, on_delete=models.CASCADE, related_name="draft", db_constraint=False
    )
    drawn = models.JSONField(default=list, help_text=_("as the screen keeps them; unfinished ones are open"))
    revision = models.PositiveIntegerField(default=1, help_text=_("raised by each save"))
    saved_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["saved_at"], name="drafts_by_age")]

    def __str__(self) -> str:
        return f"draft of claim {self.claim_id}"
