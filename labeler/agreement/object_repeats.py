"""How far people who draw agree with themselves: on images that they were given twice, without being told.

Reads votes and repeats; the arithmetic is labeler/stats/objects/pairs.py's.
"""

from __future__ import annotations

import numpy as np

from labeler.geometry import overlaps
from labeler.label_set import categories as label_set
from labeler.labeling import object_rows
from labeler.labeling.objects import Drawn
from labeler.models import Project
from labeler.models.statements import fetch
from labeler.stats.objects.drawings import Drawings, drawings
from labeler.stats.objects.pairs import DrawnAgain, drawn_again
from labeler.stats.results import Reason, undefined

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


_Row = tuple[int, int, int, int, int]  # person, ids of vote and repeat, width and height of the image


def of_people(project: Project) -> dict[int, DrawnAgain]:
    """By user id, of those who answered an image twice: F1 at the project's IoU, mean IoU, and class, of both answers.

    Two queries, and the overlap of the objects of each image.
    """
    rows: list[_Row] = fetch(_REPEATED, [project.pk])
    if not rows:
        return {}
    drawn = object_rows.read(pk for row in rows for pk in row[1:3])
    whose = np.array([row[0] for row in rows], dtype=np.int64)
    return drawn_again(_drawings(project, rows, drawn), whose, iou=project.object_iou)


def _drawings(project: Project, rows: list[_Row], drawn: dict[int, list[Drawn]]) -> Drawings:
    """The votes as answers of person 0 and the repeats as those of person 1, one image for each pair."""
    index = label_set.index(project)
    objects: list[tuple[int, int, Drawn]] = []
    first, second, values = [], [], []
    for at, (_person, *answers, width, height) in enumerate(rows):
        vote, again = (drawn[pk] for pk in answers)
        shapes = [one.shape for one in vote], [one.shape for one in again]
        i, j, iou = overlaps.iou_pairs(*shapes, least=project.object_iou, width=width, height=height)
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
