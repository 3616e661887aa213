"""Releases, webhooks and checks of the images, in the admin site: to look up what a worker did."""

from __future__ import annotations

from labeler.admin.kinds import read_only
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

read_only(
    Release,
    ["project", "number", "name", "labels", "created_by", "created_at", "frozen_at", "deleted_at"],
    filters=["labels"],
    search=["project__name", "name", "checksum"],
)
read_only(
    ReleaseFile,
    ["release", "format", "options", "n_bytes", "built_at", "expires_at"],
    filters=["format"],
    search=["release__project__name", "format", "checksum"],
    list_select_related=["release__project"],
)
read_only(SavedView, ["project", "name", "query", "created_by", "created_at"], search=["name", "project__name"])
read_only(
    Webhook,
    ["project", "host", "active", "failures", "paused_at", "created_by", "created_at"],
    filters=["active"],
    search=["project__name"],
    exclude=["url", "salt", "digest"],  # an address may hold a key; of the others a secret is made
)
read_only(
    WebhookDelivery,
    ["webhook_id", "event", "subject", "state", "attempts", "status_code", "created_at", "delivered_at"],
    filters=["state", "event"],
    search=["=webhook__id", "subject"],
)
read_only(
    BucketObject,
    ["sha256", "bucket", "key", "version", "n_bytes", "read_at"],
    filters=["bucket"],
    search=["sha256", "key"],
)
read_only(ImageCheck, ["image_id", "project", "brightness", "contrast", "blur"], search=["=image__id"])
read_only(ImageFinding, ["image_id", "project", "code"], filters=["code"], search=["=image__id"])
