"""What people drew on an image, laid over it: the SVG, its legend, and the same in words (parts/drawn.html).

Knows shapes and how they become lines. Whoever calls has asked labeler/labeling/blindness.py whether the reader may
see the answers of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from labeler.charts.drawn import STYLES, Outline, drawn_svg, line_of
from labeler.label_set import categories
from labeler.labeling import object_rows
from labeler.labeling.objects import Drawn
from labeler.models import Image, Label, Project
from labeler.models.label import Answer

MOST_OUTLINED = 400  # masks of a figure with their outlines; the others with their bounds, and it says so
TOLERANCE = 0.75  # px that the outline of a mask may leave its pixels
Report = dict[str, Any]


def styles(project: Project) -> dict[int, int]:
    """By user id: the style of each member, the same on every page; who left has that of their id."""
    members = project.memberships.order_by("pk").values_list("user_id", flat=True)
    return {pk: at % STYLES + 1 for at, pk in enumerate(members)}


def path_of(shape: Mapping[str, Any], bounds: Sequence[float], *, outlined: bool = True) -> str:
    """The `d` of an SVG path around a shape, holes and parts included. outlined: masks, not by their bounds."""
    from labeler.geometry import masks
    from labeler.geometry.shapes import parts_of

    if "mask" in shape and outlined:
        crop = masks.decode(dict(shape))
        if not crop.bits.any():
            return ""
        shape = masks.outline(crop.bits, crop.x, crop.y, TOLERANCE)
    if "polygon" in shape:
        rings = [ring for part in parts_of(shape["polygon"]) for ring in part]
        return "".join("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in ring.tolist()) + "Z" for ring in rings)
    left, top, right, bottom = (_short(edge) for edge in bounds)
    return f"M{left} {top}H{right}V{bottom}H{left}Z"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def figures(project: Project, labels: Iterable[Label]) -> dict[int, Report]:
    """By image: what parts/drawn.html shows of these answers. labels: with their images and annotators. Two queries.

    {svg, lines: [{name, line, said, words}], width, height, n}; images without a drawn answer are missing.
    """
    answered = [label for label in labels if label.answer == Answer.LABELED]
    drawn = object_rows.read(label.pk for label in answered)
    by_image: dict[int, list[Label]] = {}
    for label in answered:
        by_image.setdefault(label.image_id, []).append(label)
    style = styles(project)
    index = categories.index(project)
    left = MOST_OUTLINED
    found = {}
    for pk, of_image in by_image.items():
        found[pk] = _figure(of_image[0].image, of_image, drawn, style, index, outlined=left > 0)
        left -= found[pk]["n"]
    return found


def _figure(
    image: Image,
    labels: Sequence[Label],
    drawn: Mapping[int, list[Drawn]],
    style: Mapping[int, int],
    index: categories.CategoryIndex,
    *,
    outlined: bool,
) -> Report:
    shapes, lines = [], []
    for label in sorted(labels, key=lambda label: label.annotator.get_username()):
        name, own = label.annotator.get_username(), drawn[label.pk]
        look = style.get(label.annotator_id, label.annotator_id % STYLES + 1)
        called = index.label([one.category for one in own])
        for one, category in zip(own, called, strict=True):
            path = path_of(one.shape, one.bounds, outlined=outlined)
            if path:
                shapes.append(Outline(path, look, f"{name}: {category}"))
        lines.append(
            {
                "name": name,
                "line": mark_safe(line_of(look)),  # noqa: S308  (a number alone)
                "said": _said(called),
                "n": len(own),
            }
        )
    told = "; ".join(f"{line['name']}: {line['said']}" for line in lines)
    label_ = _("What people drew on image %(n)s. %(told)s") % {"n": image.pk, "told": told}
    return {
        "image": image,
        "svg": mark_safe(drawn_svg(shapes, image.width, image.height, label_)),  # noqa: S308  (escaped there)
        "lines": lines,
        "n": len(shapes),
        "by_bounds": not outlined,
    }


def _said(called: Sequence[str]) -> str:
    """2 pawn, 1 king; nothing here."""
    if not called:
        return _("nothing here")
    return ", ".join(f"{n} {name}" for name, n in sorted(Counter(called).items(), key=lambda row: (-row[1], row[0])))
