"""What is known of one image, as rows: what its file says to read, the lead's own fields to change.

Knows the form; what becomes of it is labeler/intake/import_metadata.py's, and who sees which field
labeler/intake/private_fields.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.intake import import_metadata, private_fields
from labeler.intake.formats.metadata import LONGEST_KEY, LONGEST_VALUE, MOST_FIELDS
from labeler.models import Image, Project, Role
from labeler.pages.asking import Access, person, project_action
from labeler.pages.refusals import first_or_404, refusal_as_message

PART = "facts"  # of the image's page


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
    return redirect(f"{reverse('image', args=[access.project.pk, image.pk])}#{PART}")


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
