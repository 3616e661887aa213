"""What an export of drawn answers would hold: images whose every object is settled, and their objects by class.

Counts by the rule of the export itself (contents.py: object by object), as far as the database knows it: how many
places of an image are open stands in its row. Shapes are read only where several people answered, to count objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from labeler.consensus import objects as consensus
from labeler.label_set import categories as label_set
from labeler.models import Image, Project
from labeler.models.project import Task

# Images of several people whose objects are counted: of so many with 20 boxes each about 4 s, on first sight.
MOST_COMPARED = 2_000
BATCH = 100

# told: somebody answered who could tell. is_open: an object has no majority.
_FROM = """
    FROM labeler_image i LEFT JOIN labeler_decision d ON d.image_id = i.id AND d.withdrawn_at IS NULL
    WHERE i.project_id = %(project)s AND (%(some)s::bigint[] IS NULL OR i.id = ANY (%(some)s::bigint[]))
"""
_GROUPS = f"""
    SELECT count(*), sum(i.n_bytes)::bigint, i.status, d.undecidable, (i.tally - '?') <> '{{}}'::jsonb AS told,
           jsonb_exists(i.tally, '?') AS unsure, coalesce(i.disputed_objects, 0) > 0 AS is_open
    {_FROM} GROUP BY 3, 4, 5, 6, 7
"""
# Of a decision: what the reviewer drew. Of one person's answer: their objects, of pixels each class once an image.
_DECIDED = f"""
    SELECT (one->>'category')::bigint, count(*) FROM (
        SELECT d.drawn {_FROM} AND NOT d.undecidable
    ) AS decided, jsonb_array_elements(coalesce(decided.drawn, '[]')) AS one GROUP BY 1
"""
_OF_ONE = f"""
    SELECT category_id, CASE WHEN %(pixels)s THEN count(DISTINCT l.image_id) ELSE count(*) END
    FROM labeler_label l JOIN labeler_labelobject o ON o.label_id = l.id
    WHERE l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled' AND NOT l.extra
      AND l.image_id IN (SELECT i.id {_FROM} AND d.id IS NULL AND i.disputed_objects IS NULL AND i.n_votes > 0)
      AND l.round = (SELECT i.round FROM labeler_image i WHERE i.id = l.image_id)
    GROUP BY 1
"""

Group = tuple[int, int, str, bool | None, bool, bool, bool]


def groups(project: Project, some: list[int] | None) -> list[Group]:
    """Images that the rule cannot tell apart: (n, bytes, status, undecidable, told, unsure, is_open). One query."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, {"project": project.pk, "some": some})
        return cursor.fetchall()


def settled_by_pixels(project: Project, some: list[int] | None) -> list[tuple[int, str]]:
    """Images with a class for each pixel that have an outcome although places are open: (bytes, status) of each.

    Whether an image is in dispute is counted by whole areas, what is taken out by pixels: two people's areas may share
    a majority of pixels, and yet not be one area. Of the first MOST_COMPARED such images.
    """
    if project.task != Task.SEMANTIC:
        return []
    images = _of_several(project, some).filter(disputed_objects__gt=0)
    return [
        (image.n_bytes, image.status)
        for image, rows in _outcomes(project, images[:MOST_COMPARED])
        if all(row["settled"] for row in rows)
    ]


def objects(project: Project, some: list[int] | None) -> dict[str, int] | None:
    """Objects of all outcomes by class, the most frequent first; None where more than MOST_COMPARED images would have
    to be compared: a release counts them.
    """
    several = _of_several(project, some)
    if project.task != Task.SEMANTIC:
        several = several.filter(disputed_objects=0)
    if several[: MOST_COMPARED + 1].count() > MOST_COMPARED:
        return None
    index = label_set.index(project)
    asked = {"project": project.pk, "some": some, "pixels": project.task == Task.SEMANTIC}
    counted: Counter[int] = Counter()
    with connection.cursor() as cursor:
        for query in (_DECIDED, _OF_ONE):
            cursor.execute(query, asked)
            for category, n in cursor.fetchall():
                counted[index.resolve([category])[0]] += n
    for _image, rows in _outcomes(project, several):
        if all(row["settled"] for row in rows):
            counted.update(row["category"] for row in rows)
    return {index.names[pk]: n for pk, n in sorted(counted.items(), key=lambda row: (-row[1], row[0]))}


def _of_several(project: Project, some: list[int] | None) -> QuerySet[Image]:
    """Images that two people or more answered, and no reviewer decided."""
    images = Image.objects.for_project(project).filter(has_decision=False, disputed_objects__isnull=False)
    return (images if some is None else images.filter(pk__in=some)).order_by("id")


def _outcomes(project: Project, images: QuerySet[Image]) -> Iterator[tuple[Image, list[dict[str, Any]]]]:
    rows = images.iterator(chunk_size=BATCH) if not images.query.is_sliced else iter(images)
    while batch := list(islice(rows, BATCH)):
        known = consensus.current(project, batch)
        yield from ((image, known[image.pk]) for image in batch if image.pk in known)
