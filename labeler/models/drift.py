"""How the images of one import look to a model, against those it knows. Written by labeler/training/drift.py."""

from __future__ import annotations

from django.db import models


class Drift(models.Model):
    """One import as one model sees it. The verdict is none of a single row: imports are judged together."""

    run = models.ForeignKey("labeler.TrainingRun", on_delete=models.CASCADE, related_name="drifts")
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
