"""The file of a frozen release: one line of JSON per image, in order of id, packed by gzip without a time.

Knows how contents become a line and back, and where the files lie: below MEDIA_DIR, which web and workers share, each
named by its own SHA-256, so that a worker which has lost its lease cannot write into the file of another. Does not know
what is in a release, nor rows.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.store import full_disk_said, sync
from labeler.releases.contents import Contents, Judgement, ModelsWord, Object, Opinion, Pictured, Ruling, Shown
from labeler.releases.formats.archives import Outbox
from labeler.releases.outcomes import Outcome

FOLDER = "releases"
LEVEL = 6  # of gzip: the same bytes whenever they are packed
WRITE_BYTES = 1024 * 1024


def folder_of(release_id: int) -> Path:
    return Path(settings.MEDIA_DIR) / FOLDER / str(release_id)


def path_of(release_id: int, checksum: str) -> Path:
    return folder_of(release_id) / f"{checksum}.jsonl.gz"


# ---------------------------------------------------------------- a line

_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat).encode
_NO_SPLIT = b',"split":""}\n'


def line_of(contents: Contents) -> bytes:
    """All of an image. `split` is last: with_split() puts it in."""
    values: dict[str, Any] = {
        "image": _named(contents.image),
        "labels": [_labelled(label) for label in contents.labels],
        "outcome": _named(contents.outcome),
        "names": contents.names,
        "decision": contents.decision and _named(contents.decision),
        "prediction": contents.prediction and _without_none(_named(contents.prediction)),
        "by_model": contents.by_model and _named(contents.by_model),
        **({} if contents.objects is None else {"objects": contents.objects}),
        "split": contents.split,
    }
    return _encoded(values).encode("utf-8") + b"\n"


def _labelled(label: Judgement) -> dict[str, Any]:
    return _without_none(_named(label) | {"shown": label.shown and _named(label.shown)})


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Without objects where nothing is drawn: then the bytes are those of before there were any."""
    if values["objects"] is None:
        del values["objects"]
    if not values.get("deleted", True):
        del values["deleted"]
    return values


def with_split(line: bytes, split: str) -> bytes:
    """The line of an image without a split, with one."""
    assert line.endswith(_NO_SPLIT)
    return line.removesuffix(_NO_SPLIT) + f',"split":"{split}"}}\n'.encode()


def contents_of(line: bytes) -> Contents:
    """The other way round. What a later version adds to an image is None in files of before."""
    values = json.loads(line)
    decision, opinion, alone = values["decision"], values["prediction"], values["by_model"]
    return Contents(
        image=Pictured(*_cells(values["image"], Pictured)),
        labels=[_judgement(label) for label in values["labels"]],
        outcome=Outcome(*_cells(values["outcome"], Outcome)),
        names=None if values["names"] is None else tuple(values["names"]),
        decision=decision and Ruling(*_cells(decision | {"created_at": _time(decision["created_at"])}, Ruling)),
        prediction=opinion
        and Opinion(
            *_cells(
                opinion | {"categories": tuple(opinion["categories"]), "objects": _objects(opinion.get("objects"))},
                Opinion,
            )
        ),
        by_model=alone and ModelsWord(*_cells(alone | {"categories": tuple(alone["categories"])}, ModelsWord)),
        split=values["split"],
        objects=_objects(values.get("objects")),
    )


def _objects(rows: list[list[Any]] | None) -> tuple[Object, ...] | None:
    return None if rows is None else tuple(Object(*row) for row in rows)


def _judgement(values: dict[str, Any]) -> Judgement:
    values["categories"] = tuple(values["categories"])
    values["created_at"] = _time(values["created_at"])
    values["objects"] = _objects(values.get("objects"))
    values["deleted"] = tuple(values.get("deleted", ()))
    if (shown := values["shown"]) is not None:
        values["shown"] = Shown(*_cells(shown | {"categories": tuple(shown["categories"])}, Shown))
    return Judgement(*_cells(values, Judgement))


def _named(row: Any) -> dict[str, Any]:
    """Not _asdict(), which looks its fields up again for each of a million rows."""
    return dict(zip(row._fields, row, strict=True))


def _cells(values: dict[str, Any], kind: type[NamedTuple]) -> Iterator[Any]:
    return map(values.get, kind._fields)


_time = lru_cache(maxsize=1000)(datetime.fromisoformat)


# ---------------------------------------------------------------- files


class Written(NamedTuple):
    """A file that is whole, on disk, and named by its content."""

    path: Path
    checksum: str
    n_bytes: int


def write(folder: Path, pieces: Iterable[bytes], suffix: str) -> Written:
    """A file of these bytes, named by their SHA-256, on disk before it has its name.

    Raises StorageFull; whatever is raised, nothing of it is left.
    """
    with _aside(folder) as (partial, file):
        digest, n_bytes = hashlib.sha256(), 0
        for piece in pieces:
            digest.update(piece)
            n_bytes += file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        path = folder / f"{digest.hexdigest()}{suffix}"
        partial.replace(path)
        sync([folder])
    return Written(path, digest.hexdigest(), n_bytes)


@contextmanager
def draft(release_id: int) -> Iterator[IO[bytes]]:
    """A file beside the others to write lines into and read them again; gone at the end."""
    with _aside(folder_of(release_id)) as (_path, file):
        yield file


@contextmanager
def _aside(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    partial = folder / f".{secrets.token_hex(8)}.part"
    try:
        with full_disk_said():
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("w+b") as file:
                yield partial, cast("BinaryIO", file)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def packed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as gzip, in pieces. No time and no name is in it: the same lines give the same bytes."""
    outbox = Outbox()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=outbox, mtime=0) as file:
        waiting: list[bytes] = []
        size = 0
        for line in lines:
            waiting.append(line)
            size += len(line)
            if size >= WRITE_BYTES:
                file.write(b"".join(waiting))
                waiting, size = [], 0
                yield outbox.take()
        file.write(b"".join(waiting))
    yield outbox.take()


def read(release_id: int, checksum: str) -> Iterator[Contents]:
    """The images of a frozen release, in order of id. Raises NotPossibleNow where its file is gone or damaged."""
    try:
        with gzip.open(path_of(release_id, checksum), "rb") as file:
            for line in file:
                yield contents_of(line)
    except FileNotFoundError as error:
        raise NotPossibleNow(_("The file of this release is missing on the server. Tell its administrator.")) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise NotPossibleNow(_("The file of this release is damaged. Restore it from a backup.")) from error
