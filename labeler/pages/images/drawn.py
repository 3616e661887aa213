"""What people drew on an image, laid over it: the SVG, its legend, and the same in words (parts/drawn.html).

Knows shapes and how they become lines. Whoever calls has asked labeler/labeling/blindness.py whether the reader may
see the answers of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from labeler.charts.drawn import STYLES, Outline, drawn_svg, line_of
from labeler.label_set import categories
from labeler.labeling import drawn_votes, object_rows
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


def figures(
    project: Project, images: Iterable[Image], labels: Iterable[Label], *, fade: bool = False
) -> dict[int, Report]:
    """By image: what parts/drawn.html shows of these answers. labels: of these images, with annotators. Two queries.

    fade: what everybody drew alike stands back, so that the eye finds what differs.

    {image, svg, lines: [{name, line, said, n}], n, by_bounds}; images without a drawn answer are missing.
    """
    of = {image.pk: image for image in images}
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
        alike = _alike(project, of[pk], of_image, drawn) if fade else set()
        found[pk] = _figure(of[pk], of_image, drawn, style, index, outlined=left > 0, alike=alike)
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
    alike: set[tuple[int, int]],
) -> Report:
    shapes, lines = [], []
    for label in sorted(labels, key=lambda label: label.annotator.get_username()):
        name, own = label.annotator.get_username(), drawn[label.pk]
        look = style.get(label.annotator_id, label.annotator_id % STYLES + 1)
        called = index.label([one.category for one in own])
        for one, category in zip(own, called, strict=True):
            path = path_of(one.shape, one.bounds, outlined=outlined)
            if path:
                shapes.append(Outline(path, look, f"{name}: {category}", (label.pk, one.number) in alike))
        lines.append(
            {
                "name": name,
                "line": line_of(look),
                "said": _said(called),
                "n": len(own),
            }
        )
    told = "; ".join(f"{line['name']}: {line['said']}" for line in lines)
    label_ = _("What people drew on image %(n)s. %(told)s") % {"n": image.pk, "told": told}
    return {
        "image": image,
        "svg": drawn_svg(shapes, image.width, image.height, label_),
        "lines": lines,
        "n": len(shapes),
        "by_bounds": not outlined,
    }


def _alike(
    project: Project, image: Image, labels: Sequence[Label], drawn: Mapping[int, list[Drawn]]
) -> set[tuple[int, int]]:
    """(label, number) of the objects that everybody drew, at one place and of one class."""
    from labeler.stats.objects.matching import clusters

    keys = [(label.pk, one.number) for label in labels for one in drawn[label.pk]]
    answers = drawn_votes.Answers(
        people=[label.annotator_id for label in labels],
        person=[at for at, label in enumerate(labels) for _one in drawn[label.pk]],
        category=[one.category for label in labels for one in drawn[label.pk]],
        shape=[one.shape for label in labels for one in drawn[label.pk]],
        bounds=[one.bounds for label in labels for one in drawn[label.pk]],
    )
    arrays = drawn_votes.arrays(answers, width=image.width, height=image.height, least=project.object_iou)
    of = clusters(arrays, project.object_iou).of.tolist()
    places: dict[int, list[int]] = {}
    for place, category in zip(of, answers.category, strict=True):
        places.setdefault(place, []).append(category)
    whole = {place for place, said in places.items() if len(said) == len(labels) and len(set(said)) == 1}
    return {key for key, place in zip(keys, of, strict=True) if place in whole}


def _said(called: Sequence[str]) -> str:
    """2 pawn, 1 king; nothing here."""
    if not called:
        return _("nothing here")
    return ", ".join(f"{n} {name}" for name, n in sorted(Counter(called).items(), key=lambda row: (-row[1], row[0])))
