"""Find the images that the rows of an imported table name. Knows names, not the other columns."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.utils.translation import gettext as _

from labeler.models import Image, Project

LOOKED_UP = 5000  # names per query
_LAST = "regexp_replace(name, '^.*/', '')"
_STEM = f"regexp_replace({_LAST}, '\\.[^.]*$', '')"


def by_name(project: Project, names: Iterable[str]) -> dict[str, int | str]:
    """Image id by name, or the sentence why the name is of no use; names that no image has are left out.

    The whole name first, else the part after the last slash, where only one image has it.
    """
    found: dict[str, int | str] = {}
    ordered = sorted(set(names))
    for start in range(0, len(ordered), LOOKED_UP):
        part = ordered[start : start + LOOKED_UP]
        for name, pk in Image.objects.filter(project=project, name__in=part).order_by("-id").values_list("name", "id"):
            found[name] = pk if name not in found else _("Several images of this project have that name.")
    missing = [name for name in ordered if name not in found]
    if not missing:
        return found
    short = _by_part(project, _LAST, {name.rpartition("/")[2] for name in missing})
    return found | {name: short[last] for name in missing if (last := name.rpartition("/")[2]) in short}


def by_stem(project: Project, stems: Iterable[str]) -> dict[str, int | str]:
    """The same by the last part of the name without its suffix, of the images that only one has; one query."""
    return _by_part(project, _STEM, set(stems))


def _by_part(project: Project, part: str, wanted: set[str]) -> dict[str, int | str]:
    """part: of the name, in SQL."""
    query = f"""
        SELECT {part} AS part, min(id), count(*) FROM labeler_image
        WHERE project_id = %s AND {part} = ANY (%s) GROUP BY part
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [project.pk, list(wanted)])
        return {
            found: pk if n == 1 else _("Several images of this project have that name: give its folder too.")
            for found, pk, n in cursor.fetchall()
        }


def unknown(by: str) -> str:
    """That there is none, as a sentence. by: what it was looked for by, file_name or something else."""
    if by == "file_name":
        return _("This project has no image of that name.")
    return _("This project has no image with this %(by)s.") % {"by": by}


def by_sha256(project: Project, hashes: Iterable[str]) -> dict[str, int]:
    """Image id by the hash of its bytes, in small letters; one query."""
    rows = Image.objects.filter(project=project, sha256__in=list(hashes))
    return dict(rows.values_list("sha256", "pk"))


def by_id(project: Project, ids: Iterable[int]) -> set[int]:
    """Those ids that are of this project; one query."""
    return set(Image.objects.filter(project=project, pk__in=list(ids)).values_list("pk", flat=True))
