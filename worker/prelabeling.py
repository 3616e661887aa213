"""From an active model to pre-labels: what it says about each image, and the queue's new order.

Knows rows. What the model computes is worker/ml; how predictions are stored, and what is unsure, is
labeler/prelabels.py. Killed half-way and run again it goes on where it was: images that have their prediction are not
looked at again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial

import numpy as np

from labeler import acceptance, economy, jobs, prelabels, runs
from labeler import features as kept
from labeler.leases import Lease, Pulse
from labeler.models import Job, TrainingRun
from labeler.prelabels import OpenEntry
from worker import features, models
from worker.attempt import attempt
from worker.ml import asking
from worker.ml.device import pick_device, settle_process

logger = logging.getLogger(__name__)

BATCH = 50  # images that should not all ask the same question

STEP = 256  # images between two transactions: seconds of work, and what a kill costs
WRITE_SECONDS = 0.7


def prelabel_job(job_id: int, *, worker: str) -> None:
    """Run one pre-labeling; does nothing when it is somebody else's or over."""
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:
        _prelabel(job, lease, pulse)


def _prelabel(job: Job, lease: Lease, pulse: Pulse) -> None:
    run = TrainingRun.objects.select_related("project").get(pk=job.params["run"])
    if not run.is_active or run.project.trashed_at is not None:
        lease.finish(result={"predicted": 0, "note": f"Model {run.number} is not in use any more."})
        return
    settle_process()
    lease.write(stage="Loading the model")
    # Before the images are listed: one that comes in meanwhile has a higher id and is noticed by the next look.
    last_image = prelabels.last_image(run.project)
    images = list(prelabels.images_to_predict(run).values_list("pk", "sha256"))
    before = run.predictions.count()
    total, unreadable, shown_at = before + len(images), 0, 0.0
    model = models.load(run, pick_device()) if images else None
    for start in range(0, len(images), STEP):
        pulse.check()
        part = images[start : start + STEP]
        assert model is not None
        ids, hashes = [pk for pk, _ in part], [sha256 for _, sha256 in part]
        stored = prelabels.store(
            run, models.opinions(model, ids, models.probabilities(model, hashes, tick=pulse.check))
        )
        unreadable += len(part) - stored
        done = before + start + len(part)
        if time.monotonic() - shown_at > WRITE_SECONDS:
            shown_at = time.monotonic()
            lease.write(stage="Making pre-labels", progress_done=done, progress_total=total)
            runs.note_predictions(run, done, total)
    lease.write(stage="Accepting what is promised", progress_done=total, progress_total=total)
    accepted = acceptance.accept(run, tick=pulse.check)
    # Refused when the job was cancelled because another model is active by now: that one sets the order.
    lease.write(stage="Ordering the queue", progress_done=total, progress_total=total)
    if run.project.ask_by_gain:
        economy.weigh(run.project)
    else:
        prelabels.reorder(run.project, spread=partial(_spread, run))
    runs.note_predictions(run, total, total, finished=True)
    prelabels.forget_old(run.project)
    result = {
        "predicted": len(images) - unreadable,
        "unreadable": unreadable,
        "accepted": accepted,
        "last_image": last_image,
    }
    lease.finish(result=result)
    logger.info("project %s: model %s predicted %s", run.project_id, run.number, result)


def _spread(run: TrainingRun, unsure: Sequence[OpenEntry]) -> Sequence[OpenEntry]:
    """The least sure images, dealt from groups that look alike: fifty in a row should not ask one question."""
    head = unsure[: 10 * BATCH]
    name = features.name_of(run.config["backbone"], run.config["image_size"])
    known = kept.load(name, [entry.sha256 for entry in head])
    if len(known) < len(head):
        return unsure  # a network trained further leaves no features of images that it judged itself
    vectors = np.stack([np.frombuffer(known[entry.sha256], "<f2") for entry in head]) if head else np.empty((0, 1))
    margins = np.array([entry.margin for entry in head], np.float32)
    first = np.argsort(-asking.priorities(margins, vectors, batch=BATCH), kind="stable")
    return [*(head[k] for k in first), *unsure[len(head) :]]
