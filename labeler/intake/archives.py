"""Walk the files of a zip, a tar or a folder in a stable order, trusting nothing an archive says about
itself.

Nothing is ever extracted: a member is read into memory, up to a cap on the bytes that really come out.
Names are labels for people, never paths. Does not know what an image is (check.py) or what becomes of it
(images.py).
"""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.intake.check import Refused, read_source, too_large
from labeler.intake.names import clean_name, is_junk
from labeler.intake.place import Place

# Members are read in steps of this, and a tar's header is no longer: tarfile holds some 300 of them when they follow
# each other.
STEP = 256 * 1024
MOST_DIRECTORY_BYTES = 256 * 1024**2  # of a zip: zipfile reads it at once


@dataclass(frozen=True, slots=True)
class Caps:
    """What an archive may cost. Bytes are those that come out, counted while reading."""

    entries: int = 1_000_000
    member_bytes: int = 100 * 1024 * 1024
    total_bytes: int = 200 * 1024**3
    # Images hardly compress. An archive whose members overlap, or that is one long run of zeros, gives
    # itself away by the whole it expands to; the first gigabyte is free, as a few blank TIFFs are no
    # attack.
    ratio: int = 100
    ratio_free_bytes: int = 1024**3
    depth: int = 50  # folders above a file


def caps() -> Caps:
    """Those of the settings."""
    return Caps(member_bytes=settings.MAX_IMAGE_BYTES, total_bytes=10 * settings.MAX_ARCHIVE_BYTES)


@dataclass(frozen=True, slots=True)
class Member:
    """A file to look at. `read` gives its bytes or raises Refused; call it before the next member.

    place: of what `read` gave, where its original is to stay; without it the file is copied.
    """

    name: str
    read: Callable[[], bytes]
    place: Callable[[], Place | None] | None = None


def iterate(path: str | os.PathLike[str], *, caps: Caps = Caps()) -> Iterator[Member]:
    """The files of a folder, a zip or a tar (plain, gzip, bzip2, xz), whichever `path` is.

    Raises Refused for the archive as a whole: unreadable, or beyond a cap (then what came before it was
    yielded).
    """
    path = Path(path)
    if path.is_dir():
        yield from iterate_folder(path, caps=caps)
        return
    with path.open("rb") as file:
        yield from iterate_archive(file, caps=caps)


def count(path: str | os.PathLike[str], *, caps: Caps = Caps()) -> int:
    """How many files `iterate` will give; 0 for a tar (only unpacking would tell) and for what is refused."""
    path = Path(path)
    if not path.is_dir():
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return 0
    try:
        return sum(1 for _ in iterate(path, caps=caps))
    except Refused:
        return 0


