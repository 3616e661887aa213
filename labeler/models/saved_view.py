"""Filters of the images page under a name. Written by labeler/curation/."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """An address of the images page, without the part that says which project: "?status=disputed&order=newest"."""

    # No index of its own: the unique name begins with it.
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="saved_views", db_index=False)
    name = models.CharField(max_length=100)
    query = models.CharField(max_length=2000)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_saved_view_per_name_of_a_project")]

    def __str__(self) -> str:
        return self.name
