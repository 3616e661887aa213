"""Delete images and bring them back; after 30 days in the trash, delete images and projects for good.

Knows who did it and what follows for others: figures are counted anew, the audit keeps what was deleted. How rows and
files go is labeler/intake/trash.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Busy
from labeler.intake import refusal_report, trash
from labeler.jobs import jobs
from labeler.labeling import counters, seats, trash_rows
from labeler.models import Image, Job, Label, Project
from labeler.projects import projects
from labeler.projects.projects import IN_TRASH_FOR
from labeler.training import features, image_index, model_files, prelabels

RESTORED = "images.restore"  # in the audit: what is checked of a data set is checked again
STEP = 200  # images per transaction, in which people who save on them wait
PURGED_AT_ONCE = 100  # images per transaction: rows, then files
IMAGES_NAMED = 1_000  # of a deletion, in the audit
PAUSE_SECONDS = 0.01  # before a step is begun again; an answer takes less
RETRY_SECONDS = 3


def delete(*, project: Project, by: User | None, image_ids: Sequence[int]) -> list[int]:
    """Move images to the trash, a step at a time; those that were in the project, by id.

    Each step is one transaction, and its line in the audit is in it.
    """
    gone: list[int] = []
    for part in _steps(image_ids):
        gone += _until_free(partial(_delete, project, by, part))
    if gone:
        seats.forget_frontiers(project)
        projects.votes_changed(project)
    return gone


def _delete(project: Project, by: User | None, ids: Sequence[int]) -> list[int]:
    bin_ = projects.trash_of_images(project)
    with transaction.atomic():
        gone = trash.move(project=project, trash=bin_, image_ids=ids)
        _write_down(by, "images.delete", project, gone)
    return gone


def _restore(project: Project, by: User | None, ids: Sequence[int]) -> list[int]:
    with transaction.atomic():
        back = trash.bring_back(project=project, image_ids=ids)
        _write_down(by, RESTORED, project, back)
    return back


def _until_free(step: Callable[[], list[int]]) -> list[int]:
    """Do a step, again while somebody answers one of its images at that moment. Raises Busy when that does not end."""
    for attempt in range(1, trash_rows.TRIES + 1):
        try:
            return step()
        except trash_rows.InUse as busy:
            if attempt == trash_rows.TRIES:
                sentence = _("People are answering these images at this very moment. Try again in a few seconds.")
                raise Busy(sentence, retry_after=RETRY_SECONDS) from busy
            time.sleep(attempt * PAUSE_SECONDS)
    raise AssertionError("unreachable")


def restore(*, project: Project, by: User | None, image_ids: Sequence[int]) -> list[int]:
    """Bring images back with everything that is known of them; those that were in the trash, by id.

    What changed meanwhile is made up for: classes that were merged are counted as what they became, and the active
    model is asked about images that it has not seen.
    """
    back: list[int] = []
    for part in _steps(image_ids):
        found = _until_free(partial(_restore, project, by, part))
        counters.these(project, found)
        back += found
    if back:
        seats.forget_frontiers(project)
        projects.votes_changed(project)
        run = project.runs.active().first()
        if run is not None and prelabels.images_to_predict(run).filter(pk__in=back).exists():
            prelabels.request(run)
        if run is not None and image_index.has_missed(project, back):
            image_index.request(run)
    return back


def _steps(image_ids: Sequence[int]) -> list[list[int]]:
    ids = sorted(set(image_ids))
    return [ids[start : start + STEP] for start in range(0, len(ids), STEP)]


def _write_down(by: User | None, action: str, project: Project, ids: Sequence[int]) -> None:
    if not ids:
        return
    labels = Label.objects.filter(image__in=ids).count()
    answered = Image.objects.filter(pk__in=ids, n_votes__gt=0).count()
    audit(
        by, action, project=project, subject=f"{len(ids)} images", images=len(ids), labels=labels, answered=answered,
        ids=list(ids[:IMAGES_NAMED]),
    )  # fmt: skip


# ---------------------------------------------------------------- for good


def purge_overdue(most: int = 5_000) -> int:
    """Delete what has been in the trash for 30 days, images first, then whole projects; how many images.

    most: images at a time, so that beat's round stays short: the next one goes on. Killed anywhere, it ends the same.
    """
    before = timezone.now() - IN_TRASH_FOR
    done = _purge(lambda n: trash.overdue(before, n), most)
    for project in projects.overdue_in_trash():
        done += _purge(lambda n, of=project: trash.of_project(of, n), most - done)  # type: ignore[misc]
        if not trash.of_project(project, 1):
            model_files.forget(project)
            for job in Job.objects.filter(project=project):
                jobs.forget_upload(job)
                refusal_report.forget(job.pk)
            projects.purge(project)
    return done


def _purge(find: Callable[[int], list[int]], most: int) -> int:
    done = 0
    while done < most and (ids := find(min(PURGED_AT_ONCE, most - done))):
        n = purge(ids)
        if not n:
            break  # somebody else is at these
        done += n
    return done


def purge(image_ids: Sequence[int]) -> int:
    """Delete these images of the trash for good, in one transaction; how many."""
    of = Image.objects.filter(pk__in=image_ids).values_list("trashed_from", "pk")
    by_project: dict[int, list[int]] = {}
    for project_id, pk in of:
        if project_id is not None:
            by_project.setdefault(project_id, []).append(pk)
    with transaction.atomic():
        for project_id, ids in by_project.items():
            audit(None, "images.purge", project=project_id, subject=f"{len(ids)} images", images=len(ids), ids=ids)
        n, contents = trash.purge_rows(image_ids)
        features.forget_contents(contents)
        trash.delete_files(contents)
    return n
