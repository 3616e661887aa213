"""Who has been shown what others, or the model, say of an image. Written by labeler/labeling/blindness.py.

One row for each person, image and round, however often. A label that is saved after it is informed, never blind.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Exposure(models.Model):
    """A person has seen something of others, or of the model, on an image."""

    # No index of their own: the unique one below is asked whenever a label is saved, and begins with the image.
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    round = models.PositiveSmallIntegerField(help_text="of the image, when it was shown")
    shown_at = models.DateTimeField(db_default=Now(), help_text="for the first time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "user", "round"], name="one_exposure_per_person_image_and_round"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} has seen what is said of image {self.image_id}"
