"""Write the active model's prediction for each image, and order the queue anew.

Knows rows. What the model computes is worker/ml; how predictions are stored, and what is unsure, is
labeler/training/prelabels.py. The images are cut into parts (labeler/jobs/parts.py) which any worker may take; the one
that has the job adds them up and orders the queue. Killed half-way and run again it goes on where it was: images that
have their prediction are not looked at again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

import numpy as np
from django.db import connection, transaction

from labeler.acceptance import accepting
from labeler.consensus import label_economy
from labeler.jobs import parts
from labeler.jobs.leases import Lease, LeaseLost, Pulse
from labeler.models import Job, TrainingRun
from labeler.models.job import State
from labeler.training import drift, prelabels, queue_order, runs
from labeler.training import features as kept
from labeler.training.prelabels import Opinion
from labeler.training.queue_order import OpenEntry
from worker.attempt import attempt, on_job
from worker.inference import drawn_models, saved_models
from worker.ml.device import pick_device, settle_process
from worker.ml.saved.drawn import DrawnModel
from worker.ml.saved.predict import Model
from worker.ml.training import active_learning

logger = logging.getLogger(__name__)

BATCH = 50  # images that should not all ask the same question

STEP = 256  # images between two transactions: seconds of work, and what a kill costs
MOST_STEP, QUICK_SECONDS = 1024, 1.0  # more at a time where that many take so little
WRITE_SECONDS = 0.7
WAIT_SECONDS = 0.3


@on_job()
def prelabel_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Run one pre-labeling; does nothing when it is somebody else's or over."""
    run = TrainingRun.objects.select_related("project").get(pk=job.params["run"])
    if not run.is_active or run.project.trashed_at is not None:
        lease.finish(result={"predicted": 0, "note": f"Model {run.number} is not in use any more."})
        return
    settle_process()
    lease.write(stage="Loading the model")
    if not job.parts.exists():  # else an attempt before this one has cut them
        # Before the images are listed: one that comes in meanwhile has a higher id and is noticed by the next look.
        noted = {"last_image": prelabels.last_image(run.project), "before": run.predictions.count()}
        with transaction.atomic():
            parts.cut(job, list(prelabels.images_to_predict(run).values_list("pk", flat=True)))
            lease.write(result=noted)
        job.refresh_from_db()
    last_image, before = job.result["last_image"], job.result["before"]
    found = _do_parts(job, run, lease, pulse, before)
    total = before + found.images
    accepted = 0
    if found.error is None:
        lease.write(stage="Accepting what is promised", progress_done=total, progress_total=total)
        accepted = accepting.accept(run, tick=pulse.check)
    # Refused when the job was cancelled because another model is active by now: that one sets the order.
    lease.write(stage="Ordering the queue", progress_done=total, progress_total=total)
    if run.project.ask_by_gain:
        label_economy.ask_where_gain_is_highest(run.project)
    else:
        queue_order.reorder(run.project, spread=partial(_spread, run))
    runs.record_prelabel_progress(run, before + found.done, total, finished=found.error is None)
    prelabels.forget_old(run.project)
    drift.record(run)
    result = {
        "predicted": found.done - found.unreadable,
        "unreadable": found.unreadable,
        "accepted": accepted,
        "last_image": last_image,
    }
    if found.error is not None:
        lease.fail(found.error["code"], found.error["message"], result=result)
    else:
        lease.finish(result=result)
    parts.forget_ended()
    logger.info("project %s: model %s predicted %s", run.project_id, run.number, result)


def help_with(job_id: int, *, worker: str) -> None:
    """Work on parts of a pre-labeling that another worker has begun, until none is free."""
    job = Job.objects.get(pk=job_id)
    run = TrainingRun.objects.select_related("project").get(pk=job.params["run"])
    settle_process()
    model = _load(run)
    _do_free_parts(job, run, model, worker=worker, tick=lambda: None)


def _do_parts(job: Job, run: TrainingRun, lease: Lease, pulse: Pulse, before: int) -> parts.Together:
    """Work on parts, with whoever helps, until none is left. Raises LeaseLost."""
    model: Model | DrawnModel | None = None
    shown_at = 0.0

    def show() -> parts.Together:
        nonlocal shown_at
        found = parts.together(job)
        done, total = before + found.done, before + found.images
        lease.write(stage="Making pre-labels", progress_done=done, progress_total=total)
        runs.record_prelabel_progress(run, done, total)
        shown_at = time.monotonic()  # not when the lease is lost: whoever asks again shall hear it again
        return found

    def tick() -> None:
        pulse.check()
        if time.monotonic() - shown_at > WRITE_SECONDS:
            show()

    parts.call_helpers(job)
    while (found := show()).unfinished:
        if model is None:
            model = _load(run)
        _do_free_parts(job, run, model, worker=job.worker, tick=tick)
        if show().unfinished:
            time.sleep(WAIT_SECONDS)  # the last ones are being worked on; should their workers die, they become free
    return found


