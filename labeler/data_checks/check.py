"""Measure new images and keep what is found. The only module that writes ImageCheck and ImageFinding.

In steps of one transaction each, so that a worker that is killed loses one; what one image shows by itself is measured
once, and labels, decisions and models change nothing of it. What depends on the others (odd colours, near-duplicates)
is found by the database in one statement each, however many images there are. Knows rows and files; thresholds are
findings.py's, pixels measures.py's. Asked for by a lead, and by the periodic worker when images came in.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from labeler.curation import deletion
from labeler.data_checks import findings
from labeler.data_checks.measures import Measures, measure
from labeler.errors import BucketUnreachable, NotPossibleNow
from labeler.intake import bucket_objects, originals
from labeler.intake.bucket_objects import OriginalGone
from labeler.intake.images import media_store
from labeler.intake.place import Place
from labeler.intake.store import MediaStore
from labeler.jobs import jobs
from labeler.models import AuditEvent, Finding, Image, ImageCheck, ImageFinding, Job, Project
from labeler.models.job import UNFINISHED, Kind, State

STEP = 250  # images of one transaction; a second's work
THREADS = 2  # Pillow lets go of the interpreter while it decodes
# A job ends after so long, and the periodic worker asks for the next: imports wait in the same queue.
SECONDS = 300.0
AGAIN_AFTER = timedelta(hours=1)
FILES_STEP = 2_000  # images whose files are looked for at once: 6,000 questions to the file system
ASKED_AT_ONCE = 16  # objects in buckets
SAMPLE = 200  # originals of a check that are read to their end and held against their SHA-256
SEEN = "seen"  # among a job's parameters: the newest line of the audit when it was asked for
NAMES = tuple(field.name for field in fields(Measures))
Row = tuple[int, str, int, int]  # id, SHA-256, width, height
Tell = Callable[[int], None]  # how many images are done; may raise to stop


@dataclass(slots=True)
class Checked:
    """What one job did. is_whole: nothing is left to measure, and what depends on all images was found anew."""

    measured: int = 0
    files: int = 0  # images whose files were looked for
    sampled: int = 0  # originals that were read to their end
    is_whole: bool = False


# ---------------------------------------------------------------- asking


def request(project: Project, *, by: User | None, files: bool = True) -> Job:
    """Ask for a check, or the one that is on its way. files: look also whether the files of all images are there."""
    params = {"files": files, SEEN: _newest(AuditEvent.objects.filter(project=project), "pk")}
    try:
        with transaction.atomic():
            return jobs.create(Kind.CHECKS, project=project, requested_by=by, params=params)
    except IntegrityError:  # a constraint allows one; nobody waits for the project's row
        return Job.objects.filter(project=project, kind=Kind.CHECKS, state__in=UNFINISHED).latest("pk")


def due() -> list[Project]:
    """Projects with images that came in, or back from the trash, since the last check, and no import or check under
    way.
    """
    of_project = Job.objects.filter(project=OuterRef("pk"))
    busy = of_project.filter(kind__in=(Kind.CHECKS, Kind.IMPORT), state__in=UNFINISHED)
    # What failed, or was cancelled, would do so again every few seconds.
    ended = of_project.filter(kind=Kind.CHECKS, finished_at__gt=Now() - AGAIN_AFTER).exclude(state=State.DONE)
    resting = Project.objects.not_in_trash().exclude(Exists(busy)).exclude(Exists(ended))
    return [project for project in resting.order_by("pk") if _has_new(project) or _has_restored(project)]


def _has_new(project: Project) -> bool:
    """By two looks at the end of an index each: ids of a project rise in the order in which its images come in."""
    newest = _newest(Image.objects.filter(project=project), "pk")
    return newest > _newest(ImageCheck.objects.filter(project=project), "image")


def _has_restored(project: Project) -> bool:
    """Images that come back may never have been measured, and what depends on all images has changed without them.

    By the audit, in which a restore is written as it happens: of its lines only those since the last check are read.
    """
    last = Job.objects.filter(project=project, kind=Kind.CHECKS, state=State.DONE).order_by("-pk").first()
    if last is None:
        return False
    since = AuditEvent.objects.filter(project=project, pk__gt=last.params.get(SEEN, 0))
    return since.filter(action=deletion.RESTORED).exists()


def _newest(rows: QuerySet[Any], name: str) -> int:
    """The highest of these ids; 0 where there is none."""
    return rows.order_by(f"-{name}").values_list(name, flat=True).first() or 0


def request_due() -> int:
    """Ask for the checks that are due; how many. Files are looked for the first time only: a lead can ask again."""
    return len(
        [request(project, by=None, files=not ImageCheck.objects.filter(project=project).exists()) for project in due()]
    )


# ---------------------------------------------------------------- working


def run(project: Project, *, files: bool, tell: Tell, seconds: float = SECONDS) -> Checked:
    """Do what is due; at least one step. tell: called after each, and may raise to stop."""
    done, store, until = Checked(), media_store(), time.monotonic() + seconds
    with ThreadPoolExecutor(THREADS, thread_name_prefix="checks") as pool:
        after = 0
        while rows := _unmeasured(project, after):
            if after and time.monotonic() > until:
                return done
            _keep(project, rows, list(pool.map(lambda row: _measured(row, store), rows)))
            done.measured, after = done.measured + len(rows), rows[-1][0]
            tell(done.measured)
    if files:
        _look_for_files(project, store, done, lambda: tell(done.measured))
    _replace(project, Finding.NEAR_DUPLICATE, _NEAR_DUPLICATES, {})
    _replace(project, Finding.ODD_COLOURS, _ODD, _ODD_PARAMS)
    done.is_whole = True
    return done


def _unmeasured(project: Project, after: int) -> list[Row]:
    rows = Image.objects.filter(project=project, check_row=None, pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", "sha256", "width", "height")[:STEP])


def _measured(row: Row, store: MediaStore) -> Measures | None:
    try:
        return measure(store.thumb_path(row[1]))
    except OSError:
        return None


@transaction.atomic
def _keep(project: Project, rows: Sequence[Row], measured: Sequence[Measures | None]) -> None:
    # Locked, so that no image is deleted in between; one that is gone already is left out.
    locked = Image.objects.select_for_update(no_key=True).filter(project=project, pk__in=[row[0] for row in rows])
    there = set(locked.order_by("pk").values_list("pk", flat=True))
    kept, found = [], []
    for (pk, _sha256, width, height), measures in zip(rows, measured, strict=True):
        if pk not in there:
            continue
        values = dict.fromkeys(NAMES) if measures is None else dict(zip(NAMES, astuple(measures), strict=True))
        kept.append(ImageCheck(image_id=pk, project=project, **values))
        codes = findings.of_image(width, height, measures)
        found += [ImageFinding(project=project, code=code, image_id=pk) for code in codes]
    # A worker that lost its lease may still be at the same step.
    ImageCheck.objects.bulk_create(kept, ignore_conflicts=True)
    ImageFinding.objects.bulk_create(found, ignore_conflicts=True)


# ---------------------------------------------------------------- files


def _look_for_files(project: Project, store: MediaStore, done: Checked, tell: Callable[[], None]) -> None:
    """Whether the files of each image are there, and whether some originals are what came in, by their SHA-256."""
    after, draw = 0, random.Random(time.time_ns())  # noqa: S311  (a sample, no secret)
    n = Image.objects.filter(project=project).count()
    share = SAMPLE / max(1, n)
    while True:
        images = Image.objects.filter(project=project, pk__gt=after).order_by("pk")
        rows = list(images.values_list("pk", "sha256", "extension")[:FILES_STEP])
        if not rows:
            return
        missing = {row[1]: row[0] for row in rows if not store.has(row[1], row[2])}
        gone, unknown = _gone(missing, store)
        there = [row for row in rows if row[0] not in gone and row[0] not in unknown]
        drawn = [row for row in there if draw.random() < share]
        damaged = {pk for pk, sha256, extension in drawn if not _is_as_it_came(sha256, extension)}
        looked = {pk for pk, _sha256, _extension in rows if pk not in unknown}
        _set(project, Finding.GONE, looked, gone)
        _set(project, Finding.DAMAGED, {row[0] for row in drawn}, damaged)
        _measure_again(project, looked - gone)
        done.files, done.sampled, after = done.files + len(rows), done.sampled + len(drawn), rows[-1][0]
        tell()


def _gone(missing: dict[str, int], store: MediaStore) -> tuple[set[int], set[int]]:
    """Of images (by SHA-256) that lack a file here, those that are gone, and those of which nobody can say it now.

    An original that was left in its bucket is asked for there, without its bytes; one that was overwritten is gone.
    """
    gone, unknown = set(missing.values()), set[int]()
    left = {sha256: place for sha256, place in bucket_objects.places(missing).items() if store.has_renditions(sha256)}
    with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="buckets") as pool:
        for sha256, is_there in zip(left, pool.map(_is_in_bucket, left.values(), left), strict=True):
            if is_there is not False:
                gone.discard(missing[sha256])
            if is_there is None:
                unknown.add(missing[sha256])
    return gone, unknown


def _is_in_bucket(place: Place, sha256: str) -> bool | None:
    """None: the bucket does not answer, or an administrator has closed it."""
    try:
        bucket_objects.check(place, sha256)
    except OriginalGone:
        return False
    except (BucketUnreachable, NotPossibleNow):
        return None
    return True


def _is_as_it_came(sha256: str, extension: str) -> bool:
    """These bytes were decoded to their end when they came in: while they are the same, they still can be."""
    try:
        return hashlib.sha256(originals.read(sha256=sha256, extension=extension)).hexdigest() == sha256
    except OSError:
        return False
    except (BucketUnreachable, NotPossibleNow):
        return True  # it answered just now: next time


@transaction.atomic
def _set(project: Project, code: Finding, looked: set[int], found: set[int]) -> None:
    """Of the images that were looked at, these have the finding, and no others."""
    known = ImageFinding.objects.filter(project=project, code=code, image__in=looked)
    if code == Finding.DAMAGED:
        # A thumbnail that cannot be read is another matter than a sound original.
        known = known.exclude(image__check_row__brightness=None)
    known.exclude(image__in=found).delete()
    there = Image.objects.filter(project=project, pk__in=found).values_list("pk", flat=True)
    ImageFinding.objects.bulk_create(
        [ImageFinding(project=project, code=code, image_id=pk) for pk in there], ignore_conflicts=True
    )


def _measure_again(project: Project, there: set[int]) -> None:
    """Forget that images could not be read whose files are there: the next check tries again."""
    unread = ImageCheck.objects.filter(project=project, image__in=there, brightness=None).values("image")
    store = media_store()
    rows = Image.objects.filter(pk__in=unread).values_list("pk", "sha256", "width", "height")
    again = [(row, measures) for row in rows if (measures := _measured(row, store)) is not None]
    sound = [row[0] for row, _measures in again]
    with transaction.atomic():
        ImageFinding.objects.filter(project=project, image__in=sound, code__in=findings.MEASURED).delete()
        ImageCheck.objects.filter(project=project, image__in=sound).delete()
    _keep(project, [row for row, _ in again], [measures for _, measures in again])


# ---------------------------------------------------------------- what depends on the others


def _medians(of: str) -> str:
    """A median for each measure, under its name. of: what it is the median of, with {0} for the measure."""
    medians = [
        f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {of.format(name)}) AS {name}" for name in findings.ODD_MEASURES
    ]
    return ", ".join(medians)


_FAR = " OR ".join(
    f"abs(c.{name} - middle.{name}) > %(from)s * greatest(%(least)s, %(usual)s * spread.{name})"
    for name in findings.ODD_MEASURES
)
_NEAR_DUPLICATES = """
    SELECT s.image_id FROM labeler_sketch s
    JOIN (SELECT "group" FROM labeler_sketch WHERE project_id = %(project)s GROUP BY "group" HAVING count(*) > 1) g
      ON g."group" = s."group"
    WHERE s.project_id = %(project)s
