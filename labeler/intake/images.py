"""Bring images into a project: bytes in, files and rows out, each image once. Creates Image; nobody else does.

Used alike by an upload, a worker's import and the command line. Works in batches of one transaction each; the files of
a batch are on the disk before its rows. The original of a member with a place stays there: only its preview and
thumbnail are kept. Killed at any point and started again, it ends in the same images and counts. Does not know formats
(check.py), archives (archives.py) or what an image is asked (labeling/claims.py gives it its seats).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from labeler.errors import NotFound
from labeler.intake import archives, bucket_objects, exif, facts, near_duplicates, tile_jobs
from labeler.intake.archives import ArchiveTooLarge, Member, caps
from labeler.intake.budget import decoded, turn
from labeler.intake.check import CheckedImage, Refused, Source, read_source
from labeler.intake.names import clean_name
from labeler.intake.near_duplicates import Drawn
from labeler.intake.outcomes import Added, Duplicate, ImportResult, Outcome, Refusal
from labeler.intake.place import Place
from labeler.intake.renditions import make_renditions
from labeler.intake.store import Batch, MediaStore
from labeler.labeling import seats
from labeler.models import Image, Job, Project

# A batch is one transaction and one step of the progress bar.
BATCH_IMAGES = 100
BATCH_BYTES = 32 * 1024 * 1024  # two of them are held in memory at once: one is prepared while one is committed
PROGRESS_SECONDS = 0.7
# Shared by those who commit images, and held alone by who deletes contents for good (trash.py): no file that an import
# found there is deleted under its rows.
CONTENT_LOCK = 0x7A5


def media_store() -> MediaStore:
    """The store of this installation."""
    return MediaStore(settings.MEDIA_DIR)


def file_member(name: str, source: Source) -> Member:
    """An uploaded file (or bytes, or a path) as something `add_images` takes."""
    return Member(clean_name(name), lambda: read_source(source, settings.MAX_IMAGE_BYTES))


def add_uploads(*, project: Project, files: Sequence[tuple[str, BinaryIO]]) -> Iterator[Outcome]:
    """Take in what one request sent, (name, file) each, when it is its turn. Raises as add_images, and Busy before
    anything was taken in.
    """
    sizes = [file.seek(0, os.SEEK_END) for _name, file in files]
    with turn(min(sum(sizes), 2 * BATCH_BYTES + max(sizes, default=0))):
        yield from add_images(project=project, members=(file_member(name, file) for name, file in files))


def import_path(
    path: str | os.PathLike[str],
    *,
    project: Project,
    job: Job | None = None,
    progress: Callable[[ImportResult, int], None] | None = None,
    dry_run: bool = False,
    sink: Callable[[Refusal], None] | None = None,
) -> ImportResult:
    """Take in every image of a folder, zip or tar, in a stable order.

    `progress` is called about once a second, when all it counts is committed, with the result so far and
    the number of files (0: not known). What it raises ends the import, with everything counted in place.
    `dry_run` checks all and writes nothing; `sink` is told of every refusal. Raises Refused when nothing of an archive
    can be read, StorageFull, and OSError when `path` is not there.
    """
    total = archives.count(path, caps=caps())
    result = ImportResult(sink=sink)
    shown_at = time.monotonic()
    members = archives.iterate(path, caps=caps())
    try:
        for outcome in add_images(project=project, members=members, job=job, dry_run=dry_run):
            result.count(outcome)
            if progress and time.monotonic() - shown_at >= PROGRESS_SECONDS:
                progress(result, total)
                shown_at = time.monotonic()
    except Refused as refusal:
        if not result.seen:
            raise
        result.stopped = refusal.reason
    if progress:
        progress(result, max(total, result.seen))
    return result


def add_images(
    *,
    project: Project,
    members: Iterable[Member],
    job: Job | None = None,
    threads: int | None = None,
    dry_run: bool = False,
) -> Iterator[Outcome]:
    """Take in many images; yields what became of each, in order, after the batch it belongs to was committed.

    One bad file is refused alone. An image that this very job added before counts as added again, so that an import
    that was killed and repeated ends in the counts of one that was not. Raises StorageFull, NotFound, and Refused when
    `members` does (an archive that is damaged further on), after everything before it was committed and yielded.
    """
    counted: set[int] = set()  # images this run has reported as added: the same file twice is a duplicate
    imagined: dict[str, Image] = {}
    alike = near_duplicates.Known(project)
    count = threads or min(4, _cores())
    with ThreadPoolExecutor(count, thread_name_prefix="intake") as pool:
        prepared = (_Prepared(project, batch, pool, dry_run=dry_run) for batch in _batches(members))
        with closing(_one_ahead(prepared)) as batches:
            for ready in batches:
                known = ready.checked()
                if dry_run:
                    yield from _without_writing(project, ready.batch, known, imagined)
                else:
                    ready.files.keep()
                    yield from _commit(project, ready.batch, job, counted, alike, ready.drawn)


# ---------------------------------------------------------------- how


@dataclass(slots=True)
class _File:
    """One member on its way in."""

    name: str
    content: bytes = b""
    sha256: str = ""  # empty: could not be read
    reason: str = ""  # why it is refused
    place: Place | None = None  # where its original stays
    checked: CheckedImage | None = None
    exif: dict[str, exif.Fact] = field(default_factory=dict)


def _cores() -> int:  # macOS does not say which ones are ours
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batches(members: Iterable[Member]) -> Iterator[list[_File]]:
    """What ends `members` is raised after the files before it."""
    batch: list[_File] = []
    size = 0
    try:
        for member in members:
            file = _read(member)
            batch.append(file)
            size += len(file.content)
            if len(batch) >= BATCH_IMAGES or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except Refused:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _read(member: Member) -> _File:
    file = _File(member.name)
    try:
        file.content = member.read()
        file.sha256 = hashlib.sha256(file.content).hexdigest()
        file.place = member.place() if member.place is not None else None
    except ArchiveTooLarge:
        raise
    except Refused as refusal:
        file.reason = refusal.reason
    return file


class _Prepared:
    """A batch whose new contents the pool's threads check and write from now on, while the one before is committed.

    Hashing tells what is here already; only the rest is decoded, and what has lost a file. Pillow lets go of the
    interpreter, so threads use all cores. No thread touches the database.
    """

    def __init__(self, project: Project, batch: list[_File], pool: ThreadPoolExecutor, *, dry_run: bool) -> None:
        self.batch, self.drawn = batch, dict[str, Drawn]()
        store = media_store()
        self.files = store.batch()
        self._known = _known(project, batch)
        self._missing = [file for file in batch if file.sha256 and not self._is_whole(file, store)]
        left = frozenset(file.sha256 for file in self._missing if file.place is not None)
        check = _check if dry_run else partial(_prepare, store=store, files=self.files, drawn=self.drawn, left=left)
        # Each content once, whatever the number of files with it.
        contents = {file.sha256: file.content for file in self._missing}
        self._checks = {sha256: pool.submit(_tried, check, content) for sha256, content in contents.items()}

    def _is_whole(self, file: _File, store: MediaStore) -> bool:
        # A file that is sent makes a copy of what was only left in a bucket before: the sender may count on it.
        image = self._known.get(file.sha256)
        return image is not None and store.has(image.sha256, image.extension, stays=file.place is not None)

    def checked(self) -> dict[str, Image]:
        """Wait for the threads, and note on every file what came out; by hash, what the project had before."""
        for file in self._missing:
            file.checked, file.reason = self._checks[file.sha256].result()
        for file in self.batch:
            file.exif = facts.of_file(file.content) if file.checked is not None else {}
            file.content = b""  # the next batch is read while this one is still at hand
        return self._known

    def close(self) -> None:
        """Remove what was not kept. After an error nobody may still be writing then."""
        for pending in self._checks.values():
            pending.cancel()
        wait(self._checks.values())
        self.files.forget()


def _one_ahead(batches: Iterator[_Prepared]) -> Generator[_Prepared, None, None]:
    """The batches in order, each begun before the one before it is handed out: the pool works while that is committed.

    What ends `batches` is raised after all before it were handed out. Whoever stops early leaves nothing behind.
    """
    begun: list[_Prepared] = []
    stopped: Exception | None = None
    try:
        try:
            for batch in batches:
                begun.append(batch)
                if len(begun) > 1:
                    yield begun[0]
                    begun.pop(0).close()
        except Exception as error:
            stopped = error
        yield from begun
    finally:
        for batch in begun:
            batch.close()
    if stopped is not None:
        raise stopped


def _tried(check: Callable[[bytes], CheckedImage], content: bytes) -> tuple[CheckedImage | None, str]:
    """What came out, or why the file is refused.

    A refusal that left the thread would hold all contents of its batch in a circle (its traceback, our frame, the
    future, the refusal) until the interpreter looks for such: 300 MB stayed after a bomb.
    """
    try:
        return check(content), ""
    except Refused as refusal:
        return None, refusal.reason


def _check(content: bytes) -> CheckedImage:
    with decoded(content) as image:
        return image.checked


def _prepare(
    content: bytes, *, store: MediaStore, files: Batch, drawn: dict[str, Drawn], left: frozenset[str]
) -> CheckedImage:
    """Check one image, write its files and sketch it. left: hashes of originals that stay elsewhere. In a thread."""
    with decoded(content) as image:
        checked = image.checked
        stays = checked.sha256 in left
        made = None if store.has(checked.sha256, checked.extension, stays=stays) else make_renditions(image)
    if made is not None:
        files.add(
            sha256=checked.sha256,
            extension=checked.extension,
            original=None if stays else content,
            preview=made.preview,
            thumbnail=made.thumbnail,
        )
        drawn[checked.sha256] = near_duplicates.draw(made.thumbnail)
    else:
        drawn[checked.sha256] = near_duplicates.draw(store.thumb_path(checked.sha256))
    return checked


def _known(project: Project, batch: list[_File]) -> dict[str, Image]:
    """By hash, the images of a batch that the project has, in its trash too."""
    hashes = [file.sha256 for file in batch if file.sha256]
    there = Image.objects.filter(Q(project=project) | Q(trashed_from=project), sha256__in=hashes)
    return {image.sha256: image for image in there}


def _left(batch: list[_File], known: dict[str, Image], store: MediaStore) -> dict[str, Place]:
    """Where the originals of a batch stay, by hash; those that are in the store anyway count as copied."""
    found: dict[str, Place] = {}
    for file in batch:
        there = file.checked or known.get(file.sha256)
        if file.place is None or there is None or store.original_path(file.sha256, there.extension).is_file():
            continue
        if store.has_renditions(file.sha256):
            found[file.sha256] = file.place
    return found


def _commit(
    project: Project,
    batch: list[_File],
    job: Job | None,
    counted: set[int],
    alike: near_duplicates.Known,
    drawn: dict[str, Drawn],
) -> list[Outcome]:
    with transaction.atomic():
        # Lock the project: of two imports with the same content one must see what the other has written. It
        # also keeps the project from being deleted under the batch; people go on labeling meanwhile.
        if not Project.objects.select_for_update(no_key=True).filter(pk=project.pk).exists():
            raise NotFound(_("The project is gone."))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [CONTENT_LOCK])
            # The server keeps its plans of foreign keys: those made for an empty table walk through all images of the
            # project for each new row, until the table is analyzed a minute later.
            cursor.execute("DISCARD PLANS")
        known = _known(project, batch)
        new: dict[str, Image] = {}
        store = media_store()
        left = _left(batch, known, store)
        bucket_objects.keep(left)
        for file in batch:
            if file.checked is not None and file.sha256 not in known and file.sha256 not in new:
                if file.sha256 not in left and not store.has(file.sha256, file.checked.extension):
                    continue  # the last image with this content was deleted for good since its files were found
                new[file.sha256] = _row(project, file, job)
        sketched = [(image, drawn[sha256]) for sha256, image in new.items() if sha256 in drawn]
        near = near_duplicates.place(alike, sketched) if sketched else []
        created = Image.objects.bulk_create(new.values())
        near_duplicates.keep(sketched, near)
        seats.enter(project, created)
        tile_jobs.ask_for_new(project, created)
    if created:
        seats.forget_frontiers(project)
    return [_outcome(file, known, new, job, counted) for file in batch]


def _outcome(
    file: _File, known: dict[str, Image], new: dict[str, Image], job: Job | None, counted: set[int]
) -> Outcome:
    if file.reason:
        return Refusal(file.name, file.reason)
    image = new.get(file.sha256) or known.get(file.sha256)
    if image is None:
        return Refusal(file.name, "The image was deleted from the project at this moment: send it again.")
    # Added by this job in an attempt that was killed: the row is there, the count is not.
    repeated = job is not None and image.job_id == job.pk and image.name == file.name and image.trashed_at is None
    if image.pk in counted or not (file.sha256 in new or repeated):
        return Duplicate(file.name, image.pk, deleted=image.trashed_at is not None)
    counted.add(image.pk)
    return Added(file.name, image)


def _without_writing(
    project: Project, batch: list[_File], known: dict[str, Image], seen: dict[str, Image]
) -> list[Outcome]:
    """What would become of the batch; images that would be added have no id."""
    outcomes: list[Outcome] = []
    for file in batch:
        if file.reason:
            outcomes.append(Refusal(file.name, file.reason))
        elif before := known.get(file.sha256) or seen.get(file.sha256):
            outcomes.append(Duplicate(file.name, before.pk or 0, deleted=before.trashed_at is not None))
        else:
            seen[file.sha256] = _row(project, file, None)
            outcomes.append(Added(file.name, seen[file.sha256]))
    return outcomes


def _row(project: Project, file: _File, job: Job | None) -> Image:
    checked = file.checked
    assert checked is not None  # neither refused nor known
    return Image(
        project=project,
        name=file.name,
        metadata={**file.exif, **facts.of_name(file.name, job)},
        sha256=checked.sha256,
        extension=checked.extension,
        width=checked.width,
        height=checked.height,
        n_bytes=checked.bytes,
        slice=seats.draw_slice(project, checked.sha256),
        job=job,
    )
