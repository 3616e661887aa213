"""Images whose answer is known, mixed in to learn how often people are right. Written by labeler/review/gold.py."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Gold(models.Model):
    """One image and what it is. Given to everybody, whatever its quota; answers to it are no votes."""

    image = models.OneToOneField("labeler.Image", primary_key=True, on_delete=models.CASCADE, related_name="gold")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="gold")
    categories = ArrayField(models.BigIntegerField(), default=list)
    drawn = models.JSONField(null=True, help_text="[{category, box | polygon | mask}]; null: not drawn")
    explanation = models.CharField(max_length=500, blank=True, help_text="shown with the feedback, when it is on")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, help_text="no longer handed out; answers to it keep their score")

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "gold"
        indexes = [
            models.Index(fields=["project", "image"], condition=models.Q(retired_at__isnull=True), name="gold_in_use")
        ]

    def __str__(self) -> str:
        return f"gold {self.categories} on image {self.image_id}"
