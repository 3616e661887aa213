"""How many of a project's labels were right when so many judgements were in. Written by
labeler/consensus/label_economy.py."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class EconomyPoint(models.Model):
    """One reading of a project that asks by gain, or lets the model vote: kept, because it cannot be counted again.

    A model of then is gone by now, and with it what the labels were believed to be.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="economy_points")
    judgements = models.PositiveIntegerField(help_text="votes so far, of all images")
    images = models.PositiveIntegerField(help_text="that shall have a label")
    judged = models.PositiveIntegerField(help_text="images with a vote")
    checks = models.PositiveIntegerField(help_text="blind images it was compared with")
    right = models.FloatField(help_text="share of the labels estimated right")
    low = models.FloatField()
    high = models.FloatField()
    claimed = models.FloatField(help_text="by the posterior alone")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(low__gte=0.0, low__lte=models.F("right"), right__lte=models.F("high"), high__lte=1.0),
                name="the_share_right_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.right:.3f} after {self.judgements} judgements in project {self.project_id}"
