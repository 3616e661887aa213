"""Create and cancel jobs: imports, and other long work that is a row with a state. The only module that writes Job.

Pre-labelings are asked for by training/prelabels.py, varied images by training/augmentation_preview.py, indexes by
training/image_index.py, releases and their files by releases/, checks by data_checks/check.py, all through `create`
here. Knows states, not what the work does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.errors import KeyReused, NotCancellable, NotPossibleNow
from labeler.jobs import dispatch, leases, parts
from labeler.jobs.leases import Lease
from labeler.models import Job, Project
from labeler.models.job import MAX_ATTEMPTS, UNFINISHED, Kind, State

TASKS = {
    Kind.IMPORT: dispatch.IMPORT,
    Kind.PRELABEL: dispatch.PRELABEL,
    Kind.VIEWS: dispatch.VIEWS,
    Kind.LOOK: dispatch.BUILD_INDEX,
    Kind.JUDGE: dispatch.JUDGE,
    Kind.IMAGES: dispatch.IMAGES,
    Kind.RELEASE: dispatch.FREEZE,
    Kind.EXPORT: dispatch.BUILD_FILE,
    Kind.CHECKS: dispatch.CHECK_DATA,
}

JUDGEMENTS = "labels-csv"  # the format of an import whose rows are people's answers
SOURCES = ("path", "urls", "url")  # where an import's rows are
KEPT = timedelta(days=1)  # a file that was only looked at
UPLOADS = "uploads"  # below MEDIA_DIR: where a view puts a file for an import; deleted when the job has ended


def source_of(job: Job) -> Path:
    """The file or folder an import reads: params["path"], absolute or below MEDIA_DIR."""
    return Path(settings.MEDIA_DIR) / job.params["path"]


def request_import(
    *,
    project: Project,
    requested_by: User | None,
    params: dict[str, Any],
    idempotency_key: UUID | None = None,
    body_hash: str = "",
) -> Job:
    """Ask for an import. A worker is told after commit.

    params: "path" (see source_of; a view puts uploads into MEDIA_DIR/uploads/ under a name of its own), or "urls"; and
    perhaps "format" (labeler/imports/run.py has them), the answers of labeler/imports/options.py, "dry_run", "ask",
    "name", the file's name as the person knows it, and "blind", true where they say that its judgements were given
    blind.
    The same idempotency key gives the job it made before; with another body it raises KeyReused.
    """
    earlier = earlier_upload(requested_by=requested_by, key=idempotency_key, body_hash=body_hash)
    return earlier or _once(
        lambda **asked: create(Kind.IMPORT, project=project, params=params, **asked),
        requested_by=requested_by, key=idempotency_key, body_hash=body_hash,
    )  # fmt: skip


def earlier_upload(*, requested_by: User | None, key: UUID | None, body_hash: str) -> Job | None:
    """What this key asked for before, or None. Raises KeyReused when it was something else."""
    job = Job.objects.filter(requested_by=requested_by, idempotency_key=key).first() if key is not None else None
    if job is not None and job.body_hash != body_hash:
        raise KeyReused(_("This idempotency key was used for another import. Use a new key for a new import."))
    return job


def _once(make: Callable[..., Job], *, requested_by: User | None, key: UUID | None, body_hash: str) -> Job:
    """The job that is made under this key, or that of the same person's other try, which was quicker."""
    try:
        with transaction.atomic():
            return make(requested_by=requested_by, idempotency_key=key, body_hash=body_hash)
    except IntegrityError:
        earlier = earlier_upload(requested_by=requested_by, key=key, body_hash=body_hash)
        if earlier is None:
            raise
        return earlier


def create(kind: Kind, *, project: Project, task: str = "", **fields: Any) -> Job:
    """A queued job, and after commit a message about it. task: of dispatch.py, where it is not that of the kind."""
    job = Job.objects.create(project=project, kind=kind, **fields)
    dispatch.send_after_commit(task or TASKS[kind], job.pk)
    return job


@transaction.atomic
def create_unless_there(kind: Kind, *, project: Project, params: dict[str, Any], **alike: Any) -> Job:
    """The project's unfinished job of this kind that fits the lookups `alike`, or a new one."""
    # Two that ask at once would both find no job.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    there = Job.objects.filter(project=project, kind=kind, state__in=UNFINISHED, **alike).first()
    return there or create(kind, project=project, params=params)


def begin_here(
    *, project: Project, params: dict[str, Any], worker: str, kind: Kind = Kind.IMPORT, requested_by: User | None = None
) -> tuple[Job, Lease]:
    """Work that this process does itself, begun: nobody is told, and no worker takes it while the lease lives."""
    with transaction.atomic():
        job = Job.objects.create(project=project, kind=kind, params=params, requested_by=requested_by)
        taken = leases.take(Job, job.pk, worker=worker)
    assert taken is not None  # nobody else has seen it
    return taken