@dataclass
class _Pace:
    """How many images are looked at in one transaction, by how quick the last ones were."""

    step: int = STEP


def _do_free_parts(
    job: Job, run: TrainingRun, model: Model | DrawnModel, *, worker: str, tick: Callable[[], None]
) -> None:
    """Work on parts until none is free or the job has ended. Raises what `tick` raises.

    Where features are kept, PostgreSQL has most of the work. So parts are done in two threads: one looks at images
    while what the other has seen is stored; never do two look at once, there is one model.
    """
    looking, stopped = threading.Lock(), threading.Event()

    def one_after_the_other(tick: Callable[[], None]) -> None:
        pace = _Pace()
        while parts.is_help_wanted(job.pk):
            tick()  # between two parts: what it raises within one ends that part alone (worker/attempt.py)
            if not _do_one_part(job, run, model, pace, looking, worker=worker, tick=tick):
                return

    def beside() -> None:
        try:
            one_after_the_other(stop)
        finally:
            connection.close()  # this thread's own

    def stop() -> None:
        if stopped.is_set():
            raise LeaseLost("the other thread has stopped")

    with ThreadPoolExecutor(1, "parts") as pool:
        # One part is no work for two.
        other = pool.submit(beside) if job.parts.filter(state=State.QUEUED).count() > 1 else None
        try:
            one_after_the_other(tick)
            while other is not None and not other.done():
                tick()
                wait([other], timeout=WAIT_SECONDS)
        finally:
            stopped.set()
    if other is not None:
        other.result()  # what it raised


def _do_one_part(
    job: Job, run: TrainingRun, model: Model | DrawnModel, pace: _Pace, looking: threading.Lock, *, worker: str,
    tick: Callable[[], None],
) -> bool:  # fmt: skip
    """False: none is free. Images that have their prediction already are left out."""
    taken = parts.take(job, worker=worker)
    if taken is None:
        return False
    part, lease = taken
    with attempt(lease) as pulse:
        hashes = prelabels.hashes_of(part.images)
        # An attempt before this one may have stored some.
        known = prelabels.judged(run, part.images) if part.attempt > 1 else set()
        todo = [pk for pk in part.images if pk in hashes and pk not in known]
        unreadable = 0

        def look() -> None:
            pulse.check()
            tick()

        done = 0
        while done < len(todo):
            look()
            ids = todo[done : done + pace.step]
            with looking:
                begun = time.monotonic()
                said = _opinions(model, run, ids, [hashes[pk] for pk in ids], look)
            unreadable += len(ids) - prelabels.store(run, said)
            # refused when the job was cancelled meanwhile: then its parts are gone
            done += len(ids)
            lease.write(progress_done=len(part.images) - len(todo) + done, unreadable=unreadable)
            # where features are kept, most of the time would go to transactions
            pace.step = min(2 * pace.step, MOST_STEP) if time.monotonic() - begun < QUICK_SECONDS else STEP
        lease.finish(progress_done=len(part.images), unreadable=unreadable)
    return True


def _load(run: TrainingRun) -> Model | DrawnModel:
    return drawn_models.load(run, pick_device()) if run.project.draws else saved_models.load(run, pick_device())


def _opinions(
    model: Model | DrawnModel, run: TrainingRun, ids: Sequence[int], hashes: Sequence[str], tick: Callable[[], None]
) -> list[Opinion]:
    """What the model says of these images; unreadable ones are left out."""
    if isinstance(model, DrawnModel):
        return drawn_models.opinions(model, run, ids, hashes, tick)
    return saved_models.opinions(model, ids, saved_models.probabilities(model, hashes, tick=tick))


def _spread(run: TrainingRun, unsure: Sequence[OpenEntry]) -> Sequence[OpenEntry]:
    """The least sure images, dealt from groups that look alike: fifty in a row should not ask one question."""
    head = unsure[: 10 * BATCH]
    name = kept.of_run(run) or ""
    known = kept.load(name, [entry.sha256 for entry in head])
    if len(known) < len(head):
        return unsure  # a network trained further leaves no features of images that it judged itself
    vectors = np.stack([np.frombuffer(known[entry.sha256], "<f2") for entry in head]) if head else np.empty((0, 1))
    margins = np.array([entry.margin for entry in head], np.float32)
    first = np.argsort(-active_learning.priorities(margins, vectors, batch=BATCH), kind="stable")
    return [*(head[k] for k in first), *unsure[len(head) :]]
