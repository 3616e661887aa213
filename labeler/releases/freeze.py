"""Freeze a release: read the project once, in one snapshot, deal out the splits, write the file, say what is in it.

The same state gives the same bytes, so it does not matter how often it was begun. A worker calls this
(worker/releases.py), and releases.py keeps what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from labeler.curation import filters
from labeler.errors import NotPossibleNow
from labeler.models import Image, Project, Release
from labeler.releases import diff, frozen, index, manifest, split_facts, splits
from labeler.releases.contents import read, snapshot
from labeler.releases.index import Columns
from labeler.releases.splits import NOWHERE, SPLITS, Dealt

TICK = 200  # images between two looks at whether somebody else has it by now
Tick = Callable[[int, int], None]  # images done, images in all; what it raises ends the work


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is to be kept of it."""

    checksum: str
    n_bytes: int
    manifest: dict[str, Any]


def freeze(release: Release, tick: Tick = lambda _done, _all: None) -> Frozen:
    """Write the file and the index of a release. Raises NotPossibleNow, StorageFull."""
    with frozen.draft(release.pk) as draft:
        with snapshot():
            project = Project.objects.get(pk=release.project_id)
            only = filters.read(project, release.filter, is_checked=True).images(project) if release.filter else None
            n = (Image.objects.for_project(project) if only is None else only).count()
            if not n:
                raise NotPossibleNow(
                    _("There is no image in this project, so there is nothing to release.")
                    if only is None
                    else _("No image fits this filter, so there is nothing to release.")
                )
            # First: with a million labels it takes the most memory of all, and gives it back.
            agreement = manifest.agreement_of(project, only)
            tally, columns = _drafted(project, only, draft, n, tick)
            about = manifest.of_project(project, tally, agreement, only)
            names, side, dealt, kept_from = _dealt(release, project, only, tally)
        draft.seek(0)
        lines = _with_splits(draft, names, side, lambda done: tick(n + done, 2 * n))
        written = frozen.write(frozen.folder_of(release.pk), frozen.packed(lines), ".jsonl.gz")
    # An index has sides by their place in SPLITS.
    made = columns.index(np.array([*(SPLITS.index(name) for name in names), NOWHERE], np.int8)[side])
    index.keep(release.pk, written.checksum, made)
    before = Release.objects.frozen().filter(project=release.project_id, number__lt=release.number).first()
    changes = diff.between(before, release.labels, made, about["classes"])
    in_split = side[side != NOWHERE] if names else side
    about |= {
        "labels": release.labels, "splits": release.splits, "group_by": release.group_by, "seed": release.seed,
        "location": release.location, "filter": release.filter, "counts": tally.counts(names, in_split),
        "diff": changes.counts(), **manifest.of_splits(dealt, kept_from),
    }  # fmt: skip
    return Frozen(written.checksum, written.n_bytes, about)


def _drafted(
    project: Project, only: QuerySet[Image] | None, draft: IO[bytes], n: int, tick: Tick
) -> tuple[manifest.Tally, Columns]:
    """Every image of the release as a line without a split, and all that is counted on the way."""
    tally = manifest.Tally()
    columns = Columns(dict(project.categories.values_list("name", "id")))
    for done, contents in enumerate(read(project, accepted=True, only=only)):
        if done % TICK == 0:
            tick(done, 2 * n)
        draft.write(frozen.line_of(contents))
        tally.add(contents)
        columns.add(contents)
    return tally, columns


def _dealt(
    release: Release, project: Project, only: QuerySet[Image] | None, tally: manifest.Tally
) -> tuple[list[str], NDArray[np.int8], Dealt | None, int | None]:
    """The names of the splits, the side of every image (NOWHERE: in none), and how that came about."""
    stratum = np.array(tally.stratum, np.int64)
    everywhere = np.full(len(stratum), NOWHERE, np.int8)
    if not release.splits:
        return [], everywhere, None, None
    names = [name for name in SPLITS if name in release.splits]
    earlier = split_facts.earlier_of(release)
    subjects = split_facts.subjects_of(
        project, names, seed=release.seed, group_by=release.group_by, stratum=stratum, strata=tally.strata,
        earlier=None if earlier is None else index.index_of(earlier), only=only,
    )  # fmt: skip
    if not len(subjects.order):
        raise NotPossibleNow(_("No image is labeled yet, so there is nothing to split."))
    test = split_facts.side_of_held_out(names)
    dealt = splits.deal(subjects, [release.splits[name] for name in names], test=test)
    everywhere[stratum != NOWHERE] = dealt.side
    return names, everywhere, dealt, None if earlier is None else earlier.number


def _with_splits(
    draft: IO[bytes], names: list[str], side: NDArray[np.int8], tick: Callable[[int], None]
) -> Iterator[bytes]:
    for done, line in enumerate(draft):
        if done % TICK == 0:
            tick(done)
        yield line if side[done] == NOWHERE else frozen.with_split(line, names[side[done]])