def cancel(job: Job) -> Job:
    """Stop a job; its worker notices within a step. What it has finished so far stays. Raises NotCancellable."""
    if not leases.cancel(Job, job.pk):
        job.refresh_from_db()
        raise NotCancellable(
            _("This %(kind)s is %(state)s already.")
            % {"kind": job.get_kind_display(), "state": job.get_state_display()}
        )
    job.refresh_from_db()
    forget_upload(job)
    return job


def forget_upload(job: Job) -> None:
    """Delete the uploaded file of an import that has ended: its images are in the media store, or never will be."""
    if job.kind == Kind.IMPORT and job.is_finished and "path" in job.params and not is_waiting_for_answers(job):
        _delete_upload(source_of(job))


def _delete_upload(source: Path) -> None:
    if Path(settings.MEDIA_DIR, UPLOADS) in source.parents:
        source.unlink(missing_ok=True)


def is_waiting_for_answers(job: Job) -> bool:
    """Has it only looked at its file, so that whoever sent it may say now what is to become of it?"""
    is_kept = job.finished_at is not None and job.finished_at > timezone.now() - KEPT
    is_open = job.params.keys() & set(SOURCES) and "confirmed" not in job.params
    return bool(is_kept and is_open and job.state == State.DONE and job.result.get("asks") is True)


def confirm(job: Job, *, by: User | None, params: dict[str, Any]) -> Job:
    """Import the file that a dry run has looked at, with these answers; again, the same import.

    Raises NotPossibleNow where its file is gone, or it was no dry run.
    """
    with transaction.atomic():
        looked = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if (earlier := Job.objects.filter(pk=looked.params.get("confirmed", 0)).first()) is not None:
            return earlier
        if not is_waiting_for_answers(looked):
            raise NotPossibleNow(_("There is nothing to confirm: the file is gone, or it was imported. Send it again."))
        kept = {
            name: looked.params[name]
            for name in (*SOURCES, "name", "blind", "origin", "by_reference")
            if name in looked.params
        }
        format_ = looked.params.get("format", "auto")
        if "path" in looked.params:  # else it says where the rows are, not what they are
            format_ = looked.result.get("format", format_)
        fresh = create(
            Kind.IMPORT, project=looked.project, requested_by=by, params={**kept, "format": format_, **params}
        )
        # The file is the new one's now.
        rest = {name: value for name, value in looked.params.items() if name != "path"}
        looked.params = {**rest, "confirmed": fresh.pk}
        looked.save(update_fields=["params"])
    return fresh


def discard_looked_at(job: Job) -> None:
    """Throw away a file that was only looked at. Raises NotPossibleNow where it is gone already."""
    with transaction.atomic():
        looked = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if not is_waiting_for_answers(looked):
            raise NotPossibleNow(_("There is nothing to throw away any more."))
        source = source_of(looked) if "path" in looked.params else None
        looked.params = {name: value for name, value in looked.params.items() if name not in SOURCES}
        looked.save(update_fields=["params"])
    if source is not None:
        _delete_upload(source)


def forget_unconfirmed() -> None:
    """Delete files that were looked at, and about which nobody said more within KEPT."""
    old = Job.objects.filter(kind=Kind.IMPORT, state=State.DONE, params__has_key="path", finished_at__lt=Now() - KEPT)
    for job in old.filter(result__asks=True):
        forget_upload(job)
        Job.objects.filter(pk=job.pk).update(params={k: v for k, v in job.params.items() if k != "path"})


def resend_lost() -> int:
    """Tell workers about jobs they do not know of or have dropped, fail those that killed three; how many are told."""
    parts.forget_ended()
    forget_unconfirmed()
    if leases.fail_rows_without_attempts_left(Job):
        for job in Job.objects.filter(kind=Kind.IMPORT, state=State.FAILED, attempt__gte=MAX_ATTEMPTS):
            forget_upload(job)
    return sum(dispatch.send_again(TASKS[Kind(job.kind)], job.pk) for job in leases.waiting(Job) if job.kind in TASKS)


def record_upload(*, project: Project, requested_by: User, key: UUID, body_hash: str, result: dict[str, Any]) -> Job:
    """Remember what an upload answered, so that the same key answers it again. A twin that was quicker wins."""
    done = {"kind": Kind.IMPORT, "state": State.DONE, "params": {"upload": True}, "finished_at": Now()}
    return _once(
        lambda **asked: Job.objects.create(project=project, result=result, **done, **asked),
        requested_by=requested_by, key=key, body_hash=body_hash,
    )  # fmt: skip
