"""Releases, webhooks and checks of the images, in the admin site: to look up what a worker did."""

from __future__ import annotations

from django.contrib import admin

from labeler.admin.kinds import ReadOnly
from labeler.models import (
    BucketObject,
    ImageCheck,
    ImageFinding,
    Release,
    ReleaseFile,
    SavedView,
    Webhook,
    WebhookDelivery,
)


@admin.register(Release)
class ReleaseAdmin(ReadOnly):
    list_display = ["project", "number", "name", "labels", "created_by", "created_at", "frozen_at", "deleted_at"]
    list_filter = ["labels"]
    search_fields = ["project__name", "name", "checksum"]


@admin.register(ReleaseFile)
class ReleaseFileAdmin(ReadOnly):
    list_display = ["release", "format", "options", "n_bytes", "built_at", "expires_at"]
    list_filter = ["format"]
    list_select_related = ["release__project"]
    search_fields = ["release__project__name", "format", "checksum"]


@admin.register(SavedView)
class SavedViewAdmin(ReadOnly):
    list_display = ["project", "name", "query", "created_by", "created_at"]
    search_fields = ["name", "project__name"]


@admin.register(Webhook)
class WebhookAdmin(ReadOnly):
    list_display = ["project", "host", "active", "failures", "paused_at", "created_by", "created_at"]
    list_filter = ["active"]
    search_fields = ["project__name"]
    exclude = ["url", "salt", "digest"]  # an address may hold a key; of the others a secret is made


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    list_display = ["webhook_id", "event", "subject", "state", "attempts", "status_code", "created_at", "delivered_at"]
    list_filter = ["state", "event"]
    search_fields = ["=webhook__id", "subject"]


@admin.register(BucketObject)
class BucketObjectAdmin(ReadOnly):
    list_display = ["sha256", "bucket", "key", "version", "n_bytes", "read_at"]
    list_filter = ["bucket"]
    search_fields = ["sha256", "key"]


@admin.register(ImageCheck)
class ImageCheckAdmin(ReadOnly):
    list_display = ["image_id", "project", "brightness", "contrast", "blur"]
    search_fields = ["=image__id"]


@admin.register(ImageFinding)
class ImageFindingAdmin(ReadOnly):
    list_display = ["image_id", "project", "code"]
    list_filter = ["code"]
    search_fields = ["=image__id"]
