"""From a training run's row to a model and back: labels, features, training, judgement, checkpoint, promotion.

Read train_run from top to bottom. Knows rows and worker.ml's entry points; how a network learns is
worker/ml/training/train.py. Every write goes through the run's lease: a worker that has lost it, or whose run was
cancelled, changes nothing more.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.errors import NotPossibleNow
from labeler.jobs import leases
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Image, Job, TrainingRun
from labeler.models.image import Slice
from labeler.models.job import Kind, State
from labeler.train_settings import TrainConfig
from labeler.training import run_answers, runs
from worker.attempt import attempt
from worker.indexing import near_duplicate_search, pixels
from worker.indexing.features import features_of, kept_as
from worker.inference import saved_models
from worker.ml.device import describe_device, pick_device, settle_process
from worker.ml.distributed import torchrun
from worker.ml.evaluation.temperature import apply_temperature
from worker.ml.images.pixels import PixelStore, Squares
from worker.ml.networks import backbones
from worker.ml.saved.predict import MIN_CALIBRATION
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train, wants_pixels
from worker.training import cost, evaluation, promotion, provenance, run_report
from worker.training.checkpoints import work_folder
from worker.training.dataset import Dataset, Example, assemble, groups_of, labels_now
from worker.training.screen import Screen, watch

logger = logging.getLogger(__name__)

COMPARE_SECONDS = 45.0  # for copies among images that nobody has looked at before
FEATURES_SHARE = 30  # of the bar's 100, for looking at images for the first time


def train_run(run_id: int, *, worker: str) -> None:
    """Train one requested run, then pre-label with it; does nothing when it is somebody else's or over."""
    taken = leases.take(TrainingRun, run_id, worker=worker)
    if taken is None:
        return
    run, lease = taken
    with attempt(lease) as pulse:
        if run.project.draws:
            from worker.training.train_drawn import train_drawn

            train_drawn(run, lease, pulse)
        else:
            _train(run, lease, pulse)
    # In the same process: torch and the network are loaded. Another worker may be quicker; then this does nothing.
    made = Job.objects.filter(project=run.project_id, kind=Kind.PRELABEL, params__run=run_id, state=State.QUEUED)
    if (job := made.first()) is not None:
        from worker.inference.write_prelabels import prelabel_job

        prelabel_job(job.pk, worker=worker)


def _train(run: TrainingRun, lease: Lease, pulse: Pulse) -> None:
    if run.project.trashed_at is not None:
        raise NotPossibleNow("The project is in the trash.")
    settle_process()
    config = read_settings(run.config)
    device = pick_device()
    bill = cost.Bill(device, run.spent)
    screen = Screen(lease, pulse, bill)
    screen.show("Reading the labels", 0)

    dataset, guideline = assemble(run.project), run.project.guideline_version
    lease.write(
        device=describe_device(device),
        spent=bill.readings(),
        category_ids=dataset.category_ids,
        category_names=dataset.category_names,
        dataset=_counts(dataset, 0),
        features=kept_as(backbones.get(config.backbone), config.image_size),
        **labels_now(run.project),
    )

    backbone = backbones.get(config.backbone)
    examples = dataset.examples
    screen.room = (0, FEATURES_SHARE)
    squares = _squares(run, dataset, config, device, screen)
    features, unreadable = features_of(
        [example.sha256 for example in examples],
        backbone,
        device,
        size=config.image_size,
        progress=lambda done, n: screen.show(f"Looking at the labeled images ({done} of {n})", done / max(n, 1)),
        squares=squares,
    )
    if unreadable:
        some = next(iter(unreadable.items()))
        logger.warning("%d images cannot be read and are left out, e.g. %s", len(unreadable), some)
    dataset, features = _some(dataset, features, set(unreadable))
    screen.show("Looking for copies of what the model is judged by", 1)
    dataset, features = _without_copies(run, dataset, features, pulse)
    n_train, n_test = len(dataset.train), len(dataset.test)

    screen.room = (FEATURES_SHARE, 95)
    hashes = [example.sha256 for example in dataset.train]
    kept = squares is not None and all(sha256 in squares for sha256 in hashes)
    samples = TrainingSet(
        features=features[:n_train],
        targets=(evaluation.soft_targets_of if config.soft_labels else evaluation.targets_of)(dataset, dataset.train),
        categories=dataset.category_ids,
        task=dataset.task,
        groups=groups_of([example.image_id for example in dataset.train], config.folds),
        sources=pixels.sources(squares or pixels.store_of(run.project_id), hashes),
        squares=Squares(squares, hashes) if squares is not None and kept else None,
    )
    processes = bill.n_gpus = torchrun.processes_for(samples, config, device)
    if processes > 1:
        torch.cuda.empty_cache()  # this process has looked at images on the first GPU
        events = torchrun.train_in_processes(samples, config, processes=processes, state_dir=work_folder(run))
    else:
        events = train(samples, config, device=device, state_dir=work_folder(run))
    result = watch(events, screen)

    screen.room = (95, 100)
    screen.show("Judging the model on held-out images", 0)
    held_out = [*dataset.test, *dataset.calibration]
    _, model = saved_models.of_result(result, dataset, device)
    found = saved_models.probabilities(
        model, [example.sha256 for example in held_out], tick=pulse.check, features=features[n_train:]
    )
    temperature, n_calibration = evaluation.temperature_of(dataset, found[n_test:])
    test = apply_temperature(found[:n_test], temperature, dataset.task)
    figures = evaluation.report(dataset, result.out_of_fold, test)
    calibration = apply_temperature(found[n_test:], temperature, dataset.task)
    in_use = saved_models.in_use(run.project, dataset.test, tick=pulse.check)
    verdict = promotion.verdict(dataset, figures, in_use, result.out_of_fold, test)
    said = [
        saved_models.answers(model, run_answers.Part.TEST, dataset.test, test),
        saved_models.answers(model, run_answers.Part.CROSSED, dataset.train, result.out_of_fold),
    ]

    screen.show("Looking at images nobody has labeled", 0.3)
    unseen = saved_models.on_stop_set(model, run.project, tick=pulse.check)
    settled = run_answers.settled(run, unseen)

    screen.show("Seeing whether more labels would help", 0.5)
    curve = run_report.learning_curve(samples, result.comparison, kappas=settled["kappas"], tick=pulse.check)
    orders = run_report.orders(
        dataset, samples, features[n_train : n_train + n_test], result.comparison, tick=pulse.check
    )  # fmt: skip

    screen.show("Storing the model", 0.9)
    made, _ = saved_models.of_result(
        result, dataset, device, temperature=temperature, calibrated_on=n_calibration, metrics=figures
    )
    checkpoint, sha256 = saved_models.save(run, lease.attempt, made)
    saved_models.keep_opinions(run, lease.attempt, [example.image_id for example in dataset.train], result)
    spent = bill.readings()
    finished = runs.finish(
        lease,
        activate=verdict.activate,
        instead_of=in_use.run if in_use else None,
        note=verdict.note,
        answers=[*said, unseen],
        # beside the figures, not in the checkpoint: they name images of this project
        metrics=figures
        | {"learning_curve": curve, "orders": orders, "stop_set": settled, "imbalance": result.balance}
        | {
            "provenance": provenance.provenance_of(dataset) | {"guideline": guideline},
            "cost": cost.together(spent) | {"attempts": lease.attempt},
        }
        | run_report.findings_of(dataset, out_of_fold=result.out_of_fold, test=test, calibration=calibration),
        comparison=result.comparison,
        history=[{"candidate": name, **curve} for name, curve in result.history.items()],
        dataset=_counts(dataset, len(unreadable) + len(result.skipped)),
        config=config.to_json(),
        spent=spent,
        temperature=temperature,
        is_calibrated=made.calibrated_on >= MIN_CALIBRATION,
        checkpoint=checkpoint,
        checkpoint_sha256=sha256,
        progress_done=100,
        progress_total=100,
    )
    saved_models.forget_other_attempts(finished)
    shutil.rmtree(work_folder(run), ignore_errors=True)


