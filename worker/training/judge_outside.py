"""Judge another program's model on the held-out images, as our own are; calibrate it; order the queue by it.

Knows rows. What it said is read by worker/inference/outside.py, the figures are evaluation.py's. Whether it has learned
from these images nobody here can know: its page says so.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.consensus import label_economy
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Job, TrainingRun
from labeler.training import prelabels, queue_order, run_answers, runs
from worker.attempt import on_job
from worker.inference import outside
from worker.ml.evaluation import metrics
from worker.ml.evaluation.temperature import apply_temperature
from worker.ml.saved.predict import MIN_CALIBRATION
from worker.training import evaluation, judge_outside_drawn
from worker.training.dataset import Dataset, Example, assemble, labels_now
from worker.training.promotion import as_of_today

logger = logging.getLogger(__name__)

NO_PROBABILITIES = "It gives no probabilities for some of the images."
ABOUT_SURENESS = ("roc_auc", "log_loss", "ece")  # figures that need probabilities


@on_job()
def judge_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Run one judgement; does nothing when it is somebody else's or over."""
    run = TrainingRun.objects.select_related("project").get(pk=job.params["run"])
    if run.project.trashed_at is not None:
        lease.finish(result={"note": "The project is in the trash."})
        return
    lease.write(stage="Reading the labels")
    labels = labels_now(run.project)
    if run.project.draws:
        lease.write(stage="Judging the model on held-out images")
        answers, figures, counts = judge_outside_drawn.judge(run)
        pulse.check()
        runs.record_judgement(run, answers=answers, metrics=figures, dataset=counts, **labels)
        lease.finish(result=counts)
        return
    dataset = assemble(run.project)
    lease.write(stage="Judging the model on held-out images")
    test, sure = _said(dataset, run, dataset.test)
    calibration, has_p = _said(dataset, run, dataset.calibration)
    calibration[~has_p] = np.nan
    temperature, n_calibration = evaluation.temperature_of(dataset, calibration)
    test[sure] = apply_temperature(test[sure], temperature, dataset.task)
    pulse.check()
    runs.record_judgement(
        run,
        answers=[_answers(run, dataset.test)],
        metrics=_figures(dataset, test, sure),
        dataset={
            "test": int((~np.isnan(test).any(axis=1)).sum()),
            "calibration": int((~np.isnan(calibration).any(axis=1)).sum()),
        },
        temperature=temperature,
        is_calibrated=n_calibration >= MIN_CALIBRATION,
        **labels,
    )
    if temperature != (run.temperature or 1.0):
        lease.write(stage="Calibrating its probabilities")
        prelabels.calibrate(run, temperature, tick=pulse.check)
    run.refresh_from_db()
    if run.is_active:
        lease.write(stage="Ordering the queue")
        _order(run)
    lease.finish(result={"test": run.dataset["test"], "calibration": run.dataset["calibration"]})
    logger.info("project %s: outside model %s judged on %s", run.project_id, run.number, run.dataset)


def _order(run: TrainingRun) -> None:
    """As after pre-labels of our own. Imports are not compared: what it has learned from, nobody here knows."""
    if run.project.ask_by_gain:
        label_economy.ask_where_gain_is_highest(run.project)
    else:
        queue_order.reorder(run.project)


def _said(dataset: Dataset, run: TrainingRun, examples: list[Example]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, K) over the classes of today, NaN rows where it said nothing; and (n,) where it gave probabilities."""
    found, sure = outside.given(run, [example.image_id for example in examples])
    missing = np.isnan(found).any(axis=1)
    today = as_of_today(dataset, run, np.nan_to_num(found))
    today[missing] = np.nan
    return today, sure


def _figures(dataset: Dataset, test: NDArray[np.float64], sure: NDArray[np.bool_]) -> dict[str, Any]:
    """As evaluation.report() has them, of the held-out images alone: another's model is never cross-validated."""
    untrained = np.full((len(dataset.train), len(dataset.category_ids)), np.nan)
    figures = evaluation.report(dataset, untrained, test) | {"judged_on": "test"}
    figures.pop("cross_validation")
    judged = ~np.isnan(test).any(axis=1)
    if not sure[judged].all():
        nothing = metrics.stat(None, None, None, 0, NO_PROBABILITIES)
        figures |= dict.fromkeys(ABOUT_SURENESS, nothing)
        figures["per_class"] = [{**row, "roc_auc": nothing} for row in figures["per_class"]]
        figures.pop("curves")
    return figures


def _answers(run: TrainingRun, examples: list[Example]) -> run_answers.Answers:
    """Its answers on the held-out images that judge it, to compare it with others image by image."""
    truth = {example.image_id: example.truth for example in examples if example.truth is not None}
    rows = run.predictions.filter(image__in=list(truth)).order_by("image")
    said = list(rows.values_list("image", "categories", "probability"))
    return run_answers.Answers(
        part=run_answers.Part.TEST,
        image_ids=[pk for pk, _named, _p in said],
        answers=[named for _pk, named, _p in said],
        probabilities=[p for _pk, _named, p in said],
        truth=[truth[pk] or [] for pk, _named, _p in said],
    )
