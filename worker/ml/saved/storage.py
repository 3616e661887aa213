"""Files that are either whole or not there: written aside, forced to disk, then renamed.

Knows paths and bytes. Also keeps the finished stages of a run, so that a killed one goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.ml.distributed import process_group


def write_atomically(path: Path, content: bytes) -> None:
    """`path` afterwards holds all of `content` or what it held before, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o640)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    # The rename itself is on disk only when the folder is.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def fingerprint(*parts: Any) -> str:
    """A short name for exactly these inputs: arrays by their bytes, the rest by its JSON."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()[:16]


class Stages:
    """Finished stages of one run in a folder: named arrays and a JSON note each. Without a folder: nothing is
    kept. Another set of labels or another config has another fingerprint and never meets these files. Where several
    processes train together the first one reads and writes."""

    def __init__(self, folder: Path | None, print_of_inputs: str) -> None:
        self._folder = None if folder is None else Path(folder) / print_of_inputs

    def load(self, name: str) -> tuple[dict[str, NDArray[Any]], Any] | None:
        """The stage's arrays and note, or None when it was not finished (or its file cannot be read)."""
        return process_group.agree(self._read(name))

    def _read(self, name: str) -> tuple[dict[str, NDArray[Any]], Any] | None:
        if self._folder is None:
            return None
        path = self._folder / f"{name}.npz"
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
                arrays = {key: found[key] for key in found.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            # Unreadable is as good as unfinished: the stage is simply done again.
            return None
        note = json.loads(str(arrays.pop("note")))
        return arrays, note

    def save(self, name: str, arrays: dict[str, NDArray[Any]], note: Any) -> None:
        if self._folder is None or process_group.rank() != 0:
            return
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays, note=np.array(json.dumps(note)))
        write_atomically(self._folder / f"{name}.npz", buffer.getvalue())

    def drop(self, name: str) -> None:
        """Forget a stage, if there is one."""
        if self._folder is not None:
            (self._folder / f"{name}.npz").unlink(missing_ok=True)
