"""Drawn answers of a project as NumPy arrays: one row per answer, one per object, and which objects overlap.

For projects that draw, what label_arrays.py is for those that name classes: the same selections, the same votes. Knows
which answers are comparable, and has the overlap of their objects measured once; counts nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.geometry.many_images import Pixels, box_pairs
from labeler.labeling.label_arrays import HOW_SQL, Selection, class_codes, codes_of, flags_of, votes_sql
from labeler.models import Project, columns
from labeler.models.project import Task
from labeler.models.statements import fetch
from labeler.stats.objects.distance import IouOf
from labeler.stats.objects.drawings import Drawings, drawings

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# At most so many objects are compared; of a larger project the images that come first by a number drawn from their id.
# 2 million boxes take about a minute and 2 GB of a worker, a fifth as many masks the same.
MOST_BOXES, MOST_SHAPES = 1_000_000, 200_000

_ANSWER = columns.record(
    [("id", ">i8"), ("image", ">i8"), ("round", ">i8"), ("person", ">i8"), ("version", ">i8"), ("seconds", ">f8"),
     ("at", ">f8"), ("width", ">i8"), ("height", ">i8"), ("how", ">i2")]
)  # fmt: skip
_ANSWERS = f"""
    SELECT l.id::int8, l.image_id::int8, l.round::int8, l.annotator_id::int8, l.guideline_version::int8,
           coalesce(l.seconds, 'NaN')::float8, extract(epoch FROM l.created_at)::float8, i.width::int8, i.height::int8,
           {HOW_SQL}
"""
_OBJECT = columns.record(
    [("label", ">i8"), ("number", ">i8"), ("category", ">i8"), ("x", ">f8"), ("y", ">f8"), ("width", ">f8"),
     ("height", ">f8"), ("area", ">f8")]
)  # fmt: skip
_OBJECTS = """
    SELECT o.label_id::int8, o.number::int8, o.category_id::int8, o.x, o.y, o.width, o.height, o.area
    FROM labeler_labelobject o WHERE o.label_id IN (SELECT l.id {source})
"""
_SHAPES = """
    SELECT o.label_id, o.number, o.shape::text FROM labeler_labelobject o WHERE o.label_id = ANY (%s)
    ORDER BY o.label_id, o.number
