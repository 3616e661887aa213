"""A few bytes for each image of a frozen release: which it is, what it is said to be, which side it is on.

What the diff of two releases and the splits of the next one are made from, without reading either file again: 25 bytes
an image. Kept beside the frozen file, and made anew from it where it is gone.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.models import Release
from labeler.releases import frozen
from labeler.releases.contents import Contents, Object
from labeler.releases.splits import NOWHERE, SPLITS

SUFFIX = ".index"


@dataclass(frozen=True, slots=True)
class Index:
    """Arrays of shape (n,), in order of id."""

    ids: NDArray[np.int64]
    outcome: NDArray[np.uint64]  # equal where the same is named, by the same means
    judgements: NDArray[np.uint64]  # equal where the same people say the same
    side: NDArray[np.int8]  # index into SPLITS; NOWHERE: in none

    def side_of(self, ids: NDArray[np.int64]) -> NDArray[np.int8]:
        """The side of each of these images; NOWHERE for those that are not in here."""
        found = np.full(len(ids), NOWHERE, np.int8)
        at = np.searchsorted(self.ids, ids)
        at[at == len(self.ids)] = 0
        if len(self.ids):
            there = self.ids[at] == ids
            found[there] = self.side[at[there]]
        return found


class Columns:
    """The columns of an index while images come by, some bytes each."""

    def __init__(self, class_ids: dict[str, int]) -> None:
        """class_ids: of each class by its present name. A class that is renamed changes no label."""
        self._class_ids = class_ids
        self.ids, self.outcome, self.judgements = array("q"), array("Q"), array("Q")

    def add(self, contents: Contents) -> None:
        self.ids.append(contents.image.pk)
        said = None if contents.names is None else self._codes(contents.names)
        drawn = self._drawn(contents.objects)
        self.outcome.append(_short([said, contents.outcome.method == "undecidable", *drawn]))
        people = [
            (label.annotator, label.answer, self._codes(label.categories), *self._drawn(label.objects))
            for label in contents.labels
        ]
        self.judgements.append(_short(sorted(people, key=str)))

    def _codes(self, names: Iterable[str]) -> list[Any]:
        return sorted((self._class_ids.get(name, name) for name in names), key=str)

    def _drawn(self, objects: Sequence[Object] | None) -> list[Any]:
        return [] if objects is None else [[self._class_ids.get(one.category), one.shape] for one in objects]

    def index(self, side: NDArray[np.int8]) -> Index:
        return Index(
            np.array(self.ids, np.int64), np.array(self.outcome, np.uint64), np.array(self.judgements, np.uint64), side
        )


def _short(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(json.dumps(value).encode(), digest_size=8).digest())


def keep(release_id: int, checksum: str, index: Index) -> None:
    """Beside the frozen file of this checksum."""
    file = io.BytesIO()
    np.savez(file, ids=index.ids, outcome=index.outcome, judgements=index.judgements, side=index.side)
    folder = frozen.folder_of(release_id)
    written = frozen.write(folder, [file.getvalue()], SUFFIX)
    written.path.replace(folder / f"{checksum}{SUFFIX}")


def index_of(release: Release) -> Index:
    """Of a frozen release. Raises NotPossibleNow where its file is gone."""
    try:
        with np.load(frozen.folder_of(release.pk) / f"{release.checksum}{SUFFIX}", allow_pickle=False) as found:
            return Index(found["ids"], found["outcome"], found["judgements"], found["side"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _again(release)


def _again(release: Release) -> Index:
    columns, side = Columns(release.manifest["class_ids"]), array("b")
    for contents in frozen.read(release.pk, release.checksum):
        columns.add(contents)
        side.append(SPLITS.index(contents.split) if contents.split else NOWHERE)
    index = columns.index(np.array(side, np.int8))
    keep(release.pk, release.checksum, index)
    return index