def _squares(
    run: TrainingRun, dataset: Dataset, config: TrainConfig, device: torch.device, screen: Screen
) -> PixelStore | None:
    """The decoded training images, all that can be read, where a candidate looks at them; else None."""
    if not wants_pixels(config, len(dataset.train)):
        return None
    squares = pixels.store_of(run.project_id)
    pixels.keep(
        squares,
        [example.sha256 for example in dataset.train],
        device.type,
        progress=lambda done, n: screen.show(f"Reading the labeled images ({done} of {n})", 0.3 * done / max(n, 1)),
    )
    return squares


def _counts(dataset: Dataset, unreadable: int) -> dict[str, int]:
    """For the run's row: how many images served what."""
    return {
        "train": len(dataset.train),
        "validation": len(dataset.train),  # each training image is judged once, in cross-validation
        "test": len(dataset.test),
        "calibration": len(dataset.calibration),
        "unreadable": unreadable,
    }


def _without_copies(
    run: TrainingRun, dataset: Dataset, features: NDArray[np.float16], pulse: Pulse
) -> tuple[Dataset, NDArray[np.float16]]:
    """Both without the images that turn out to be nearly the same as a held-out one, now and for ever."""
    ids = [example.image_id for example in dataset.examples]
    left_out, pairs = near_duplicate_search.compare_among(
        run.project, ids, features, seconds=COMPARE_SECONDS, tick=pulse.check
    )
    if pairs:
        logger.warning("run %d: no time to compare %d more pairs of images", run.pk, pairs)
    if not left_out:
        return dataset, features
    apart = set(Image.objects.filter(pk__in=ids, slice=Slice.APART).values_list("sha256", flat=True))
    return _some(dataset, features, apart)


def _some(dataset: Dataset, features: NDArray[np.float16], without: set[str]) -> tuple[Dataset, NDArray[np.float16]]:
    """Both without the images of these hashes; `features` has a row for each example."""
    if not without:
        return dataset, features

    def some(examples: list[Example]) -> list[Example]:
        return [example for example in examples if example.sha256 not in without]

    keep = [k for k, example in enumerate(dataset.examples) if example.sha256 not in without]
    train, test, calibration = (some(part) for part in (dataset.train, dataset.test, dataset.calibration))
    return replace(dataset, train=train, test=test, calibration=calibration), features[keep]
