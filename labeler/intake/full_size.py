"""The full-size rendition of an image: made when it is first asked for, then kept beside the others.

Most images are judged from their preview, so at import it would cost the time and the disk of all for the sake
of a few. Knows the store and how to make it; not who may see it.
"""

from __future__ import annotations

import io
from contextlib import suppress
from threading import BoundedSemaphore
from typing import BinaryIO

from django.utils.translation import gettext as _

from labeler.errors import StorageFull, TooManyRequests
from labeler.intake import originals
from labeler.intake.budget import decoded
from labeler.intake.images import media_store
from labeler.intake.renditions import make_full_size

# A process has four threads, and an image of 50 megapixels takes seconds. Two at a time, and nobody waits long: the
# other threads are there for people who save their labels.
AT_ONCE = 2
WAIT_SECONDS = 2.0  # for the memory that other images take
AGAIN_IN_SECONDS = 1
_making = BoundedSemaphore(AT_ONCE)


def open_full_size(*, sha256: str, extension: str) -> tuple[BinaryIO, str]:
    """The bytes, to be read once, and their media type: JPEG stays JPEG, the rest is PNG.

    Raises FileNotFoundError when the original is gone, Refused when it is damaged, TooManyRequests while others
    are being made, Busy while other images take the memory, and as originals.read() where it lies in a bucket.
    """
    kept_as, media_type = ("jpg", "image/jpeg") if extension == "jpg" else ("png", "image/png")
    store = media_store()
    with suppress(FileNotFoundError):  # the first to look closer
        return store.full_path(sha256, kept_as).open("rb"), media_type
    if not _making.acquire(blocking=False):
        raise TooManyRequests(
            _("Other images are being made ready in full size. Ask again in a second."), retry_after=AGAIN_IN_SECONDS
        )
    try:
        original = originals.source(sha256=sha256, extension=extension, hurry=True)
        with decoded(original, full_size=True, patience=WAIT_SECONDS) as image:
            content = make_full_size(image)
    finally:
        _making.release()
    if isinstance(original, bytes):
        return io.BytesIO(content), media_type  # it stays in its bucket: no second copy of it grows here
    # Who looks at an image need not know that the disk is full: it is made again next time.
    with suppress(StorageFull), store.batch() as batch:
        batch.add_full_size(sha256=sha256, extension=kept_as, content=content)
        batch.keep()
    return io.BytesIO(content), media_type
