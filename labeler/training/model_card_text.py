"""A model's card as a document: sections of facts, sentences and tables, and the same as Markdown.

Knows words and layout, no row. Pages draw the sections with a template, so that both say the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.templatetags.figures import figure, interval, percent, percent_interval

AS_PERCENT = ("accuracy", "label_accuracy", "precision", "recall", "pixel_accuracy")
TITLES = {
    "accuracy": gettext_lazy("Right"),
    "label_accuracy": gettext_lazy("Single answers right"),
    "macro_f1": gettext_lazy("Macro F1"),
    "weighted_f1": gettext_lazy("Weighted F1"),
    "micro_f1": gettext_lazy("Micro F1"),
    "roc_auc": gettext_lazy("ROC AUC"),
    "log_loss": gettext_lazy("Log loss"),
    "ece": gettext_lazy("Calibration error"),
    "ap50": gettext_lazy("AP50"),
    "ap": gettext_lazy("AP50:95"),
    "second_annotator_ap50": gettext_lazy("AP50 of a second person, the ceiling"),
    "precision": gettext_lazy("Precision of what is shown"),
    "recall": gettext_lazy("Recall of what is shown"),
    "f1": gettext_lazy("F1 of what is shown"),
    "mean_iou": gettext_lazy("Mean IoU of those that are right"),
    "pq": gettext_lazy("Panoptic quality"),
    "miou": gettext_lazy("mIoU"),
    "dice": gettext_lazy("Dice"),
    "boundary_f": gettext_lazy("Boundary F at 2 px"),
    "pixel_accuracy": gettext_lazy("Pixels right"),
}
ANSWERS = {
    "multi": gettext_lazy("any number of classes"),
    "single": gettext_lazy("one class"),
    "boxes": gettext_lazy("boxes, each with a class"),
    "polygons": gettext_lazy("outlines, each with a class"),
    "masks": gettext_lazy("masks, each with a class"),
    "semantic": gettext_lazy("a class for every pixel"),
}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns that hold figures are drawn to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: int = 1  # columns from here on are figures,
    words: int = 99  # and from here on words again


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the card."""

    key: str
    title: str
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    tables: Sequence[Table] = field(default=())


def title_of(card: Mapping[str, Any]) -> str:
    return _("%(project)s, model %(n)s") % {"project": card["model"]["project"], "n": card["model"]["number"]}


def sections(card: Mapping[str, Any]) -> list[Section]:
    """The card in the order in which people ask."""
    limits = Section("limits", _("What must it not be trusted with?"), lines=card["limits"])
    return [_model(card), _figures(card), limits, _data(card), _method(card), _cost(card)]


def _model(card: Mapping[str, Any]) -> Section:
    model = card["model"]
    facts = [
        (_("Question"), model["question"]),
        (_("Answers with"), str(ANSWERS[model["task"]])),
        (_("Classes"), ", ".join(model["classes"])),
        (_("Kind"), model["candidate_title"] or model["candidate"] or ""),
        (_("Network"), model["backbone"] or ""),
        (_("Looks at"), _canvas(model.get("canvas"))),
        (_("Trained"), (model["trained_at"] or "").replace("T", " ").replace("+00:00", " UTC")),
        (_("Probabilities"), _calibration(model)),
        (_("Weights, SHA-256"), model["weights_sha256"]),
    ]
    return Section("model", _("What is it?"), facts=[(name, text) for name, text in facts if text])


def draws(card: Mapping[str, Any]) -> bool:
    """Is this the card of a model that draws?"""
    return card["model"]["task"] not in ("single", "multi")


def _canvas(canvas: Mapping[str, Any] | None) -> str:
    if not canvas:
        return ""
    said = _("%(width)s × %(height)s px") % {"width": canvas["width"], "height": canvas["height"]}
    if canvas.get("tile"):
        said += ", " + _("in tiles of %(side)s px") % {"side": canvas["tile"]}
    return said


def _calibration(model: Mapping[str, Any]) -> str:
    words = _("calibrated") if model["calibrated"] else _("not calibrated")
    return f"{words} (T = {model['temperature']:.3g})" if model["temperature"] else words


def _figures(card: Mapping[str, Any]) -> Section:
    metrics = card["metrics"]
    lines = [_judged_on(card)]
    if metrics["chance"] is not None:
        lines.append(
            _("Always giving the most frequent answer would be right on %(share)s.")
            % {"share": percent(metrics["chance"])}
        )
    classes = [] if draws(card) else [
        (row["class"], f"{row['n']:,}", _share(row["precision"]), _share(row["recall"]), _share(row["f1"]))
        for row in metrics["per_class"]
    ]  # fmt: skip
    tables = [_overall(metrics)]
    if draws(card) and metrics["per_class"]:
        tables.append(_drawn_classes(metrics))
    elif classes:
        tables.append(Table((_("Class"), "n", _("Precision"), _("Recall"), "F1"), classes))
    if metrics["acceptance"]:
        head = (_("Promise, with 95 % confidence"), _("From score"), _("Of the images"), _("On calibration images"))
        tables.append(Table(head, [_promise(row) for row in metrics["acceptance"]], words=3))
    return Section("figures", _("How good is it?"), lines=lines, tables=tables)


