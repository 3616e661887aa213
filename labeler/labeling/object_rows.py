"""The rows of drawn objects: insert those of an answer, read those of some labels, and what a pre-label showed.

Writes LabelObject. Knows rows; what may be drawn is objects.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from labeler.labeling.objects import Drawn
from labeler.models.statements import execute, fetch, fetch_one

# One statement for all of an answer: 3,000 objects by the ORM took longer than everything else of the save.
_INSERT = """
    INSERT INTO labeler_labelobject (label_id, number, category_id, shape, x, y, width, height, area, attributes,
                                     origin, change, iou)
    SELECT label, number, category, shape, x, y, width, height, area, attributes, origin, change, iou
    FROM json_to_recordset(%s::json) AS o (label bigint, number int, category bigint, shape jsonb, x float8, y float8,
        width float8, height float8, area float8, attributes jsonb, origin int, change text, iou float8)
"""
_READ = """
    SELECT label_id, number, category_id, shape, x, y, width, height, area, attributes, origin, change, iou
    FROM labeler_labelobject WHERE label_id = ANY (%s) ORDER BY label_id, number
"""
_COUNTS = "SELECT label_id, count(*) FROM labeler_labelobject WHERE label_id = ANY (%s) GROUP BY 1"
_ON_IMAGES = """
    SELECT l.image_id, count(*) FROM labeler_label l JOIN labeler_labelobject o ON o.label_id = l.id
    WHERE l.image_id = ANY (%s) AND l.superseded_at IS NULL AND l.purpose = 'vote' GROUP BY 1
"""


def insert(by_label: Iterable[tuple[int, Sequence[Drawn]]]) -> None:
    """Insert the objects of new labels, one statement. Call in the transaction that inserted the labels."""
    rows = [
        {
            "label": label, "number": one.number, "category": one.category, "shape": one.shape,
            "x": one.bounds[0], "y": one.bounds[1], "width": one.bounds[2] - one.bounds[0],
            "height": one.bounds[3] - one.bounds[1], "area": one.area, "attributes": one.attributes,
            "origin": one.origin, "change": str(one.change), "iou": one.iou,
        }
        for label, drawn in by_label
        for one in drawn
    ]  # fmt: skip
    if rows:
        execute(_INSERT, [json.dumps(rows)])


def read(label_ids: Iterable[int]) -> dict[int, list[Drawn]]:
    """The objects of these labels, each list in its order; labels that drew nothing have an empty one. One query."""
    found: dict[int, list[Drawn]] = {pk: [] for pk in label_ids}
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(found)])
        for label, number, category, shape, x, y, width, height, area, attributes, *rest in cursor:
            bounds = (x, y, x + width, y + height)
            drawn = Drawn(number, category, json.loads(shape), bounds, area, json.loads(attributes), *rest)
            found[label].append(drawn)
    return found


def counts(label_ids: Sequence[int]) -> dict[int, int]:
    """How many objects these labels have; those without one are missing."""
    return dict(fetch(_COUNTS, [list(label_ids)]))


def on_images(image_ids: Sequence[int]) -> dict[int, int]:
    """How many objects the votes on these images have in all; images without one are missing."""
    return dict(fetch(_ON_IMAGES, [list(image_ids)]))


def shown(prediction_id: int | None) -> list[dict[str, Any]] | None:
    """The objects of a prediction, as they are stored; None without a prediction, or one of classes."""
    if prediction_id is None:
        return None
    row = fetch_one("SELECT drawn FROM labeler_prediction WHERE id = %s", [prediction_id])
    return json.loads(row[0]) if row and row[0] is not None else None
