"""What pages do when the domain refuses, when something is not there, and when a list has no such page.

A refusal becomes a message above the next page, or stands in the form beside the fields it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from labeler.curation.image_list import number
from labeler.errors import LabelerError
from labeler.pages.forms import refuse

Row = TypeVar("Row", bound=Model)


@contextmanager
def refusal_as_message(request: HttpRequest) -> Iterator[None]:
    """What stands within ends where the domain refuses, and the next page says why."""
    try:
        yield
    except LabelerError as error:
        messages.error(request, error.message)


@contextmanager
def refusal_in(form: forms.Form) -> Iterator[None]:
    """What stands within ends where the domain refuses, and the form says why."""
    try:
        yield
    except LabelerError as error:
        refuse(form, error)


def first_or_404(rows: QuerySet[Row], words: str) -> Row:
    """The first of these rows; Http404 with the words where there is none."""
    found = rows.first()
    if found is None:
        raise Http404(words)
    return found


def page_asked_for(request: HttpRequest, last: int = 999_999) -> int:
    """`?page=`, from 1 to the last one that is shown."""
    return min(max(1, number(request.GET.get("page")) or 1), last)
