"""Send image files, some at a time, each lot once however often it must be sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labeler_client.transport import Transport
from labeler_client.work import Progress

LOT_FILES, LOT_BYTES = 32, 16 * 1024 * 1024
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of the files."""

    added: list[dict[str, Any]] = field(default_factory=list)
    """Each `{id, name, sha256}`."""
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    """Whose bytes are there already, each `{name, image}`."""
    refused: list[dict[str, Any]] = field(default_factory=list)
    """What the server does not take, each `{name, reason}`."""


def files_of(paths: Paths) -> list[tuple[str, Path]]:
    """Each file with the name it gets: of a folder all images below it, by their path in it.

    Raises FileNotFoundError before anything is sent.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: list[tuple[str, Path]] = []
    for one in map(Path, several):
        if one.is_dir():
            inside = sorted(path for path in one.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES)
            found += [(path.relative_to(one).as_posix(), path) for path in inside]
        elif one.is_file():
            found.append((one.name, one))
        else:
            raise FileNotFoundError(f"There is no file or folder {one}.")
    return found


def lots(files: list[tuple[str, Path]]) -> Iterator[list[tuple[str, Path]]]:
    """As many as go into one request: LOT_FILES of together LOT_BYTES, or one that is larger."""
    lot: list[tuple[str, Path]] = []
    size = 0
    for name, path in files:
        n_bytes = path.stat().st_size
        if lot and (len(lot) == LOT_FILES or size + n_bytes > LOT_BYTES):
            yield lot
            lot, size = [], 0
        lot.append((name, path))
        size += n_bytes
    if lot:
        yield lot


def upload(transport: Transport, project_id: int, paths: Paths, progress: Progress | None) -> Uploaded:
    """See Project.upload."""
    files, result, done = files_of(paths), Uploaded(), 0
    for lot in lots(files):
        with ExitStack() as opened:
            streams = [(name, opened.enter_context(path.open("rb"))) for name, path in lot]

            def rewind(streams: list[tuple[str, Any]] = streams) -> None:
                for _name, stream in streams:
                    stream.seek(0)

            said = transport.json(
                "POST", f"/api/projects/{project_id}/images/", once=True, rewind=rewind,
                files=[("files", (name, stream)) for name, stream in streams],
            )  # fmt: skip
        for kind in ("added", "duplicates", "refused"):
            getattr(result, kind).extend(said[kind])
        done += len(lot)
        if progress is not None:
            progress(done, len(files))
    return result
