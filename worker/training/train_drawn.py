"""From a training run's row to a model that draws, and back: objects, training, judgement, checkpoint, promotion.

Read train_drawn from top to bottom. The sibling of train_run.py, which trains models of classes; every write goes
through the run's lease as there.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from labeler.jobs.leases import Lease, Pulse
from labeler.models import TrainingRun
from labeler.models.project import Task
from labeler.stats.results import FEW_IMAGES
from labeler.training import runs
from labeler.training.out_of_fold import folder_of
from labeler.training.run_answers import Part
from worker.indexing.features import kept_as
from worker.inference import drawn_models, saved_models
from worker.ml.detection.samples import Found, nothing
from worker.ml.detection.train import DrawnResult
from worker.ml.device import describe_device, pick_device, settle_process
from worker.ml.distributed import torchrun
from worker.ml.errors import ModelError
from worker.ml.evaluation import objects as evaluation
from worker.ml.evaluation import pixel_figures
from worker.ml.networks import backbones
from worker.ml.saved import checkpoint, drawn
from worker.ml.saved.drawn import DrawnModel
from worker.ml.saved.storage import write_atomically
from worker.ml.training.settings import read_settings
from worker.training import cost, drawn_findings, drawn_judgement, judge_outside_drawn, provenance, run_report
from worker.training.checkpoints import work_folder
from worker.training.dataset import groups_of, labels_now
from worker.training.drawn_dataset import DrawnDataset, DrawnExample, assemble
from worker.training.drawn_judgement import Judged
from worker.training.screen import Screen, watch

FINDINGS = "objects.npz"  # what the model said of the images that judge it, beside the model
# Calibrated: as many objects of as many images that the model has not learned from.
CALIBRATED_IMAGES, CALIBRATED_OBJECTS = 50, 200


def train_drawn(run: TrainingRun, lease: Lease, pulse: Pulse) -> None:
    """Raises what worker.ml.errors has, and LeaseLost."""
    settle_process()
    config = read_settings(run.config)
    device = pick_device()
    bill = cost.Bill(device, run.spent)
    screen = Screen(lease, pulse, bill)
    screen.show("Reading what people have drawn", 0)
    dataset, guideline = assemble(run.project), run.project.guideline_version
    labels = labels_now(run.project)
    lease.write(
        device=describe_device(device, "as many threads as cores were idle"), spent=bill.readings(),
        category_ids=dataset.category_ids, category_names=dataset.category_names, dataset=_counts(dataset, 0),
        # by which images are told apart that look alike: what to ask next is dealt from groups of them
        features=kept_as(backbones.get(config.backbone), config.image_size), **labels,
    )  # fmt: skip

    ids = [example.image_id for example in dataset.train]
    samples = dataset.samples(dataset.train, groups_of(ids, 4), run_report.asked_of(ids))
    screen.room = (0, 90)
    is_semantic = run.project.task == Task.SEMANTIC
    processes = bill.n_gpus = torchrun.processes_for(samples, config, device)
    if processes > 1:
        events = torchrun.train_in_processes(samples, config, processes=processes, state_dir=work_folder(run))
    else:
        events = torchrun.learner_of(samples)(samples, config, device=device, state_dir=work_folder(run))
    result: DrawnResult = watch(events, screen)

    screen.room = (90, 100)
    screen.show("Judging the model on held-out images", 0)
    by_masks = run.project.task != Task.BOXES
    made = checkpoint.of_drawn(result, _named(dataset))
    plain = drawn.of_checkpoint(made, device)
    apart = _crossed(dataset, result)
    test = _judged(plain, dataset, dataset.test, pulse.check)
    calibration = _judged(plain, dataset, dataset.calibration, pulse.check)
    platt, calibrated_on, shown_from = (1.0, 0.0), 0, np.zeros(len(dataset.category_ids))
    if not is_semantic:
        platt, calibrated_on = _platt(calibration, apart, len(dataset.category_ids), by_masks=by_masks)
        apart, test = _calibrated(apart, platt), _calibrated(test, platt)
        # From images that the run has not learned from, and never from those that judge it.
        shown_from = evaluation.thresholds(
            apart.truth, apart.found, apart.sizes, len(dataset.category_ids), by_masks=by_masks,
            wish=config.drawing.wish,
        )  # fmt: skip
    judged = test if len(test.examples) >= FEW_IMAGES else apart
    figures = drawn_judgement.figures(run.project, dataset, judged, shown_from, config.drawing.wish)
    kept = [
        (Part.TEST if part.on_test else Part.CROSSED, part, drawn_findings.counts_of(dataset, part, shown_from))
        for part in (test, apart)
    ]
    figures["slices"] = next(
        drawn_findings.by_metadata(dataset, part.examples, counts) for _name, part, counts in kept if part is judged
    )
    # With the run alone: the files of the model name no image that somebody should look at.
    doubted = {} if is_semantic else drawn_findings.label_errors(dataset, apart, shown_from, labels["last_label"])

    screen.show("Comparing it with the model in use", 0.5)
    in_use = runs.active(run.project)
    activate, note = _verdict(in_use, dataset, test, figures, device, pulse.check, by_masks=by_masks)

    screen.show("Storing the model", 0.9)
    kinds = np.concatenate([np.zeros(0, np.int64), *(example.drawn.classes for example in dataset.train)])
    recipe = {
        "platt": list(platt), "shown_from": shown_from.tolist(), "tolerance": config.drawing.outline_tolerance,
        "n_objects": np.bincount(kinds, minlength=len(dataset.category_ids)).tolist(),
    }  # fmt: skip
    made = checkpoint.of_drawn(result, _named(dataset), calibrated_on=calibrated_on, metrics=figures, recipe=recipe)
    path, sha256 = saved_models.save(run, lease.attempt, made)
    _keep(run, lease.attempt, judged)
    spent = bill.readings()
    finished = runs.finish(
        lease,
        activate=activate,
        instead_of=in_use,
        note=note,
        answers=[drawn_findings.answers(dataset, name, part.examples, counts) for name, part, counts in kept],
        metrics=figures
        | {
            "provenance": provenance.provenance_of_drawn(dataset) | {"guideline": guideline},
            "cost": cost.together(spent) | {"attempts": lease.attempt},
            "label_errors": doubted,
            "learning_curve": drawn_findings.learning_curve(result.learning, len(dataset.train) - len(result.skipped)),
            "orders": drawn_findings.orders(result.learning),
        },
        comparison=result.comparison,
        history=[{"candidate": name, **curve} for name, curve in result.history.items()],
        dataset=_counts(dataset, len(result.skipped)),
        config=config.to_json(),
        spent=spent,
        is_calibrated=calibrated_on > 0,
        checkpoint=path,
        checkpoint_sha256=sha256,
        progress_done=100,
        progress_total=100,
    )
    saved_models.forget_other_attempts(finished)
    shutil.rmtree(work_folder(run), ignore_errors=True)


def _named(dataset: DrawnDataset) -> list[dict[str, Any]]:
    return [{"id": pk, "name": name} for pk, name in zip(dataset.category_ids, dataset.category_names, strict=True)]


def _crossed(dataset: DrawnDataset, result: DrawnResult) -> Judged:
    """The training images that the chosen candidate was judged by before it learned from them."""
    pairs = [
        (example, found) for example, found in zip(dataset.train, result.out_of_fold, strict=True) if found is not None
    ]
    return Judged([example for example, _ in pairs], [found for _, found in pairs], False)


def _judged(
    model: DrawnModel, dataset: DrawnDataset, examples: Sequence[DrawnExample], tick: Callable[[], None]
) -> Judged:
    samples = dataset.samples(examples)
    kept, said = [], []
    for at, found in model.detector.find(samples.sources, samples.sizes):
        tick()
        if found is not None:
            kept.append(examples[at])
            said.append(found)
    return Judged(kept, said, True)


def _platt(calibration: Judged, apart: Judged, n_classes: int, *, by_masks: bool) -> tuple[tuple[float, float], int]:
    """(a, b) of the probabilities, and on how many images they are calibrated: 0 while those are too few.

    Until then the images that the run has not learned from serve: better than nothing, and it is not called calibrated.
    """
    for part, enough in ((calibration, CALIBRATED_IMAGES), (apart, 1)):
        score, hit = evaluation.hits(part.truth, part.found, part.sizes, n_classes, by_masks=by_masks)
        n = len(part.examples)
        if n >= enough and (len(score) >= CALIBRATED_OBJECTS or part is apart) and hit.any() and not hit.all():
            return evaluation.fit_platt(score, hit), n if part is calibration else 0
    return (1.0, 0.0), 0


def _calibrated(judged: Judged, platt: tuple[float, float]) -> Judged:
    return Judged(judged.examples, [evaluation.with_platt(found, *platt) for found in judged.found], judged.on_test)


def _verdict(
    in_use: TrainingRun | None, dataset: DrawnDataset, test: Judged, figures: dict[str, Any], device: torch.device,
    tick: Callable[[], None], *, by_masks: bool,
) -> tuple[bool, str]:  # fmt: skip
    """Whether to make the new model the active one, and why, in words."""
    name, figure = ("mIoU", figures["miou"]) if "miou" in figures else ("AP50", figures["ap50"])
    reached = figure["value"] or 0.0
    told = f"{name} {100 * reached:.0f} % on {figures['n']} images that it had not learned from."
    if in_use is None:
        return reached > 0, f"The first model. {told}" if reached > 0 else f"Not used: it finds nothing yet. {told}"
    if in_use.is_outside:
        return instead_of_outside(in_use, dataset, test, by_masks=by_masks)
    if len(test.examples) < FEW_IMAGES:
        few = f"Too few held-out images to compare ({len(test.examples)}; {FEW_IMAGES} are needed)."
        return reached > 0, f"Used in place of model {in_use.number}. {few} {told}"
    try:
        model = drawn_models.load(in_use, device)
    except ModelError as error:
        return reached > 0, f"Used in place of model {in_use.number}, which cannot be asked ({error}). {told}"
    if [one["id"] for one in model.categories] != dataset.category_ids:
        return reached > 0, f"Used in place of model {in_use.number}: the classes have changed since. {told}"
    old, new = _on_both(_judged(model, dataset, test.examples, tick), test)
    compared = _compared(dataset, old, new, by_masks=by_masks)
    figures["against"] = {"run": in_use.number, "difference": compared["difference"]}
    outcome = "Used in place of" if compared["not_worse"] else "Not used; better is"
    return compared["not_worse"], f"{outcome} model {in_use.number}. {compared['reason']}"


def instead_of_outside(run: TrainingRun, dataset: DrawnDataset, test: Judged, *, by_masks: bool) -> tuple[bool, str]:
    """A lead chose another program's model: it stays until ours is better beyond chance on the same images."""
    name = f"model {run.number} ({run.origin}), another program's"
    old, new = _on_both(judge_outside_drawn.said(run, dataset, dataset.test), test)
    if len(new) < FEW_IMAGES:
        few = f"{len(new)} held-out images have a prediction of both, and {FEW_IMAGES} are needed to compare them"
        return False, f"Not used; {name}, stays: {few}. A lead can choose this one."
    compared = _compared(dataset, old, new, by_masks=by_masks)
    low = compared["difference"]["low"]
    if low is not None and low > 0:
        return True, f"Used in place of {name}, better beyond chance. {compared['reason']}"
    return False, f"Not used; {name}, stays: not better beyond chance. {compared['reason']}"