def _promise(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    coverage = "–" if row["coverage"] is None else percent(row["coverage"])
    right = _("%(share)s right") % {"share": percent(row["precision"])}
    if row["threshold"] is None:
        return right, "–", coverage, str(row["reason"] or "")
    wrong = _("%(errors)s of %(n)s wrong") % {"errors": row["errors"], "n": row["accepted"]}
    return right, figure(row["threshold"]), coverage, wrong


def _judged_on(card: Mapping[str, Any]) -> str:
    metrics = card["metrics"]
    if metrics["judged_on"] != "cross-validation":
        return _("On held-out images that people judged without suggestions, and that it never learned from.")
    if draws(card):
        return _("On a part of the training images, before it learned from them too; they chose it, which flatters.")
    return _("Cross-validated: each labeled image was judged by a model that had not learned from it.")


def _overall(metrics: Mapping[str, Any]) -> Table:
    rows = [
        (
            str(TITLES[key]),
            percent(stat["value"], 1) if key in AS_PERCENT and stat["value"] is not None else figure(stat["value"]),
            (percent_interval(stat) if key in AS_PERCENT else interval(stat)) or stat.get("reason") or "–",
            f"{stat['n']:,}",
        )
        for key, stat in metrics["overall"].items()
    ]
    return Table((_("Figure"), _("Value"), _("95 % interval"), "n"), rows)


def _drawn_classes(metrics: Mapping[str, Any]) -> Table:
    """By class: what is found of it, and from which probability on it is shown; of pixels the overlap."""
    if any("iou" in row for row in metrics["per_class"]):
        overlap = [
            (row["class"], f"{row['n_images']:,}", _plain_figure(row["iou"]), _plain_figure(row["dice"]),
             percent(row["share"], 1))
            for row in metrics["per_class"]
        ]  # fmt: skip
        return Table((_("Class"), _("Images"), "IoU", "Dice", _("Of the pixels")), overlap)
    found = [
        (row["class"], f"{row['n_objects']:,}", _plain_figure(row["ap50"]), _plain_figure(row["ap"]),
         _share(row["precision"]), _share(row["recall"]), figure(row["threshold"]))
        for row in metrics["per_class"]
    ]  # fmt: skip
    head = (_("Class"), _("Objects"), "AP50", "AP50:95", _("Precision"), _("Recall"), _("Shown from"))
    return Table(head, found)


def _plain_figure(stat: Mapping[str, Any]) -> str:
    if stat["value"] is None:
        return stat.get("reason") or "–"
    return f"{figure(stat['value'])} ({interval(stat)})" if interval(stat) else figure(stat["value"])


def _share(stat: Mapping[str, Any] | None) -> str:
    if not stat or stat["value"] is None:
        return (stat or {}).get("reason") or "–"
    return f"{percent(stat['value'])} ({percent_interval(stat)})" if percent_interval(stat) else percent(stat["value"])


def _data(card: Mapping[str, Any]) -> Section:
    data = card["data"]
    images = data["images"]
    facts = [
        (_("Images learned from"), _count(images["train"])),
        (_("Images held out for the figures"), _count(images["test"])),
        (_("Images held out for calibration"), _count(images["calibration"])),
        (_("Judgements behind the training images"), _count(data["judgements"])),
        (_("People"), _count(data["people"])),
        (_("Guideline"), _("version %(n)s") % {"n": data["guideline"]} if data["guideline"] else ""),
        (_("Training set, SHA-256"), data["training_set_sha256"] or ""),
    ]
    rows = [(name, f"{n:,}") for name, n in (data["by_class"] or {}).items()]
    head = (_("Class"), _("Objects learned from") if draws(card) else _("Training images"))
    tables = [Table(head, rows)] if rows else []
    return Section("data", _("What was it made of?"), facts=[(k, v) for k, v in facts if v], tables=tables)


def _count(n: int | None) -> str:
    return "" if n is None else f"{n:,}"


def _method(card: Mapping[str, Any]) -> Section:
    method = card["method"]
    rows = [
        (
            (row.get("title") or row.get("candidate") or "") + (f" · {_('kept')}" if row.get("chosen") else ""),
            _reached(row) if row.get("tried") else _("not tried"),
            f"{row['seconds']:.1f} s" if row.get("seconds") is not None else "–",
            row.get("reason") or "",
        )
        for row in method["candidates"]
    ]
    # The settings in one line each; those that are objects as JSON.
    settings = [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(method["config"].items())]
    tables = [Table((_("Candidate"), _compared(card), _("Time"), _("Remark")), rows, words=3)] if rows else []
    if settings:
        tables.append(Table((_("Setting"), _("Value")), settings, figures=2))
    lines = [
        _("Candidates were compared on a quarter of the training images; the best was kept and went on with all.")
        if draws(card)
        else _(
            "Candidates were compared by cross-validation inside the training images; the best beyond noise was kept."
        )
    ]
    return Section("method", _("How was it made?"), lines=lines, tables=tables)


def _reached(row: Mapping[str, Any]) -> str:
    """How good a candidate was where candidates are compared."""
    for key in ("ap50", "miou"):
        if key in row:
            return figure(row[key])
    return _share(row.get("accuracy"))


def _compared(card: Mapping[str, Any]) -> str:
    if not draws(card):
        return _("Right, cross-validated")
    return "mIoU" if card["model"]["task"] == "semantic" else "AP50"


def _cost(card: Mapping[str, Any]) -> Section:
    cost, versions = card["cost"], card["versions"]
    lines, facts = [], []
    if cost is None:
        lines.append(_("Time and energy were not recorded when it was trained."))
    else:
        facts = [
            (_("Time"), _time(cost)),
            (_("Energy"), f"{cost['kwh'] * 1000:.3g} Wh"),
            (_("Carbon dioxide"), f"{cost['co2_grams']:.3g} g"),
        ]
        lines += [_how(part) for part in cost["parts"]]
        lines.append(
            _("Carbon at %(grams)s g CO2 per kWh, as set for this installation.")
            % {"grams": f"{cost['assumed_g_per_kwh']:g}"}
        )
        if cost.get("attempts", 1) > 1:
            lines.append(_of_attempts(cost["attempts"], cost.get("attempts_counted", 1)))
    tables = [Table((_("Made with"), _("Version")), list(versions.items()), figures=2)] if versions else []
    return Section("cost", _("What did it cost?"), facts=facts, lines=lines, tables=tables)


def _time(cost: Mapping[str, Any]) -> str:
    """Of work; and over how long, where that is a minute more."""
    seconds, elapsed = cost["seconds"], cost.get("elapsed_seconds")
    if elapsed is None or elapsed - seconds < 60:
        return f"{seconds:,.0f} s"
    return _("%(seconds)s s, over %(elapsed)s s") % {"seconds": f"{seconds:,.0f}", "elapsed": f"{elapsed:,.0f}"}


def _of_attempts(attempts: int, counted: int) -> str:
    words = {"n": attempts, "counted": counted}
    if counted >= attempts:
        text = _("It took %(n)s attempts; energy and carbon are of all of them, the time between them left out.")
        return text % words
    if counted == 1:
        return _("It took %(n)s attempts; these are the figures of the last one.") % words
    return _("It took %(n)s attempts; energy and carbon are of the %(counted)s that were read.") % words


def _how(part: Mapping[str, Any]) -> str:
    name = _("processor") if part["part"] == "processor" else _("GPU")
    if part["how"] == "measured":
        text = _("Energy of the %(part)s: measured (%(by)s), with all that ran beside it.")
    elif "watts_per_core" in part:
        text = _("Energy of the %(part)s: an estimate, %(watts)s W for each second of a busy core.")
    else:
        text = _("Energy of the %(part)s: an estimate, %(watts)s W for the whole time.")
    watts = part.get("watts_per_core", part.get("watts", 0))
    return text % {"part": name, "by": part.get("by"), "watts": f"{watts:g}"}


# ---------------------------------------------------------------- Markdown


def markdown(card: Mapping[str, Any]) -> str:
    """The same document as a Markdown file."""
    parts = [f"# {_plain(title_of(card))}", ""]
    for section in sections(card):
        parts += [f"## {_plain(section.title)}", ""]
        if section.facts:
            parts += [*(f"* {_plain(name)}: {_plain(text)}" for name, text in section.facts), ""]
        if section.lines:
            parts += [*(f"* {_plain(line)}" for line in section.lines), ""]
        for table in section.tables:
            rule = ["---:" if table.figures <= place < table.words else "---" for place in range(len(table.head))]
            lines = [table.head, rule, *table.rows]
            parts += [
                *("| " + " | ".join(cell if row is rule else _plain(cell) for cell in row) + " |" for row in lines),
                "",
            ]
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Names of classes and projects are text, whatever they contain."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
