"""Keep files by the hash of the original: write once, atomically, find again.

Knows a directory. Does not know projects, rows or who may look; that is asked before anybody comes here.

    originals/ab/cd/<sha256>.<extension>      previews/ab/cd/<sha256>.jpg      thumbs/ab/cd/<sha256>.jpg
"""

import errno
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from labeler.errors import StorageFull
from labeler.intake.check import EXTENSIONS

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT}


class MediaStore:
    """A directory of files named by content. Any number of processes may write to it at the same time."""

    def __init__(self, root: str | os.PathLike[str], *, durable: bool = True) -> None:
        """`durable=False` leaves out fsync: for tests and throw-away directories."""
        self.root = Path(root)
        self.durable = durable

    def original_path(self, sha256: str, extension: str) -> Path:
        """Raises ValueError for all but a hash and one of our extensions: no path can be smuggled in."""
        if extension not in EXTENSIONS.values():
            raise ValueError(f"{extension!r} is not an extension of the store.")
        return self._path("originals", sha256, extension)

    def preview_path(self, sha256: str) -> Path:
        return self._path("previews", sha256, "jpg")

    def thumb_path(self, sha256: str) -> Path:
        return self._path("thumbs", sha256, "jpg")

    def open_original(self, sha256: str, extension: str) -> BinaryIO:
        """Raises FileNotFoundError when the file is gone."""
        return self.original_path(sha256, extension).open("rb")

    def has(self, sha256: str, extension: str) -> bool:
        """All three files are there; the original is written last, but any of them can be lost later."""
        return all(
            path.is_file()
            for path in (
                self.original_path(sha256, extension),
                self.preview_path(sha256),
                self.thumb_path(sha256),
            )
        )

    def add(self, *, sha256: str, extension: str, original: bytes, preview: bytes, thumbnail: bytes) -> None:
        """Write what is not there yet. After this returned, the files survive a power cut.

        Raises StorageFull when the disk is; nothing half-written is left behind then.
        """
        self._write(self.preview_path(sha256), preview)
        self._write(self.thumb_path(sha256), thumbnail)
        # Last: whoever finds an original may expect its renditions.
        self._write(self.original_path(sha256, extension), original)

    def _path(self, kind: str, sha256: str, extension: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256 in hexadecimal.")
        return self.root / kind / sha256[:2] / sha256[2:4] / f"{sha256}.{extension}"

    def _write(self, path: Path, content: bytes) -> None:
        if _size(path) == len(content):
            return
        # Beside its place, so that the rename stays on one volume; a name nobody else has, as two workers
        # may write the same content at once. The leading dot keeps leftovers of a kill apart from files.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                if self.durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
            if self.durable:
                _sync_directory(path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno in _FULL:
                raise StorageFull(
                    "The disk that holds the images is full. Free some space, then try again."
                ) from error
            raise


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _sync_directory(directory: Path) -> None:
    """A rename is as durable as its directory: without this a committed row could name a lost file."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
