"""Objects that an image is known to show, over its thumbnail: of gold images and of examples of a class.

Knows what is drawn where. What is known of an image is labeler/consensus/objects.py's, or stands in a gold image's row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from labeler.charts import Markup
from labeler.charts.drawn import known_svg
from labeler.consensus import objects
from labeler.labeling.objects import shape_of
from labeler.models import CategoryExample, Image, Project
from labeler.pages.images.drawn import path_of

Known = Sequence[Mapping[str, Any]]  # {category id, box | polygon | mask}


def outline(known: Known) -> str:
    """One SVG path around all of these objects, in pixels of the image; empty where there is none."""
    from labeler.geometry.shapes import bounds_of

    return "".join(path_of(shape, bounds_of(shape)) for shape in map(shape_of, known))


def overlay(image: Image, known: Known, names: Mapping[int, str]) -> Markup:
    """The objects over a thumbnail, named for who does not see them; empty where there is none. names: of classes."""
    path = outline(known)
    if not path:
        return Markup()
    counted = Counter(names[one["category"]] for one in known)
    said = ", ".join(f"{n} {name}" for name, n in sorted(counted.items()))
    label = _("Drawn here: %(objects)s") % {"objects": said}
    return known_svg(path, image.width, image.height, label)


def of_examples(project: Project, examples: Iterable[CategoryExample]) -> dict[int, Known]:
    """By example: the settled objects of its class on its image, as they are taken to be now. Two queries."""
    rows = list(examples)
    found = objects.current(project, {row.image_id: row.image for row in rows}.values())
    return {
        row.pk: [
            one for one in objects.settled(found.get(row.image_id, [])) if one["category"] == row.category_id
        ]
        for row in rows
    }  # fmt: skip
