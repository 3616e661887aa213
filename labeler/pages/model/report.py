"""The report of one model: how good it is on images it never learned from, what it gets wrong, how it learned.

Knows the shape of a finished run's row (worker/training/evaluation.py, worker/training/run_report.py). Shown on the
model page for the version in use, and on the page of each run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler import charts
from labeler.label_set import categories
from labeler.label_set.markers import Marker
from labeler.models import Project, TrainingRun
from labeler.pages.model import class_curves, findings, tried_settings
from labeler.stats import learning, overfit
from labeler.stats.results import FEW_IMAGES
from labeler.templatetags.figures import class_tag, figure, interval, percent, percent_interval
from labeler.training import run_answers
from labeler.wording.sentences import chart_words, in_words

CROSS_VALIDATION = "cross-validation"  # of metrics["judged_on"]: each image judged by a model that had not seen it
WIDE_GAP = 0.1  # share right of what it learned from, above that of unseen images
# The labels of a curve's points; what a candidate steps through is named by its "x".
STEPS = {"epoch": gettext_lazy("epoch"), "C": gettext_lazy("C (inverse regularisation)")}
MEANS = {
    "macro_f1": gettext_lazy("Mean, every class alike"),
    "weighted_f1": gettext_lazy("Mean, by images"),
    "micro_f1": gettext_lazy("All answers together"),
}
IMBALANCE = {
    "none": gettext_lazy("As they come"),
    "weights": gettext_lazy("Rare classes count more"),
    "oversample": gettext_lazy("Rare classes shown more often"),
    "undersample": gettext_lazy("Frequent classes shown less often"),
}


def report_context(project: Project, run: TrainingRun) -> dict[str, Any]:
    """Context of templates/model/report.html."""
    metrics, markers = in_words(run.metrics or {}), categories.markers_by_name(project)
    names = names_of(project, run)
    return {
        "cards": _cards(metrics),
        "few": _few(metrics),
        "unreadable": _unreadable(run),
        "judged_on": _("cross-validated") if metrics.get("judged_on") == CROSS_VALIDATION else _("held-out images"),
        "classes": _classes(project, run, names, markers),
        "means": [(words, metrics[key]) for key, words in MEANS.items() if metrics.get(key)],
        "confusion": _confusion(project, run, names, markers),
        "curves": curves(run),
        "by_heart": by_heart(run),
        "markers": markers,
        **class_curves.curves_context(metrics, names, markers),
        **findings.findings_context(project, run, names),
        "foretold": bool((metrics.get("learning_curve") or {}).get("ahead")),
        "candidates": [_candidate(row, run) for row in run.comparison or []],
        "tried_settings": tried_settings.table(run.comparison or []),
        "balance": _balance(metrics.get("imbalance") or {}),
        "stop_set": _stop_set(metrics.get("stop_set") or {}),
    }


def _classes(
    project: Project, run: TrainingRun, names: Mapping[Any, str], markers: Mapping[str, Marker]
) -> list[dict[str, Any]]:
    rows = []
    for row in (run.metrics or {}).get("per_class", []):
        name, pk = names.get(row["category"], str(row["category"])), row["category"]
        # Of several classes there is no table of one against another: the misses are listed per class.
        wrong = row.get("confusion") if isinstance(pk, int) else None
        rows.append(
            {
                "name": name,
                "marker": markers.get(name),
                "n": row["n"],
                "stats": [row["precision"], row["recall"], row["f1"]],
                "missed": {"n": wrong[1][0], "url": _images_url(project, run, missed=pk)} if wrong else None,
                "extra": {"n": wrong[0][1], "url": _images_url(project, run, extra=pk)} if wrong else None,
            }
        )
    return rows


def _images_url(project: Project, run: TrainingRun, **which: int) -> str:
    return f"{reverse('run_images', args=[project.pk, run.number])}?{urlencode(which)}"


def _balance(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """How classes of unequal size were balanced, where the run chose it by itself."""
    if not found:
        return None
    rows = [
        {"words": IMBALANCE.get(row["how"], row["how"]), "chosen": row["how"] == found.get("chosen"), **row}
        for row in found.get("rows") or []
    ]
    return {"rows": rows, "reason": found.get("reason") or ""}


def _stop_set(found: Mapping[str, Any]) -> dict[str, Any] | None:
    stat = found.get("kappa")
    return None if not stat or found.get("before") is None else {**found, "kappa": stat, "rule": learning.SAME}


def names_of(project: Project, run: TrainingRun) -> dict[Any, str]:
    """What a figure's category is called: today's name for an id, the name of then where it is gone; names stay."""
    then = dict(zip(run.category_ids, run.category_names, strict=True))
    names: dict[Any, str] = {name: name for name in run.category_names}
    return names | then | {pk: name for pk, name in categories.index(project).names.items() if pk in then}


def _cards(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = [
        ("accuracy", _("Right"), _right_of(metrics), True),
        ("crossed", _("Right in cross-validation"), _("of the labeled images, each judged unseen"), True),
        ("label_accuracy", _("Single answers right"), _("each class of each image counted"), True),
        ("macro_f1", _("Macro F1"), _("mean over the classes"), False),
        ("roc_auc", _("ROC AUC"), _("mean of each class against the rest"), False),
        ("ece", _("Calibration error"), _("how far its confidence is from the truth; 0 is best"), False),
    ]
    return figure_cards(wanted, {**metrics, "crossed": crossed(metrics)})


def figure_cards(wanted: Iterable[tuple[str, str, str, bool]], stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of the figures that there are. wanted: key, title, hint, and whether it is shown in percent."""
    return [
        {
            "id": f"figure-{key}",
            "title": title,
            "stat": stats[key],
            "text": percent(stats[key]["value"], 1) if as_percent else figure(stats[key]["value"]),
            "interval": percent_interval(stats[key]) if as_percent else interval(stats[key]),
            "hint": f"n {stats[key]['n']:,} · {hint}",
        }
        for key, title, hint, as_percent in wanted
        if stats.get(key)
    ]


