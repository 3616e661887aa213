"""Predictions that are accepted without a person, and what was promised of them. Written by
labeler/acceptance/accepting.py and labeler/acceptance/promises.py.

Apart from labels and from the consensus on purpose: an accepted answer is no judgement of a person, and never passes
for one.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Suspension(models.TextChoices):
    """Why nothing more is accepted."""

    BREACH = "breach", _("people found too many wrong ones")
    BY_HAND = "by_hand", _("a lead stopped it")


class Ending(models.TextChoices):
    """Why a guarantee is no longer in force, and what it accepted went back to people."""

    OFF = "off", _("it was switched off")
    MODEL = "model", _("another model is in use")
    SETTINGS = "settings", _("something else is promised now")
    CLASSES = "classes", _("there are classes that the model does not know")
    RESUMED = "resumed", _("a lead let it begin anew")


class Guarantee(models.Model):
    """What was promised of the answers of one model that are accepted, what it rests on, and whether it stands."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="guarantees")
    run = models.ForeignKey("labeler.TrainingRun", on_delete=models.CASCADE, related_name="guarantees")
    precision = models.FloatField(help_text="least share of the accepted that is right")
    confidence = models.FloatField(help_text="chance, over random calibration images, that this is true")
    per_class = models.BooleanField(default=False)
    audited_share = models.FloatField(help_text="of the accepted: judged by people all the same, blind")
    # {"n", "disputed", "pool", "pooled": {...}, "own": {answer: {...}}} of labeler/acceptance/accepting.py;
    # an answer is its class ids with commas between, as in a tally
    thresholds = models.JSONField(default=dict)
    # {"waiting": images of imports that no judged calibration image speaks for, "imports": [...]}
    coverage = models.JSONField(default=dict)
    accepted = models.PositiveIntegerField(default=0, help_text="images it has accepted in its time, audited ones too")
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, help_text="all images were looked at once; null: a worker is at it")
    suspended_at = models.DateTimeField(null=True)
    suspension = models.CharField(max_length=16, choices=Suspension.choices, blank=True)
    suspended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=16, choices=Ending.choices, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(ended_at__isnull=True), name="one_guarantee_in_force_per_project"
            ),
            models.CheckConstraint(
                condition=Q(precision__gte=0.5, precision__lt=1.0, confidence__gte=0.5, confidence__lt=1.0),
                name="a_promise_is_between_half_and_all",
            ),
            models.CheckConstraint(
                condition=Q(audited_share__gt=0.0, audited_share__lte=0.5), name="some_of_the_accepted_are_audited"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.precision:.0%} right at {self.confidence:.0%}, of run {self.run_id}"

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None


class Withdrawal(models.TextChoices):
    """Why an accepted image went back to people, or what people said took its place."""

    PEOPLE = "people", _("people said what it is")
    GOLD = "gold", _("it was made gold")
    ASKED = "asked", _("a reviewer wants people to look")
    CLASS = "class", _("its class is not used any more")
    BREACH = "breach", _("people found too many wrong ones")
    ENDED = "ended", _("its guarantee ended")


class AcceptanceQuerySet(models.QuerySet["Acceptance"]):
    """Words for sets of accepted images."""

    def in_force(self) -> AcceptanceQuerySet:
        """Those that nobody withdrew, those that people are asked about included."""
        return self.filter(withdrawn_at__isnull=True)

    def standing(self) -> AcceptanceQuerySet:
        """Answers that may be used: in force, and neither a person nor an audit has a word on the image."""
        return self.in_force().filter(is_audited=False, image__n_votes=0, image__has_decision=False)

    def audited(self) -> AcceptanceQuerySet:
        return self.filter(is_audited=True)


class Acceptance(models.Model):
    """One image for whose answer a model's word stands."""

    guarantee = models.ForeignKey(Guarantee, on_delete=models.CASCADE, related_name="acceptances")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="acceptances", db_index=False)
    # Kept with it, whatever becomes of that model's other predictions.
    prediction = models.ForeignKey("labeler.Prediction", on_delete=models.RESTRICT, related_name="+")
    # Of several labels none at all is an answer too.
    categories = ArrayField(models.BigIntegerField(), help_text="what stands: category ids, ascending")
    probability = models.FloatField()
    threshold = models.FloatField()
    # By a draw that owes nothing to the score; then people are asked, and this row only remembers what the model said.
    is_audited = models.BooleanField(default=False)
    is_right = models.BooleanField(null=True, help_text="audited and settled: whether people said the same")
    judged_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=16, choices=Withdrawal.choices, blank=True)

    objects = AcceptanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "guarantee"], name="one_acceptance_per_image_and_guarantee"),
            models.UniqueConstraint(
                fields=["image"], condition=Q(withdrawn_at__isnull=True), name="one_acceptance_in_force_per_image"
            ),
            models.CheckConstraint(
                condition=Q(probability__gte=0.0, probability__lte=1.0, threshold__lte=models.F("probability")),
                name="accepted_from_the_threshold_on",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-image"],
                condition=Q(withdrawn_at__isnull=True, is_audited=False),
                name="accepted_images_newest_first",
            ),
            models.Index(fields=["guarantee"], condition=Q(is_audited=True), name="audited_images"),
            models.Index(fields=["guarantee"], condition=Q(withdrawn_at__isnull=True), name="acceptances_in_force"),
        ]

    def __str__(self) -> str:
        return f"classes {self.categories} ({self.probability:.2f}) for image {self.image_id}"
