"""What was found, for those who show it: how many images of each finding, the newest of them, and all as a queryset.

Knows rows, not how they are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count

from labeler.models import Finding, Image, ImageCheck, ImageFinding, Job, Project
from labeler.models.job import UNFINISHED, Kind, State


def counts(project: Project) -> dict[str, int]:
    """How many images each finding has, in the order of Finding; 0 included."""
    rows = ImageFinding.objects.filter(project=project).order_by().values_list("code").annotate(n=Count("pk"))
    found = dict(rows)
    return {code: found.get(code, 0) for code in Finding.values}


_NEWEST = """
    SELECT c.code, f.image_id FROM unnest(%s::text[]) c(code), LATERAL (
        SELECT image_id FROM labeler_imagefinding WHERE project_id = %s AND code = c.code
        ORDER BY image_id DESC LIMIT %s
    ) f
"""


def newest(project: Project, n: int) -> dict[str, list[int]]:
    """The newest images of each finding, by id."""
    found: dict[str, list[int]] = {code: [] for code in Finding.values}
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [Finding.values, project.pk, n])
        for code, image in cursor.fetchall():
            found[code].append(image)
    return found


def page(project: Project, code: str, *, before: int | None, size: int) -> list[int]:
    """Ids of the images of a finding, the newest first, from those below `before`."""
    rows = ImageFinding.objects.filter(project=project, code=code)
    if before is not None:
        rows = rows.filter(image__lt=before)
    return list(rows.order_by("-image").values_list("image", flat=True)[:size])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the checks of a project are."""

    images: int
    measured: int
    job: Job | None  # under way
    last: Job | None  # the last that ended, failed ones too
    files_at: datetime | None  # when the files of all images were looked for last


def standing(project: Project) -> Standing:
    asked = Job.objects.filter(project=project, kind=Kind.CHECKS).order_by("-pk")
    files = asked.filter(state=State.DONE, params__files=True, result__is_whole=True).first()
    return Standing(
        images=Image.objects.filter(project=project).count(),
        measured=ImageCheck.objects.filter(project=project).count(),
        job=asked.filter(state__in=UNFINISHED).first(),
        last=asked.exclude(state__in=UNFINISHED).first(),
        files_at=files.finished_at if files else None,
    )
