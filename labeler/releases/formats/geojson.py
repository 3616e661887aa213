"""GeoJSON: a feature for each object, as programs for maps read it.

Coordinates are pixels of the image, x from its left edge, y up from its lower one: there is no place on earth in them,
so `crs` is null. Rings are closed, outer ones run counter-clockwise, holes clockwise. `images` lists every image with
an answer, so also those on which nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy

from labeler.geometry import masks
from labeler.geometry.shapes import FloatArray, Shape, parts_of, rings_of_box
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.archives import Notes, compact_json
from labeler.releases.formats.drawings import Drawing

FILE = ("application/geo+json", "geojson")
TITLE = gettext_lazy("GeoJSON")
TEXT = gettext_lazy("A feature for each object, in pixels with y upwards, for programs that draw maps.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL)
check = partial(drawings.check, title=TITLE)


def write(data: DataSet) -> Iterator[bytes]:
    head = {"type": "FeatureCollection", "name": data.title, "crs": None, "units": "px, y up from the lower edge"}
    with Notes() as images:
        yield compact_json(head)[:-1].encode() + b',"features":['
        between = b"\n"
        for contents in data.rows():
            for one in drawings.drawings_of(contents, data):
                images.add((b",\n" if images.n else b"\n") + compact_json(_image(contents, one, data)).encode())
                for thing in one.objects:
                    yield between + compact_json(_feature(thing, one, contents)).encode()
                    between = b",\n"
        yield b'\n],"images":['
        yield from images.pieces()
        yield b"\n]}\n"


def _image(contents: Contents, drawing: Drawing, data: DataSet) -> dict[str, Any]:
    image = contents.image
    return {
        "image_id": image.pk, "file_name": image.name, "width": image.width, "height": image.height,
        "objects": len(drawing.objects), **_who(drawing), **({"split": contents.split} if data.is_split else {}),
    }  # fmt: skip


def _who(drawing: Drawing) -> dict[str, Any]:
    return {} if drawing.label is None else {"annotator": drawing.annotator, "label_id": drawing.label}


def _feature(one: Object, drawing: Drawing, contents: Contents) -> dict[str, Any]:
    image = contents.image
    about = {
        "image_id": image.pk, "file_name": image.name, "number": one.number, "category": one.category,
        **_who(drawing), **({"attributes": one.attributes} if one.attributes else {}),
    }  # fmt: skip
    return {"type": "Feature", "properties": about, "geometry": _geometry(one.shape, image.height)}


def _geometry(shape: Shape, height: int) -> dict[str, Any]:
    if "mask" in shape:
        crop = masks.decode(shape)
        shape = masks.outline(crop.bits, crop.x, crop.y)
    parts = [rings_of_box(shape["box"])] if "box" in shape else parts_of(shape["polygon"])
    polygons = [[_ring(ring, height, is_hole=place > 0) for place, ring in enumerate(part)] for part in parts]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _ring(ring: FloatArray, height: int, *, is_hole: bool) -> list[list[float]]:
    points = np.column_stack([ring[:, 0], height - ring[:, 1]])
    if (points[0] != points[-1]).any():
        points = np.vstack([points, points[:1]])
    x, y = points[:, 0], points[:, 1]
    doubled = float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())  # above 0: counter-clockwise
    return (points[::-1] if (doubled > 0) == is_hole else points).tolist()
