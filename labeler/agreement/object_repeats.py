"""How far people who draw agree with themselves: on images that they were given twice, without being told.

Reads votes and repeats; the arithmetic is labeler/stats/objects/pairs.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeler.label_set import categories as label_set
from labeler.labeling import object_rows
from labeler.models import Project
from labeler.models.statements import fetch
from labeler.stats.results import Reason, undefined

if TYPE_CHECKING:
    from labeler.labeling.objects import Drawn
    from labeler.stats.objects.drawings import Drawings
    from labeler.stats.objects.pairs import DrawnAgain

NOTHING_REPEATED = undefined(Reason("nothing_repeated"))

# The vote and the later answer of the same person to the same image.
_REPEATED = """
    SELECT r.annotator_id, v.id, r.id, i.width, i.height
    FROM labeler_label r JOIN labeler_label v ON v.image_id = r.image_id AND v.annotator_id = r.annotator_id
         AND v.round = r.round AND v.purpose = 'vote' AND v.superseded_at IS NULL AND v.answer = 'labeled'
    JOIN labeler_image i ON i.id = r.image_id
    WHERE r.project_id = %s AND r.purpose = 'repeat' AND r.superseded_at IS NULL AND r.answer = 'labeled'
    ORDER BY r.id
"""


@dataclass(frozen=True, slots=True)
class _Twice:
    """Two answers of one person to an image."""

    person: int
    answers: tuple[int, int]  # ids of the vote and of the repeat
    width: int
    height: int


def of_people(project: Project) -> dict[int, DrawnAgain]:
    """By user id, of those who answered an image twice: F1 at the project's IoU, mean IoU, and class, of both answers.

    Two queries, and the overlap of the objects of each image.
    """
    from labeler.stats.objects.pairs import drawn_again

    rows = [_Twice(person, (vote, again), *size) for person, vote, again, *size in fetch(_REPEATED, [project.pk])]
    if not rows:
        return {}
    drawn = object_rows.read(pk for row in rows for pk in row.answers)
    whose = np.array([row.person for row in rows], dtype=np.int64)
    return drawn_again(_drawings(project, rows, drawn), whose, iou=project.object_iou)


def _drawings(project: Project, rows: list[_Twice], drawn: dict[int, list[Drawn]]) -> Drawings:
    """The votes as answers of person 0 and the repeats as those of person 1, one image for each pair."""
    from labeler.geometry import overlaps
    from labeler.stats.objects.drawings import drawings

    index = label_set.index(project)
    objects: list[tuple[int, int, Drawn]] = []
    first, second, values = [], [], []
    for at, row in enumerate(rows):
        vote, again = (drawn[pk] for pk in row.answers)
        i, j, iou = overlaps.iou_pairs(
            [one.shape for one in vote], [one.shape for one in again], least=project.object_iou, width=row.width,
            height=row.height,
        )  # fmt: skip
        first.append(i + len(objects))
        second.append(j + len(objects) + len(vote))
        values.append(iou)
        objects += [(at, which, one) for which, answer in enumerate((vote, again)) for one in answer]
    meant = {pk: index.resolve([pk])[0] for pk in {one.category for _at, _which, one in objects}}
    code = {pk: at for at, pk in enumerate(sorted(set(meant.values())))}
    return drawings(
        answered=np.ones((len(rows), 2), dtype=bool),
        image=[at for at, _which, _one in objects],
        person=[which for _at, which, _one in objects],
        category=[code[meant[one.category]] for _at, _which, one in objects],
        bounds=np.array([one.bounds for _at, _which, one in objects], dtype=np.float64).reshape(-1, 4),
        pairs=(np.concatenate(first), np.concatenate(second), np.concatenate(values)),
        least=project.object_iou,
        n_categories=max(1, len(code)),
    )
