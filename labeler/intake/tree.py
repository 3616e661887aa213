"""The files of a folder, a zip, a tar, or a single file, by name: what every foreign format is read from.

Nothing is ever extracted: a file is read into memory, or as a stream that counts, up to the caps of archives.py. A
packed tar is unpacked into one temporary file without a name, as it can only be read from front to back. Links, and
names that lead out of the archive, are refused. Does not know what any of the files is (formats/).
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Self, cast

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.intake import archives
from labeler.intake.archives import BROKEN, STEP, Caps, Meter
from labeler.intake.check import Refused, too_large
from labeler.intake.names import clean_name, is_hidden, is_junk
from labeler.intake.outcomes import Refusal
from labeler.intake.store import full_disk_said

TABLE_BYTES = 4 * 1024**3  # of one table, list or description, when it is streamed
DISK_FULL = gettext_lazy("The disk is full: the archive cannot be unpacked.")
_OUTSIDE = re.compile(r"^(/|\\|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)")


def temporary() -> BinaryIO:
    """A file without a name, on the disk that takes uploads: gone when it is closed."""
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR))


@contextmanager
def named_temporary() -> Iterator[BinaryIO]:
    """The same with a name, for readers that open a path: gone at the end."""
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, suffix=".upload.tar") as file:
        yield cast("BinaryIO", file)


def leads_out(name: str) -> bool:
    """Is this an absolute path, or one that climbs out of where it stands?"""
    return _OUTSIDE.search(name) is not None


class Tree:
    """Open it with `with`. names: of all files, sorted, forward slashes; refused: entries that are no files of it."""

    def __init__(self, path: str | os.PathLike[str], *, name: str = "", caps: Caps | None = None) -> None:
        """name: of a single file, as the person knows it. Raises Refused for an archive that cannot be read, OSError
        where there is nothing at `path`, StorageFull.
        """
        self.path, self.caps = Path(path), caps or Caps()
        self.refused: list[Refusal] = []
        # Where each file lies, as its kind has it, and how such are read. Two functions for each file would be a
        # gigabyte for a million.
        self._files: dict[str, Any] = {}
        self._read_at: Callable[[Any], bytes]
        self._open_at: Callable[[Any], IO[bytes]]
        self._open = ExitStack()
        self.kind = ""
        try:
            self._fill(name)
        except BaseException:
            self.close()
            raise
        self.names = sorted(self._files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def close_with(self, close: Callable[[], object]) -> None:
        """Have something else closed before this is."""
        self._open.callback(close)

    @property
    def images(self) -> list[str]:
        """Names of what may be an image: all but what stands beside images in data sets; none of a single file."""
        return [name for name in self.names if not is_junk(name)] if self.kind != "file" else []

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises Refused, as archives.Member.read, and KeyError."""
        return self._read_at(self._files[name])

    def open(self, name: str) -> BinaryIO:
        """A file as a stream, for tables that are larger than memory; close it. Raises Refused and KeyError."""
        return cast("BinaryIO", io.BufferedReader(_Counting(self._open_at(self._files[name])), 256 * 1024))

    def start(self, name: str, size: int = 4096) -> bytes:
        """The first bytes of a file; none where it cannot be read."""
        try:
            with self.open(name) as file:
                return file.read(size)
        except (Refused, OSError):
            return b""

    # ---------------------------------------------------------------- kinds

    def _add(self, name: str, place: Any) -> None:
        if leads_out(name):
            self.refused.append(Refusal(clean_name(name), _("Its name leads out of the archive: it is not read.")))
        elif not is_hidden(name):
            # Of twins the last one counts, as when an archive is unpacked.
            self._files[clean_name(name)] = place

    def _refuse_link(self, name: str) -> None:
        if not is_hidden(name):
            self.refused.append(Refusal(clean_name(name), _("This is a link or a device: only files are read.")))

    def _fill(self, name: str) -> None:
        self.kind = "folder" if self.path.is_dir() else "file"
        if self.kind == "folder":
            self._folder()
        else:
            self._file(name or self.path.name)

    def _folder(self) -> None:
        self._read_at = lambda place: archives.read_file(self.path / place, self.caps)
        self._open_at = lambda place: (self.path / place).open("rb")
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            for name in sorted(files):
                file = Path(folder, name)
                relative = file.relative_to(self.path).as_posix()
                if not stat.S_ISREG(file.lstat().st_mode):
                    self._refuse_link(relative)
                    continue
                self._add(relative, relative)
                self._check_count(len(self._files))

    def _check_count(self, n: int) -> None:
        if n > self.caps.entries:
            raise Refused(_("The folder holds more than %(entries)s files.") % {"entries": f"{self.caps.entries:,}"})

    def _file(self, name: str) -> None:
        file = self._open.enter_context(self.path.open("rb"))
        start = file.read(512)
        file.seek(0)
        if start.startswith(b"PK"):
            self._zip(file)
        elif (unpack := archives.decompressor(start[:6])) is not None:
            self._tar(self._unpacked(cast("BinaryIO", unpack(file)), archives.length(file)), archives.length(file))
        elif start[257:262] == b"ustar" or _is_old_tar(self.path):
            self._tar(file, archives.length(file))
        else:
            self._read_at = lambda place: archives.read_file(place, self.caps)
            self._open_at = lambda place: place.open("rb")
            self._files[clean_name(name)] = self.path

    def _zip(self, file: BinaryIO) -> None:
        self.kind = "zip"
        archive, meter = archives.opened_zip(file, self.caps)
        self._read_at = lambda info: archives.read_zip(archive, info, archives.zip_name(info), self.caps, meter)
        self._open_at = lambda info: archives.open_zip(archive, info, archives.zip_name(info), self.caps)
        for info in archive.infolist():
            if info.is_dir():
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                self._refuse_link(archives.zip_name(info))
            else:
                self._add(archives.zip_name(info), info)

    def _unpacked(self, packed: BinaryIO, archive_bytes: int) -> BinaryIO:
        """The plain tar of a packed one, in a file that has no name and goes with us."""
        meter = Meter(self.caps, archive_bytes)
        plain = self._open.enter_context(temporary())
        while True:
            try:
                step = packed.read(STEP)
            except BROKEN:
                break  # what came before it is read; the end is missed where the tar is walked
            if not step:
                break
            meter.add(len(step))
            with full_disk_said(DISK_FULL):
                plain.write(step)
        plain.seek(0)
        return plain

    def _tar(self, file: BinaryIO, archive_bytes: int) -> None:
        self.kind = "tar"
        self._read_at = lambda place: _read_part(file, place, self.caps)
        self._open_at = lambda place: cast("IO[bytes]", _Part(file, *place[:2]))
        try:
            for _archive, info in archives.tar_entries(file, self.caps, archive_bytes=archive_bytes):
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    self._refuse_link(info.name)
                    continue
                self._add(info.name, (info.offset_data, info.size, info.name))
        except BROKEN as error:
            raise Refused(_("This is neither a zip nor a tar archive, or it is damaged.")) from error


