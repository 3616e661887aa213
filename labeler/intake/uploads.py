"""Keep an uploaded archive for a worker, below the media directory, under a name of our own.

Knows bytes and the disk. What is in the archive is a worker's business; it deletes the file when the import
has ended (labeler/jobs/jobs.py).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import StorageFull, TooLarge
from labeler.intake.store import full_disk_said
from labeler.jobs.jobs import UPLOADS


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that waits for its import."""

    path: str  # relative to MEDIA_DIR, as jobs.request_import wants it
    sha256: str

    def discard(self) -> None:
        """Delete it: nobody will import it."""
        Path(settings.MEDIA_DIR, self.path).unlink(missing_ok=True)


def keep(chunks: Iterable[bytes]) -> Kept:
    """Write the chunks to a file of their own. Raises StorageFull and TooLarge; nothing is left behind then."""
    relative = f"{UPLOADS}/{secrets.token_hex(16)}"
    target = Path(settings.MEDIA_DIR, relative)
    digest = hashlib.sha256()
    size = 0
    try:
        with full_disk_said():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > settings.MAX_ARCHIVE_BYTES:
                        most = f"{settings.MAX_ARCHIVE_BYTES / 1024**3:.3g}"
                        raise TooLarge(_("An archive has at most %(value)s GB.") % {"value": most})
                    digest.update(chunk)
                    file.write(chunk)
    except (OSError, StorageFull, TooLarge):
        target.unlink(missing_ok=True)
        raise
    return Kept(relative, digest.hexdigest())
