"""Small projects that draw, with the answers of several people; for tests of everything that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labeler.geometry import masks
from labeler.labeling import claims, labels
from labeler.models import Image, Project
from tests.helpers.factories import add_images, make_project

Square = tuple[str, float, float, float, float]  # class, x, y, width, height


def drawing_project(*people: Any, lead: Any, task: str = "boxes", **more: Any) -> Project:
    """A project of this task with the classes pawn and king, images of 640 x 480."""
    return make_project(*people, lead=lead, task=task, categories=("pawn", "king"), **more)


def shape_of(task: str, x: float, y: float, width: float, height: float) -> dict[str, Any]:
    """A rectangle as projects of this task have it."""
    if task == "boxes":
        return {"box": [x, y, width, height]}
    if task == "polygons":
        return {"polygon": [[x, y, x + width, y, x + width, y + height, x, y + height]]}
    return masks.encode(np.ones((int(height), int(width)), dtype=bool), int(x), int(y))


def draw(project: Project, image: Image, person: Any, objects: Sequence[Square], **more: Any) -> Any:
    """Claim and save one person's answer, of rectangles."""
    drawn = [{"category": name, **shape_of(project.task, *place)} for name, *place in objects]
    return draw_objects(project, image, person, drawn, **more)


def draw_objects(project: Project, image: Image, person: Any, objects: Sequence[Any], **more: Any) -> Any:
    """Claim and save one person's answer, of objects as REST has them."""
    claims.claim(project=project, annotator=person, count=50)
    return labels.save_label(image_id=image.pk, annotator=person, drawn=objects, **more)


def draw_all(project: Project, answers: Sequence[Mapping[Any, Sequence[Square]]], **more: Any) -> list[Image]:
    """One image for each mapping of people to what they draw; images are for as many people as there are."""
    images = add_images(project, len(answers), labels_needed=max(map(len, answers)), **more)
    for image, drawn in zip(images, answers, strict=True):
        for person, objects in drawn.items():
            draw(project, image, person, objects)
    return images


def three_people(project: Project, ann: Any, bea: Any, dora: Any) -> list[Image]:
    """Six images that three people answered: five alike, and one on which all differ."""
    same = [("pawn", 100, 100, 80, 80), ("king", 300, 200, 60, 100)]
    answers: list[dict[Any, list[Square]]] = [
        {ann: same, bea: same, dora: same},
        {ann: same, bea: same, dora: [same[0]]},
        {ann: same, bea: [same[0], ("pawn", 300, 200, 60, 100)], dora: same},
        {ann: [], bea: [], dora: []},
        {ann: same, bea: [("pawn", 110, 100, 80, 80), same[1]], dora: same},
        {ann: [("pawn", 10, 10, 60, 60)], bea: [("king", 10, 10, 60, 60)], dora: []},
    ]
    return draw_all(project, answers)
