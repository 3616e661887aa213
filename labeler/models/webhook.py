"""Addresses that are told when long work has ended, and what was sent to them. Written by labeler/webhooks/."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Event(models.TextChoices):
    """What an address may be told of."""

    IMPORT_FINISHED = "import.finished", _("an import has ended")
    IMPORT_FAILED = "import.failed", _("an import has failed")
    RUN_FINISHED = "run.finished", _("a training has ended")
    RUN_FAILED = "run.failed", _("a training has failed")
    MODEL_ACTIVATED = "model.activated", _("another model is in use")
    RELEASE_READY = "release.ready", _("a release is frozen")
    EXPORT_READY = "export.ready", _("a file to download is ready")
    IMAGES_DELETED = "images.deleted", _("images were deleted")


TEST = "webhook.test"  # asked for by a person, whatever events the webhook has


class DeliveryState(models.TextChoices):
    """The life of one message."""

    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")


class Webhook(models.Model):
    """An address of another program.

    Its secret is made of the server's key and `salt`, and is not stored: who reads the database cannot sign.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    salt = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the secret: says which of the server's keys made it")
    events = ArrayField(models.CharField(max_length=32, choices=Event.choices), default=list)
    active = models.BooleanField(default=True, help_text="off: it is told nothing, and not later either")
    # What ended before this is not told: a webhook that is made, switched on or given other events begins anew.
    listens_since = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0, help_text="tries in a row that failed")
    paused_at = models.DateTimeField(null=True, help_text="too many failed: messages wait until somebody resumes it")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} to {self.host}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class WebhookDelivery(models.Model):
    """One message to one address, and what became of it. Kept for 30 days."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.CharField(max_length=32)
    # "job:12", "run:7" (it ended), "active:7" (by itself), "audit:99" (a person chose a model): what it tells of.
    subject = models.CharField(max_length=64)
    payload = models.JSONField(default=dict, help_text="what is said of it: the message's `data`")
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(help_text="when it is tried next; while it is tried: when others may")
    status_code = models.PositiveSmallIntegerField(null=True, help_text="of the last answer")
    error = models.CharField(max_length=300, blank=True, help_text="why the last try failed, as a sentence")
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event", "subject"], name="one_delivery_per_webhook_and_event"),
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="deliveries_of_a_webhook"),
            models.Index(
                fields=["next_at"], condition=Q(state=DeliveryState.WAITING), name="deliveries_that_are_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to webhook {self.webhook_id} ({self.state})"
