"""Originals that stay in their bucket: where they are, and their bytes, held against the hash they came in with.

The only module that writes BucketObject. An object may vanish or be overwritten at any time, as it is not ours: nobody
gets its bytes before their SHA-256 was compared, or its version pinned. Knows neither images nor who may see them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from django.conf import settings
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from labeler.errors import BucketUnreachable
from labeler.intake.archives import in_steps
from labeler.intake.bucket import check_bucket, client, short
from labeler.intake.place import Place
from labeler.models import BucketObject

T = TypeVar("T")
ADDRESS_SECONDS = 60  # how long a presigned address works: who was sent there asks at once
# A person waits, and the thread of the web process with them; a worker has the time of an import.
HURRY_SECONDS, HURRY_ATTEMPTS = 5, 2
_NOT_THERE = {"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed", "405"}


class OriginalGone(FileNotFoundError):
    """The object is not there any more, or holds something else; str() is the sentence."""


def keep(places: Mapping[str, Place]) -> None:
    """Remember where contents lie, by SHA-256. The last place is the surest: it replaces an earlier one."""
    rows = [BucketObject(sha256=sha256, **asdict(place)) for sha256, place in sorted(places.items())]
    BucketObject.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["sha256"],
        update_fields=["bucket", "key", "version", "etag", "n_bytes", "read_at"],
    )  # fmt: skip


def forget(hashes: Iterable[str]) -> None:
    """Of contents that no image has any more. The objects stay in their bucket: they are not ours."""
    BucketObject.objects.filter(sha256__in=list(hashes)).delete()


def places(hashes: Iterable[str]) -> dict[str, Place]:
    """Where these contents lie, by SHA-256; what is in no bucket is left out."""
    rows = BucketObject.objects.filter(sha256__in=list(hashes))
    return {row.sha256: Place(row.bucket, row.key, row.version, row.etag, row.n_bytes) for row in rows}


def fetch(place: Place, sha256: str, *, hurry: bool = False) -> bytes:
    """The bytes of an object, which have this SHA-256. hurry: a person waits.

    Raises OriginalGone where the object is not there or holds other bytes, BucketUnreachable where the bucket does not
    answer, and NotPossibleNow where it is not open any more.
    """
    found_other = False
    # The version that was read; where that was tidied away, whatever lies there now: its hash decides.
    for version in dict.fromkeys((place.version, "")):
        content = _content(place, version, hurry=hurry)
        if content is not None and hashlib.sha256(content).hexdigest() == sha256:
            return content
        found_other = found_other or content is not None
    gone = _("The original is no longer in its bucket (%(place)s).")
    changed = _("The object in the bucket was changed since the image came in (%(place)s): it is not shown.")
    raise OriginalGone((changed if found_other else gone) % {"place": place})


def check(place: Place, sha256: str) -> None:
    """Ask the bucket whether it still has these bytes; they are read only where its answer leaves that open.

    Raises as fetch().
    """
    if not is_as_it_was(place):
        fetch(place, sha256)  # sent once more with the same bytes it may have another ETag, or another version


def is_as_it_was(place: Place, *, hurry: bool = False) -> bool:
    """Does the bucket say of this version what it said when it was read? Raises as fetch(), but OriginalGone."""
    head = _asked(lambda: _client(place, hurry=hurry).head_object(**_named(place, place.version)))
    return head is not None and head["ETag"].strip('"') == place.etag and head["ContentLength"] == place.n_bytes


def address(place: Place, *, file_name: str, media_type: str) -> str | None:
    """A presigned address of ADDRESS_SECONDS, for somebody who may have the original; None where we must pass it on.

    Only where browsers can reach the buckets (LABELER_S3_PUBLIC_ENDPOINT) and the version is pinned: of an object
    without versions nobody can say what it holds in three minutes. Raises as is_as_it_was().
    """
    if not settings.S3_PUBLIC_ENDPOINT or not place.version or not is_as_it_was(place, hurry=True):
        return None
    params = _named(place, place.version) | {
        "ResponseContentType": media_type,
        "ResponseContentDisposition": content_disposition_header(True, file_name) or "attachment",
    }
    signer = client(settings.S3_PUBLIC_ENDPOINT, HURRY_SECONDS, HURRY_ATTEMPTS)
    return str(signer.generate_presigned_url("get_object", Params=params, ExpiresIn=ADDRESS_SECONDS))


def _content(place: Place, version: str, *, hurry: bool) -> bytes | None:
    """What the object holds now, at most one byte more than it had; None where it is not there."""

    def read() -> bytes:
        body = _client(place, hurry=hurry).get_object(**_named(place, version))["Body"]
        with body:
            return in_steps(body, place.n_bytes + 1)

    return _asked(read)


def _asked(ask: Callable[[], T]) -> T | None:
    """What the bucket answers; None where the object is not there. Raises BucketUnreachable."""
    import botocore.exceptions as broken

    try:
        return ask()
    except (broken.BotoCoreError, broken.ClientError, broken.HTTPClientError, OSError) as error:
        answer: Any = getattr(error, "response", None) or {}
        if str(answer.get("Error", {}).get("Code", "")) in _NOT_THERE:
            return None
        sentence = _("The bucket that holds the original does not answer: %(error)s.") % {"error": short(error)}
        raise BucketUnreachable(sentence, retry_after=5) from error


def _client(place: Place, *, hurry: bool) -> Any:
    check_bucket(place.bucket)
    return client(settings.S3_ENDPOINT, *((HURRY_SECONDS, HURRY_ATTEMPTS) if hurry else ()))


def _named(place: Place, version: str) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key, **({"VersionId": version} if version else {})}
