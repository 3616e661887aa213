"""What differs between people's drawings, kind by kind: missed, extra, doubled, another class, shifted, size.

Each answer is compared with what most people drew on its image; where two people answered, with the other's. Then
nobody knows who is right, and each difference is said once: what only one of the two drew was missed by the other.
Knows objects and kinds; the rules of each kind are labeler/stats/objects/differences.py's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from labeler.geometry import overlaps
from labeler.geometry.shapes import Shape, bounds_of
from labeler.label_set import categories as label_set
from labeler.labeling.drawn_arrays import DrawnArrays
from labeler.models import Project
from labeler.stats.objects.consensus import DISPUTED, consensus
from labeler.stats.objects.differences import KINDS, NEAR, Difference, Kind, Side, counts, differences, of_two_people
from labeler.stats.objects.drawings import BoolArray, Drawings, IntArray
from labeler.stats.objects.matching import clusters
from labeler.stats.objects.place_then_class import HEADLINE

Report = dict[str, Any]

LISTED_IMAGES = 60  # of each kind, those with most of it first
# Two people: the other way round these say the same again.
_MIRRORED = ("extra", "too_small")


def summary(rows: DrawnArrays, drawings: Drawings, people: list[Any]) -> Report:
    """{kind: {n, n_images, images: [ids], people: [{username, n}]}}, every kind included; people: whose it is, by code.

    images: at most LISTED_IMAGES, those with most first.
    """
    image_of = rows.images_of_units()
    by_image: dict[str, Counter[int]] = defaultdict(Counter)
    by_person: dict[str, Counter[int]] = defaultdict(Counter)
    for person, row in found(rows, drawings):
        by_image[row.kind][int(image_of[row.image])] += 1
        by_person[row.kind][person] += 1
    return {
        kind: {
            "n": by_image[kind].total(),
            "n_images": len(by_image[kind]),
            "images": [pk for pk, _n in sorted(by_image[kind].items(), key=lambda one: (-one[1], one[0]))][
                :LISTED_IMAGES
            ],
            "people": [
                {"username": people[code], "n": n}
                for code, n in sorted(by_person[kind].items(), key=lambda one: (-one[1], one[0]))
            ],
        }
        for kind in KINDS
    }


def found(rows: DrawnArrays, drawings: Drawings) -> Iterator[tuple[int, Difference]]:
    """Each difference with the person (code) whose it is. Its image is a unit, own and reference are objects."""
    answered = drawings.answered.sum(axis=1)
    yield from _of_two(rows, _on(drawings, answered == 2))
    yield from _of_many(rows, _on(drawings, answered > 2))


def _on(drawings: Drawings, images: BoolArray) -> tuple[Drawings, IntArray]:
    """What was drawn on these images, and the objects' places among all."""
    kept = images[drawings.image]
    return drawings.part(kept, drawings.answered & images[:, None]), np.flatnonzero(kept)


def _of_two(rows: DrawnArrays, some: tuple[Drawings, IntArray]) -> Iterator[tuple[int, Difference]]:
    drawings, places = some
    area = rows.area[places]
    present = drawings.answered.astype(np.int64)
    met = np.argwhere(np.triu(present.T @ present, 1))
    for a, b in met.tolist():
        for own, other in ((a, b), (b, a)):
            for row in of_two_people(drawings, own, other, area=area):
                # One missed what the other has extra; another class, and shifted, are of both: said of the first.
                if row.kind not in _MIRRORED and (own == a or row.kind not in ("other_class", "shifted")):
                    yield own, row


def _of_many(rows: DrawnArrays, some: tuple[Drawings, IntArray]) -> Iterator[tuple[int, Difference]]:
    """Against the object nearest to all others of each place where most people drew."""
    drawings, places = some
    area, everything = rows.area[places], np.arange(drawings.n_objects)
    places_drawn = clusters(drawings, HEADLINE)
    agreed = consensus(drawings, places_drawn)
    there = np.flatnonzero(agreed.majority)
    medoid = agreed.medoid[there]
    is_reference = np.full(drawings.n_objects, -1)
    is_reference[medoid] = np.arange(there.size)
    category = np.where(agreed.category[there] == DISPUTED, -1, agreed.category[there])
    first = np.concatenate((drawings.first, drawings.second, everything))
    second = np.concatenate((drawings.second, drawings.first, everything))
    iou = np.concatenate((drawings.iou, drawings.iou, np.ones(drawings.n_objects)))
    near = (is_reference[second] >= 0) & (iou >= NEAR)
    first, second, iou = first[near], second[near], iou[near]
    for person in range(drawings.n_people):
        answered = drawings.answered[:, person]
        mine = np.flatnonzero(drawings.person == person)
        if not answered.any():
            continue
        asked = np.flatnonzero(answered[drawings.image[medoid]])
        row_of_mine, row_of_asked = np.full(drawings.n_objects, -1), np.full(there.size, -1)
        row_of_mine[mine], row_of_asked[asked] = np.arange(mine.size), np.arange(asked.size)
        own = row_of_mine[first] >= 0
        pairs = (row_of_mine[first[own]], row_of_asked[is_reference[second[own]]], iou[own])
        reference = medoid[asked]
        for row in differences(
            Side(drawings.image[mine], drawings.category[mine], drawings.bounds[mine], area[mine], mine),
            Side(drawings.image[reference], category[asked], drawings.bounds[reference], area[reference], reference),
            pairs,
        ):
            yield person, row


# ---------------------------------------------------------------- one answer


def of_answer(
    project: Project, own: Sequence[tuple[int, Shape]], known: Sequence[tuple[int, Shape]], *, width: int, height: int
) -> dict[Kind, int]:
    """How many of each kind, those that occur, of one answer against what its image is known to show.

    own, known: class and shape of each object. width, height: of the image in pixels.
    """
    mine, theirs = ([shape for _category, shape in side] for side in (own, known))
    pairs = overlaps.iou_pairs(mine, theirs, least=NEAR, width=width, height=height)
    sides = (_side(project, own, width, height), _side(project, known, width, height))
    return {kind: n for kind, n in counts(differences(*sides, (pairs.i, pairs.j, pairs.value))).items() if n}


def _side(project: Project, objects: Sequence[tuple[int, Shape]], width: int, height: int) -> Side:
    index = label_set.index(project)
    meant = [index.resolve([category])[0] for category, _shape in objects]
    shapes = [shape for _category, shape in objects]
    bounds = np.array([bounds_of(shape) for shape in shapes], dtype=np.float64).reshape(-1, 4)
    n = len(objects)
    area = overlaps.areas(shapes, width=width, height=height)
    return Side(np.zeros(n, np.int64), np.array(meant, np.int64), bounds, area, np.arange(n))
