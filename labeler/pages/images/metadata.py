"""The form that imports a table of metadata, whose outcome the import page shows; and what is known of one image, as
rows: what its file says to read, the lead's own fields to change.

Knows the forms; what a table must be is labeler/intake/formats/metadata.py's, what becomes of it
labeler/intake/import_metadata.py's, and who sees which field labeler/intake/private_fields.py's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.errors import LabelerError
from labeler.intake import advice, import_metadata, private_fields
from labeler.intake.formats.cells import cell
from labeler.intake.formats.metadata import LONGEST_KEY, LONGEST_VALUE, MOST_BYTES, MOST_FIELDS, MOST_ROWS, Table
from labeler.models import Image, Project, Role
from labeler.pages.asking import Access, person, project_action
from labeler.pages.refusals import first_or_404, refusal_as_message

KEPT = "described"  # in the session, for the page after the form
REFUSALS_SHOWN = 200
PART, FIELDS = "metadata", "facts"  # of the import page, and of an image's


@project_action(Role.LEAD, most_bytes_of_files=lambda: MOST_BYTES)
def describe(request: HttpRequest, access: Access) -> HttpResponse:
    request.session[KEPT] = _take_in(request, access.project)
    return redirect(f"{reverse('import', args=[access.project.pk])}#{PART}")


def _take_in(request: HttpRequest, project: Project) -> dict[str, Any]:
    file = request.FILES.get("table")
    told: dict[str, Any] = {"project": project.pk}
    if file is None:
        return {**told, "problem": _("Choose a file first.")}
    told["name"] = file.name
    try:
        table = Table(cast("BinaryIO", file.file), remove_empty="empty_removes" in request.POST)
        outcome = import_metadata.describe(project=project, by=person(request), rows=table)
    except LabelerError as error:
        return {**told, "problem": error.message}
    shown = outcome.as_json()
    return {**told, **shown, "refused": shown["refused"][:REFUSALS_SHOWN], "n_refused": outcome.n_refused}


def metadata_context(request: HttpRequest, project: Project) -> dict[str, Any]:
    """What the card of the import page needs; what was told of the last table is told once."""
    told = request.session.get(KEPT)
    if told and told["project"] == project.pk:
        del request.session[KEPT]
    else:
        told = None
    return {
        "told": told,
        "refusals": advice.grouped(told.get("refused", [])) if told else [],
        "example": _example(project),
        "megabytes": MOST_BYTES // 2**20,
        "rows": MOST_ROWS,
    }


def _example(project: Project) -> str:
    """Two lines as a CSV of metadata would have them, with names of this project."""
    names = list(project.images.order_by("pk").values_list("name", flat=True)[:2])
    files = zip([*names, "leaf-0001.jpg", "leaf-0002.jpg"][:2], ("C-3", "C-7"), strict=True)
    return as_csv([("file_name", "camera", "outdoors"), *((name, camera, "true") for name, camera in files)])


def as_csv(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell(text) for text in row] for row in rows)
    return out.getvalue().strip()


# ---------------------------------------------------------------- of one image


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an image, as this person may see it. text: as it is typed into a form."""

    key: str
    value: Any
    text: str
    is_read: bool  # from the file: nobody changes it
    longest: int = LONGEST_VALUE


def fields_of(project: Project, image: Image) -> list[Field]:
    """The fields of an image that the person may see: first those of its file, then the others, each by name."""
    shown = private_fields.shown(project, image.metadata)
    rows = [Field(key, value, _text(value), private_fields.is_reserved(key)) for key, value in shown.items()]
    return sorted(rows, key=lambda row: (not row.is_read, row.key))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@project_action(Role.LEAD)
def change(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    images = Image.objects.for_project(access.project).filter(pk=image_id)
    image = first_or_404(images, _("This project has no such image."))
    with refusal_as_message(request):
        changes = _changes(request)
        if changes:
            import_metadata.edit(image=image, by=person(request), changes=changes)
            messages.success(request, _("Saved."))
    return redirect(f"{reverse('image', args=[access.project.pk, image.pk])}#{FIELDS}")


def _changes(request: HttpRequest) -> dict[str, Any]:
    """Fields whose text is another than the page showed, and the new one. Nothing else: somebody may have changed
    another field since.
    """
    sent = request.POST
    keys, before, now = (sent.getlist(name)[: 2 * MOST_FIELDS] for name in ("key", "before", "value"))
    away = set(sent.getlist("remove"))
    changes: dict[str, Any] = {}
    for key, old, new in zip(keys, before, now, strict=False):
        if key in away:
            changes[key] = None
        elif old != new:
            changes[key] = import_metadata.spelled(key[:LONGEST_KEY], new)
    if added := sent.get("new_key", "").strip():
        changes[added] = import_metadata.spelled(added[:LONGEST_KEY], sent.get("new_value", ""))
    return changes
