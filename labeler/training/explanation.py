"""An explanation in words: how it was made, and where in the image the heat is. For programs, pages and alt texts.

Knows what a worker stored with an errand (worker/inference/requests.py); not how it was computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.label_set import categories as label_set
from labeler.models import Errand

METHODS = {
    "grad-cam": gettext_lazy(
        "Grad-CAM: bright is what raised the model's score for the class. In the shade: what it is not shown."
    ),
    "occlusion": gettext_lazy(
        "Occlusion: bright is where covering the image made the model less sure. "
        "This kind of model has no gradient. In the shade: what it is not shown."
    ),
    "heat-map": gettext_lazy(
        "Heat map of the network: bright is where it sees the middle of an object. It draws those that reach the "
        "threshold of their class."
    ),
    "pixels": gettext_lazy("Probability of every pixel: bright is where the class is likely."),
    "uncertainty": gettext_lazy(
        "Doubt of every pixel: bright is where a second class is nearly as likely as the first."
    ),
}
OF_A_SQUARE = ("grad-cam", "occlusion")  # the others are of models that draw, which look at the whole image
FEW = 0.5  # a field with less than this share of the heat is not where it lies


def category_of(errand: Errand) -> str:
    """The class that is explained, by its present name; of a model that draws perhaps all of them."""
    if errand.answer["category"] is None:
        return _("all classes")
    return label_set.index(errand.project).label([errand.answer["category"]])[0]


def method_of(answer: Mapping[str, Any]) -> str:
    """What the colours and the shade are."""
    return str(METHODS[answer["method"]])


def where(answer: Mapping[str, Any]) -> str:
    """Where the heat lies, for people who do not see it: on the square that the model looks at, or on the image."""
    on_image = answer["method"] not in OF_A_SQUARE
    if not answer["any"]:
        if on_image:
            return _("It sees nothing of it anywhere.")
        return _("Nothing in the image speaks for this class: the model says so because less speaks for the others.")
    first, there, second, too = _fields(answer)
    square, image = _("It is spread over the square that the model looks at."), _("It is spread over the image.")
    if first >= FEW:
        square = _("Most of it lies %(place)s of the square that the model looks at.")
        image = _("Most of it lies %(place)s of the image.")
    elif first + second >= FEW:
        square = _("Most of it lies %(place)s and %(other)s of the square that the model looks at.")
        image = _("Most of it lies %(place)s and %(other)s of the image.")
    return (image if on_image else square) % {"place": there, "other": too}


def _fields(answer: Mapping[str, Any]) -> tuple[float, str, float, str]:
    """The two of nine fields with most of the heat: the share of each, and where it is."""
    names = (
        (_("at the upper left"), _("at the upper edge"), _("at the upper right")),
        (_("at the left edge"), _("in the middle"), _("at the right edge")),
        (_("at the lower left"), _("at the lower edge"), _("at the lower right")),
    )
    fields = sorted(
        ((share, names[row][column]) for row, line in enumerate(answer["thirds"]) for column, share in enumerate(line)),
        reverse=True,
    )
    return (*fields[0], *fields[1])
