"""Long work as a row with a state that people can see. The row is the truth; a message only names it to a worker."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """The life of any long work."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


UNFINISHED = (State.QUEUED, State.RUNNING)
MAX_ATTEMPTS = 3


class Leased(models.Model):
    """State, attempt, lease and heartbeat: what a worker needs to take work, and others to see that it died.

    Changed by conditional UPDATE only (labeler/jobs/leases.py): a worker that lost its lease cannot overwrite its
    successor.
    """

    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    stage = models.CharField(max_length=200, blank=True, help_text="what it is doing, in words")
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    error = models.JSONField(null=True, blank=True, help_text="{code, message}")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Summed by labeler/jobs/leases.py. The time between a worker that died and the next one is in finished_at -
    # started_at and not in here.
    worked_seconds = models.FloatField(
        null=True, help_text="with a worker, all attempts together; null: not begun, or not counted yet then"
    )

    class Meta:
        abstract = True

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED


class Kind(models.TextChoices):
    """What a job does."""

    IMPORT = "import", _("import")
    EXPORT = "export", _("export")
    PRELABEL = "prelabel", _("pre-labels")
    VIEWS = "views", _("varied images")
    LOOK = "look", _("look at the images")
    JUDGE = "judge", _("judgement of an outside model")
    IMAGES = "images", _("work on images")
    RELEASE = "release", _("release")
    CHECKS = "checks", _("checks on the data set")


class Job(Leased):
    """An import, the freezing of a release or the building of one of its files (export), the making of pre-labels with
    the active model (params: {"run": id}), of images that show how training images are varied
    (labeler/training/augmentation_preview.py), a look at new images for the index of similar ones
    (labeler/training/image_index.py), the judgement of another program's predictions (labeler/training/judging.py),
    something done to many images (labeler/curation/work.py), or checks on the data set (labeler/data_checks/check.py).
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    params = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.UUIDField(null=True)
    body_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="one_job_per_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind=Kind.PRELABEL, state__in=UNFINISHED),
                name="one_unfinished_prelabeling_per_project",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind=Kind.CHECKS, state__in=UNFINISHED),
                name="one_unfinished_check_per_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.state})"


class Part(Leased):
    """Some of the images of a pre-labeling: what one worker takes at a time (labeler/jobs/parts.py). Gone when the job
    ends.

    progress_done: how many of its images are over with, read or not.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField(help_text="from 0, in the order in which people are asked")
    images = ArrayField(models.BigIntegerField(), help_text="ids")
    unreadable = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="parts_are_numbered")]

    def __str__(self) -> str:
        return f"part {self.number} of job {self.job_id} ({self.state})"