def _is_old_tar(path: Path) -> bool:
    """Without the letters that newer ones have at a fixed place."""
    try:
        return path.stat().st_size >= 2 * tarfile.BLOCKSIZE and tarfile.is_tarfile(path)
    except (OSError, *BROKEN):
        return False


def _read_part(file: BinaryIO, place: tuple[int, int, str], caps: Caps) -> bytes:
    start, size, name = place
    archives.check_depth(name, caps)
    if size > caps.member_bytes:
        raise Refused(too_large(caps.member_bytes))
    file.seek(start)
    content = archives.in_steps(file, size)
    if len(content) != size:
        raise Refused(_("The archive ends in the middle of this file."))
    return content


class _Part(io.RawIOBase):
    """A stretch of an open file, read on its own: others may move that file meanwhile."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._at, self._left = file, start, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._file.seek(self._at)
        found = self._file.read(size)
        self._at += len(found)
        self._left -= len(found)
        return found


class _Counting(io.RawIOBase):
    """A stream that gives no more than TABLE_BYTES, and says in our words what breaks it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, TABLE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            found = self._file.read(len(buffer))
        except (zipfile.BadZipFile, *BROKEN) as error:
            raise Refused(_("The file is damaged inside the archive (its checksum or its header is wrong).")) from error
        self._left -= len(found)
        if self._left < 0:
            raise Refused(_("A table has at most %(most)s GB: split it.") % {"most": f"{TABLE_BYTES / 1024**3:.3g}"})
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()


def each(tree: Tree, *suffixes: str) -> Iterator[str]:
    """Names that end so, small letters."""
    return (name for name in tree.names if name.lower().endswith(suffixes))
