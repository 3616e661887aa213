"""A filter of images in words, for chips, the page of a release and its data card.

Knows the names that REST has for filters (labeler/curation/filters.py), and none of their queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.models import Finding
from labeler.models.image import Status

METADATA = "metadata."
_WORDS = {
    "category": gettext_lazy("somebody said %(value)s"),
    "consensus": gettext_lazy("the answer is %(value)s"),
    "predicted": gettext_lazy("the model says %(value)s"),
    "labeled_by": gettext_lazy("answered by %(value)s"),
    "search": gettext_lazy("name has “%(value)s”"),
    "min_confidence": gettext_lazy("model at least %(value)s sure"),
    "max_confidence": gettext_lazy("model at most %(value)s sure"),
    "import": gettext_lazy("of import %(value)s"),
    "split": gettext_lazy("split %(value)s"),
    "disagreement": gettext_lazy("people differ by at least %(value)s"),
    "accepted": gettext_lazy("accepted on the model's word"),
    "min_pixels": gettext_lazy("at least %(value)s pixels"),
    "max_pixels": gettext_lazy("at most %(value)s pixels"),
}
_ANY_OF = ("status", "split")  # several values: one of them is enough. Of a class or a finding each must hold.
_EACH_OF = ("category", "finding")


def told(name: str, value: str) -> str:
    """One filter with one value, as a part of a sentence. Classes have their names already."""
    if name.startswith(METADATA):
        return _("%(key)s is %(value)s") % {"key": name.removeprefix(METADATA), "value": value}
    if name == "finding":
        return str(Finding(value).label) if value in Finding.values else value
    if name == "status":
        return str(Status(value).label) if value in Status.values else value
    return str(_WORDS[name]) % {"value": value}


def phrases(sent: Mapping[str, Sequence[str]], class_names: Mapping[int, str]) -> list[str]:
    """A filter as releases keep it, a phrase for each condition; an image fits when all of them hold.

    class_names: of the classes that the filter names by id.
    """

    def shown(name: str, value: str) -> str:
        if name in ("category", "consensus", "predicted") and value.isascii() and value.isdigit():
            return class_names.get(int(value), value)
        return value

    found = []
    for name, values in sent.items():
        texts = [told(name, shown(name, value)) for value in _counted(name, values)]
        found += [_(" or ").join(texts)] if name in _ANY_OF else texts
    return found


def sentence(sent: Mapping[str, Sequence[str]], class_names: Mapping[int, str]) -> str:
    """The same as one sentence: "Settled, and somebody said dog, and name has “leaf”."; "" for no filter."""
    text = _(", and ").join(phrases(sent, class_names))
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _counted(name: str, values: Sequence[str]) -> Sequence[str]:
    """Those that count: of most filters the last one (labeler/curation/filters.py reads them so)."""
    return values if name in _ANY_OF or name in _EACH_OF else values[-1:]
