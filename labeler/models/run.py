"""Training runs, what their models predict, cached features, and how imports look to a model. Written by
labeler/training/."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import JSONObject

from labeler.models.job import UNFINISHED, Leased

# Of a run's metrics, for lists of runs.
HEADLINE = ("accuracy", "macro_f1", "ap50", "miou", "cross_validation", "judged_on")


class RunQuerySet(models.QuerySet["TrainingRun"]):
    """Words for sets of runs."""

    def unfinished(self) -> RunQuerySet:
        return self.filter(state__in=UNFINISHED)

    def active(self) -> RunQuerySet:
        return self.filter(is_active=True)

    def own(self) -> RunQuerySet:
        """Trained here."""
        return self.filter(outside_name="")

    def outside(self) -> RunQuerySet:
        """Models of other programs, of which there are predictions alone."""
        return self.exclude(outside_name="")

    def slim(self) -> RunQuerySet:
        """For lists: without what is large (curves and findings, up to 100 KB a run), and with `headline`: HEADLINE of
        its metrics, each None where there is none.
        """
        kept = {name: f"metrics__{name}" for name in HEADLINE}
        return self.defer("config", "metrics", "history", "comparison", "spent").annotate(headline=JSONObject(**kept))


class TrainingRun(Leased):
    """One training: requested, run by a worker, judged on held-out images, and then perhaps the active model.

    Or a model of another program, with `outside_name`: it has no files here, only predictions that were sent
    (labeler/training/outside_models.py). It is judged and used in the same way.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField(help_text="version of the model, counted per project")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="null: beat did"
    )
    config = models.JSONField(default=dict, blank=True)
    # The classes as they were: index k of every probability vector is the k-th id here.
    category_ids = ArrayField(models.BigIntegerField(), default=list)
    category_names = ArrayField(models.CharField(max_length=200), default=list)
    dataset = models.JSONField(default=dict, blank=True, help_text="counts of train, validation, test, calibration")
    last_label = models.BigIntegerField(default=0, help_text="newest label id this run could see")
    n_labels = models.PositiveIntegerField(default=0, help_text="labels in the project when it was requested")
    metrics = models.JSONField(default=dict, blank=True)
    history = models.JSONField(default=list, blank=True, help_text="curves, one entry per epoch or step")
    comparison = models.JSONField(default=list, blank=True, help_text="the candidates and what they scored")
    # Kept while it is trained: what an attempt took that ended with its worker is known by its last reading alone.
    spent = models.JSONField(default=list, blank=True, help_text="what each attempt took, as last read")
    checkpoint = models.CharField(max_length=500, blank=True, help_text="relative to the models directory")
    checkpoint_sha256 = models.CharField(max_length=64, blank=True)
    temperature = models.FloatField(null=True)
    is_calibrated = models.BooleanField(default=False)
    is_active = models.BooleanField(default=False)
    note = models.TextField(blank=True, help_text="why it was or was not made active")
    device = models.CharField(max_length=100, blank=True)
    outside_name = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="of another program's model; empty: our own"
    )
    outside_version = models.CharField(max_length=100, blank=True, default="", db_default="")
    features = models.CharField(
        max_length=100, blank=True, help_text="name of the kept features its backbone makes, weights included"
    )
    # Pre-labels are made after training, by the same or another worker: a second stage with its own progress.
    predicted_done = models.PositiveIntegerField(default=0)
    predicted_total = models.PositiveIntegerField(default=0)
    predicted_at = models.DateTimeField(null=True)

    headline: dict[str, Any]  # only of slim()

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state__in=UNFINISHED), name="one_unfinished_run_per_project"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_active=True), name="one_active_model_per_project"
            ),
            models.UniqueConstraint(fields=["project", "number"], name="one_run_per_project_and_number"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(state="done"), name="only_a_finished_run_is_active"
            ),
            models.UniqueConstraint(
                fields=["project", "outside_name", "outside_version"],
                condition=~Q(outside_name=""),
                name="one_outside_model_per_project_name_and_version",
            ),
            models.CheckConstraint(
                condition=Q(outside_name="") | Q(checkpoint=""), name="an_outside_model_has_no_checkpoint"
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.number} of project {self.project_id}"

    @property
    def is_outside(self) -> bool:
        """Another program's: no worker can ask it anything."""
        return bool(self.outside_name)

    @property
    def has_model(self) -> bool:
        """May it be used: trained to its end, or brought along?"""
        return self.state == "done" and (bool(self.checkpoint) or self.is_outside)

    @property
    def origin(self) -> str:
        """Where an outside model comes from, as its program calls it; empty for our own."""
        return f"{self.outside_name} {self.outside_version}".strip()


