"""What shapely does for polygons: is it simple, make it so, cut it to a rectangle, simplify it.

Knows rings as arrays of shape (points, 2), as shapes.py reads them. Imported by those who hold a polygon, for shapely
takes some 60 ms and 15 MB to load.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from labeler.geometry.shapes import BoolArray, FloatArray, IntArray, Part


def polygon(part: Part) -> shapely.Polygon:
    """One part as shapely's polygon; each ring needs three points, and is closed if it is not."""
    outer, *holes = [shapely.linearrings(ring) for ring in part]
    return shapely.polygons(outer, holes=holes) if holes else shapely.polygons(outer)


def is_simple(part: Part) -> bool:
    """Whether no ring of the part crosses or touches itself, and holes lie in the ring beside each other."""
    with np.errstate(all="ignore"):  # as in mended
        return bool(shapely.is_valid(polygon(part)))


def simple_areas(points: FloatArray, n: IntArray) -> tuple[BoolArray, FloatArray]:
    """is_simple() and area() of many parts of one ring each; shapes (rings,).

    points: of all rings, one after another, finite, shape (points, 2). n: how many each has, at least three.
    """
    drawn = shapely.polygons(shapely.linearrings(points, indices=np.repeat(np.arange(n.size), n)))
    with np.errstate(all="ignore"):  # as in mended
        return shapely.is_valid(drawn), shapely.area(drawn)


def rings_are_simple(part: Part) -> bool:
    """Whether each ring of the part is simple by itself."""
    return all(is_simple([ring]) for ring in part)


def area(parts: Sequence[Part]) -> float:
    """Area of valid parts in square px; where parts overlap it counts once."""
    if len(parts) == 1:
        return float(shapely.area(polygon(parts[0])))
    with np.errstate(all="ignore"):  # as in mended
        return float(shapely.area(shapely.union_all([polygon(part) for part in parts])))


def mended(parts: Sequence[Part]) -> list[Part]:
    """The same region with simple rings; [] where nothing with an area remains.

    Everything a crossing ring goes around stays inside (GEOS, GeometryFixer: "structure"), so that a loop in a stroke
    tears no hole; lines and points that remain are dropped.
    """
    # Points 1e-238 px apart make GEOS divide by zero on its way to a right answer; NumPy would warn of it.
    with np.errstate(all="ignore"):
        fixed = [shapely.make_valid(polygon(part), method="structure", keep_collapsed=False) for part in parts]
        return parts_of_region(fixed[0] if len(fixed) == 1 else shapely.union_all(fixed))


def cut(parts: Sequence[Part], x0: float, y0: float, x1: float, y1: float) -> list[Part]:
    """Valid parts within a rectangle; [] where none has an area there."""
    window = shapely.box(x0, y0, x1, y1)
    pieces: list[Part] = []
    with np.errstate(all="ignore"):  # as in mended
        for part in parts:
            pieces += parts_of_region(shapely.intersection(polygon(part), window))
    # An intersection with the border may miss it in the last digit.
    low, high = np.array([x0, y0]), np.array([x1, y1])
    return [[np.clip(ring, low, high) for ring in part] for part in pieces]


def simplified(region: BaseGeometry, tolerance: float) -> list[Part]:
    """The parts of a region with points left out that move its outline by at most `tolerance` px; 0: straight ones."""
    simpler = shapely.simplify(region, tolerance, preserve_topology=True)
    if not shapely.is_valid(simpler):
        simpler = shapely.make_valid(simpler, method="structure", keep_collapsed=False)
    return parts_of_region(simpler)


def parts_of_region(region: BaseGeometry) -> list[Part]:
    """The rings of all polygons in a geometry that have an area, without the last point, which repeats the first."""
    pieces = shapely.get_parts(shapely.get_parts(region))  # twice: a collection may hold several polygons as one
    return [
        [_points(ring) for ring in (piece.exterior, *piece.interiors)]
        for piece in pieces
        if piece.geom_type == "Polygon" and piece.area > 0
    ]


def _points(ring: BaseGeometry) -> FloatArray:
    points: FloatArray = shapely.get_coordinates(ring)[:-1]
    return points