def iterate_archive(file: BinaryIO, *, caps: Caps = Caps()) -> Iterator[Member]:
    """As `iterate`, for an open binary file that can seek."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"PK"):
        yield from _iterate_zip(file, caps)
        return
    opener = decompressor(start)
    try:
        plain = cast("BinaryIO", opener(file)) if opener else file
        yield from _iterate_tar(plain, caps, archive_bytes=length(file))
    except BROKEN as error:
        raise Refused(_("This is neither a zip nor a tar archive, or it is damaged.")) from error


def iterate_folder(path: str | os.PathLike[str], *, caps: Caps = Caps()) -> Iterator[Member]:
    """Every file below `path`, folders and files by name; links to folders are not followed."""
    root = Path(path)
    entries = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_junk(name))
        for name in sorted(files):
            file = Path(folder, name)
            relative = file.relative_to(root).as_posix()
            if is_junk(relative) or not file.is_file():
                continue
            entries += 1
            if entries > caps.entries:
                raise Refused(_("The folder holds more than %(entries)s files.") % {"entries": f"{caps.entries:,}"})
            yield Member(clean_name(relative), partial(read_file, file, caps))


def read_file(file: Path, caps: Caps) -> bytes:
    try:
        return read_source(file, caps.member_bytes)
    except OSError as error:
        raise Refused(
            _("The file cannot be read: %(value)s.") % {"value": error.strerror or "unknown reason"}
        ) from error


class Meter:
    """Counts what really came out of an archive, over all members."""

    def __init__(self, caps: Caps, archive_bytes: int) -> None:
        self.allowed = min(caps.total_bytes, max(caps.ratio_free_bytes, caps.ratio * archive_bytes))
        self.bytes = 0

    def add(self, size: int) -> None:
        self.bytes += size
        self.check(self.bytes)

    def check(self, size: int) -> None:
        if size > self.allowed:
            raise ArchiveTooLarge(
                _("The archive unpacks to more than %(value)s GB: reading stopped there.")
                % {"value": f"{self.allowed / 1024**3:.3g}"}
            )


class ArchiveTooLarge(Refused):
    """The archive as a whole is refused from here on, not one member."""


# ---- zip

BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def _iterate_zip(file: BinaryIO, caps: Caps) -> Iterator[Member]:
    archive, meter = opened_zip(file, caps)
    with archive:
        members = [(zip_name(info), info) for info in archive.infolist() if not info.is_dir()]
        members.sort(key=lambda member: (member[0], member[1].header_offset))
        for name, info in members:
            if not is_junk(name):
                yield Member(clean_name(name), partial(read_zip, archive, info, name, caps, meter))


def opened_zip(file: BinaryIO, caps: Caps) -> tuple[zipfile.ZipFile, Meter]:
    """An archive, and what counts the bytes that come out of it. Raises Refused."""
    if count_zip_entries(file) > caps.entries:
        raise Refused(too_many(caps))
    meter = Meter(caps, length(file))
    try:
        return zipfile.ZipFile(file), meter
    except BROKEN_ZIP as error:
        raise Refused(_("The zip archive is damaged or incomplete.")) from error


def too_many(caps: Caps) -> str:
    return _("The archive holds more than %(entries)s files.") % {"entries": f"{caps.entries:,}"}


def _check_zip(info: zipfile.ZipInfo, name: str, caps: Caps) -> None:
    check_depth(name, caps)
    if info.flag_bits & 0x1:
        raise Refused(_("The file is encrypted: unpack the archive with its password first."))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The others cannot be read a little at a time by zipfile: 4 KB of bzip2 may become 90 MB in one step.
        raise Refused(_("The file is packed by a method that is not read here: use an ordinary zip."))


def open_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, caps: Caps) -> IO[bytes]:
    """A member as a stream, of any size: whoever reads it counts. Raises Refused."""
    _check_zip(info, name, caps)
    try:
        return archive.open(info)
    except BROKEN_ZIP as error:
        raise Refused(_("The file is damaged inside the archive (its checksum or its header is wrong).")) from error


def read_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, caps: Caps, meter: Meter) -> bytes:
    _check_zip(info, name, caps)
    # zipfile stops at the size the header names, and a larger truth then fails the checksum: so what names too much
    # is not read at all. What it does not check is a header that names far more than the archive could hold, so we
    # read in steps and count.
    if info.file_size > caps.member_bytes:
        raise Refused(too_large(caps.member_bytes))
    try:
        with archive.open(info) as opened:
            return in_steps(opened, info.file_size, meter)
    except BROKEN_ZIP as error:
        raise Refused(_("The file is damaged inside the archive (its checksum or its header is wrong).")) from error


def in_steps(opened: IO[bytes], most: int, meter: Meter | None = None) -> bytes:
    """At most `most` bytes, held once: one read of all has zlib and tarfile hold them two or three times."""
    content = io.BytesIO()
    while step := opened.read(min(STEP, most - content.tell())):
        content.write(step)
        if meter is not None:
            meter.add(len(step))
    return content.getvalue()


def zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name. Finder and others write UTF-8 without saying so: it arrives as code page 437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def count_zip_entries(file: BinaryIO) -> int:
    """How many entries the central directory can have at most, in constant memory.

    zipfile builds an object of some 600 bytes for each before anybody can count them, and does not
    believe the number at the end of the file either. So count the signatures from the start of the
    directory that it would read.
    """
    size = length(file)
    tail_start = max(0, size - 65_557 - 20)  # the longest comment, and the locator of zip64
    file.seek(tail_start)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        file.seek(0)
        return 0  # zipfile will refuse it
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    if end >= 76 and tail[end - 20 : end - 16] == b"PK\x06\x07":
        # zip64: zipfile believes this record, whatever the other says.
        directory_bytes = int.from_bytes(tail[end - 36 : end - 28], "little")
    if directory_bytes > MOST_DIRECTORY_BYTES:
        raise Refused(_("The zip archive has a list of files of absurd size."))
    file.seek(max(0, tail_start + end - directory_bytes - 76))
    count, carried = 0, b""
    while step := file.read(1024 * 1024):
        step = carried + step
        count += step.count(b"PK\x01\x02")
        carried = step[-3:]
    file.seek(0)
    return count


def length(file: BinaryIO) -> int:
    position = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(position)
    return length


def check_depth(name: str, caps: Caps) -> None:
    if name.count("/") + name.count("\\") > caps.depth:
        raise Refused(_("The file lies more than %(depth)s folders deep.") % {"depth": caps.depth})


# ---- tar

# RecursionError: headers without end that only announce the next.
BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError, RecursionError)


def decompressor(start: bytes) -> Callable[[BinaryIO], object] | None:
    if start.startswith(b"\x1f\x8b"):
        return lambda file: gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return bz2.BZ2File
    if start.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile
    return None


class _Wary(io.RawIOBase):
    """A file under tarfile's feet. tarfile reads an extended header of any size in one go: refuse that."""

    def __init__(self, file: BinaryIO, largest_read: int) -> None:
        self.file, self.largest_read = file, largest_read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.largest_read:
            raise ArchiveTooLarge(_("The archive has a header of absurd size."))
        return self.file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _iterate_tar(file: BinaryIO, caps: Caps, *, archive_bytes: int) -> Iterator[Member]:
    for archive, info in tar_entries(file, caps, archive_bytes=archive_bytes):
        # Links and devices: nothing here may reach outside the archive.
        if info.isreg() and not is_junk(info.name):
            yield Member(clean_name(info.name), partial(_read_tar, archive, info, caps))


