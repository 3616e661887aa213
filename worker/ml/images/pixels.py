"""Decoded images kept as uint8 squares of 256 pixels: files that are mapped into memory, so that a JPEG is read once.

Knows folders, keys and pixels. Does not know which images there are, or who needs them.

    <first 16 digits of a checksum>.squares     a block of squares, written aside and renamed: whole or not there

A block is a line of JSON (its keys, a CRC-32 of each square, the side), filled up to a page, then the squares one after
the other. Blocks are never changed, but for squares that are erased: who writes at the same time writes another one,
and twins do no harm. Ten blocks are joined into one. A damaged square is as good as none: it is decoded again.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from worker.ml.errors import DiskFull
from worker.ml.images.decode_files import cores, decoded_into, reserve
from worker.ml.images.decoding import CACHE_SIDE

SUFFIX = ".squares"
PAGE = mmap.ALLOCATIONGRANULARITY
JOIN_FROM = 10  # blocks
BLOCK = 2048  # squares of a block that is being filled: 400 MB
SPARE = 2 << 30  # bytes that stay free on the disk
THREAD_ROWS = 32  # squares that one thread reads at a time
UNDER_WAY = ".unfinished-"


@dataclass(frozen=True, slots=True)
class _Place:
    squares: NDArray[np.uint8]  # (n, side, side, 3), mapped
    slot: int
    crc: int


class PixelStore:
    """The squares of one project, by key (the image's content hash)."""

    def __init__(self, folder: Path, *, side: int = CACHE_SIDE) -> None:
        self.folder, self.side = folder, side
        self._places: dict[str, _Place] = {}
        self._blocks: set[str] = set()
        self.read_new_blocks()

    def read_new_blocks(self) -> None:
        """Find what others have written since."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if path.name not in self._blocks:
                self._blocks.add(path.name)
                self._places |= self._read(path)

    def _read(self, path: Path) -> dict[str, _Place]:
        try:
            with path.open("rb") as file:
                about, start = _head(file)
                n, side = len(about["keys"]), about["side"]
                if side != self.side or path.stat().st_size != start + n * side * side * 3 or n == 0:
                    return {}
                mapped = np.memmap(file, np.uint8, "r", start, (n, side, side, 3))
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # half a file of a broken disk: those images are decoded again
        pairs = enumerate(zip(about["keys"], about["crc"], strict=True))
        return {key: _Place(mapped, slot, crc) for slot, (key, crc) in pairs}

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> NDArray[np.uint8] | None:
        """The square (side, side, 3), read-only; None when there is none or it is damaged, and then it is forgotten."""
        place = self._places.get(key)
        if place is None:
            return None
        square = place.squares[place.slot]
        if zlib.crc32(square) != place.crc:
            del self._places[key]
            return None
        return square

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those without a square, or with a damaged one; each once."""
        return [key for key in dict.fromkeys(keys) if self.get(key) is None]

    # -- writing ---------------------------------------------------------------------------------------

    def fill(self, keys: Sequence[str], paths: Sequence[Path], *, processes: int = 1) -> Iterator[dict[str, str]]:
        """Decode images into the store, in processes of their own; yields {key: reason} of what cannot be read.

        A dict comes after every few images, mostly empty, so that the caller can show progress and do
        something else meanwhile: decoding goes on. What is finished is there when the iteration ends or is
        stopped. Raises DiskFull before anything of a block is written, and DecodersDied.
        """
        needed = len(keys) * self.side * self.side * 3
        self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < needed + SPARE:
            raise DiskFull(
                f"Keeping {len(keys)} decoded images takes {needed / 1e9:.1f} GB, and the disk is nearly full."
            )
        for start in range(0, len(keys), BLOCK):
            yield from self._fill_block(keys[start : start + BLOCK], paths[start : start + BLOCK], processes)
        if len(self._blocks) >= JOIN_FROM:
            self._join()

    def _fill_block(self, keys: Sequence[str], paths: Sequence[Path], processes: int) -> Iterator[dict[str, str]]:
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=UNDER_WAY)
        shape = (len(keys), self.side, self.side, 3)
        done: list[int] = []
        try:
            try:
                reserve(handle, int(np.prod(shape)))
            finally:
                os.close(handle)
            for slot, reason in decoded_into(Path(name), paths, self.side, processes):
                if reason:
                    yield {keys[slot]: reason}
                else:
                    done.append(slot)
                    if len(done) % 16 == 0:
                        yield {}
        finally:
            # also when the caller stops in the middle: what was decoded is kept
            if done:
                pixels = np.memmap(name, np.uint8, "r", 0, shape)
                self._keep({keys[slot]: pixels[slot] for slot in sorted(done)})
            Path(name).unlink(missing_ok=True)

    def _keep(self, squares: dict[str, NDArray[np.uint8]]) -> Path:
        """One new block, forced to disk before it has its name: its checksum, so one that says the same is replaced."""
        crc = [zlib.crc32(np.ascontiguousarray(square).data) for square in squares.values()]
        line = json.dumps({"side": self.side, "keys": list(squares), "crc": crc}).encode() + b"\n"
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=UNDER_WAY)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(line.ljust(_round_up(len(line)), b"\0"))
                for square in squares.values():
                    file.write(np.ascontiguousarray(square).data)
                file.flush()
                os.fsync(file.fileno())
            path = self.folder / (hashlib.sha256(line).hexdigest()[:16] + SUFFIX)
            Path(name).chmod(0o640)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._blocks.add(path.name)
        self._places |= self._read(path)
        return path

    def _join(self) -> None:
        """Many small blocks become one. Those who have the old ones open go on reading them."""
        old = [self.folder / name for name in self._blocks]
        whole = {key: square for key in list(self._places) if (square := self.get(key)) is not None}
        if sum(path.stat().st_size for path in old if path.exists()) + SPARE > shutil.disk_usage(self.folder).free:
            return
        kept = self._keep(whole)
        for path in old:
            # Where the other blocks say nothing new, the joined one has the name of an old one, and is all there is.
            if path != kept:
                path.unlink(missing_ok=True)
        self._blocks = {kept.name}


