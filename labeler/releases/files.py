"""The files of a release: asked for, built by a worker, kept some days, built again to the same bytes. Writes
ReleaseFile.

Knows rows and where the bytes lie; the formats are formats/, sending is api/releases.py's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import releases as exports
from labeler.errors import NotPossibleNow
from labeler.intake.store import delete_old, is_old
from labeler.jobs import jobs
from labeler.jobs.leases import Lease
from labeler.models import Release, ReleaseFile
from labeler.models.job import UNFINISHED, Kind
from labeler.releases import frozen, releases
from labeler.releases.data_set import Wanted
from labeler.releases.preparation import AS_IT_IS, Preparation, as_texts, parse_texts

KEPT = timedelta(days=7)  # after it was last asked for
TRIED_AGAIN = timedelta(minutes=1)  # after a failure, which until then is said to who asks
MOST_WAITING = 20  # files of a project that are being built
FOLDER = "files"


def options_of(wanted: Wanted) -> str:
    """What else was asked for, in one way of writing it."""
    images = {None: "", True: "images=true", False: "images=false"}[wanted.images]
    labels = f"labels={wanted.labels}" if wanted.labels else ""
    prepared = [f"{name}={text}" for name, text in as_texts(wanted.preparation).items()]
    return "&".join(filter(None, ("accepted=true" if wanted.accepted else "", images, labels, *prepared)))


def wanted_of(release: Release, options: str) -> Wanted:
    """The other way round, with what the release itself says."""
    said = dict(part.split("=") for part in options.split("&") if part)
    images = {"": None, "true": True, "false": False}[said.get("images", "")]
    how = parse_texts(said)
    return Wanted(said.get("labels", release.labels), "accepted" in said, images, release.location, how)


def ask(
    release: Release,
    format_: str,
    *,
    by: User | None,
    accepted: bool = False,
    images: bool | None = None,
    labels: str = "",
    preparation: Preparation = AS_IT_IS,
) -> ReleaseFile:
    """The row of a file: there (is_there()), or being built, by a worker that is told now where none is at it.

    labels: empty, as the release says. Raises NotFound for an unknown format, NotPossibleNow for what cannot be
    written, and where building just failed.
    """
    said = "" if labels == release.labels else labels
    options = options_of(Wanted(said, accepted, images, preparation=preparation))
    exports.as_file(releases.data_set(release, wanted_of(release, options)), format_)  # may be refused
    ReleaseFile.objects.get_or_create(release=release, format=format_, options=options)
    with transaction.atomic():
        row = ReleaseFile.objects.select_for_update().get(release=release, format=format_, options=options)
        job = row.job
        if is_there(row):
            ReleaseFile.objects.filter(pk=row.pk).update(expires_at=Now() + KEPT)
            return row
        if job is not None and job.state in UNFINISHED:
            return row
        if job is not None and job.error and job.finished_at and timezone.now() - job.finished_at < TRIED_AGAIN:
            raise NotPossibleNow(job.error["message"])
        waiting = ReleaseFile.objects.filter(release__project=release.project_id, job__state__in=UNFINISHED)
        if waiting.count() >= MOST_WAITING:
            raise NotPossibleNow(_("Many files of this project are being built already. Wait for them."))
        row.job = jobs.create(
            Kind.EXPORT, project=release.project, requested_by=by, params={"file": row.pk, "format": format_}
        )
        row.checksum, row.built_at = "", None
        row.save(update_fields=["job", "checksum", "built_at"])
    return row


def is_there(row: ReleaseFile) -> bool:
    return bool(row.checksum) and path_of(row).exists()


def path_of(row: ReleaseFile) -> Path:
    suffix = Path(row.file_name).suffix
    return frozen.folder_of(row.release_id) / FOLDER / f"{row.checksum}{suffix}"


def build(row: ReleaseFile, lease: Lease, tick: Callable[[int], None] = lambda _n_bytes: None) -> None:
    """Write the file of a row, and end its job. tick: called with the bytes so far; what it raises ends the work.

    Raises LeaseLost, having changed nothing, and as ask().
    """
    export = exports.as_file(releases.data_set(row.release, wanted_of(row.release, row.options)), row.format)

    def counted() -> Iterator[bytes]:
        n_bytes = 0
        for piece in export.chunks:
            n_bytes += len(piece)
            tick(n_bytes)
            yield piece

    suffix = Path(export.file_name).suffix
    written = frozen.write(frozen.folder_of(row.release_id) / FOLDER, counted(), suffix)
    with transaction.atomic():
        lease.finish(result={"checksum": written.checksum, "bytes": written.n_bytes})
        ReleaseFile.objects.filter(pk=row.pk).update(
            file_name=export.file_name, media_type=export.media_type, checksum=written.checksum,
            n_bytes=written.n_bytes, built_at=Now(), expires_at=Now() + KEPT,
        )  # fmt: skip


def expire() -> int:
    """Delete files that nobody has asked for lately, and what has no row any more; how many rows."""
    gone = ReleaseFile.objects.filter(expires_at__lt=Now()).exclude(job__state__in=UNFINISHED).delete()[0]
    root = Path(frozen.folder_of(0)).parent
    known = {path_of(row) for row in ReleaseFile.objects.exclude(checksum="")}
    # A file that was just written has its row a moment later.
    delete_old(path for path in root.glob(f"*/{FOLDER}/*") if path not in known)
    there = {str(pk) for pk in Release.objects.kept().values_list("pk", flat=True)}
    for folder in root.glob("*"):
        # Of a project that was purged, say.
        if folder.name not in there and is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
    delete_old(root.glob("*/**/.*.part"))  # left by a process that was killed
    return gone
