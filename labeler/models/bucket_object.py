"""Where the original of an image lies that was left in its bucket. Written by labeler/intake/."""

from __future__ import annotations

from django.db import models


class BucketObject(models.Model):
    """An object with these bytes, by their hash, as the media store has files: whichever images have this content.

    A file in the media store counts before it.
    """

    sha256 = models.CharField(max_length=64, primary_key=True)
    bucket = models.CharField(max_length=255)
    key = models.CharField(max_length=1024)
    version = models.CharField(max_length=1024, blank=True, help_text="empty: the bucket keeps no versions")
    etag = models.CharField(max_length=255, help_text="of the object when it was read, without quotes")
    n_bytes = models.BigIntegerField()
    read_at = models.DateTimeField(auto_now=True, help_text="when an import read it last")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
