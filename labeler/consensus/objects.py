"""One answer from several drawings of an image: object by object, with what has no majority named as open.

Objects of different people that overlap are one (stats/objects/matching.py). More than half of those who answered must
have drawn it, and most of those one class; then it is in the data set. Where more than half say that nothing is there,
it is not. Everything else is open and goes to a reviewer. Boxes become their median, of two people their mean; polygons
the one most like the others, so that a person's vertices survive; masks what STAPLE makes of them. A question about an
object has the answer of most who gave the object its class and answered: a number their median, of a tie none.
Reads votes and decisions, writes nothing: what is derived from answers is derived when somebody asks.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from labeler.geometry import masks
from labeler.geometry.shapes import bounds_of
from labeler.label_set import categories as label_set
from labeler.labeling import drawn_votes
from labeler.labeling.objects import SHAPES
from labeler.models import Decision, Image, Project
from labeler.models.project import Task
from labeler.stats.objects.consensus import consensus, staple
from labeler.stats.objects.matching import clusters


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person's drawing of a place."""

    person: int  # user id
    category: int
    shape: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"category": self.category, **self.shape, **_some(self.attributes)}


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere on an image that at least one person drew something."""

    category: int  # of most who drew it; of a tie the lowest id
    shape: dict[str, Any]
    n: int  # people who drew an object there
    asked: int  # people who answered the image
    settled: bool  # in the data set; False: open
    candidates: list[Candidate] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)  # answers to questions that most agree on

    def as_dict(self) -> dict[str, Any]:
        return {
            "category": self.category, **self.shape, **_some(self.attributes), "n": self.n, "asked": self.asked,
            "settled": self.settled,
        }  # fmt: skip


def _some(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"attributes": attributes} if attributes else {}


def current(project: Project, images: Iterable[Image]) -> dict[int, list[dict[str, Any]]]:
    """What each image is taken to show: {category, box | polygon | mask, n, asked, settled}, from left to right.

    As a reviewer decided, else from the votes; images that nobody has answered, and undecidable ones, are missing.
    Objects that are open come with settled: False. Two queries.
    """
    listed = list(images)
    decided = decisions([image.pk for image in listed if image.has_decision])
    found: dict[int, list[dict[str, Any]]] = {}
    index = label_set.index(project)
    for pk, decision in decided.items():
        if not decision.undecidable:
            found[pk] = [
                {**one, "category": index.resolve([one["category"]])[0], "n": 0, "asked": 0, "settled": True}
                for one in decision.drawn or ()
            ]
    open_images = [image for image in listed if image.pk not in decided]
    for pk, places in of_votes(project, open_images).items():
        found[pk] = [place.as_dict() for place in places]
    return found


def settled(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects of current() that are in the data set."""
    return [row for row in rows if row["settled"]]


def decisions(image_ids: Sequence[int]) -> dict[int, Decision]:
    """The decisions that stand, by image. One query, or none."""
    if not image_ids:
        return {}
    rows = Decision.objects.filter(image__in=image_ids, withdrawn_at=None)
    return {row.image_id: row for row in rows}


def of_votes(project: Project, images: Iterable[Image]) -> dict[int, list[Place]]:
    """The places of each image by its votes alone, settled and open ones; images without a vote are missing."""
    by_id = {image.pk: image for image in images if image.n_votes}
    drawn = drawn_votes.read(project, by_id, with_attributes=True) if by_id else {}
    return {
        pk: places(answers, width=by_id[pk].width, height=by_id[pk].height, iou=project.object_iou, task=project.task)
        for pk, answers in drawn.items()
    }


def places(drawn: drawn_votes.Answers, *, width: int, height: int, iou: float, task: str) -> list[Place]:
    """The places of one image, from left to right; what most say is not there is left out.

    width, height: of the image in pixels. iou: from this overlap on two objects are one, in (0, 1].
    """
    if not drawn.shape:
        return []
    if task == Task.SEMANTIC:
        return _classes_of_pixels(drawn, width=width, height=height)
    arrays = drawn_votes.arrays(drawn, width=width, height=height, least=iou)
    found = clusters(arrays, iou)
    agreed = consensus(arrays, found)
    members: dict[int, list[int]] = defaultdict(list)
    for at, cluster in enumerate(found.of.tolist()):
        members[cluster].append(at)
    asked, rows = len(drawn.people), []
    for cluster, own in members.items():
        counted = Counter(drawn.category[at] for at in own)
        most = max(counted.values())
        n = len(own)
        if 2 * (asked - n) > asked:
            continue
        category = min(category for category, k in counted.items() if k == most)
        rows.append(
            Place(
                category=category,
                shape=_shape(drawn, own, agreed.box[cluster], int(agreed.medoid[cluster]), width, height),
                n=n,
                asked=asked,
                settled=2 * most > asked,
                candidates=[
                    Candidate(
                        drawn.people[drawn.person[at]], drawn.category[at], drawn.shape[at], _attributes(drawn, at)
                    )
                    for at in own
                ],
                attributes=_agreed([_attributes(drawn, at) for at in own if drawn.category[at] == category]),
            )
        )
    return sorted(rows, key=lambda place: bounds_of(place.shape)[:2])


