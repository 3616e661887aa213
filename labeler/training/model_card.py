"""What a model is, what it was made of, how good it is and where it is not: its card, as figures and as a document.

After Mitchell et al. 2019 (arXiv:1810.03993). Built from the run's row alone, so that it can be made again as long as
the row is there. model_card_text.py puts it into words; model_files.py sends it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.label_set import categories as label_set
from labeler.models import TrainingRun
from labeler.models.job import State
from labeler.models.project import Task
from labeler.training import drawn_card, outside_models
from labeler.wording.sentences import in_words

FORMAT = "labeler-model-card-1"
OVERALL = ("accuracy", "label_accuracy", "macro_f1", "weighted_f1", "micro_f1", "roc_auc", "log_loss", "ece")
OF_CANDIDATE = ("candidate", "title", "tried", "chosen", "reason", "seconds")
REACHED = ("accuracy", "macro_f1", "log_loss", "ap50", "miou")  # by a candidate
CROSS_VALIDATION = "cross-validation"


def card_of(run: TrainingRun) -> dict[str, Any]:
    """The card, JSON-ready. Raises NotPossibleNow for a run that has not ended well."""
    if run.is_outside:
        raise NotPossibleNow(outside_models.where_from(run))
    if run.state != State.DONE:
        raise NotPossibleNow(_("Model %(n)s was not trained to its end, so it has no card.") % {"n": run.number})
    metrics = in_words(run.metrics or {})
    made_of = metrics.get("provenance") or {}
    names = names_of(run)
    return {
        "format": FORMAT,
        "model": _model(run),
        "data": _data(run, made_of, names),
        "method": _method(run),
        "metrics": drawn_card.metrics_of(run, metrics, names) if run.project.draws else _metrics(metrics, names),
        "limits": limits(run),
        "cost": _cost(run, metrics.get("cost") or {}),
        "versions": made_of.get("versions") or {},
    }


def names_of(run: TrainingRun) -> dict[Any, str]:
    """Classes by id as they are called today, where they are still there; figures by name keep their name."""
    then: dict[Any, str] = dict(zip(run.category_ids, run.category_names, strict=True))
    today = {pk: name for pk, name in label_set.index(run.project).names.items() if pk in then}
    return {name: name for name in run.category_names} | then | today


def _model(run: TrainingRun) -> dict[str, Any]:
    chosen: dict[str, Any] = next((row for row in run.comparison or [] if row.get("chosen")), {})
    return {
        "project": run.project.name,
        "question": run.project.question,
        "task": run.project.task,
        "number": run.number,
        "candidate": chosen.get("candidate"),
        "candidate_title": chosen.get("title"),
        "backbone": run.config.get("backbone"),
        "classes": list(run.category_names),
        "trained_at": run.finished_at.isoformat(timespec="seconds") if run.finished_at else None,
        "weights_sha256": run.checkpoint_sha256,
        "in_use": run.is_active,
        "calibrated": run.is_calibrated,
        "temperature": run.temperature,
        "canvas": drawn_card.canvas_of(run) if run.project.draws else None,
    }


def _data(run: TrainingRun, made_of: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
    counts = run.dataset or {}
    by_category = made_of.get("by_category") or {}
    return {
        "images": {key: counts.get(key) for key in ("train", "test", "calibration", "unreadable")},
        "by_class": {names.get(int(pk), pk): n for pk, n in by_category.items()} or None,
        "judgements": made_of.get("judgements"),
        "people": made_of.get("people"),
        "guideline": made_of.get("guideline"),
        "training_set_sha256": made_of.get("training_set_sha256"),
    }


def _method(run: TrainingRun) -> dict[str, Any]:
    kept = (*OF_CANDIDATE, *REACHED, "settings")
    return {
        "candidates": [{key: row[key] for key in kept if key in row} for row in run.comparison or []],
        "config": run.config,
        "seed": run.config.get("seed"),
        "note": run.note,
    }


def _metrics(metrics: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
    return {
        "judged_on": metrics.get("judged_on"),
        "n": metrics.get("n"),
        "chance": metrics.get("chance"),
        "overall": {key: metrics[key] for key in OVERALL if metrics.get(key)},
        "cross_validation": metrics.get("cross_validation"),
        "per_class": [
            {
                "class": names.get(row["category"], str(row["category"])),
                **{key: row.get(key) for key in ("n", "precision", "recall", "f1", "roc_auc")},
            }
            for row in metrics.get("per_class") or []
        ],
        "acceptance": metrics.get("acceptance") or [],
        "slices": metrics.get("slices") or [],
    }


def limits(run: TrainingRun) -> list[str]:
    """What the model must not be trusted with, each as a sentence that its own figures give reason for."""
    metrics, names = run.metrics or {}, names_of(run)
    is_semantic = run.project.task == Task.SEMANTIC
    if run.project.draws:
        found = drawn_card.limits(run, names)
    else:
        unseen = [names.get(row["category"], "") for row in metrics.get("per_class") or [] if not row["n"]]
        few = _("Classes with fewer than %(few)s training images: %(names)s.")
        found = [
            *_judged(metrics), *drawn_card.of_classes(metrics, names, few, unseen), *_worse_slices(metrics)
        ]  # fmt: skip
    if not run.is_calibrated and not is_semantic:
        found.append(_("Its probabilities are not calibrated: read them as an order, not as frequencies."))
    found.append(
        _(
            "It was not tested on images of other sources than this project's: other cameras, places or times may be "
            "judged worse, and nothing here says by how much."
        )
    )
    if is_semantic:
        found.append(_("Every pixel gets one of its classes, also where none of them is there."))
    elif run.project.draws:
        found.append(_("It knows its classes only, and may take something that it has never seen for one of them."))
    else:
        found.append(_("It answers with one of its classes for any image, also where none of them is there."))
    return [*found, _("Where people are wrong together, it learned their mistake, and its figures do not show it.")]


def _judged(metrics: Mapping[str, Any]) -> list[str]:
    if metrics.get("judged_on") == CROSS_VALIDATION:
        return [
            _("No held-out image was settled: its figures are of cross-validation, on images chosen for training, too.")
        ]
    return drawn_card.few_images((metrics.get("accuracy") or {}).get("n", 0))


def _worse_slices(metrics: Mapping[str, Any]) -> list[str]:
    return [
        _("Worse beyond chance where %(field)s is %(value)s: right on %(share)s of %(n)s images.")
        % {
            "field": report["field"],
            "value": row["value"],
            "share": f"{row['right']['value']:.0%}",
            "n": row["n"],
        }
        for report in metrics.get("slices") or []
        for row in report["slices"]
        if row["worse"]
    ]


def _cost(run: TrainingRun, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Time and energy, and the carbon of it at the stated intensity; None for models of before it was measured.

    seconds: of work; elapsed_seconds: from the first attempt's begin to the end, None where the work was not counted.
    """
    if not found:
        return None
    worked, elapsed = run.worked_seconds, None
    if worked is not None and run.started_at and run.finished_at:
        elapsed = round((run.finished_at - run.started_at).total_seconds(), 1)
    return {
        **found,
        "seconds": found["seconds"] if worked is None else round(worked, 1),
        "elapsed_seconds": elapsed,
        "co2_grams": float(f"{found['kwh'] * settings.CARBON_G_PER_KWH:.3g}"),
        "assumed_g_per_kwh": settings.CARBON_G_PER_KWH,
        "measured": all(part["how"] == "measured" for part in found["parts"]),
    }
