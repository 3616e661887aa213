"""Known answers shown under a wrong suggestion, to learn whether a reviewer looks. Written by labeler/review/.

A table of its own: what is said here is about the person, and must never become a label, a vote or agreement.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Plant(models.Model):
    """One image with a known answer on one reviewer's page, as if the model had put it in another class."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="plants")
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="plants")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="plants")
    client = models.UUIDField(null=True, help_text="the page it is on; null: that was left, and it may come again")
    suggested = models.BigIntegerField(help_text="the wrong category that was shown")
    known = ArrayField(models.BigIntegerField(), default=list, help_text="what the image is")
    probability = models.FloatField(help_text="that was shown with it, 0 to 1")
    answered = ArrayField(models.BigIntegerField(), null=True, help_text="null: not yet; empty: sent back")
    caught = models.BooleanField(null=True, help_text="true: the suggestion was not confirmed")
    shown_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    idempotency_keys = ArrayField(
        models.UUIDField(), default=list, help_text="of the requests about it: sent again, they do nothing"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["image", "reviewer"], name="one_plant_per_image_and_reviewer"),
        ]
        indexes = [models.Index(fields=["project", "reviewer"], name="plants_of_a_reviewer")]

    def __str__(self) -> str:
        return f"plant {self.image_id} for {self.reviewer_id}"