class RunAnswers(models.Model):
    """What a run's model answered on images it had not learned from, as one row: to compare versions image by image.

    Predictions of older models are deleted in time; these stay as long as their run.
    """

    class Part(models.TextChoices):
        TEST = "test", "test images"
        CROSSED = "crossed", "training images, each judged by a model that had not seen it"
        STOP = "stop", "a fixed random sample of unlabeled images"

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="answers")
    part = models.CharField(max_length=16, choices=Part.choices)
    # Entry k of each list is about the k-th image; classes by id, as in run.category_ids.
    image_ids = ArrayField(models.BigIntegerField(), default=list)
    answers = models.JSONField(default=list, help_text="of each image the classes it would answer")
    probabilities = ArrayField(models.FloatField(), default=list, help_text="of each answer")
    truth = models.JSONField(null=True, help_text="what people had settled on by then; null where nobody had looked")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "part"], name="one_row_of_answers_per_run_and_part"),
        ]

    def __str__(self) -> str:
        return f"{self.part} answers of {self.run_id}"


class Prediction(models.Model):
    """A model's opinion on an image. Another table than labels: it never passes for a person's."""

    # Without an index of their own: the constraint begins with the image, predictions_by_confidence with the run, and
    # every index is written 100,000 times for each new model.
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="predictions", db_index=False)
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="predictions", db_index=False)
    # As in run.category_ids. Single choice: sums to 1. Multi-label: each on its own.
    probabilities = ArrayField(models.FloatField())
    categories = ArrayField(models.BigIntegerField(), default=list, help_text="what it would answer")
    probability = models.FloatField(help_text="of that answer; 1, and said to nobody, where margin is null")
    margin = models.FloatField(null=True, help_text="0 unsure, 1 sure; null: an outside model gave no probabilities")
    # Of an outside model, as it gave them, to calibrate them anew. Null: a model of our own. Empty: it gave none.
    given = ArrayField(models.FloatField(), null=True)
    # [{number, category, box | polygon | mask, probability, shown}], at most 300; null where classes are predicted.
    # With refused: true and shown: false where people called the object wrong before anybody was shown the pre-label.
    drawn = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "run"], name="one_prediction_per_image_and_run"),
            models.CheckConstraint(
                condition=Q(probability__gte=0.0, probability__lte=1.0, margin__gte=0.0, margin__lte=1.0),
                name="probabilities_in_0_1",
            ),
        ]
        indexes = [
            # A page of the review grid walks this index alone, past the other classes, to the next images of one
            # class: of 100,000 predictions 0.5 ms, and 60 to 290 ms without the classes in it.
            models.Index(
                fields=["run", "-probability", "-image"], include=["categories"], name="predictions_by_confidence"
            ),
            # The images page, the model's least sure first: of 300,000 predictions 270 ms to find and sort them all, 16
            # by this. Writing 100,000 rows takes 5 s with or without it; four rounds of each differ by more.
            models.Index(fields=["run", "margin", "image"], name="predictions_least_sure_first"),
        ]

    def __str__(self) -> str:
        return f"{self.categories} ({self.probability:.2f}) for image {self.image_id}"

    @property
    def confidence(self) -> float | None:
        """What may be said of how sure the model is; None where it gave no probabilities."""
        return None if self.margin is None else self.probability


class Feature(models.Model):
    """A backbone's description of an image's content, computed once and kept (float16, little-endian bytes)."""

    sha256 = models.CharField(max_length=64)
    backbone = models.CharField(max_length=100)
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backbone", "sha256"], name="one_feature_per_content_and_backbone"),
        ]

    def __str__(self) -> str:
        return f"{self.backbone} features of {self.sha256[:12]}"


class Drift(models.Model):
    """How the images of one import look to a model, against those it knows.

    The verdict is none of a single row: imports are judged together (labeler/training/drift.py).
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="drifts")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="drifts")
    job = models.ForeignKey("labeler.Job", null=True, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="when its images came in; of single uploads, which have no import: all of the day")
    name = models.CharField(max_length=500, blank=True, help_text="of the file that was imported; empty: uploads")
    figures = models.JSONField(default=dict, help_text="see labeler/training/drift.py")
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "job", "day"], nulls_distinct=False, name="one_look_per_model_and_import"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="drifts_of_a_project")]

    def __str__(self) -> str:
        return f"drift of {self.name or 'uploads'}, {self.day}"