def _attributes(drawn: drawn_votes.Answers, at: int) -> dict[str, Any]:
    return drawn.attributes[at] if drawn.attributes else {}


def _agreed(answered: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By question what most of those who answered it say; a question on which they are evenly divided is missing."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in answered for name in one):
        said = [one[name] for one in answered if name in one]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in said):
            found[name] = median(said)
        elif all(isinstance(value, list) for value in said):
            options = Counter(option for value in said for option in value)
            found[name] = [option for option, n in options.items() if 2 * n > len(said)]
        else:
            # As text: of a question that was changed answers of several kinds are there, and lists are no keys.
            (value, most), *others = Counter(map(json.dumps, said)).most_common(2)
            if not others or others[0][1] < most:
                found[name] = json.loads(value)
    return {name: value for name, value in found.items() if value != []}


def _shape(
    drawn: drawn_votes.Answers, own: Sequence[int], box: Any, medoid: int, width: int, height: int
) -> dict[str, Any]:
    """One shape for a place. Of different kinds at one place, the one most like the others."""
    kinds = {next(kind for kind in SHAPES if kind in drawn.shape[at]) for at in own}
    if len(own) == 1 or len(kinds) > 1 or kinds == {"polygon"}:
        return drawn.shape[medoid]
    if kinds == {"box"}:
        left, top, right, bottom = (float(edge) for edge in box)
        # A difference of two floats has digits that nobody drew.
        return {"box": [round(value, 6) for value in (left, top, right - left, bottom - top)]}
    return _staple([drawn.shape[at] for at in own], width, height) or drawn.shape[medoid]


def _staple(shapes: Sequence[dict[str, Any]], width: int, height: int) -> dict[str, Any] | None:
    """Masks of one place as one, in the crop that holds them all; None where nothing is left."""
    crops = [masks.raster(shape, width, height) for shape in shapes]
    x0, y0 = min(c.x for c in crops), min(c.y for c in crops)
    x1, y1 = max(c.x + c.bits.shape[1] for c in crops), max(c.y + c.bits.shape[0] for c in crops)
    stack = np.zeros((len(crops), y1 - y0, x1 - x0), dtype=bool)
    for layer, crop in zip(stack, crops, strict=True):
        layer[crop.y - y0 : crop.y - y0 + crop.bits.shape[0], crop.x - x0 : crop.x - x0 + crop.bits.shape[1]] = (
            crop.bits
        )
    mask = staple(stack).mask
    return masks.encode(mask, x0, y0) if mask.any() else None


def _classes_of_pixels(drawn: drawn_votes.Answers, *, width: int, height: int) -> list[Place]:
    """Where each pixel has a class: per class the pixels that more than half of the people gave it.

    A class is open where the people who painted it are exactly half. Candidates are each person's pixels of the class.
    """
    by_class: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for person, category, shape in zip(drawn.person, drawn.category, drawn.shape, strict=True):
        by_class[category][person].append(shape)
    asked, rows = len(drawn.people), []
    for category, painted in sorted(by_class.items()):
        each = {person: masks.union(shapes, width, height) for person, shapes in painted.items()}
        if 2 * (asked - len(each)) > asked:
            continue
        votes = np.zeros((height, width), dtype=np.int32)
        for shape in each.values():
            crop = masks.raster(shape, width, height)
            votes[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] += crop.bits
        most = 2 * votes > asked
        rows.append(
            Place(
                category=category,
                shape=masks.encode(most) if most.any() else next(iter(each.values())),
                n=len(each),
                asked=asked,
                settled=bool(most.any()),
                candidates=[Candidate(drawn.people[person], category, shape) for person, shape in each.items()],
            )
        )
    return rows