def tar_entries(file: BinaryIO, caps: Caps, *, archive_bytes: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Every entry of a tar, links and folders too, within the caps. Raises Refused, and what BROKEN names."""
    meter = Meter(caps, archive_bytes)
    wary = _Wary(file, largest_read=STEP)
    # Not sorted: a packed tar can only be read from front to back, and its own order is as stable.
    with tarfile.open(fileobj=cast("BinaryIO", wary), mode="r:", errorlevel=0) as archive:
        entries = 0
        while (info := archive.next()) is not None:
            # tarfile keeps every header for getnames(): a gigabyte for a million of them.
            archive.members = []  # type: ignore[attr-defined]
            archive.pax_headers = {}  # of all members: what a thousand headers name would stay
            entries += 1
            if entries > caps.entries:
                raise Refused(too_many(caps))
            # Passing over a member unpacks it, so it counts whether it is read or not.
            meter.check(info.offset_data + (0 if info.issym() or info.islnk() or info.issparse() else info.size))
            yield archive, info
        # tarfile takes a damaged header for the end. The true end is a block of zeros, or of the file.
        wary.seek(archive.offset)
        if wary.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise Refused(
                _("The tar archive is damaged after %(entries)s entries: the rest cannot be read.")
                % {"entries": f"{entries:,}"}
            )


def _read_tar(archive: tarfile.TarFile, info: tarfile.TarInfo, caps: Caps) -> bytes:
    check_depth(info.name, caps)
    if info.issparse():
        raise Refused(_("The file is stored with holes (sparse), which is not read here."))
    if info.size > caps.member_bytes:  # a tar's sizes are true: the next header stands behind that many bytes
        raise Refused(too_large(caps.member_bytes))
    try:
        opened = archive.extractfile(info)
        content = in_steps(opened, info.size) if opened else b""
    except BROKEN as error:
        raise Refused(_("The archive is damaged in the middle of this file.")) from error
    if len(content) != info.size:
        raise Refused(_("The archive ends in the middle of this file."))
    return content
