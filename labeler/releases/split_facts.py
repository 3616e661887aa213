"""What decides about the split of each image of a project: imports, earlier releases, held-out images, groups.

Reads rows and the index of an earlier release, and makes what splits.py deals out. Deals nothing out itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db.models import QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from labeler.errors import NotPossibleNow
from labeler.models import Image, Project, Release
from labeler.models.image import HELD_OUT
from labeler.releases.index import Index
from labeler.releases.splits import NOWHERE, SPLITS, TEST, TRAIN, VALIDATION, Subjects, merged

CHUNK = 2000


def side_of_held_out(names: Sequence[str]) -> int:
    """Held-out images are in test; where a release has no test, in what comes closest."""
    return next(names.index(name) for name in (TEST, VALIDATION, TRAIN) if name in names)


def earlier_of(release: Release) -> Release | None:
    """The newest release before this one whose sides it keeps: the same splits by name, and the same groups."""
    before = Release.objects.frozen().filter(project=release.project_id, number__lt=release.number)
    alike = (r for r in before.filter(group_by=release.group_by).order_by("-number") if r.splits)
    return next((r for r in alike if set(r.splits or ()) == set(release.splits or ())), None)


def subjects_of(
    project: Project, names: Sequence[str], *, seed: int, group_by: str, stratum: NDArray[np.int64],
    strata: Sequence[tuple[int, ...]], earlier: Index | None, only: QuerySet[Image] | None = None,
) -> Subjects:  # fmt: skip
    """What is dealt out. Call inside the snapshot in which stratum was made.

    only: these images, else all of the project. stratum: of each of them in order of id, NOWHERE for those that are in
    no split. Raises NotPossibleNow where what is asked for contradicts what is there.
    """
    n = len(stratum)
    ids, order = np.zeros(n, np.int64), np.zeros(n, np.uint64)
    near, own = np.full(n, NOWHERE, np.int64), np.full(n, NOWHERE, np.int64)
    imported, held_out = np.full(n, NOWHERE, np.int8), np.zeros(n, bool)
    values: dict[str, int] = {}
    homeless: Counter[str] = Counter()
    sides = {name: at for at, name in enumerate(names)}
    for at, (pk, sha256, slice_, group, split, value) in enumerate(_rows(project, group_by, only)):
        ids[at], held_out[at] = pk, slice_ in HELD_OUT
        drawn = hashlib.blake2b(f"{seed}:{sha256}".encode(), digest_size=8).digest()
        order[at] = int.from_bytes(drawn)
        near[at] = NOWHERE if group is None else group
        if value:
            own[at] = values.setdefault(value, len(values))
        if split:
            imported[at] = sides.get(split, NOWHERE)
            if split not in sides and stratum[at] != NOWHERE:
                homeless[split] += 1
    _check(names, homeless, group_by, values)
    kept = np.full(n, NOWHERE, np.int8)
    if earlier is not None:
        # Splits are numbered by SPLITS in an index, by their place among the asked ones here.
        place = np.array([*(sides.get(name, NOWHERE) for name in SPLITS), NOWHERE], np.int8)
        kept = place[earlier.side_of(ids)]
    together = merged((near, own), n)
    into = stratum != NOWHERE
    return Subjects(order[into], stratum[into], strata, imported[into], kept[into], held_out[into], (together[into],))


def _rows(project: Project, group_by: str, only: QuerySet[Image] | None) -> Any:
    """id, hash, slice, group of near-duplicates, imported split, value of the metadata; in order of id."""
    rows = (Image.objects.for_project(project) if only is None else only).order_by("id")
    value = KeyTextTransform(group_by, "metadata") if group_by else Value("")
    return rows.values_list("pk", "sha256", "slice", "sketch__group", "split", value).iterator(chunk_size=CHUNK)


def _check(names: Sequence[str], homeless: Counter[str], group_by: str, values: dict[str, int]) -> None:
    if homeless:
        name, n = homeless.most_common(1)[0]
        raise NotPossibleNow(
            _(
                "%(n)s images came in as “%(split)s”, and this release has no such split: there are %(names)s. Add it, "
                "or make a release without splits."
            )
            % {"n": n, "split": name, "names": ", ".join(names)},
            fields={"splits": ["imported"]},
        )
    if group_by and not values:
        raise NotPossibleNow(
            _("No image has “%(key)s” in its metadata, so there is nothing to keep together.") % {"key": group_by},
            fields={"group_by": ["unknown"]},
        )
    if group_by and len(values) < len(names):
        raise NotPossibleNow(
            _(
                "The images have %(n)s different values of “%(key)s”, too few for %(splits)s splits: each value stays "
                "on one side."
            )
            % {"n": len(values), "key": group_by, "splits": len(names)},
            fields={"group_by": ["too few"]},
        )
