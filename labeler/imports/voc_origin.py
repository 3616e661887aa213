"""One box of a Pascal VOC file as both readings of its numbers have it, so that a person can say which is right.

The two differ by a pixel at the left and the upper edge: shown is that corner, enlarged. Knows the file and the
project's images; writes nothing.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image as Picture
from PIL import ImageDraw, ImageOps

from labeler.errors import LabelerError
from labeler.intake import lookup, originals
from labeler.intake.archives import caps
from labeler.intake.check import Refused
from labeler.intake.formats import voc
from labeler.intake.formats.item import Item, Options
from labeler.intake.tree import Tree
from labeler.models import Image, Project
from labeler.models.project import Task

SIDE, SCALE = 24, 10  # pixels shown, and how large each is
LOOKED_THROUGH = 50  # images of the file
COLOUR = (230, 0, 120)


class Shown(NamedTuple):
    """PNG files; name: of the image."""

    name: str
    from_one: bytes
    from_zero: bytes


def show(project: Project, path: Path, name: str) -> Shown | None:
    """None where no image of the first ones in the file has a box and can be opened."""
    try:
        with Tree(path, name=name, caps=caps()) as tree:
            for at, item in enumerate(voc.read(tree, Options(multi=True, task=Task.BOXES, origin=0))):
                if at >= LOOKED_THROUGH:
                    break
                if isinstance(item, Item) and item.judgements and item.judgements[0].objects:
                    shape = item.judgements[0].objects[0].shape
                    content = _content(project, item)
                    if content is not None and isinstance(shape, dict):
                        return Shown(item.name, *(_corner(content, shape["box"], by) for by in (1, 0)))
    except (Refused, LabelerError, OSError, SyntaxError, ValueError, Picture.DecompressionBombError):
        return None  # a picture is a help: the question is asked all the same
    return None


def _content(project: Project, item: Item) -> bytes | None:
    if item.source is not None:
        return item.source()
    found = lookup.by_name(project, [item.name]).get(item.name)
    if not isinstance(found, int):
        return None
    image = Image.objects.get(pk=found)
    return originals.read(sha256=image.sha256, extension=image.extension, hurry=True)


def _corner(content: bytes, box: list[float], by: int) -> bytes:
    """The upper left corner of the box. by: what is taken off the numbers of the first pixels."""
    with Picture.open(io.BytesIO(content)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    x, y, right, bottom = box[0] - by, box[1] - by, box[0] + box[2], box[1] + box[3]
    left, top = round(box[0]) - SIDE // 2, round(box[1]) - SIDE // 2
    crop = picture.crop((left, top, left + SIDE, top + SIDE))
    large = crop.resize((SIDE * SCALE, SIDE * SCALE), Picture.Resampling.NEAREST)
    edges = [(side - start) * SCALE for side, start in ((x, left), (y, top), (right, left), (bottom, top))]
    ImageDraw.Draw(large).rectangle(edges, outline=COLOUR, width=2)
    out = io.BytesIO()
    large.save(out, "PNG")
    return out.getvalue()