class Squares:
    """Some images of a store as if they were one array (n, side, side, 3): only what is asked for is read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, store: PixelStore, keys: Sequence[str]) -> None:
        self._store, self._keys = store, list(keys)
        self.shape = (len(self._keys), store.side, store.side, 3)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, which: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        keys = self._keys[which] if isinstance(which, slice) else [self._keys[i] for i in which]
        found = np.empty((len(keys), *self.shape[1:]), np.uint8)

        def read(rows: range) -> None:
            for row in rows:
                square = self._store.get(keys[row])
                if square is None:
                    raise OSError(
                        f"The kept pixels of image {keys[row][:12]} are gone or damaged: start the run again."
                    )
                found[row] = square

        # A checksum is 0.1 ms, and a GPU takes 25,000 images a second: both it and copying let other threads run.
        parts = [range(start, min(start + THREAD_ROWS, len(keys))) for start in range(0, len(keys), THREAD_ROWS)]
        if len(parts) > 1 and (threads := min(8, cores() - 1)) > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(read, parts))
        else:
            read(range(len(keys)))
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        # another process maps the files anew
        return _opened, (self._store.folder, self._store.side, self._keys)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.uint8]:
        return self[:]


def _opened(folder: Path, side: int, keys: list[str]) -> Squares:
    return Squares(PixelStore(folder, side=side), keys)


def _head(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """What a block says of itself, and where its squares begin. Raises ValueError for what is no block."""
    line = file.readline(1 << 30)
    about: dict[str, Any] = json.loads(line)
    return about, _round_up(len(line))


def keys_of(path: Path) -> list[str]:
    """The keys of a block; none of one that is gone or damaged, of which nothing is ever read."""
    try:
        with path.open("rb") as file:
            return [str(key) for key in _head(file)[0]["keys"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def erase(path: Path, keys: Collection[str]) -> int:
    """Overwrite the squares of these keys in a block; how many. A block with nothing else in it is deleted.

    Who has the block open finds them damaged, so they are as good as none and no joined block takes them over. Raises
    OSError where the disk does.
    """
    with path.open("r+b") as file:
        about, start = _head(file)
        slots = [slot for slot, key in enumerate(about["keys"]) if key in keys]
        size = about["side"] ** 2 * 3
        for slot in slots:
            file.seek(start + slot * size)
            file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
    if len(slots) == len(about["keys"]):
        path.unlink(missing_ok=True)
    return len(slots)


def _round_up(n: int) -> int:
    return -(-n // PAGE) * PAGE
