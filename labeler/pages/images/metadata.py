"""The form that imports a table of metadata; the import page shows what became of its rows.

Knows the form; what a table must be is labeler/intake/formats/metadata.py's, what becomes of it
labeler/intake/import_metadata.py's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.errors import LabelerError
from labeler.intake import advice, import_metadata
from labeler.intake.formats.cells import cell
from labeler.intake.formats.metadata import MOST_BYTES, MOST_ROWS, Table
from labeler.models import Project, Role
from labeler.pages.asking import Access, person, project_action

KEPT = "described"  # in the session, for the page after the form
REFUSALS_SHOWN = 200
PART = "metadata"  # of the import page


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
