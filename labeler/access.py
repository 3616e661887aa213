"""Who a person is in a project: the project, or one of its images, with their membership, by one query each.

Nearly every request begins with this. By hand: built with the ORM it takes 3 ms of processor time, by hand 0.3
(docs/decisions/0014).
Does not know what a role may do (api/access.py, pages/asking.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from labeler.models import Image, Membership, Project
from labeler.models.partial import columns, whole

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_PROJECT = f"""
    SELECT {columns(Membership, "m")}, {columns(Project, "p")}
    FROM labeler_project p
    LEFT JOIN labeler_membership m ON m.project_id = p.id AND m.user_id = %s
    WHERE p.id = %s AND p.trashed_at IS NULL
"""
_IMAGE = f"""
    SELECT {columns(Membership, "m")}, {columns(Project, "p")}, {columns(Image, "i")}
    FROM labeler_image i
    JOIN labeler_project p ON p.id = i.project_id AND p.trashed_at IS NULL
    LEFT JOIN labeler_membership m ON m.project_id = p.id AND m.user_id = %s
    WHERE i.id = %s
"""
_OF_MEMBER = len(Membership._meta.concrete_fields)
_OF_PROJECT = _OF_MEMBER + len(Project._meta.concrete_fields)


def of_project(person: User, project_id: int) -> tuple[Project | None, Membership | None]:
    """A project that is not in the trash, or None; and the person's place in it, None for strangers."""
    row = _one(_PROJECT, [person.pk, project_id])
    return _project(row) if row else (None, None)


def of_image(person: User, image_id: int) -> tuple[Image | None, Membership | None]:
    """An image with its project, which is not in the trash, or None; and the person's place there."""
    row = _one(_IMAGE, [person.pk, image_id])
    if row is None:
        return None, None
    image = whole(Image, row[_OF_PROJECT:])
    image.project, member = _project(row)
    return image, member


def _one(query: str, params: list[Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchone()


def _project(row: tuple[Any, ...]) -> tuple[Project, Membership | None]:
    project = whole(Project, row[_OF_MEMBER:_OF_PROJECT])
    return project, whole(Membership, row[:_OF_MEMBER]) if row[0] is not None else None