"""
# The median of each measure, then the median distance from it, then what is many such distances away.
_ODD = f"""
    SELECT c.image_id FROM labeler_imagecheck c,
      (SELECT count(brightness) AS n, {_medians("{0}")} FROM labeler_imagecheck WHERE project_id = %(project)s) middle,
      LATERAL (
        SELECT {_medians("abs(d.{0} - middle.{0})")} FROM labeler_imagecheck d WHERE d.project_id = %(project)s
      ) spread
    WHERE c.project_id = %(project)s AND middle.n >= %(fewest)s AND ({_FAR})
"""
_ODD_PARAMS = {
    "fewest": findings.FEWEST_FOR_ODD, "from": findings.ODD_FROM, "least": findings.LEAST_SPREAD,
    "usual": findings.USUAL,
}  # fmt: skip


def _replace(project: Project, code: Finding, query: str, params: dict[str, Any]) -> None:
    """The images that the query finds have the finding, and no others; rows that stay are not written again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH found AS MATERIALIZED ({query}), gone AS (
                DELETE FROM labeler_imagefinding f WHERE project_id = %(project)s AND code = %(code)s
                AND NOT EXISTS (SELECT FROM found WHERE found.image_id = f.image_id)
            )
            INSERT INTO labeler_imagefinding (project_id, code, image_id)
            SELECT i.project_id, %(code)s, i.id FROM found JOIN labeler_image i ON i.id = found.image_id
            WHERE i.project_id = %(project)s ON CONFLICT DO NOTHING
            """,
            {"project": project.pk, "code": code.value, **params},
        )
