"""The tiles of large images: made by a worker, kept in one file per content, read one at a time.

A file of tiles is whole or not there, is found by the hash of the original, and may be deleted at any time: the next
one who looks closely has it made again. Knows the store and how to make it; not who may see it.

    8 bytes  which kind of file      4  how many tiles      8 each, and one more  where they begin      the JPEGs

Numbers have the lowest byte first. A file of other tiles than ours (another size, an earlier version) counts as
missing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from django.db import connection, transaction
from django.utils.translation import gettext as _

from labeler.intake import originals, pyramid
from labeler.intake.bucket_objects import OriginalGone
from labeler.intake.budget import decoded
from labeler.intake.check import Refused
from labeler.intake.images import CONTENT_LOCK, media_store
from labeler.intake.pyramid import levels_of
from labeler.jobs.leases import Lease
from labeler.models import Image, Job

_MAGIC = b"LBTILES1"
_HEAD = struct.Struct("<8sI")
_PLACE = struct.Struct("<Q")


def read(*, sha256: str, width: int, height: int, number: int) -> bytes | None:
    """One tile as a JPEG; None where the tiles are not made. width, height: of the upright image.

    number: as pyramid.Level.number() says.
    """
    try:
        file = media_store().tiles_path(sha256).open("rb")
    except FileNotFoundError:
        return None
    with file:
        if file.read(_HEAD.size) != _head(width, height):
            return None
        file.seek(_HEAD.size + number * _PLACE.size)
        begin, end = struct.unpack("<2Q", file.read(2 * _PLACE.size))
        file.seek(begin)
        return file.read(end - begin)


def are_made(*, sha256: str, width: int, height: int) -> bool:
    """Are the tiles of this image there?"""
    try:
        with media_store().tiles_path(sha256).open("rb") as file:
            return file.read(_HEAD.size) == _head(width, height)
    except FileNotFoundError:
        return False


def make(image: Image, check: Callable[[], None] = lambda: None) -> bool:
    """Make and keep the tiles of a large image; False: they were there, or the image is gone.

    check() is called between tiles and may raise. Raises Refused when the file is damaged, FileNotFoundError when it is
    gone, StorageFull, and as originals.read(); nothing half-written is left behind then.
    """
    levels = levels_of(image.width, image.height)
    if not levels or are_made(sha256=image.sha256, width=image.width, height=image.height):
        return False
    count = _count(image.width, image.height)
    store = media_store()
    original = originals.source(sha256=image.sha256, extension=image.extension)
    with store.batch() as batch:
        with (
            decoded(original, full_size=True, made_bytes=pyramid.BYTES) as pixels,
            batch.new_tiles(sha256=image.sha256) as file,
        ):
            if (pixels.checked.width, pixels.checked.height) != (image.width, image.height):
                raise Refused(_("The file has another size than when it came in."))
            places = [_HEAD.size + (count + 1) * _PLACE.size]
            file.seek(places[0])
            for tile in pyramid.tiles(pixels, levels):
                check()
                file.write(tile)
                places.append(places[-1] + len(tile))
            file.seek(0)
            file.write(_head(image.width, image.height))
            file.write(struct.pack(f"<{len(places)}Q", *places))
        with transaction.atomic():
            # Who deletes contents for good holds this alone: else we could bring back a file after its image is gone.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [CONTENT_LOCK])
            if not Image.objects.filter(sha256=image.sha256).exists():
                return False
            batch.keep()
    return True


def carry_out(job: Job, lease: Lease, check: Callable[[], None]) -> None:
    """Make what a job asks for and is not made yet, and finish it. check() raises where the work is not ours any more.

    Image by image: one whose file is damaged or gone is noted with its reason, and the others go on.
    """
    ids = job.params["images"]
    made, failed = int(job.result.get("changed", 0)), dict(job.result.get("failed", {}))
    done = job.progress_done
    for pk in ids[done:]:
        check()
        image = Image.objects.filter(pk=pk).first()
        try:
            made += image is not None and make(image, check)
        except Refused as refusal:
            failed[str(pk)] = refusal.reason
        except OriginalGone as gone:
            failed[str(pk)] = str(gone)
        except FileNotFoundError:
            failed[str(pk)] = _("The file is missing.")
        done += 1
        lease.write(progress_done=done, progress_total=len(ids), result={"changed": made, "failed": failed})
    result = {"changed": made, "kept": len(ids) - made, "failed": failed}
    lease.finish(result=result, progress_done=done, progress_total=len(ids))


def _count(width: int, height: int) -> int:
    last = levels_of(width, height)[-1]
    return last.first + last.columns * last.rows


def _head(width: int, height: int) -> bytes:
    return _HEAD.pack(_MAGIC, _count(width, height))
