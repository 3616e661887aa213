"""How much memory pictures may take in this process at once: whoever decodes one asks for room first.

A legal picture of 50 megapixels takes 200 MB and more while it is looked at, and it comes as 34 bytes. Knows bytes, and
who was first; what a picture needs is check.py's to say. Process-wide: threads share the memory.

Two budgets, and an order: who has room for pixels asks for no more, so nobody waits for somebody who waits.

1. `uploads`: for a request, what it holds of the files that were sent. A web process looks at two of them at a time.
2. `pixels`: for a picture, from before its decoding until its renditions are made.
"""

from __future__ import annotations

import ctypes
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Condition

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import Busy
from labeler.intake.check import FULL_SIZE_BYTES, DecodedImage, Limits, Source, decode_image

MEGABYTE = 1024 * 1024
WAIT_SECONDS = 10.0  # of a request for its turn; a worker waits on
AGAIN_IN_SECONDS = 5
UPLOADS_AT_ONCE = 2  # in a process
MOST_WAITING = 5  # the other threads for files and forms (launch/web_worker.py); those that save labels are apart
GIVEN_BACK_FROM = 128 * MEGABYTE  # asked for by a picture; a photograph of a camera needs less, and the next one again


class Budget:
    """Some bytes that threads share, first come, first served: a large picture is not passed by small ones forever."""

    def __init__(self, size: int, *, most_waiting: int | None = None) -> None:
        """size: bytes. most_waiting: threads in line; those who come later are refused at once."""
        self.size = self._free = size
        self._most_waiting = most_waiting
        self._line: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def room(self, needed: int, *, patience: float | None = None) -> Iterator[None]:
        """Hold `needed` bytes. What needs more than there is waits until it is alone.

        patience: seconds to wait for others; None waits on. Raises Busy.
        """
        needed = min(needed, self.size)
        self._take(needed, patience)
        try:
            yield
        finally:
            with self._changed:
                self._free += needed
                self._changed.notify_all()

    def _take(self, needed: int, patience: float | None) -> None:
        with self._changed:
            if not self._line and needed <= self._free:
                self._free -= needed
                return
            if self._most_waiting is not None and len(self._line) >= self._most_waiting:
                raise _busy()
            ticket = object()
            self._line.append(ticket)
            until = None if patience is None else time.monotonic() + patience
            try:
                while self._line[0] is not ticket or needed > self._free:
                    left = None if until is None else until - time.monotonic()
                    if left is not None and left <= 0:
                        raise _busy()
                    self._changed.wait(left)
                self._free -= needed
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()


def _busy() -> Busy:
    return Busy(
        _("The server is busy with other images, and nothing of this was taken in. Send it again in a few seconds."),
        retry_after=AGAIN_IN_SECONDS,
    )


# A quarter for files as they were sent, three for what they become.
uploads = Budget(settings.MEMORY_FOR_IMAGES * MEGABYTE // 4, most_waiting=MOST_WAITING)
pixels = Budget(settings.MEMORY_FOR_IMAGES * MEGABYTE * 3 // 4)


@contextmanager
def turn(held: int) -> Iterator[None]:
    """A request's turn to have its files looked at; `held`: how many bytes of them it will hold. Raises Busy."""
    with uploads.room(max(held, uploads.size // UPLOADS_AT_ONCE), patience=WAIT_SECONDS):
        yield


@contextmanager
def decoded(
    source: Source, *, full_size: bool = False, made_bytes: int = FULL_SIZE_BYTES, patience: float | None = None
) -> Iterator[DecodedImage]:
    """As decode_image within the limits of the settings, once there is room for it; its pixels are gone afterwards.

    Raises Refused, OSError, and Busy when there is no room within `patience` seconds.
    """
    limits = Limits(max_pixels=settings.MAX_IMAGE_PIXELS, max_bytes=settings.MAX_IMAGE_BYTES)
    with ExitStack() as held:

        def before_decoding(needed: int) -> None:
            held.enter_context(pixels.room(needed, patience=patience))
            if needed >= GIVEN_BACK_FROM:
                held.callback(give_back)

        image = decode_image(
            source, limits=limits, full_size=full_size, made_bytes=made_bytes, before_decoding=before_decoding
        )
        # Called first: the pixels go, then the memory, then the room is somebody else's.
        held.callback(image.pixels.close)
        yield image


def give_back() -> None:
    """Have the C library return freed memory to the system.

    It keeps what threads have freed, each in a pool of its own: 3 GB after a dozen pictures of 50 megapixels. Workers
    are told to keep all of it (launch/parts.py). Does nothing where the library has no such call (macOS, musl).
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
