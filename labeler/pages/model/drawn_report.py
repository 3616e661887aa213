"""The report of a model that draws: what it finds, misses and invents, beside how well people do.

Knows the shape of a finished run's row (worker/training/train_drawn.py). Takes the place of report.py where people draw
objects, on the model page and on the page of each run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler import charts, train_settings
from labeler.label_set import categories
from labeler.models import Image, Project, TrainingRun
from labeler.pages.model import findings, report
from labeler.review import label_errors
from labeler.templatetags.figures import figure, interval, thousands
from labeler.train_settings import HIDDEN_FROM
from labeler.wording.sentences import chart_words, in_words

TEMPLATE = "model/drawn_report.html"
SIZES = {
    "small": gettext_lazy("small, below 32 × 32 px"),
    "medium": gettext_lazy("medium"),
    "large": gettext_lazy("large, from 96 × 96 px on"),
}
SHOWN_CELLS = 12  # of the confusion, the most frequent mistakes
SHOWN_IMAGES = 6  # behind each of them
PROMISE_EXISTS_NOT = gettext_lazy(
    "No image of drawn objects is accepted without a person: a promise for whole images with many objects does not "
    "exist yet."
)


def report_context(project: Project, run: TrainingRun) -> dict[str, Any]:
    """Context of templates/model/drawn_report.html."""
    metrics, markers = in_words(run.metrics or {}), categories.markers_by_name(project)
    mistakes = _mistakes(project, metrics, markers)
    return {
        "report_template": TEMPLATE,
        "cards": _cards(metrics),
        "judged_on": _judged_on(metrics),
        "beside_people": _beside_people(metrics),
        "rows": [row | {"marker": markers.get(row["name"])} for row in metrics.get("per_class") or []],
        "hidden": _hidden(metrics),
        "sizes": [row | {"words": SIZES[row["size"]]} for row in metrics.get("per_size") or [] if row["n_objects"]],
        "curve": _curve(metrics),
        "learning": findings.learning_chart(metrics.get("learning_curve") or {}),
        "more": metrics.get("learning_curve") or {},
        "orders": findings.orders_chart(metrics.get("orders") or {}),
        "asking": _asking(metrics.get("orders") or {}),
        "mistakes": mistakes,
        "slices": [
            one | {"rows": [row | {"main": row.get("f1") or row.get("miou")} for row in one["rows"]]}
            for one in findings.slices_of(metrics.get("slices") or [])
        ],
        "n_doubts": len(label_errors.still_open(project, label_errors.rows_of(metrics.get("label_errors") or {}))),
        "checked": label_errors.checked(project),
        "curves": report.curves(run),
        "figure": "mIoU" if "miou" in metrics else "AP50",
        "candidates": [_candidate(row) for row in run.comparison or []],
        "no_promise": PROMISE_EXISTS_NOT,
        # what a model says of these is on the page: who has seen it judges them no more without knowing
        "told": [image["pk"] for row in mistakes for image in row["images"]],
    }


def _asking(orders: Mapping[str, Any]) -> str:
    """Whether asking paid, in a sentence: at the largest number of images that both orders have, or why not known."""
    if not orders.get("points"):
        why: str = orders.get("reason") or ""
        return f"{why[:1].upper()}{why[1:]}." if why else ""
    row = orders["points"][-1]
    gain = row["gain"]
    if gain["low"] is None:
        words = _("No interval can be estimated for what asking brings.")
    elif gain["low"] > 0:
        words = _("Asking pays:")
    elif gain["high"] < 0:
        words = _("Asking costs:")
    else:
        words = _("No difference is shown:")
    told = _(
        "%(words)s after %(size)s images %(figure)s is %(asked)s as they were asked for and %(random)s when drawn at "
        "random; difference %(gain)s (95 %%: %(interval)s), judged by %(n)s images drawn at random."
    )
    return told % {
        "words": words, "size": thousands(row["size"]), "n": thousands(orders["n"]),
        "figure": findings.FIGURES_DRAWN[orders["figure"]], "asked": figure(row["asked"]["value"]),
        "random": figure(row["random"]["value"]), "gain": figure(gain["value"]), "interval": interval(gain),
    }  # fmt: skip


def _cards(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = [
        ("miou", _("mIoU"), _("shared pixels over all of a class, mean over the classes"), False),
        ("dice", _("Dice"), _("the same, shared pixels doubled over the sum"), False),
        ("boundary_f", _("Boundary F"), _("share of the borders that lie within 2 px of each other"), False),
        ("pixel_accuracy", _("Pixels right"), _("of the pixels that people gave a class"), True),
        ("ap50", _("AP50"), _("average precision at IoU .5, mean over the classes"), False),
        ("second_annotator_ap50", _("AP50 of people"), _("one person scored as if a model by another"), False),
        ("ap", _("AP50:95"), _("the same, mean over IoU .5 to .95: how exact the places are"), False),
        ("precision", _("Precision"), _("of the shown objects, those that people drew too"), True),
        ("recall", _("Recall"), _("of the objects that people drew, those that it shows"), True),
        ("mean_iou", _("Overlap"), _("mean IoU of those that are right"), False),
    ]
    return report.figure_cards(wanted, metrics)


def _judged_on(metrics: Mapping[str, Any]) -> str:
    words = {"images": thousands(metrics.get("n", 0)), "objects": thousands(metrics.get("n_objects", 0))}
    if metrics.get("judged_on") == "test":
        return _("%(objects)s objects on %(images)s held-out images") % words
    return _("%(objects)s objects on %(images)s images that it had not seen when it was judged by them") % words


def _beside_people(metrics: Mapping[str, Any]) -> str:
    """Whether it draws as well as people agree, as far as the intervals tell."""
    if "miou" in metrics:
        return _("Of pixels that nobody gave a class nothing is counted.")
    own, people = metrics.get("ap50"), metrics.get("second_annotator_ap50")
    if not own or own["value"] is None or not people or people["value"] is None:
        return _(
            "How well people agree among themselves is not known yet: two people must answer the same images blind."
        )
    told = {"own": figure(own["value"]), "people": figure(people["value"])}
    if own["high"] is not None and own["high"] < people["value"]:
        return _("It finds less than a second person would: AP50 %(own)s, people among themselves %(people)s.") % told
    return _("It draws as well as people agree, as far as these images tell: %(own)s beside %(people)s.") % told


def _hidden(metrics: Mapping[str, Any]) -> str:
    """Which classes are hardly shown, and why; "" where none is."""
    names = [row["name"] for row in metrics.get("per_class") or [] if row.get("threshold") == HIDDEN_FROM]
    told = _(
        "Only the surest are shown of: %(names)s. At every lower threshold fewer than one in eight would be right, and "
        "deleting the others takes longer than drawing."
    )
    return told % {"names": ", ".join(names)} if names else ""


def _curve(metrics: Mapping[str, Any]) -> str:
    points = [(row["recall"], row["precision"]) for row in metrics.get("curve") or []]
    if len(set(points)) < 2:  # of a model that gives no probabilities, or everywhere the same
        return ""
    return charts.line_chart(
        _("Precision and recall"),
        _("Precision at each recall, from the highest threshold on the left to the lowest on the right."),
        [charts.Series(_("all classes"), sorted(points))],
        words=chart_words(), x_name=_("recall"), y_name=_("precision"), percent=True, width=460, height=240,
    )  # fmt: skip


def _mistakes(project: Project, metrics: Mapping[str, Any], markers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The most frequent cells of the confusion that are no hits, with images behind them."""
    confusion = metrics.get("confusion") or {}
    names = [row["name"] for row in metrics.get("per_class") or []]
    if "miou" in metrics:
        return []  # counted in pixels: no image is behind a cell
    cells = [
        (n, people, model)
        for people, counts in enumerate(confusion.get("counts") or [])
        for model, n in enumerate(counts)
        if n and people != model
    ]
    rows = []
    for n, people, model in sorted(cells, key=lambda cell: (-cell[0], cell[1:]))[:SHOWN_CELLS]:
        if people == len(names):
            words = _("invented: nobody drew a %(name)s there") % {"name": names[model]}
        elif model == len(names):
            words = _("missed: a %(name)s is there") % {"name": names[people]}
        else:
            words = _("people: %(people)s; the model: %(model)s") % {"people": names[people], "model": names[model]}
        ids = (confusion.get("images") or {}).get(f"{people}-{model}", [])
        there = Image.objects.filter(project=project, pk__in=ids[:SHOWN_IMAGES]).values_list("pk", "name")
        images = [{"pk": pk, "name": name, "url": reverse("image", args=[project.pk, pk])} for pk, name in there]
        marker = markers.get(names[people if people < len(names) else model])
        rows.append({"n": n, "words": words, "images": images, "more": len(ids) - len(images), "marker": marker})
    return rows


def _candidate(row: Mapping[str, Any]) -> dict[str, Any]:
    settings = row.get("settings") or {}
    name = str(row["candidate"])
    return {
        "name": (train_settings.DRAWN_CANDIDATES | train_settings.PIXEL_CANDIDATES).get(name, name),
        "tried": row.get("tried"),
        "chosen": row.get("chosen"),
        "reached": row.get("ap50", row.get("miou")),
        "seconds": row.get("seconds"),
        "steps": settings.get("steps"),
        "size": f"{settings['width']} × {settings['height']}" if settings.get("width") else "",
        "reason": row.get("reason"),
    }
