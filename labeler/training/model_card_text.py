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

AS_PERCENT = ("accuracy", "label_accuracy")
TITLES = {
    "accuracy": gettext_lazy("Right"),
    "label_accuracy": gettext_lazy("Single answers right"),
    "macro_f1": gettext_lazy("Macro F1"),
    "weighted_f1": gettext_lazy("Weighted F1"),
    "micro_f1": gettext_lazy("Micro F1"),
    "roc_auc": gettext_lazy("ROC AUC"),
    "log_loss": gettext_lazy("Log loss"),
    "ece": gettext_lazy("Calibration error"),
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
    return [_model(card), _figures(card), _limits(card), _data(card), _method(card), _cost(card)]


def _model(card: Mapping[str, Any]) -> Section:
    model = card["model"]
    facts = [
        (_("Question"), model["question"]),
        (_("Answers with"), _("any number of classes") if model["task"] == "multi" else _("one class")),
        (_("Classes"), ", ".join(model["classes"])),
        (_("Kind"), model["candidate_title"] or model["candidate"] or ""),
        (_("Network"), model["backbone"] or ""),
        (_("Trained"), (model["trained_at"] or "").replace("T", " ").replace("+00:00", " UTC")),
        (_("Probabilities"), _calibration(model)),
        (_("Weights, SHA-256"), model["weights_sha256"]),
    ]
    return Section("model", _("What is it?"), facts=[(name, text) for name, text in facts if text])


def _calibration(model: Mapping[str, Any]) -> str:
    words = _("calibrated") if model["calibrated"] else _("not calibrated")
    return f"{words} (T = {model['temperature']:.3g})" if model["temperature"] else words


def _figures(card: Mapping[str, Any]) -> Section:
    metrics = card["metrics"]
    crossed = metrics["judged_on"] == "cross-validation"
    lines = [
        _("Cross-validated: each labeled image was judged by a model that had not learned from it.")
        if crossed
        else _("On held-out images that people judged without suggestions, and that it never learned from.")
    ]
    if metrics["chance"] is not None:
        lines.append(
            _("Always giving the most frequent answer would be right on %(share)s.")
            % {"share": percent(metrics["chance"])}
        )
    overall = [
        (
            str(TITLES[key]),
            percent(stat["value"], 1) if key in AS_PERCENT and stat["value"] is not None else figure(stat["value"]),
            (percent_interval(stat) if key in AS_PERCENT else interval(stat)) or stat.get("reason") or "–",
            f"{stat['n']:,}",
        )
        for key, stat in metrics["overall"].items()
    ]
    classes = [
        (row["class"], f"{row['n']:,}", _share(row["precision"]), _share(row["recall"]), _share(row["f1"]))
        for row in metrics["per_class"]
    ]
    promises = [
        (
            _("%(share)s right") % {"share": percent(row["precision"])},
            figure(row["threshold"]) if row["threshold"] is not None else "–",
            percent(row["coverage"]) if row["coverage"] is not None else "–",
            _("%(errors)s of %(n)s wrong") % {"errors": row["errors"], "n": row["accepted"]}
            if row["threshold"] is not None
            else str(row["reason"] or ""),
        )
        for row in metrics["acceptance"]
    ]
    tables = [Table((_("Figure"), _("Value"), _("95 % interval"), "n"), overall)]
    if classes:
        tables.append(Table((_("Class"), "n", _("Precision"), _("Recall"), "F1"), classes))
    if promises:
        head = (_("Promise, with 95 % confidence"), _("From score"), _("Of the images"), _("On calibration images"))
        tables.append(Table(head, promises, words=3))
    return Section("figures", _("How good is it?"), lines=lines, tables=tables)


def _share(stat: Mapping[str, Any] | None) -> str:
    if not stat or stat["value"] is None:
        return (stat or {}).get("reason") or "–"
    return f"{percent(stat['value'])} ({percent_interval(stat)})" if percent_interval(stat) else percent(stat["value"])


def _limits(card: Mapping[str, Any]) -> Section:
    return Section("limits", _("What must it not be trusted with?"), lines=card["limits"])


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
    tables = [Table((_("Class"), _("Training images")), rows)] if rows else []
    return Section("data", _("What was it made of?"), facts=[(k, v) for k, v in facts if v], tables=tables)


def _count(n: int | None) -> str:
    return "" if n is None else f"{n:,}"


def _method(card: Mapping[str, Any]) -> Section:
    method = card["method"]
    rows = [
        (
            (row.get("title") or row.get("candidate") or "") + (f" · {_('kept')}" if row.get("chosen") else ""),
            _share(row.get("accuracy")) if row.get("tried") else _("not tried"),
            f"{row['seconds']:.1f} s" if row.get("seconds") is not None else "–",
            row.get("reason") or "",
        )
        for row in method["candidates"]
    ]
    # The settings in one line each; those that are objects as JSON.
    settings = [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(method["config"].items())]
    tables = (
        [Table((_("Candidate"), _("Right, cross-validated"), _("Time"), _("Remark")), rows, words=3)] if rows else []
    )
    if settings:
        tables.append(Table((_("Setting"), _("Value")), settings, figures=2))
    lines = [
        _("Candidates were compared by cross-validation inside the training images; the best beyond noise was kept.")
    ]
    return Section("method", _("How was it made?"), lines=lines, tables=tables)


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
        return _("Energy of the %(part)s: measured (%(by)s), with all that ran beside it.") % {
            "part": name, "by": part["by"],
        }  # fmt: skip
    if "watts_per_core" in part:
        return _("Energy of the %(part)s: an estimate, %(watts)s W for each second of a busy core.") % {
            "part": name, "watts": f"{part['watts_per_core']:g}",
        }  # fmt: skip
    return _("Energy of the %(part)s: an estimate, %(watts)s W for the whole time.") % {
        "part": name, "watts": f"{part['watts']:g}",
    }  # fmt: skip


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
