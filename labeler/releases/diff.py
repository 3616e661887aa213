"""What changed between two releases of a project: images, what they are said to be, classes.

From their indexes (index.py) and manifests; reads neither file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labeler.models import Release
from labeler.models.release import ReleaseLabels
from labeler.releases.index import Index, index_of

EMPTY = Index(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int8))


@dataclass(frozen=True, slots=True)
class Diff:
    """before: id of the older release; None: there is none, and everything is new. Images by id."""

    before: int | None
    images_added: list[int]
    images_removed: list[int]
    labels_changed: list[int]
    categories_changed: list[dict[str, Any]]  # {id, before, after}: a name, or None where it is not

    def counts(self) -> dict[str, Any]:
        return {"before": self.before, **{name: len(getattr(self, name)) for name in CHANGES}}

    def full(self) -> dict[str, Any]:
        return {"before": self.before, **{name: getattr(self, name) for name in CHANGES}}


CHANGES = ("images_added", "images_removed", "labels_changed", "categories_changed")


def between(before: Release | None, labels: str, new: Index, classes: list[dict[str, Any]]) -> Diff:
    """From an older release to a newer one. Raises as index_of().

    labels: what the newer one says of images: with every judgement, a label has changed where anybody's has; else where
    the outcome has. classes: of the newer one.
    """
    then = EMPTY if before is None else index_of(before)
    common, at_then, at_now = np.intersect1d(then.ids, new.ids, assume_unique=True, return_indices=True)
    changed = then.outcome[at_then] != new.outcome[at_now]
    if labels == ReleaseLabels.ALL:
        changed |= then.judgements[at_then] != new.judgements[at_now]
    known = {one["id"]: one["name"] for one in before.manifest["classes"]} if before is not None else {}
    now = {one["id"]: one["name"] for one in classes}
    renamed = [] if before is None else [
        {"id": pk, "before": known.get(pk), "after": now.get(pk)}
        for pk in sorted({*known, *now}) if known.get(pk) != now.get(pk)
    ]  # fmt: skip
    return Diff(
        before.pk if before is not None else None,
        np.setdiff1d(new.ids, then.ids, assume_unique=True).tolist(),
        np.setdiff1d(then.ids, new.ids, assume_unique=True).tolist(),
        common[changed].tolist(),
        renamed,
    )
