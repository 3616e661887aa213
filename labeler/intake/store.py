"""Keep files by the hash of the original: write once, atomically, find again.

Knows a directory. Does not know projects, rows or who may look; that is asked before anybody comes here.

    originals/ab/cd/<sha256>.<extension>      previews/ab/cd/<sha256>.jpg      thumbs/ab/cd/<sha256>.jpg
    full/ab/cd/<sha256>.<jpg or png>          made when somebody first looks closer; may be deleted at any time
    tiles/ab/cd/<sha256>.tiles                all tiles of a large image (tiles.py); may be deleted at any time
    incoming/<random>                         files being written; what a killed process left is removed after a day
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from labeler.errors import StorageFull
from labeler.intake.check import EXTENSIONS

_SHA256 = re.compile(r"[0-9a-f]{64}")
SYNC_THREADS = 8
OLD_SECONDS = 24 * 3600  # longer than any file, or any form with files, may take to arrive
FULL_SIZE_EXTENSIONS = ("jpg", "png")
_FULL = {errno.ENOSPC, errno.EDQUOT}


class MediaStore:
    """A directory of files named by content. Any number of processes may write to it at the same time."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.incoming = self.root / "incoming"  # on the same volume, so that a rename is all that is left to do

    def original_path(self, sha256: str, extension: str) -> Path:
        """Raises ValueError for all but a hash and one of our extensions: no path can be smuggled in."""
        if extension not in EXTENSIONS.values():
            raise ValueError(f"{extension!r} is not an extension of the store.")
        return self._path("originals", sha256, extension)

    def preview_path(self, sha256: str) -> Path:
        return self._path("previews", sha256, "jpg")

    def thumb_path(self, sha256: str) -> Path:
        return self._path("thumbs", sha256, "jpg")

    def full_path(self, sha256: str, extension: str) -> Path:
        """Raises as original_path()."""
        if extension not in FULL_SIZE_EXTENSIONS:
            raise ValueError(f"{extension!r} is not an extension of a full-size rendition.")
        return self._path("full", sha256, extension)

    def tiles_path(self, sha256: str) -> Path:
        return self._path("tiles", sha256, "tiles")

    def has(self, sha256: str, extension: str, *, stays: bool = False) -> bool:
        """All three files are there; the original is written last, but any of them can be lost later.

        stays: the original may be elsewhere.
        """
        return self.has_renditions(sha256) and (stays or self.original_path(sha256, extension).is_file())

    def has_renditions(self, sha256: str) -> bool:
        """Preview and thumbnail are there: all that is kept of an image whose original stays elsewhere."""
        return self.preview_path(sha256).is_file() and self.thumb_path(sha256).is_file()

    def batch(self) -> Batch:
        """With store.batch() as batch: add images, then keep them. Raises StorageFull."""
        with full_disk_said():
            self.incoming.mkdir(parents=True, exist_ok=True)
        delete_old(self.incoming.iterdir())
        return Batch(self)

    def _path(self, kind: str, sha256: str, extension: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256 in hexadecimal.")
        return self.root / kind / sha256[:2] / sha256[2:4] / f"{sha256}.{extension}"


class Batch:
    """Files of several images that become durable together, and none of which has its name before that.

    Waiting for the disk file by file took 20 ms per image, five times the rest of the work; the file system commits
    what many threads wait for in one go, and it is 1.5 ms.
    """

    def __init__(self, store: MediaStore) -> None:
        self._store = store
        self._renditions: list[tuple[Path, Path]] = []  # (temporary, final)
        self._originals: list[tuple[Path, Path]] = []

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.forget()

    def forget(self) -> None:
        """Whatever was not kept is removed."""
        for temporary, _unused in self._renditions + self._originals:
            temporary.unlink(missing_ok=True)

    def add(self, *, sha256: str, extension: str, original: bytes | None, preview: bytes, thumbnail: bytes) -> None:
        """Write the files under temporary names; original None: it stays elsewhere. May be called from several threads.

        Raises StorageFull.
        """
        self._write(self._store.preview_path(sha256), preview, self._renditions)
        self._write(self._store.thumb_path(sha256), thumbnail, self._renditions)
        if original is not None:
            self._write(self._store.original_path(sha256, extension), original, self._originals)

    def add_full_size(self, *, sha256: str, extension: str, content: bytes) -> None:
        """Write one more file under a temporary name. Raises StorageFull."""
        self._write(self._store.full_path(sha256, extension), content, self._renditions)

    def keep(self) -> None:
        """Give all files their names; after this returned, they survive a power cut. Raises StorageFull."""
        # Originals last: whoever finds an original may expect its renditions.
        files = self._renditions + self._originals
        if not files:
            return
        with full_disk_said(), ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="sync") as pool:
            _sync_all(pool, [temporary for temporary, _ in files])
            for temporary, final in files:
                temporary.replace(final)
            # A rename is as durable as its directory: without this a committed row could name a lost file.
            _sync_all(pool, list({final.parent for _, final in files}))
        self._renditions, self._originals = [], []

    def _write(self, path: Path, content: bytes, waiting: list[tuple[Path, Path]]) -> None:
        if _size(path) == len(content):
            return
        with full_disk_said(), self._new(path, waiting).open("xb") as file:
            file.write(content)

    @contextmanager
    def new_tiles(self, *, sha256: str) -> Iterator[BinaryIO]:
        """A file of tiles, to be written piece by piece under a temporary name. Raises StorageFull."""
        with full_disk_said(), self._new(self._store.tiles_path(sha256), self._renditions).open("xb") as file:
            yield file

    def _new(self, path: Path, waiting: list[tuple[Path, Path]]) -> Path:
        # A name nobody else has: two workers may write the same content at once.
        temporary = self._store.incoming / secrets.token_hex(16)
        waiting.append((temporary, path))
        path.parent.mkdir(parents=True, exist_ok=True)
        return temporary


@contextmanager
def full_disk_said(sentence: Promise | None = None) -> Iterator[None]:
    """Raises StorageFull where the disk is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            usual = _("The disk that holds the images is full. Free some space, then try again.")
            raise StorageFull(str(sentence or usual)) from error
        raise


def is_old(path: Path) -> bool:
    """Has nobody written to it for a day? Then nobody is about to. Raises FileNotFoundError."""
    return path.stat().st_mtime < time.time() - OLD_SECONDS


def delete_old(paths: Iterable[Path]) -> int:
    """Delete those of these files that are old; how many."""
    gone = 0
    for path in paths:
        with suppress(FileNotFoundError):  # another process saw it too
            if is_old(path):
                path.unlink()
                gone += 1
    return gone


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _sync_all(pool: ThreadPoolExecutor, paths: list[Path]) -> None:
    """Wait until files, or the names in directories, are on the disk: each thread its share of them."""
    list(pool.map(sync, [paths[k::SYNC_THREADS] for k in range(SYNC_THREADS)]))


def sync(paths: list[Path]) -> None:
    """Wait until files, or the names in directories, are on the disk, one after the other."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
