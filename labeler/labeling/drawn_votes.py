"""Do the votes on an image agree, where votes are drawn objects: how many objects have no majority.

Read with the image locked, by whoever counts its votes (labels.py, counters.py). Objects of different people are one
where they overlap enough (stats/objects/matching.py), whatever class they were given. Does not know the consensus.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection

from labeler.geometry import overlaps
from labeler.label_set import categories as label_set
from labeler.labeling.objects import Drawn
from labeler.models import Image, Project
from labeler.stats.objects.drawings import Drawings, drawings
from labeler.stats.objects.matching import clusters

# In the order of their image: so that one image's are together, and nobody else's are kept in memory.
_VOTES = """
    SELECT l.image_id, l.annotator_id, o.category_id, o.shape, {attributes}, o.x, o.y, o.x + o.width, o.y + o.height
    FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    LEFT JOIN labeler_labelobject o ON o.label_id = l.id
    WHERE l.image_id = ANY (%s) AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
      AND NOT l.extra AND l.annotator_id <> %s
    ORDER BY l.image_id, l.annotator_id, o.number
"""
NOBODY = 0  # no id of a person


@dataclass(slots=True)
class Answers:
    """What the people who answered one image drew: one row per object."""

    people: list[int]  # user ids, of read() ascending; all who answered, also those who drew nothing
    person: list[int]  # of each object: place in people
    category: list[int]  # as of today: merged classes are what they were merged into
    shape: list[dict[str, Any]]
    bounds: list[tuple[float, float, float, float]]  # left, top, right, bottom, in pixels
    attributes: list[dict[str, Any]] = field(default_factory=list)  # answers to questions; empty: they were not read


def read(
    project: Project, image_ids: Iterable[int], *, but: int | None = None, with_attributes: bool = False
) -> dict[int, Answers]:
    """The drawn votes of images, by image; those without a label are missing. One query. but: a person left out."""
    index = label_set.index(project)
    meant: dict[int, int] = {}
    found: dict[int, Answers] = {}
    texts: list[str] = []  # of shapes, in the order in which they are read
    with connection.cursor() as cursor:
        votes = _VOTES.format(attributes="o.attributes::text" if with_attributes else "'{}'")
        cursor.execute(votes, [list(image_ids), NOBODY if but is None else but])
        for image, person, category, shape, attributes, *bounds in cursor:
            answers = found.setdefault(image, Answers([], [], [], [], []))
            if not answers.people or answers.people[-1] != person:
                answers.people.append(person)
            if category is None:
                continue
            if category not in meant:
                (meant[category],) = index.resolve([category])
            answers.person.append(len(answers.people) - 1)
            answers.category.append(meant[category])
            texts.append(shape)
            answers.bounds.append(tuple(bounds))
            if with_attributes:
                answers.attributes.append({} if attributes == "{}" else json.loads(attributes))
    shapes = iter(json.loads(f"[{','.join(texts)}]"))  # one call: 6,000 of them took 15 ms more
    for answers in found.values():
        answers.shape.extend(islice(shapes, len(answers.bounds)))
    return found


def compare(project: Project, images: Sequence[Image], *, own: tuple[int, Sequence[Drawn]] | None = None) -> None:
    """Set disputed_objects and disagreement of these images, in memory. At most one query.

    own: a person and the objects of their vote on the one image, which then are not read: they were written a moment
    ago, and 3,000 polygons take 40 ms to come back.
    disputed_objects: places without a majority of those who answered, for an object or against it, or for its class;
    None below two answers. disagreement: the mean share of people against the most frequent rating of a place, doubled.
    """
    several = [image for image in images if image.n_votes > 1]
    answers = read(project, [image.pk for image in several], but=own and own[0]) if several else {}
    if own is not None and several:
        (image,) = several
        _add(answers.setdefault(image.pk, Answers([], [], [], [], [])), *own)
    for image in images:
        drawn = answers.get(image.pk)
        if drawn is None or len(drawn.people) < 2:
            image.disputed_objects = None
            continue
        places = _places(drawn, width=image.width, height=image.height, iou=project.object_iou)
        asked = len(drawn.people)
        # Who drew nothing at a place says that nothing is there; the others rate it by the class they drew.
        most = [max(asked - len(own), *Counter(drawn.category[at] for at in own).values()) for own in places]
        image.disputed_objects = sum(n * 2 <= asked for n in most)
        image.disagreement = min(1.0, 2 * sum(1 - n / asked for n in most) / len(most)) if most else 0.0


def _add(answers: Answers, person: int, drawn: Sequence[Drawn]) -> None:
    """Put a person's answer behind the others': how objects are matched does not depend on the order of people."""
    answers.people.append(person)
    answers.person += [len(answers.people) - 1] * len(drawn)
    answers.category += [one.category for one in drawn]
    answers.shape += [one.shape for one in drawn]
    answers.bounds += [one.bounds for one in drawn]


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere on an image that at least one person drew something."""

    drawn_by: list[tuple[int, int]]  # (user id, category) of who drew there
    not_drawn_by: list[int]  # user ids of who answered the image and drew nothing there
    shape: dict[str, Any]  # of the first of those who drew it

    @property
    def is_divided(self) -> bool:
        """Not everybody drew the same class there."""
        return bool(self.not_drawn_by) or len({category for _person, category in self.drawn_by}) > 1


def divided(project: Project, images: Iterable[Image]) -> dict[int, list[Place]]:
    """Where people differ, by image: places that not everybody drew, or not as the same class. One query.

    The places of compare(); images that fewer than two people answered are missing.
    """
    by_id = {image.pk: image for image in images if image.n_votes > 1}
    found = {}
    for pk, drawn in (read(project, by_id) if by_id else {}).items():
        if len(drawn.people) < 2:
            continue
        size = {"width": by_id[pk].width, "height": by_id[pk].height}
        places = [_place(drawn, own) for own in _places(drawn, **size, iou=project.object_iou)]
        found[pk] = [place for place in places if place.is_divided]
    return found


def _place(drawn: Answers, own: Sequence[int]) -> Place:
    there = [(drawn.people[drawn.person[at]], drawn.category[at]) for at in own]
    who = {person for person, _category in there}
    return Place(there, [person for person in drawn.people if person not in who], drawn.shape[own[0]])


def _places(drawn: Answers, *, width: int, height: int, iou: float) -> list[list[int]]:
    """For each place where somebody drew: which objects are there."""
    of = clusters(arrays(drawn, width=width, height=height, least=iou), iou).of.tolist()
    members: dict[int, list[int]] = defaultdict(list)
    for at, place in enumerate(of):
        members[place].append(at)
    return list(members.values())


def arrays(drawn: Answers, *, width: int, height: int, least: float) -> Drawings:
    """One image's answers as arrays, with the pairs of objects that overlap by at least `least`."""
    pairs = overlaps.iou_pairs_between(drawn.shape, drawn.person, least=least, width=width, height=height)
    classes = {category: code for code, category in enumerate(sorted(set(drawn.category)))}
    return drawings(
        answered=np.ones((1, len(drawn.people)), dtype=bool),
        image=np.zeros(len(drawn.person), dtype=np.int64),
        person=drawn.person,
        category=[classes[category] for category in drawn.category],
        bounds=np.asarray(drawn.bounds, dtype=np.float64).reshape(-1, 4),
        pairs=pairs,
        least=least,
        n_categories=max(1, len(classes)),
    )