"""


@dataclass(frozen=True, slots=True)
class DrawnArrays:
    """The drawn votes of a selection. Skips and cannot-tells are missing values and left out.

    Of answers, shape (n_answers,): image ids, round, person (codes), unit (what answers are compared on: an image in a
    round, numbers from 0), version of the guideline, seconds (NaN: not measured), at (seconds since 1970), and flags.
    Of objects, shape (n_objects,): answer (its row) and number (in the answer).
    drawings: units as images, people as people, categories by code; all pairs that overlap are there.
    """

    image: IntArray
    round: IntArray
    person: IntArray
    unit: IntArray
    version: IntArray
    seconds: FloatArray
    at: FloatArray
    is_blind: BoolArray
    is_random: BoolArray
    is_assisted: BoolArray
    answer: IntArray
    number: IntArray
    area: FloatArray
    drawings: Drawings
    pixels: Pixels | None  # None: all objects are boxes
    annotators: list[int]  # user ids by code
    categories: list[int]  # category ids by code
    left_out: int  # images beyond what is compared

    @property
    def n_answers(self) -> int:
        return int(self.image.size)

    def images_of_units(self) -> IntArray:
        """Image id of each unit, shape (n_units,)."""
        found = np.zeros(self.drawings.n_images, dtype=np.int64)
        found[self.unit] = self.image
        return found

    def part(self, chosen: BoolArray) -> DrawnArrays:
        """Some of the answers with their objects, under the same codes and units. chosen: shape (n_answers,)."""
        answered = np.zeros_like(self.drawings.answered)
        answered[self.unit[chosen], self.person[chosen]] = True
        kept = chosen[self.answer]
        place = np.cumsum(chosen) - 1
        return replace(
            self, **{name: getattr(self, name)[chosen] for name in _OF_ANSWERS},
            answer=place[self.answer[kept]], number=self.number[kept], area=self.area[kept],
            drawings=self.drawings.part(kept, answered), pixels=self.pixels.part(kept) if self.pixels else None,
        )  # fmt: skip

    def iou_of(self) -> IouOf | None:
        """IoU of any two objects, by pixels; None where they are boxes."""
        return self.pixels.iou if self.pixels else None


_OF_ANSWERS = (
    "image", "round", "person", "unit", "version", "seconds", "at", "is_blind", "is_random", "is_assisted",
)  # fmt: skip


def read(project: Project, selection: Selection | None = None, *, all_rounds: bool = False) -> DrawnArrays:
    """The drawn votes of a selection. Two queries, three where shapes are no boxes; overlaps are measured here.

    Boxes of 60,000 objects: .4 s, masks of 3,000 px each about 5 s (bench/agreement_objects.py).
    """
    selection = selection or Selection(labels="all", sample="all")
    source, params = votes_sql(project, selection, all_rounds=all_rounds)
    answers = columns.read(_ANSWERS + source, params, _ANSWER)
    objects = columns.read(_OBJECTS.format(source=source), params, _OBJECT)
    is_boxes = project.task == Task.BOXES
    order = np.lexsort([answers[name].astype(np.int64) for name in ("person", "round", "image")])
    answers = answers[order]
    objects = objects[np.lexsort([objects[name].astype(np.int64) for name in ("number", "label")])]
    answers, objects, left_out = _bounded(answers, objects, MOST_BOXES if is_boxes else MOST_SHAPES)

    def native(table: NDArray[Any], name: str) -> Any:
        return table[name].astype(table[name].dtype.newbyteorder("="))

    of_answers, of_objects = partial(native, answers), partial(native, objects)
    ids, image, round_ = of_answers("id"), of_answers("image"), of_answers("round")
    annotators, person = codes_of(of_answers("person"))
    unit = _numbered(image, round_)
    answer = _rows_of(ids, of_objects("label"))
    known, category = class_codes(project, selection, of_objects("category"))
    bounds = np.column_stack([of_objects(name) for name in ("x", "y", "width", "height")]).reshape(-1, 4)
    bounds[:, 2:] += bounds[:, :2]
    area = of_objects("area")
    pixels = None
    if not is_boxes:
        pixels = _pixels(ids, of_answers("width")[answer], of_answers("height")[answer])
        area = pixels.area
    return DrawnArrays(
        image=image, round=round_, person=person, unit=unit, version=of_answers("version"),
        seconds=of_answers("seconds"), at=of_answers("at"), **flags_of(of_answers("how")), answer=answer,
        number=of_objects("number"), area=area,
        drawings=_drawings(unit, person, answer, category, bounds, pixels, len(annotators), len(known)),
        pixels=pixels, annotators=annotators, categories=known, left_out=left_out,
    )  # fmt: skip


def _bounded(answers: NDArray[Any], objects: NDArray[Any], most: int) -> tuple[NDArray[Any], NDArray[Any], int]:
    """The answers to as many images as have `most` objects together, and how many images are left out."""
    if len(objects) <= most:
        return answers, objects, 0
    image_of = dict(zip(answers["id"].tolist(), answers["image"].tolist(), strict=True))
    image = np.array([image_of[pk] for pk in objects["label"].tolist()], dtype=np.int64)
    images = np.unique(answers["image"].astype(np.int64))
    n = np.bincount(np.searchsorted(images, image), minlength=images.size)
    # Drawn by a fixed seed: the same images give the same figures, and new images move few of them.
    shuffled = np.random.default_rng(images.size // 1000).permutation(images.size)
    kept = images[shuffled[np.cumsum(n[shuffled]) <= most]]
    return answers[np.isin(answers["image"], kept)], objects[np.isin(image, kept)], int(images.size - kept.size)


def _numbered(image: IntArray, round_: IntArray) -> IntArray:
    """A number from 0 for each image and round; rows are ordered by both."""
    new = np.zeros(image.size, dtype=np.int64)
    new[1:] = (np.diff(image) != 0) | (np.diff(round_) != 0)
    return np.cumsum(new)


def _rows_of(ids: IntArray, wanted: IntArray) -> IntArray:
    order = np.argsort(ids)
    return order[np.searchsorted(ids[order], wanted)] if wanted.size else np.empty(0, dtype=np.int64)


def _pixels(ids: IntArray, widths: IntArray, heights: IntArray) -> Pixels:
    """The shapes of these labels, by label and number: the order of the objects that are read beside them."""
    shapes = [json.loads(shape) for _label, _number, shape in fetch(_SHAPES, [ids.tolist()])]
    return Pixels.from_shapes(shapes, widths.tolist(), heights.tolist())


def _drawings(
    unit: IntArray, person: IntArray, answer: IntArray, category: IntArray, bounds: FloatArray, pixels: Pixels | None,
    n_people: int, n_categories: int,
) -> Drawings:  # fmt: skip
    answered = np.zeros((int(unit.max()) + 1 if unit.size else 0, n_people), dtype=bool)
    answered[unit, person] = True
    image, who = unit[answer], person[answer]
    pairs = pixels.pairs(image, who) if pixels else box_pairs(bounds, image, who)
    return drawings(
        answered=answered, image=image, person=who, category=category, bounds=bounds, pairs=pairs, least=0.0,
        n_categories=max(1, n_categories),
    )  # fmt: skip
