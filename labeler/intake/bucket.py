"""The objects below a prefix of an S3-compatible bucket, as a tree of files that every format is read from.

The server's own credentials are used, so only the buckets that an administrator names (LABELER_S3_BUCKETS) are read, at
the one endpoint that is set. What becomes of an object that was read is not known here: it is copied, or left where it
is (bucket_objects.py). Knows boto3, which comes with the extra `s3`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.archives import Caps, in_steps
from labeler.intake.check import Refused, too_large
from labeler.intake.place import Place
from labeler.intake.tree import Tree

SCHEME = "s3://"
SECONDS, ATTEMPTS = 20, 3


def check_address(url: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix. Raises NotPossibleNow where it may not be read."""
    bucket, _slash, prefix = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise NotPossibleNow(_("A bucket is named like s3://bucket/folder/."))
    check_bucket(bucket)
    return bucket, prefix


def check_bucket(bucket: str) -> None:
    """Raises NotPossibleNow where an administrator has not opened this bucket, or has closed it."""
    if bucket not in settings.S3_BUCKETS:
        raise NotPossibleNow(_("This bucket is not open for imports: an administrator names it in LABELER_S3_BUCKETS."))


class BucketTree(Tree):
    """As Tree, of a bucket. Raises NotPossibleNow where it cannot be listed."""

    def __init__(self, url: str, *, caps: Caps) -> None:
        self._bucket, self._prefix = check_address(url)
        self._client = client(settings.S3_ENDPOINT)
        self._places: dict[str, Place] = {}
        super().__init__(Path(), caps=caps)

    def _fill(self, name: str) -> None:
        import botocore.exceptions as broken

        self.kind = "bucket"
        self._read_at = lambda place: self._read(*place)
        self._open_at = lambda place: cast("IO[bytes]", _Body(self._get(place[0])["Body"]))
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for one in page.get("Contents", ()):
                    key = one["Key"]
                    below = key[self._prefix.rfind("/") + 1 :]
                    if below and not below.endswith("/"):
                        self._add(below, (key, one["Size"], one["ETag"].strip('"')))
                self._check_count(len(self._files))
        except (broken.BotoCoreError, broken.ClientError) as error:
            raise NotPossibleNow(_("The bucket cannot be listed: %(error)s.") % {"error": short(error)}) from error

    def _read(self, key: str, size: int, _etag: str) -> bytes:
        if size > self.caps.member_bytes:
            raise Refused(too_large(self.caps.member_bytes))
        answer = self._get(key)
        with _Body(answer["Body"]) as body:
            content = in_steps(cast("IO[bytes]", body), self.caps.member_bytes + 1)
        if len(content) > self.caps.member_bytes:
            raise Refused(too_large(self.caps.member_bytes))
        # Of this very answer: what a second one would say may be of other bytes.
        version = str(answer.get("VersionId") or "")
        self._places[key] = Place(
            self._bucket, key, "" if version == "null" else version, answer["ETag"].strip('"'), len(content)
        )
        return content

    def etag_of(self, name: str) -> str:
        """What the bucket said of the object when it was listed, without quotes."""
        return str(self._files[name][2])

    def place_of(self, name: str) -> Place | None:
        """Where the bytes lie that read() gave last under this name, as the bucket told with them."""
        return self._places.pop(self._files[name][0], None)

    def name_read_by(self, source: Callable[[], bytes]) -> str | None:
        """The file whose bytes, all of them and no others, a reader's `source` gives; None where it is none of ours."""
        is_ours = isinstance(source, partial) and source.func == self.read and len(source.args) == 1
        return str(source.args[0]) if isinstance(source, partial) and is_ours else None

    def _get(self, key: str) -> dict[str, Any]:
        import botocore.exceptions as broken

        try:
            return cast("dict[str, Any]", self._client.get_object(Bucket=self._bucket, Key=key))
        except (broken.BotoCoreError, broken.ClientError) as error:
            raise Refused(_("The object cannot be read: %(error)s.") % {"error": short(error)}) from error


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
            raise Refused(_("The object cannot be read: %(error)s.") % {"error": short(error)}) from error

    def close(self) -> None:
        self._body.close()
        super().close()


def short(error: Exception) -> str:
    """What went wrong, as part of a sentence."""
    return str(error).strip().rstrip(".")[:200]


@lru_cache(maxsize=8)
def client(endpoint: str, seconds: int = SECONDS, attempts: int = ATTEMPTS) -> Any:
    """A client for this endpoint ("": Amazon's), which threads share. Raises NotPossibleNow without the extra."""
    try:
        import boto3  # here: half a second, and only such imports need it
        from botocore.config import Config
    except ImportError as error:
        raise NotPossibleNow(_("Buckets need the extra “s3”: install labeler[s3] on the server.")) from error
    config = Config(
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"total_max_attempts": attempts},
        signature_version="s3v4",
    )
    return boto3.client("s3", endpoint_url=endpoint or None, config=config)
