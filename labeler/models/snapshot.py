"""Figures of a project as they were a moment ago, for pages that must not count a million rows.

Written by labeler/progress/cache.py.
"""

from __future__ import annotations

from django.db import models


class Snapshot(models.Model):
    """One report, computed by a worker or by the first who asked."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="snapshots")
    name = models.CharField(max_length=200, help_text="which report: progress, agreement:blind:random, …")
    value = models.JSONField()
    last_label = models.BigIntegerField(default=0, help_text="newest label id it could see")
    seconds = models.FloatField(default=0.0, help_text="that computing it took")
    computed_at = models.DateTimeField()
    wanted_at = models.DateTimeField(null=True, help_text="a page asked for a newer one; null: nobody waits")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_snapshot_per_project_and_name")]

    def __str__(self) -> str:
        return f"{self.name} of project {self.project_id}"
