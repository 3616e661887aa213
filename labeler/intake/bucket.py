"""The objects below a prefix of an S3-compatible bucket, as a tree of files that every format is read from.

The server's own credentials are used, so only the buckets that an administrator names (LABELER_S3_BUCKETS) are read, at
the one endpoint that is set. Objects are copied: what came in stays when the bucket is gone. Knows boto3, which comes
with the extra `s3`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.archives import Caps, in_steps, too_large
from labeler.intake.check import Refused
from labeler.intake.tree import Tree

SCHEME = "s3://"
SECONDS = 20


def check_address(url: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix. Raises NotPossibleNow where it may not be read."""
    bucket, _slash, prefix = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise NotPossibleNow(_("A bucket is named like s3://bucket/folder/."))
    if bucket not in settings.S3_BUCKETS:
        raise NotPossibleNow(_("This bucket is not open for imports: an administrator names it in LABELER_S3_BUCKETS."))
    return bucket, prefix


class BucketTree(Tree):
    """As Tree, of a bucket. Raises NotPossibleNow where it cannot be listed."""

    def __init__(self, url: str, *, caps: Caps) -> None:
        self._bucket, self._prefix = check_address(url)
        self._client = _client()
        super().__init__(Path(), caps=caps)

    def _fill(self, name: str) -> None:
        import botocore.exceptions as broken

        self.kind = "bucket"
        self._read_at = lambda place: self._read(*place)
        self._open_at = lambda place: self._stream(place[0])
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for one in page.get("Contents", ()):
                    key = one["Key"]
                    below = key[self._prefix.rfind("/") + 1 :]
                    if below and not below.endswith("/"):
                        self._add(below, (key, one["Size"]))
                self._check_count(len(self._files))
        except (broken.BotoCoreError, broken.ClientError) as error:
            raise NotPossibleNow(_("The bucket cannot be listed: %(error)s.") % {"error": _short(error)}) from error

    def _read(self, key: str, size: int) -> bytes:
        if size > self.caps.member_bytes:
            raise Refused(too_large(self.caps))
        with self._stream(key) as body:
            content = in_steps(body, self.caps.member_bytes + 1)
        if len(content) > self.caps.member_bytes:
            raise Refused(too_large(self.caps))
        return content

    def _stream(self, key: str) -> IO[bytes]:
        import botocore.exceptions as broken

        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except (broken.BotoCoreError, broken.ClientError) as error:
            raise Refused(_("The object cannot be read: %(error)s.") % {"error": _short(error)}) from error
        return cast("IO[bytes]", _Body(body))


class _Body(io.RawIOBase):
    """A body whose failures are those of a file."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        import botocore.exceptions as broken

        try:
            return bytes(self._body.read(size if size >= 0 else None))
        except (broken.BotoCoreError, broken.HTTPClientError) as error:
            raise Refused(_("The object cannot be read: %(error)s.") % {"error": _short(error)}) from error

    def close(self) -> None:
        self._body.close()
        super().close()


def _short(error: Exception) -> str:
    return str(error).strip().rstrip(".")[:200]


def _client() -> Any:
    try:
        import boto3  # here: half a second, and only such imports need it
        from botocore.config import Config
    except ImportError as error:
        raise NotPossibleNow(_("Buckets need the extra “s3”: install labeler[s3] on the server.")) from error
    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"max_attempts": 3})
    return boto3.client("s3", endpoint_url=settings.S3_ENDPOINT or None, config=config)