def _on_both(old: Judged, test: Judged) -> tuple[Judged, list[Found]]:
    """The old model on the test images that both have judged, and what the new one says of those."""
    ours = {one.image_id: found for one, found in zip(test.examples, test.found, strict=True)}
    both = [at for at, one in enumerate(old.examples) if one.image_id in ours]
    shared = Judged([old.examples[at] for at in both], [old.found[at] for at in both], True)
    return shared, [ours[one.image_id] for one in shared.examples]


def _compared(dataset: DrawnDataset, old: Judged, new: list[Found], *, by_masks: bool) -> dict[str, Any]:
    about = old.truth, old.found, new, old.sizes, len(dataset.category_ids)
    is_semantic = dataset.task == Task.SEMANTIC
    return pixel_figures.compare(*about) if is_semantic else evaluation.compare(*about, by_masks=by_masks)


def _keep(run: TrainingRun, attempt: int, judged: Judged) -> None:
    """What the model said of the images that judge it, beside the model: for the pages that show them."""
    said = [one or nothing() for one in judged.found]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, image_ids=np.array([one.image_id for one in judged.examples], np.int64),
        n=np.array([len(one) for one in said], np.int64),
        boxes=np.concatenate([np.zeros((0, 4), np.float32), *(one.boxes for one in said)]),
        classes=np.concatenate([np.zeros(0, np.int64), *(one.classes for one in said)]),
        probabilities=np.concatenate([np.zeros(0, np.float32), *(one.probabilities for one in said)]),
    )  # fmt: skip
    write_atomically(folder_of(run) / f"attempt-{attempt}-{FINDINGS}", buffer.getvalue())


def _counts(dataset: DrawnDataset, unreadable: int) -> dict[str, int]:
    return {
        "train": len(dataset.train), "validation": len(dataset.train), "test": len(dataset.test),
        "calibration": len(dataset.calibration), "unreadable": unreadable,
        "objects": sum(len(example.drawn) for example in dataset.train),
    }  # fmt: skip
