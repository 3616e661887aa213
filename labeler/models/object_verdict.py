"""What people say of one object that a model predicted: is it what the model says, or not? Written by labeler/review/.

A table of its own: an answer to a crop was given with the model's word shown, on a piece of the image alone. It must
never become a label, a vote or agreement (docs/decisions/0023). Predictions of older models are deleted in time, so
the place, the class and the probability are copied here, and no row hangs on a prediction.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class VerdictQuerySet(models.QuerySet["ObjectVerdict"]):
    """Words for sets of verdicts."""

    def found_wrong(self) -> set[tuple[int, int]]:
        """(image, number) of the objects of which more people say that they are wrong than that they are right."""
        told = self.values("image_id", "number").annotate(
            n_wrong=models.Count("pk", filter=Q(verdict=ObjectVerdict.Verdict.WRONG)),
            n_kept=models.Count("pk", filter=Q(verdict=ObjectVerdict.Verdict.KEEP)),
        )
        rows = told.filter(n_wrong__gt=models.F("n_kept")).order_by()
        return set(rows.values_list("image_id", "number"))


class ObjectVerdict(models.Model):
    """One person's present answer about one predicted object; answering again replaces it."""

    class Verdict(models.TextChoices):
        KEEP = "keep", "it is one"
        WRONG = "wrong", "it is none"

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="object_verdicts")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(
        "labeler.TrainingRun", null=True, on_delete=models.SET_NULL, related_name="object_verdicts", db_index=False
    )
    model = models.PositiveIntegerField(help_text="the run's number: it is known when the run is gone")
    number = models.PositiveIntegerField(help_text="of the object in that model's prediction for the image")
    category = models.BigIntegerField(help_text="the class that the model gave it")
    box = ArrayField(models.FloatField(), size=4, help_text="x, y, width, height in px, also of polygons and masks")
    probability = models.FloatField(null=True, help_text="as it was shown; null: an outside model gave none")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    created_at = models.DateTimeField(db_default=Now(), help_text="of the present answer")

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model", "image", "number", "person"], name="one_verdict_per_person_and_object"
            ),
            models.CheckConstraint(condition=Q(verdict__in=["keep", "wrong"]), name="a_verdict_is_keep_or_wrong"),
        ]
        indexes = [models.Index(fields=["run", "image", "number"], name="verdicts_of_a_run")]

    def __str__(self) -> str:
        return f"{self.verdict}: object {self.number} of image {self.image_id}"
