"""Zip and tar files, and lines of JSON, that are sent while they are written: nothing that was sent is changed later.

Members carry one date, so the same content gives the same bytes whenever it is written. Knows bytes and names.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, Self, cast

LONG_AGO = (1980, 1, 1, 0, 0, 0)
_TAR_DATE = 315532800  # the same, in seconds
READ_BYTES = 256 * 1024
_KEPT_IN_MEMORY = 1024 * 1024
# Made once: json.dumps would make an encoder for each line.
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Outbox:
    """Where zipfile and gzip write; it can neither be sought nor say where it is, so they count by themselves."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class Sink(Outbox):
    """The same for pyarrow, which asks how much was written."""

    closed = False

    def __init__(self) -> None:
        super().__init__()
        self._written = 0

    def write(self, part: bytes) -> int:
        self._written += len(part)
        return super().write(part)

    def tell(self) -> int:
        return self._written

    def close(self) -> None:
        """What is in it is taken all the same."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class ZipOut:
    """A zip without compression: pictures have none to gain. Each verb yields the bytes that are ready to be sent."""

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._zip = zipfile.ZipFile(cast("BinaryIO", self._outbox), "w", zipfile.ZIP_STORED, allowZip64=True)

    def add(self, name: str, content: bytes | str) -> Iterator[bytes]:
        whole = content.encode() if isinstance(content, str) else content
        entry = _entry(name)
        entry.file_size = len(whole)
        with self._zip.open(entry, "w") as target:
            for start in range(0, len(whole), READ_BYTES):
                target.write(whole[start : start + READ_BYTES])
                yield self._outbox.take()

    def add_pieces(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """A member whose size nobody knows before its end; it may be larger than 4 GB."""
        with self._zip.open(_entry(name), "w", force_zip64=True) as target:
            for piece in pieces:
                target.write(piece)
                if ready := self._outbox.take():
                    yield ready

    def end(self) -> Iterator[bytes]:
        self._zip.close()
        yield self._outbox.take()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.external_attr = 0o644 << 16
    return entry


def tar_member(name: str, content: bytes) -> bytes:
    """One file as it lies in a tar (POSIX 2001), padded."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), _TAR_DATE, 0o644
    padding = -len(content) % tarfile.BLOCKSIZE
    return entry.tobuf(tarfile.PAX_FORMAT) + content + b"\0" * padding


TAR_END = b"\0" * (2 * tarfile.BLOCKSIZE)


class Notes:
    """Lines that are written behind all pictures, kept meanwhile: in memory while they are few, else on the disk."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY)  # noqa: SIM115 (closed by __exit__)
        self.n = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._file.close()

    def add(self, line: bytes) -> None:
        self._file.write(line)
        self.n += 1

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(0, io.SEEK_SET)
        while piece := self._file.read(READ_BYTES):
            yield piece
        self._file.seek(0, io.SEEK_END)
