"""Drawn boxes for tests: written as lists, simulated, and their IoU computed one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labeler.stats.objects.drawings import Drawings, drawings

Box = tuple[float, float, float, float]  # left, top, right, bottom
Answers = Sequence[dict[int, Sequence[tuple[int, Box]]]]  # per image: person -> (category, box) of each object


def iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def draw(answers: Answers, *, people: int | None = None, classes: int | None = None, least: float = 0.0) -> Drawings:
    """Drawings of answers; people who are not in an image's dict did not answer it. least 0: all that overlap."""
    people = people or 1 + max((person for image in answers for person in image), default=0)
    answered = np.zeros((len(answers), people), dtype=bool)
    rows: list[tuple[int, int, int, Box]] = []
    first, second, overlap = [], [], []
    for number, image in enumerate(answers):
        start = len(rows)
        for person, objects in image.items():
            answered[number, person] = True
            rows += [(number, person, category, box) for category, box in objects]
        for i in range(start, len(rows)):
            for j in range(start, i):
                share = iou(rows[i][3], rows[j][3])
                if rows[i][1] != rows[j][1] and share > 0 and share >= least:
                    first.append(i)
                    second.append(j)
                    overlap.append(share)
    category = [row[2] for row in rows]
    return drawings(
        answered=answered,
        image=[row[0] for row in rows],
        person=[row[1] for row in rows],
        category=category,
        bounds=np.array([row[3] for row in rows], dtype=float).reshape(-1, 4),
        pairs=(first, second, overlap),
        least=least,
        n_categories=classes or 1 + max(category, default=0),
    )


def simulated(
    rng: np.random.Generator,
    *,
    images: int,
    people: int = 3,
    objects: int = 5,
    classes: int = 3,
    moved: float = 0.0,
    missed: float = 0.0,
    confused: float = 0.0,
    side: float = 400.0,
) -> list[dict[int, list[tuple[int, Box]]]]:
    """People who all look at the same objects, move each edge by a normal error of `moved` pixels, miss some objects
    and mix up the class of others. Boxes are 20 to 80 pixels wide and high."""
    found: list[dict[int, list[tuple[int, Box]]]] = []
    for _ in range(images):
        corner, size = rng.uniform(0, side - 80, (objects, 2)), rng.uniform(20, 80, (objects, 2))
        truth, kind = np.hstack((corner, corner + size)), rng.integers(0, classes, objects)
        answers: dict[int, list[tuple[int, Box]]] = {}
        for person in range(people):
            edges = truth + rng.normal(0, 1, truth.shape) * moved
            edges = np.hstack((np.minimum(edges[:, :2], edges[:, 2:] - 1), edges[:, 2:]))
            says = np.where(rng.random(objects) < confused, rng.integers(0, classes, objects), kind)
            seen = rng.random(objects) >= missed
            answers[person] = [
                (int(c), (float(e[0]), float(e[1]), float(e[2]), float(e[3])))
                for c, e in zip(says[seen], edges[seen], strict=True)
            ]
        found.append(answers)
    return found
