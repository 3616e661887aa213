"""What is asked of each drawn object beside its class: add, change and retire the questions of a project.

Writes Question. Answers to a question that was changed stay as they were given. Does not know objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Conflict, Invalid, TaskNotSupported
from labeler.label_set import categories as label_set
from labeler.models import Project, Question
from labeler.projects.checks import check_row
from labeler.projects.classes import raise_label_set

MOST_QUESTIONS = 50
MOST_OPTIONS = 100
FIELDS = ("name", "kind", "options", "required", "categories", "position")
WITH_OPTIONS = (Question.Kind.ONE, Question.Kind.SEVERAL)


def add(*, project: Project, by: User, name: str, kind: str, **fields: Any) -> Question:
    """One more question, at the end. fields: options, required, categories (ids or names; empty: all).

    Raises Invalid, Conflict for a name in use, TaskNotSupported where nothing is drawn.
    """
    if not project.draws:
        raise TaskNotSupported(
            _("Questions are asked of drawn objects: this project has none."), fields={"name": ["not in this task"]}
        )
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if row.questions.filter(retired_at=None).count() >= MOST_QUESTIONS:
            raise Invalid(
                _("A project has at most %(most)s questions.") % {"most": MOST_QUESTIONS},
                fields={"name": ["too many questions"]},
            )
        last = row.questions.aggregate(models.Max("position"))["position__max"]
        question = Question(project=row, position=0 if last is None else last + 1)
        _apply(row, question, {"name": name, "kind": kind, **fields})
        raise_label_set(row, project)
        audit(by, "question.create", project=row, subject=question.name)
    return question


def change(*, question: Question, by: User, changes: Mapping[str, Any]) -> Question:
    """Change what is asked, of which classes, in which place; retired: no longer asked. Raises as add()."""
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=question.project_id)
        row = Question.objects.get(pk=question.pk)
        if "kind" in changes and changes["kind"] != row.kind:
            raise Conflict(_("The kind of a question stays: retire it and ask a new one."))
        if "retired" in changes:
            row.retired_at = timezone.now() if changes["retired"] else None
        _apply(project, row, {name: value for name, value in changes.items() if name in FIELDS})
        raise_label_set(project, question.project)
        audit(by, "question.update", project=project, subject=row.name, changed=sorted(changes))
    return row


def _apply(project: Project, row: Question, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in FIELDS:
            raise TypeError(f"a question has no {name}")
        setattr(row, name, value)
    row.name = " ".join(row.name.split())
    row.options = _options(row.kind, row.options)
    row.categories = label_set.index(project).resolve(row.categories) if row.categories else []
    check_row(row, ("name", "kind", "options", "required", "position"))
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(
            _("There is a question “%(name)s” already.") % {"name": row.name}, fields={"name": ["taken"]}
        ) from error


def _options(kind: str, options: Sequence[str]) -> list[str]:
    if kind not in WITH_OPTIONS:
        return []
    named = list(dict.fromkeys(text for one in options if (text := " ".join(str(one).split()))))
    if not 2 <= len(named) <= MOST_OPTIONS:
        raise Invalid(
            _("Such a question has 2 to %(most)s options.") % {"most": MOST_OPTIONS}, fields={"options": ["2 to 100"]}
        )
    return named
