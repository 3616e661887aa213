"""Take items in, in batches: find or bring each one's image, then store what is said of it. Memory is that of a batch.

Images are found by external id, by hash, by name; what the file brings itself goes through intake/images.py. A dry run
does the same and takes each batch back. Knows items, not files.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from labeler.imports import classes as class_plans
from labeler.imports.answers import Answers
from labeler.imports.options import ImportOptions
from labeler.imports.survey import Found
from labeler.intake import fetch, images, import_details, lookup
from labeler.intake.archives import Member
from labeler.intake.check import Refused
from labeler.intake.formats.item import Item
from labeler.intake.outcomes import IN_TRASH, Added, Duplicate, ItemsResult, Outcome, Refusal
from labeler.labeling import seats
from labeler.models import Image, Job

CHUNK = 1000  # items looked up and stored at once


@dataclass(slots=True)
class _Waiting:
    """An item whose image is on its way in; has_bytes: as itself, else by another row of the same file."""

    item: Item
    key: str
    has_bytes: bool


class Taking:
    """One pass over the items. result: what became of them; rows: how many were read."""

    def __init__(
        self, job: Job, options: ImportOptions, found: Found, sink: Callable[[Refusal], None], *, dry_run: bool
    ) -> None:
        self.job, self.options, self.dry_run, self.rows = job, options, dry_run, 0
        self.result = ItemsResult(sink=sink)
        names = list(found.classes) if options.labels != "nothing" else []
        plan = class_plans.plan(job.project, job, names, options, dry_run=dry_run)
        self._answers = Answers(job, options, plan, self.result, found, dry_run=dry_run)
        self._ready: list[tuple[Item, int | None]] = []
        self._waiting: deque[_Waiting] = deque()
        self._met: dict[str, int | None] = {}  # images that this file brought: by name or address
        self._sent: set[str] = set()
        self._tell: Callable[[int], None] = lambda rows: None

    def take_in(self, items: Callable[[], Iterable[Item | Refusal]], tell: Callable[[int], None]) -> None:
        """tell(rows so far) is called between batches, and may raise to stop."""
        self._tell = tell
        arriving = images.add_images(
            project=self.job.project, members=self._members(items()), job=self.job, dry_run=self.dry_run
        )
        for outcome in arriving:
            self._arrived(outcome)
        while self._waiting:
            self._pass_on(self._waiting.popleft())
        self._store()
        self._answers.end()
        if not self.dry_run:
            seats.forget_frontiers(self.job.project)

    # ---------------------------------------------------------------- which image

    def _members(self, items: Iterable[Item | Refusal]) -> Iterator[Member]:
        """What must be read. All else goes straight to where it is stored."""
        rest = iter(items)
        while chunk := list(islice(rest, CHUNK)):
            read = [item for item in chunk if isinstance(item, Item)]
            self.rows += len(read)
            for item in chunk:
                if isinstance(item, Refusal):
                    self.result.refuse(item)
            for item in read:
                for problem in item.problems:
                    self.result.refuse_item(item, problem)
                for number, reason in item.unusable:
                    self.result.refuse_item(item, reason, number)
            yield from fetch.ahead(self._wanted(read))
            if not self._waiting:
                self._store()

    def _wanted(self, items: list[Item]) -> Iterator[Item]:
        """Those whose bytes are needed."""
        known = import_details.known(self.job.project, items)
        by_name = lookup.by_name(self.job.project, {i.name for i in items if _is_named(i) and not _known(known, i)})
        if stems := {item.name for item in items if item.is_stem}:
            by_name |= lookup.by_stem(self.job.project, stems)
        for item in items:
            key = item.name if item.source else item.external_id or item.url or item.sha256 or item.name
            image = _known(known, item)
            if image is not None:
                self._count_known(item, key, image)
                self._ready.append((item, image.pk))
            elif key in self._sent:
                self._waiting.append(_Waiting(item, key, has_bytes=False))
            elif _is_named(item) and isinstance(found := by_name.get(item.name), int):
                self._ready.append((item, found))
            elif item.source or item.url:
                self._sent.add(key)
                self._waiting.append(_Waiting(replace(item, source=None, place=None), key, has_bytes=True))
                read = item.source and partial(_read_checked, item.source, item.sha256)
                yield replace(item, source=read)
            else:
                self.result.refuse_item(item, _why_not(item, by_name.get(item.name)))

    def _count_known(self, item: Item, key: str, image: Image) -> None:
        if not (item.source or item.url) or key in self._sent:
            return
        self._sent.add(key)
        self._met[key] = image.pk
        # Brought in by an attempt of this very job that was killed: as intake/images.py counts it.
        if image.job_id == self.job.pk and image.name == item.name:
            self.result.added += 1
        else:
            self.result.duplicates += 1

    def _arrived(self, outcome: Outcome) -> None:
        while not self._waiting[0].has_bytes:
            self._pass_on(self._waiting.popleft())
        one = self._waiting.popleft()
        match outcome:
            case Added(_name, image):
                self.result.added += 1
                self._met[one.key] = image.pk
            case Duplicate(_name, _image_id, deleted=True):
                self.result.refuse(Refusal(outcome.name, str(IN_TRASH), one.item.row))
            case Duplicate(_name, image_id):
                self.result.duplicates += 1
                self._met[one.key] = image_id or None
            case Refusal():
                self.result.refuse(Refusal(outcome.name, outcome.reason, one.item.row))
        self._pass_on(one)

    def _pass_on(self, one: _Waiting) -> None:
        if one.key in self._met:
            self._ready.append((one.item, self._met[one.key]))
        elif not one.has_bytes:
            self.result.refuse_item(one.item, _("The image of this row was refused."))
        if len(self._ready) >= CHUNK:
            self._store()

    # ---------------------------------------------------------------- what is said of it

    def _store(self) -> None:
        """A batch that is stopped by `tell` is stored as a whole before."""
        for start in range(0, len(self._ready), CHUNK):
            batch = self._ready[start : start + CHUNK]
            if self.dry_run:
                with transaction.atomic():
                    self._store_batch(batch)
                    transaction.set_rollback(True)
            else:
                self._store_batch(batch)
        self._ready = []
        self._tell(self.rows)

    def _store_batch(self, batch: list[tuple[Item, int | None]]) -> None:
        there: list[tuple[Item, int]] = [(item, pk) for item, pk in batch if pk]
        for refusal in import_details.store(self.job.project, there):
            self.result.refuse(refusal)
        self._answers.store(batch)


def _is_named(item: Item) -> bool:
    """Is it looked for among the project's images by its name?"""
    return not item.source and not item.sha256 and not (item.url and item.external_id)


def _known(known: dict[tuple[str, str], Image], item: Item) -> Image | None:
    found = known.get(("external_id", item.external_id)) if item.external_id else None
    return found or (known.get(("sha256", item.sha256)) if item.sha256 else None)


def _read_checked(read: Callable[[], bytes], sha256: str) -> bytes:
    """The bytes of an image; where its row names their hash, it must be theirs."""
    content = read()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise Refused(_("The file has another sha256 than its row says: it was changed, or the row is of another."))
    return content


def _why_not(item: Item, said: Any) -> str:
    if isinstance(said, str):
        return said
    return lookup.unknown("sha256" if item.sha256 else "external_id" if item.external_id else "file_name")
