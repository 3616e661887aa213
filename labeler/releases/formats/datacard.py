"""Data card: Markdown with the questions of Datasheets for Datasets, answered from what is known.

What a lead wrote in a release's card comes first, then what the data set itself says; else "not answered". Counts keep
verified none, cannot tell, tied, undecidable and unlabeled apart, and say how many images stand by a model's word
alone. In English, as a file for others to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy

from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.datasheet import QUESTIONS
from labeler.releases.formats.answers import NONE, STATES, answer_of, judgements_of
from labeler.wording import filters

FILE = ("text/markdown; charset=utf-8", "md")
TITLE = gettext_lazy("Data card")
TEXT = gettext_lazy("Markdown: the questions of Datasheets for Datasets, answered from what is known.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)
NOT_ANSWERED = "*not answered*"
_WORDS = {
    "labeled": "with a class", "none": "with a verified none of the classes", "cannot_tell": "nobody could tell",
    "tie": "the votes are tied", "undecidable": "a reviewer decided that the image does not say",
    "unlabeled": "not yet labeled",
}  # fmt: skip


def write(data: DataSet) -> Iterator[bytes]:
    """The file, in one piece: its length does not grow with the images."""
    yield text(data).encode()


class Figures:
    """What the rows come to, counted in one pass."""

    def __init__(self, data: DataSet) -> None:
        self.states: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()  # of the outcomes, where they are drawn
        self.splits: Counter[str] = Counter()
        self.models: Counter[int] = Counter()  # images by the model whose word is all there is
        self.people: set[str] = set()
        self.n = self.n_bytes = self.n_judgements = self.n_shown = self.n_imported = 0
        self.first = self.last = ""
        for contents in data.rows():
            said = answer_of(contents)
            self.n += 1
            self.n_bytes += contents.image.n_bytes
            self.states[said.state] += 1
            self.splits[contents.split] += 1
            self.classes.update(said.names or ())
            self.objects.update(one.category for one in contents.objects or ())
            if contents.by_model is not None:
                self.models[contents.by_model.model] += 1
            for one in judgements_of(contents):
                day = one.created_at.date().isoformat()
                self.people.add(one.annotator)
                self.n_judgements += 1
                self.n_shown += one.shown is not None
                self.n_imported += one.import_id is not None
                self.first, self.last = min(self.first or day, day), max(self.last, day)


def text(data: DataSet) -> str:
    """The whole card."""
    figures = Figures(data)
    known = _known(data, figures)
    written = (data.release or {}).get("card") or {}
    lines = [f"# {_inline(data.title)}", ""]
    if data.release:
        lines += [f"Release {data.release.get('number')}: {_inline(data.release.get('name') or data.title)}.", ""]
    if data.question:
        lines += [f"> {_inline(data.question)}", ""]
    lines += [*_table(data, figures), ""]
    section = ""
    for question in QUESTIONS:
        if question.section != section:
            section = question.section
            lines += [f"## {section}", ""]
        answer = written.get(question.key) or known.get(question.key) or NOT_ANSWERED
        lines += [f"**{question.text}**", "", str(answer).strip(), ""]
    return "\n".join(lines)


def _table(data: DataSet, figures: Figures) -> list[str]:
    if data.draws:
        return _table_of_objects(data, figures)
    rows = [f"| {_cell(one.name)} | {figures.classes[one.name]:,} | {_cell(one.description)} |" for one in data.classes]
    if data.is_multi:
        rows.append(f"| *verified none* | {figures.states[NONE]:,} | people looked and saw none of these |")
    return ["| class | images | what it means |", "|---|---:|---|", *rows]


def _table_of_objects(data: DataSet, figures: Figures) -> list[str]:
    """By class: objects, images, and of a release how large they are."""
    sizes = ((data.release or {}).get("objects") or {}).get("classes") or {}
    rows = []
    for one in data.classes:
        side = (sizes.get(one.name) or {}).get("side")
        size = f"{side['p10']:g}, {side['median']:g}, {side['p90']:g}" if side else ""
        counts = f"{figures.objects[one.name]:,} | {figures.classes[one.name]:,}"
        rows.append(f"| {_cell(one.name)} | {counts} | {size} | {_cell(one.description)} |")
    rows.append(f"| *verified none* | 0 | {figures.states[NONE]:,} | | people looked and saw none of these |")
    head = "| class | objects | images | size in px (10 %, median, 90 %) | what it means |"
    return [head, "|---|---:|---:|---|---|", *rows, "", "The size is the side of a square as large as the object."]


def _known(data: DataSet, figures: Figures) -> dict[str, str]:
    """Answers that the data set itself can give, by the key of the question."""
    states = "; ".join(f"{figures.states[state]:,} {_WORDS[state]}" for state in STATES if figures.states[state])
    several = "any number of classes, or none" if data.is_multi else "one class"
    if data.draws:
        drawn = {"boxes": "boxes", "polygons": "outlines", "masks": "masks", "semantic": "a class for each pixel"}
        several = f"{drawn[data.task]}, drawn object by object ({figures.objects.total():,} in all), or none"
    place = "with" if data.wanted.location else "without"
    known = {
        "instances": "Images, one file each.",
        "count": f"{figures.n:,} images ({figures.n_bytes:,} bytes): {states or 'none'}. Classes: above.",
        "content": f"An image file, {place} the place and personal fields of its EXIF, and the metadata brought along.",
        "labels": f"Each image is asked: “{_inline(data.question or data.title)}” and has {several}.",
        "missing": f"Labels, where an image has none: {states}.",
        "preprocessing": f"Labeled by {len(figures.people):,} people in {figures.n_judgements:,} judgements, "
        f"{figures.n_imported:,} of them imported.",
        "models": _of_models(figures),
        "raw": "Every judgement is kept with its author and time; the original image files are kept unchanged.",
        "software": "Labeler, open source.",
    }
    if figures.first:
        known["timeframe"] = f"Judgements were given from {figures.first} to {figures.last}."
    if data.is_split:
        counts = "; ".join(f"{name or 'unassigned'}: {n:,}" for name, n in sorted(figures.splits.items()))
        known["splits"] = f"Yes: {counts} images."
    return known | _of_release(data.release or {})


def _of_models(figures: Figures) -> str:
    alone = "; ".join(f"{n:,} by model {number}" for number, n in sorted(figures.models.items()))
    return (
        f"{figures.n_shown:,} of {figures.n_judgements:,} judgements were given with a model's suggestion in view. "
        + (f"Images that stand by a model's word alone, marked as such: {alone}." if alone else "")
    ).strip()


def _of_release(release: dict[str, Any]) -> dict[str, str]:
    """What a frozen release's manifest adds."""
    known = {}
    if only := release.get("filter"):
        # A file is the same bytes whoever asks for it, in whatever language.
        with translation.override("en"):
            named = filters.sentence(only, {one["id"]: one["name"] for one in release.get("classes", ())})
        known["sample"] = f"A part of the project: the images that fitted this when it was frozen. {_inline(named)}"
    if description := (release.get("project") or {}).get("description"):
        known["purpose"] = _inline(description)
    if by := release.get("by"):
        known["creators"] = f"Released by {_inline(by)}."
    alpha = (release.get("agreement") or {}).get("alpha")
    if isinstance(alpha, dict) and isinstance(alpha.get("value"), int | float):
        low, high = alpha.get("low"), alpha.get("high")
        between = f", 95% interval {low:.2f} to {high:.2f}" if low is not None and high is not None else ""
        known["agreement"] = f"Krippendorff's alpha {alpha['value']:.2f}{between}."
    if checksum := release.get("checksum"):
        known["updates"] = f"This is a frozen release; SHA-256 of its contents: {checksum}."
    return known


def _inline(text_: str) -> str:
    """Text of others in one line of Markdown: no heading, list or HTML begins in it."""
    return " ".join(str(text_).split()).replace("<", "&lt;").lstrip("#>-+* ")


def _cell(text_: str) -> str:
    return _inline(text_).replace("|", "\\|")
