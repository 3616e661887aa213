"""What the address of the export page asks for besides format and reading: some of the images, and how pictures are
prepared.

Both stand in the address, so that every link on the page can carry them on, and the page needs no script.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.curation import filters
from labeler.curation.filters import ImageFilter
from labeler.errors import Invalid, LabelerError
from labeler.models import Project
from labeler.pages.forms import Input, Select
from labeler.releases import previews
from labeler.releases.live import check_filter
from labeler.releases.preparation import AS_IT_IS, FILL, FIT, FORMATS, NAMES, STRETCH, Preparation, parse_texts

WAYS_IN_WORDS = {
    FIT: gettext_lazy("within, never enlarged"),
    FILL: gettext_lazy("exactly so, the middle cut out"),
    STRETCH: gettext_lazy("exactly so, bent"),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """carried: what the links take along. problem: why the pictures cannot be prepared so. unreadable: why the images
    that were asked for cannot be found; then nothing may be taken out, because it would be all images.
    """

    only: ImageFilter
    how: Preparation
    carried: list[tuple[str, str]] = field(default_factory=list)
    is_part: bool = False
    problem: str = ""
    unreadable: str = ""

    @property
    def prepares(self) -> bool:
        return self.how != AS_IT_IS


def read(project: Project, asked: QueryDict) -> Choices:
    """A preparation that cannot be is left out, with its sentence. A filter that cannot be read stays in the links, so
    that none of them is an export of all images: REST refuses it with the same sentence.
    """
    only, sent, unreadable = read_filter(project, asked)
    texts = {name: asked.get(name, "") for name in NAMES if asked.get(name)}
    how, problem = AS_IT_IS, ""
    try:
        how = parse_texts(texts)
    except Invalid as error:
        problem = " ".join([error.message, *(f"{name}: {words[0]}." for name, words in (error.fields or {}).items())])
        texts = {}
    carried = [(name, value) for name, values in sent.items() for value in values] + list(texts.items())
    return Choices(only, how, carried, only != ImageFilter(), problem, unreadable)


def read_filter(project: Project, asked: QueryDict) -> tuple[ImageFilter, dict[str, list[str]], str]:
    """The images that an address asks for; the values it has of filters; and why they cannot be read, or nothing."""
    sent = {
        name: [value for value in values if value]
        for name, values in asked.lists()
        if name != "accepted" and filters.is_filter(name) and any(values)
    }
    try:
        if any("\0" in text for name, values in sent.items() for text in (name, *values)):
            raise Invalid(_("A text contains a NUL character."))
        only = filters.read(project, sent)
        check_filter(only)
    except LabelerError as error:
        return ImageFilter(), sent, error.message
    return only, sent, ""


def form(project: Project, asked: QueryDict, choices: Choices) -> dict[str, Any]:
    """What the form of the preparation shows: its values, and six pictures as they would go out."""
    shown = previews.of_project(project, choices.how) if choices.prepares else []

    def value(name: str) -> str:
        return asked.get(name, "")[:40]

    formats = [(one, one) for one in FORMATS]
    return {
        # copies and the like need splits: they are for releases and REST.
        "fields": [
            Input("width", _("Width, px"), value("width"), 4, "numeric"),
            Input("height", _("Height, px"), value("height"), 4, "numeric"),
            Select("way", _("Into that size"), list(WAYS_IN_WORDS.items()), value("way")),
            Input(
                "crop", _("Cut to (left, top, right, bottom; 0 to 1)"), value("crop"), 40, placeholder="0,0,1,0.9"
            ),
            Select("file_format", _("File format"), formats, value("file_format"), _("as it is")),
            Input("quality", _("Quality of jpg and webp"), value("quality"), 3, "numeric"),
        ],
        "grey": bool(value("grey")),
        "problem": choices.problem,
        "is_on": choices.prepares,
        "previews": [
            {"name": one.name, "src": f"data:image/jpeg;base64,{base64.b64encode(one.made.content).decode()}"}
            for one in shown
        ],
    }  # fmt: skip
