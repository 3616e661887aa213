"""What a person answers about a file before it is taken in: what its labels are, and what becomes of unknown classes.

Reads the answers of a form, a JSON body or a command line into what stands in the params of the job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.intake.formats.metadata import is_line

WORDS = ("prelabels", "gold", "nothing")
LONGEST_NAME = 150
MOST_MAPPED = 5000
MAKE, REFUSE = "make", "refuse"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """labels: people, source, prelabels, gold or nothing; name: the column of people, or the source."""

    labels: str = "source"
    name: str = ""
    is_said: bool = False  # False: nobody has said what the labels are
    make_classes: bool = False
    classes: dict[str, str] = field(default_factory=dict)  # old name, casefolded -> new; "": left out
    blind: bool = False


def options_of(params: Mapping[str, Any], format_: str) -> ImportOptions:
    """From a job's params, as check() left them there."""
    labels_as, new = params.get("labels_as"), params.get("new_categories", REFUSE)
    labels, name = "source", format_
    if isinstance(labels_as, dict):
        labels, name = next(iter(labels_as.items()))
    elif labels_as:
        labels, name = labels_as, ""
    mapping = {old.strip().casefold(): new_name for old, new_name in new.items()} if isinstance(new, dict) else {}
    return ImportOptions(
        labels=labels, name=name or "", is_said=labels_as is not None, make_classes=new == MAKE, classes=mapping,
        blind=params.get("blind") is True,
    )  # fmt: skip


def check(labels_as: Any = None, new_categories: Any = None, origin: Any = None) -> dict[str, Any]:
    """The answers as params of a job. Each may be JSON in a text. Raises Invalid."""
    found: dict[str, Any] = {}
    if origin not in (None, ""):
        if str(origin) not in ("0", "1") or isinstance(origin, bool):
            raise Invalid(
                _("origin is the number of the first pixel in Pascal VOC: 1, or 0."), fields={"origin": ["0 or 1"]}
            )
        found["origin"] = int(origin)
    if labels_as not in (None, ""):
        found["labels_as"] = _labels_as(_parsed(labels_as, "labels_as"))
    if new_categories not in (None, ""):
        found["new_categories"] = _new_categories(_parsed(new_categories, "new_categories"))
    return found


def _parsed(value: Any, name: str) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Invalid(_("%(name)s is no JSON.") % {"name": name}, fields={name: ["no JSON"]}) from error


def _labels_as(value: Any) -> Any:
    if value in WORDS:
        return value
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("people", "source"):
        kind, name = next(iter(value.items()))
        is_name = isinstance(name, str) and len(name.strip()) <= LONGEST_NAME and is_line(name)
        if is_name and (name.strip() or kind == "people"):
            return {kind: name.strip()}
    raise Invalid(
        _("labels_as is {“people”: “a column or field”}, {“source”: “a name”}, “prelabels”, “gold” or “nothing”."),
        fields={"labels_as": ["unknown"]},
    )


def _new_categories(value: Any) -> Any:
    if value in (MAKE, REFUSE):
        return value
    is_mapping = isinstance(value, dict) and len(value) <= MOST_MAPPED
    if is_mapping and all(new is None or (isinstance(new, str) and is_line(new)) for new in value.values()):
        return {str(old): (new or "").strip() for old, new in value.items() if is_line(str(old))}
    raise Invalid(
        _("new_categories is “make”, “refuse”, or an object of old and new names, where null leaves a class out."),
        fields={"new_categories": ["unknown"]},
    )
