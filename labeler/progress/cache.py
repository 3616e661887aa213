"""Cached figures of large projects: a worker counts them, a page shows the last ones and says how old they are.

A small project is counted in the request, so that a page shows what was just saved. From LARGE on that would take
longer than a page may: the request reads a Snapshot row and, when that is behind the project, marks it as wanted; beat
has a worker look for wanted rows (worker/tasks.py). The row is the truth: with every worker away the page still
answers, with figures that say their age. Nothing here is part of saving a label. The only module that writes Snapshot;
what is counted is the business of whoever asks (cached_reports.py). A row holds codes and
numbers, no sentence: one is enough for every language.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import F, Q
from django.utils import timezone

from labeler.models import Image, Label, LabelObject, Project, Snapshot
from labeler.models.project import Task
from labeler.models.statements import execute, fetch_one

logger = logging.getLogger(__name__)

Report = dict[str, Any]  # plain values, as JSON keeps them

LARGE = 20_000  # labels, or images; what is smaller is counted in the request (bench/overview.py)
# Objects, where people draw: 5,000 boxes or 1,000 masks are compared in .2 s (bench/agreement_objects.py).
LARGE_BOXES, LARGE_SHAPES = 5_000, 1_000
LARGE_KNOWN_SECONDS = 3600
MAX_AGE = timedelta(minutes=1)  # of figures that new labels have overtaken
UNMOVED_MAX_AGE = timedelta(minutes=15)  # of others: decisions, imports and predictions come without a label
# Counting a project takes at most this share of the workers' time, however long one count takes.
SHARE_OF_TIME = 1 / 20
# The overview of a project in which people label is kept this fresh without anybody looking, so that it is not
# yesterday's when the lead opens it.
WARM = "overview"
WARM_AGE = timedelta(minutes=10)
LOCK_SPACE = 0x5A5  # first half of the advisory lock's key; the second is the row's id
COUNT_SECONDS = 600  # a worker's statement may take longer than a request's ...
COUNT_MEMORY = "64MB"  # ... and sort and hash a million rows without a detour over the disk
FORMAT = 6  # of what is kept; raised when a report changes its shape, so that no page reads the old one
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # computed_at of a row that has no figures yet


@dataclass(frozen=True, slots=True)
class Figures:
    """A report and when it was true. value None: it is being counted for the first time."""

    value: Report | None
    as_of: datetime
    is_kept: bool  # from a snapshot: say its age


def get(
    project: Project, name: str, compute: Callable[[], Report], *, wait: bool = False, large: bool | None = None
) -> Figures:
    """The report `name` of a project: counted now for a small one, the last snapshot for a large one.

    compute: counts it. wait: also where a large project has no snapshot yet and the caller would rather wait than have
    none; else value is None until a worker was there. large: whether it is for a worker, where that does not follow
    from the project's size.
    """
    row = Snapshot.objects.filter(project=project, name=name).first()
    if row is None:
        if not (is_large(project) if large is None else large):
            return Figures(compute(), timezone.now(), False)
        # Two first visits at once make one row: the second insert does nothing.
        Snapshot.objects.bulk_create(
            [Snapshot(project=project, name=name, value={}, computed_at=NEVER, wanted_at=timezone.now())],
            ignore_conflicts=True,
        )
        row = Snapshot.objects.get(project=project, name=name)
    row.project = project
    if not _is_there(row) and wait:
        row = _kept(row, compute)
    elif row.wanted_at is None and _is_behind(row, project, MAX_AGE):
        # The first who notices marks it; the row is not touched again until the worker has been there.
        Snapshot.objects.filter(pk=row.pk, wanted_at=None).update(wanted_at=timezone.now())
    if not _is_there(row):
        return Figures(None, timezone.now(), True)
    return Figures(row.value["report"], row.computed_at, True)


def is_large(project: Project) -> bool:
    """Whether the project has more than LARGE labels or images, or more objects than a request can compare.

    A project that was large stays so for an hour.
    """
    key = f"large:{project.pk}"
    if cache.get(key):
        return True
    # One row far down an index: counting all of them is what this is here to avoid.
    labels = Label.objects.filter(project=project).order_by("-id").values_list("pk")
    images = Image.objects.filter(project=project).order_by().values_list("pk")
    large = bool(labels[LARGE : LARGE + 1]) or bool(images[LARGE : LARGE + 1])
    if project.draws and not large:
        most = LARGE_BOXES if project.task == Task.BOXES else LARGE_SHAPES
        objects = LabelObject.objects.filter(label__project=project).order_by().values_list("pk")
        large = bool(objects[most : most + 1])
    if large:
        cache.set(key, True, LARGE_KNOWN_SECONDS)
    return large


def refresh_wanted(compute: Callable[[Project, str], Report]) -> int:
    """Count what pages asked for, oldest wish first, and overviews that fell behind; how many were counted.

    compute(project, name) counts a report. Safe to run twice and on several workers: one at a time counts a row.
    """
    wanted = Q(wanted_at__isnull=False) | Q(name=WARM, computed_at__lt=timezone.now() - WARM_AGE)
    rows = Snapshot.objects.filter(wanted, project__trashed_at=None).select_related("project")
    done = 0
    for row in rows.order_by(F("wanted_at").asc(nulls_last=True), "pk"):
        if row.wanted_at is None and not _is_behind(row, row.project, WARM_AGE):
            continue
        done += _refresh(row.pk, compute)
    return done


def _refresh(pk: int, compute: Callable[[Project, str], Report]) -> bool:
    """Count one row again, unless another worker is at it. False when it is, or when counting failed."""
    with _alone(pk) as is_ours:
        if not is_ours:
            return False
        # Read again behind the lock: another worker may just have been there.
        row = Snapshot.objects.select_related("project").filter(pk=pk).first()
        if row is None or (row.wanted_at is None and row.computed_at > timezone.now() - WARM_AGE):
            return False
        try:
            with _long_statements():
                _kept(row, lambda: compute(row.project, row.name))
        except Exception:
            # Not for ever again every few seconds: the next page that asks is the next attempt.
            logger.exception("the %s of project %s could not be counted", row.name, row.project_id)
            Snapshot.objects.filter(pk=pk).update(wanted_at=None)
            return False
    return True


def _kept(row: Snapshot, compute: Callable[[], Report]) -> Snapshot:
    """The row with figures counted now, written."""
    begun, started = time.monotonic(), timezone.now()
    newest = _newest_label(row.project_id)
    row.value = {"report": compute(), "version": _version(row.project), "format": FORMAT}
    row.last_label, row.computed_at = newest, started
    row.seconds, row.wanted_at = time.monotonic() - begun, None
    row.save(update_fields=["value", "last_label", "computed_at", "seconds", "wanted_at"])
    return row


def _is_behind(row: Snapshot, project: Project, max_age: timedelta) -> bool:
    """Whether newer figures are worth their counting."""
    if not _is_there(row):
        return True
    age = timezone.now() - row.computed_at
    if age < timedelta(seconds=row.seconds / SHARE_OF_TIME):
        return False
    # A target or a wanted number that a lead just changed must not wait.
    if row.value["version"] != _version(project) or age > UNMOVED_MAX_AGE:
        return True
    return age > max_age and _newest_label(project.pk) > row.last_label


def _is_there(row: Snapshot) -> bool:
    """Whether the row has figures, and ones that this version of the program can read."""
    return row.computed_at != NEVER and row.value.get("format") == FORMAT


def _version(project: Project) -> list[int]:
    return [project.version, project.label_set_version]


def _newest_label(project_id: int) -> int:
    return Label.objects.filter(project=project_id).order_by("-id").values_list("id", flat=True).first() or 0


@contextmanager
def _alone(pk: int) -> Iterator[bool]:
    """Whether this session alone counts the row. A lock of the session, not of a transaction: counting sets local
    options of its own, and pages go on marking the row. It falls when the worker dies."""
    key = [LOCK_SPACE, pk % 2**31]
    [is_ours] = fetch_one("SELECT pg_try_advisory_lock(%s, %s)", key)
    try:
        yield is_ours
    finally:
        if is_ours:
            execute("SELECT pg_advisory_unlock(%s, %s)", key)


@contextmanager
def _long_statements() -> Iterator[None]:
    execute("SET statement_timeout = %s; SET work_mem = %s", [f"{COUNT_SECONDS}s", COUNT_MEMORY])
    try:
        yield
    finally:
        execute("RESET statement_timeout; RESET work_mem")