def crossed(metrics: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Share right in cross-validation, where that is not what all figures are of."""
    if metrics.get("judged_on") == CROSS_VALIDATION:
        return None
    return (metrics.get("cross_validation") or {}).get("accuracy")


def headline(metrics: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The share right to speak of, and what it counts: test images, or cross-validation while those are too few."""
    if drawn := metrics.get("ap50"):
        n = ngettext("AP50 on %(n)s image", "AP50 on %(n)s images", drawn["n"])
        return drawn, n % {"n": f"{drawn['n']:,}"}
    if pixels := metrics.get("miou"):
        n = ngettext("mIoU on %(n)s image", "mIoU on %(n)s images", pixels["n"])
        return pixels, n % {"n": f"{pixels['n']:,}"}
    tested, other = metrics.get("accuracy"), crossed(metrics)
    if not tested:
        return tested, ""
    if other and tested["n"] < FEW_IMAGES < other["n"]:
        shown, is_test = other, False
    else:
        shown, is_test = tested, metrics.get("judged_on") != CROSS_VALIDATION
    n = shown["n"]
    words = (
        ngettext("%(n)s test image", "%(n)s test images", n)
        if is_test
        else ngettext("%(n)s image, cross-validated", "%(n)s images, cross-validated", n)
    )
    return shown, words % {"n": f"{n:,}"}


def _few(metrics: Mapping[str, Any]) -> str:
    """A warning in words, where the held-out images are too few to say much."""
    n = (metrics.get("accuracy") or {}).get("n", 0)
    held_out = metrics.get("held_out") or {}
    if metrics.get("judged_on") == CROSS_VALIDATION:
        return _until_enough(held_out) if held_out.get("n") else ""
    if n >= FEW_IMAGES:
        return ""
    if metrics and "cross_validation" not in metrics:  # another program's
        if not n:
            return _("None of the held-out images that it predicted is settled yet, so it cannot be judged.")
        return ngettext(
            "Only %(n)s held-out image that it predicted is settled so far: read the intervals.",
            "Only %(n)s held-out images that it predicted are settled so far: read the intervals.",
            n,
        ) % {"n": n}
    return ngettext(
        "Only %(n)s held-out image is settled so far: read the intervals, and the figure of cross-validation.",
        "Only %(n)s held-out images are settled so far: read the intervals, and the figure of cross-validation.",
        n,
    ) % {"n": n}


def _until_enough(held_out: Mapping[str, Any]) -> str:
    n, accuracy = held_out["n"], held_out["accuracy"]
    return ngettext(
        "%(n)s held-out image is settled so far; of those it is right on %(share)s (%(interval)s). Until %(fewest)s "
        "are, all figures here are cross-validated.",
        "%(n)s held-out images are settled so far; of those it is right on %(share)s (%(interval)s). Until %(fewest)s "
        "are, all figures here are cross-validated.",
        n,
    ) % {"n": n, "share": percent(accuracy["value"]), "interval": percent_interval(accuracy), "fewest": FEW_IMAGES}


def _unreadable(run: TrainingRun) -> str:
    n = (run.dataset or {}).get("unreadable") or 0
    if not n:
        return ""
    return ngettext(
        "%(n)s labeled image could not be read (its file is gone or damaged) and was left out.",
        "%(n)s labeled images could not be read (their files are gone or damaged) and were left out.",
        n,
    ) % {"n": f"{n:,}"}


def _right_of(metrics: Mapping[str, Any]) -> str:
    chance = metrics.get("chance")
    if chance is None:
        return _("of the images it never learned from")
    return _("always the most frequent answer: %(share)s") % {"share": percent(chance)}


def _confusion(project: Project, run: TrainingRun, names: Mapping[Any, str], markers: Mapping[str, Marker]) -> str:
    metrics = run.metrics or {}
    table = metrics.get("confusion")
    if not isinstance(table, Mapping) or not table.get("categories") or not metrics.get("n"):
        return ""
    # Beyond the model's own classes stand those that people settled on and the model does not know.
    ids = table["categories"]
    called = [names.get(category, _("others")) for category in ids]

    def href(row: int, column: int) -> str | None:
        both = ids[row], ids[column]
        return _images_url(project, run, people=both[0], model=both[1]) if set(both) <= set(run.category_ids) else None

    return charts.confusion_matrix(
        called,
        table["counts"],
        words=chart_words(),
        caption=_("What people settled on, and what the model says"),
        row_name=_("people"),
        column_name=_("model"),
        tags=[class_tag(markers.get(name), name) for name in called],
        href=href if run_answers.has(run) else None,
    )


def _candidate(row: Mapping[str, Any], run: TrainingRun) -> dict[str, Any]:
    accuracy, notes = row.get("accuracy") or {}, [row.get("reason") or "", tried_settings.in_a_word(row)]
    batch, wanted = (row.get("settings") or {}).get("batch"), (run.config.get("finetune") or {}).get("batch")
    if batch and wanted and batch < wanted:
        words = ngettext(
            "Memory was short: %(n)s image at a time instead of %(wanted)s.",
            "Memory was short: %(n)s images at a time instead of %(wanted)s.",
            batch,
        )
        notes.append(words % {"n": batch, "wanted": wanted})
    return {
        "name": row.get("title") or row.get("candidate"),
        "chosen": row.get("chosen", False),
        "tried": row.get("tried", True),
        "text": percent(accuracy.get("value"), 1) if row.get("tried", True) else _("not tried"),
        "interval": percent_interval(accuracy),
        "macro_f1": row.get("macro_f1"),
        "log_loss": row.get("log_loss"),
        "seconds": row.get("seconds"),
        "note": " ".join(note for note in notes if note),
    }


def by_heart(run: TrainingRun) -> str:
    """Whether the candidate that was kept began to learn its images by heart, in a sentence; empty where unknown."""
    curve = _kept_curve(run)
    points, step = curve.get("points") or [], curve.get("x", "epoch")
    found = overfit.course(points)
    if found is None:
        return ""
    numbers = {"low": figure(found.lowest), "last": figure(found.last)}
    at = f"{points[found.best].get(step, found.best + 1):g}"
    if found.overfits and step == "epoch":
        text = _(
            "It overfits from epoch %(at)s on: the loss on unseen images rises from %(low)s to %(last)s while that on "
            "the images it learns from still falls. It is kept as it was before that."
        )
    elif found.overfits:
        text = _(
            "Beyond C = %(at)s it overfits: the loss on unseen images rises from %(low)s to %(last)s while that on the "
            "images it learns from still falls. It is kept with the C that was best."
        )
    elif found.rises:
        text = _(
            "The loss on unseen images rises from %(low)s to %(last)s, and so does that on the images it learns from: "
            "the training became unstable. It is kept as it was before that."
        )
    else:
        text = _("No overfitting: the loss on unseen images ends at %(last)s; its lowest was %(low)s.")
    said = text % {"at": at, **numbers}
    if found.gap is not None and found.gap > WIDE_GAP:
        said += " " + _(
            "There the share right of the images it learned from is %(gap)s points above that of unseen ones: more "
            "labels help."
        ) % {"gap": number_format(round(100 * found.gap), force_grouping=True)}
    return said


def curves(run: TrainingRun) -> str:
    """Share right and loss while learning, of the candidate that was kept: on what it learned from, and on the rest."""
    curve = _kept_curve(run)
    points = curve.get("points") or []
    if len(points) < 2:
        return ""
    step = curve.get("x", "epoch")
    # Regularisation runs over powers of ten: even steps, named by their value.
    ticks = [(float(place), f"{point.get(step, place):g}") for place, point in enumerate(points)]
    shown = ticks[:: max(1, len(ticks) // 8)]
    parts: tuple[tuple[str, str, Literal["l1", "l2"]], ...] = (
        ("train", _("training"), "l2"),
        ("validation", _("validation"), "l1"),
    )
    drawn = []
    for key, title, sentence, as_percent in (
        ("accuracy", _("Share right"), _("Share of images right while learning."), True),
        ("loss", _("Loss"), _("Loss while learning; lower is better."), False),
    ):
        series = [
            charts.Series(
                words, [(float(place), point.get(f"{part}_{key}")) for place, point in enumerate(points)], tone=tone
            )
            for part, words, tone in parts
            if any(point.get(f"{part}_{key}") is not None for point in points)
        ]
        if series:
            drawn.append(
                charts.line_chart(
                    title, sentence, series, words=chart_words(), x_name=str(STEPS.get(step, step)), y_name=title,
                    x_ticks=shown, percent=as_percent, width=460, height=220,
                )
            )  # fmt: skip
    return format_html_join("", "{}", ((one,) for one in drawn))


def _kept_curve(run: TrainingRun) -> Mapping[str, Any]:
    """Of run.history, a list of {candidate, x, points}: the curve of the candidate that was kept, or the last."""
    kept = next((row.get("candidate") for row in run.comparison or [] if row.get("chosen")), None)
    curves = run.history or []
    return next((curve for curve in curves if curve.get("candidate") == kept), curves[-1] if curves else {})
