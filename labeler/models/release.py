"""A numbered, frozen data set of a project, and the files made of it. Written by labeler/releases/."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ReleaseLabels(models.TextChoices):
    """What the files of a release say of an image, unless they are asked for otherwise."""

    CONSENSUS = "consensus", _("the outcome")
    ALL = "all", _("every judgement")


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Words for sets of releases."""

    def kept(self) -> ReleaseQuerySet:
        return self.filter(deleted_at=None)

    def frozen(self) -> ReleaseQuerySet:
        return self.kept().filter(frozen_at__isnull=False)


class Release(models.Model):
    """What was asked for, and, once a worker has frozen it, what it holds: a file with this checksum, and its manifest.

    The database refuses to change what is frozen, but for the name, the data card's answers and that it was deleted. A
    deleted one keeps its row, so that no other release is ever given its number.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField(help_text="counted per project")
    name = models.CharField(max_length=200, blank=True)
    labels = models.CharField(max_length=16, choices=ReleaseLabels.choices, default=ReleaseLabels.CONSENSUS)
    splits = models.JSONField(null=True, help_text="share of each split by name; null: not split")
    group_by = models.CharField(max_length=200, blank=True, help_text="key of the metadata whose groups stay together")
    seed = models.BigIntegerField(default=0)
    location = models.BooleanField(default=False, help_text="places and personal fields stay in its files")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    job = models.OneToOneField("labeler.Job", null=True, on_delete=models.SET_NULL, related_name="release")
    frozen_at = models.DateTimeField(null=True)
    manifest = models.JSONField(default=dict, blank=True, help_text="see labeler/releases/manifest.py")
    checksum = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the frozen file")
    n_bytes = models.BigIntegerField(default=0)
    card = models.JSONField(default=dict, blank=True, help_text="answers of the data card, by question")
    deleted_at = models.DateTimeField(null=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_release_per_project_and_number"),
            models.CheckConstraint(
                condition=Q(frozen_at=None, checksum="") | (Q(frozen_at__isnull=False) & ~Q(checksum="")),
                name="a_frozen_release_has_a_checksum",
            ),
        ]

    def __str__(self) -> str:
        return f"release {self.number} of project {self.project_id}"

    @property
    def filter(self) -> dict[str, list[str]]:
        """Which images were asked for, as labeler/curation/filters.py keeps it; empty: all."""
        if self.frozen_at is not None:
            return self.manifest.get("filter") or {}
        return (self.job.params.get("filter") or {}) if self.job is not None else {}


class ReleaseFile(models.Model):
    """A release in one format, built by a worker when it was asked for, and deleted some days later.

    options: what else was asked for, as a query string ("accepted=true"), so that each file is there once.
    """

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    format = models.CharField(max_length=32)
    options = models.CharField(max_length=300, blank=True)
    job = models.OneToOneField("labeler.Job", null=True, on_delete=models.SET_NULL, related_name="release_file")
    file_name = models.CharField(max_length=200, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    checksum = models.CharField(max_length=64, blank=True, help_text="SHA-256; empty: not there")
    n_bytes = models.BigIntegerField(default=0)
    built_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["release", "format", "options"]
        constraints = [
            models.UniqueConstraint(fields=["release", "format", "options"], name="one_file_per_release_and_format"),
        ]

    def __str__(self) -> str:
        return f"{self.format} of release {self.release_id}"
