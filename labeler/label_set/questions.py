"""What is asked of each drawn object beside its class: find the questions of a project, check the answers to them.

The label set has a version, raised by every change of a question, too: a process may keep what it read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from labeler.models import Project, Question

LONGEST_TEXT = 500


class Unfit(Exception):
    """An answer that does not fit its question: str() is a sentence, `code` says which rule."""

    def __init__(self, code: str, reason: str):
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as it is asked today."""

    id: int
    name: str
    kind: str  # models.Question.Kind
    options: tuple[str, ...]
    required: bool
    categories: frozenset[int]  # empty: asked of all classes

    def fits(self, category: int) -> bool:
        return not self.categories or category in self.categories


@dataclass(frozen=True, slots=True)
class QuestionIndex:
    """The questions of one project at one version of its label set."""

    asked: tuple[Asked, ...]  # in use, in their order
    former: frozenset[str]  # names of retired ones: an answer begun before the change is a person's work

    def check(self, category: int, said: Mapping[str, Any], *, may_be_unanswered: bool = False) -> dict[str, Any]:
        """The answers to keep for an object of this class, by the name of the question. Raises Unfit."""
        known = {one.name: one for one in self.asked if one.fits(category)}
        kept: dict[str, Any] = {}
        for name, value in said.items():
            if value is None or value == "" or value == []:
                continue
            if name not in known:
                if name in self.former or any(one.name == name for one in self.asked):
                    continue  # asked of another class, or no longer: the class was changed after it was answered
                raise Unfit("unknown_attribute", _("There is no question “%(name)s”.") % {"name": str(name)[:100]})
            kept[name] = _fitting(known[name], value)
        for one in known.values():
            if one.required and one.name not in kept and not may_be_unanswered:
                raise Unfit("missing_attribute", _("“%(name)s” must be answered.") % {"name": one.name})
        return kept

    def fitting(self, category: int, said: Mapping[str, Any]) -> dict[str, Any]:
        """Those answers of another tool that fit a question about this class; the others are dropped."""
        kept: dict[str, Any] = {}
        for one in self.asked:
            if one.fits(category) and said.get(one.name) not in (None, "", []):
                try:
                    kept[one.name] = _fitting(one, said[one.name])
                except Unfit:
                    continue
        return kept


def _fitting(asked: Asked, value: Any) -> Any:
    kinds = Question.Kind
    if asked.kind == kinds.YES_NO and isinstance(value, bool):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if asked.kind == kinds.NUMBER and is_number and math.isfinite(value):
        return value
    if asked.kind == kinds.TEXT and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    if asked.kind == kinds.ONE and isinstance(value, str) and value in asked.options:
        return value
    if (
        asked.kind == kinds.SEVERAL
        and isinstance(value, list)
        and all(isinstance(one, str) and one in asked.options for one in value)
    ):
        return [one for one in asked.options if one in value]
    wanted = {
        kinds.YES_NO: _("true or false"),
        kinds.NUMBER: _("a number"),
        kinds.TEXT: _("a text of at most %(most)s characters") % {"most": LONGEST_TEXT},
        kinds.ONE: _("one of %(options)s") % {"options": ", ".join(asked.options)},
        kinds.SEVERAL: _("a list of %(options)s") % {"options": ", ".join(asked.options)},
    }[kinds(asked.kind)]
    raise Unfit("unfit_attribute", _("“%(name)s” wants %(wanted)s.") % {"name": asked.name, "wanted": wanted})


@lru_cache(maxsize=256)
def _read(project_id: int, version: int) -> QuestionIndex:
    rows = list(Question.objects.filter(project_id=project_id, about=Question.About.OBJECT))
    return QuestionIndex(
        tuple(
            Asked(row.pk, row.name, row.kind, tuple(row.options), row.required, frozenset(row.categories))
            for row in rows
            if row.retired_at is None
        ),
        frozenset(row.name for row in rows if row.retired_at is not None),
    )


def index(project: Project) -> QuestionIndex:
    """The questions of a project as of `project.label_set_version`."""
    return _read(project.pk, project.label_set_version)
