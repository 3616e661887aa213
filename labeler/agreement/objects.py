"""How far people agree on what they drew: the report of a project that draws, as plain values.

Where first, then what: labeler/stats/objects/ has the arithmetic, labeler/labeling/drawn_arrays.py the answers. Has the
members of the report on classes (reports.py), with null and a reason for those that only classes have, and its own.
Knows which figures belong in the report; what differs, image by image, is object_differences.py's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from labeler.agreement import object_differences
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.labeling import drawn_arrays
from labeler.labeling.drawn_arrays import DrawnArrays
from labeler.labeling.label_arrays import Selection, usernames
from labeler.models import Project
from labeler.review import gold
from labeler.stats.intervals import resampled
from labeler.stats.objects.distance import DistanceAlpha, distance_alpha
from labeler.stats.objects.drawings import Drawings, IntArray
from labeler.stats.objects.matching import Matches, one_to_one
from labeler.stats.objects.pairs import NOTHING_DRAWN, PairOfPeople, pairs, second_annotator_ap
from labeler.stats.objects.place_then_class import HEADLINE, alpha_at, place_then_class
from labeler.stats.pace import median
from labeler.stats.results import FEW_IMAGES, NO_SHARED_IMAGES, Reason, Stat, undefined, with_interval

Report = dict[str, Any]

NOT_FOR_OBJECTS = Reason("not_for_objects")
# Pairs of more people are a list nobody reads, and take seconds: of those who share most images with others.
COMPARED_PEOPLE = 20
# Of answers to different images, where shapes are compared by pixels: 20 objects each are 400 overlaps a pair.
PIXEL_PAIRS = 2_000


def count(project: Project, selection: Selection, iou: float = HEADLINE) -> Report:
    """The report of a selection of drawn answers, objects being the same from this IoU on."""
    return report_of(project, drawn_arrays.read(project, selection), selection, iou=iou)


def report_of(
    project: Project, rows: DrawnArrays, selection: Selection, people: list[Any] | None = None, *, iou: float = HEADLINE
) -> Report:
    """The report of answers that were read already. people: what else they are called."""
    drawings, names = rows.drawings, label_set.index(project).label(rows.categories)
    people = usernames(rows.annotators) if people is None else people
    if selection.category is not None:
        if selection.category not in rows.categories:
            raise Invalid(_("This project has no such class."), fields={"category": ["unknown"]})
        at = rows.categories.index(selection.category)
        drawings, names = _one_class(drawings, at), [names[at], "any other"]
    answered = drawings.answered.sum(axis=1)
    shared = answered >= 2
    figures = place_then_class(drawings, iou=iou)
    n_objects = np.bincount(drawings.category, minlength=len(names))
    compared, alphas = _compared_pairs(rows, drawings, iou), alpha_of_pairs(drawings, iou)
    report: Report = {
        "labels": selection.labels,
        "sample": selection.sample,
        "n_images": int((answered > 0).sum()),
        "n_shared_images": int(shared.sum()),
        "n_labels": rows.n_answers,
        "n_objects": drawings.n_objects,
        "iou": iou,
        "alpha": figures.alpha.as_dict(),
        "curve": [{"iou": step, "alpha": alpha.as_dict()} for step, alpha in figures.curve],
        "distance_alpha": distance_of(rows, drawings).alpha.as_dict(),
        **{name: undefined(NOT_FOR_OBJECTS).as_dict() for name in ("kappa", "fleiss", "light", "observed")},
        "pairs": [_pair(pair, alphas[pair.a, pair.b], people) for pair in compared],
        "per_class": [
            {"name": name, "alpha": alpha.as_dict(), "n": int(n)}
            for name, alpha, n in zip(names, figures.classes, n_objects, strict=False)
        ],
        "categories": [
            {"name": name, "kappa": undefined(NOT_FOR_OBJECTS).as_dict(), "n": int(n)}
            for name, n in zip(names, n_objects, strict=False)
        ],
        "confusion": _confusion(drawings, iou, names),
        "annotators": _annotators(project, rows, drawings, people, iou),
        "differences": object_differences.summary(rows, drawings, people),
        "notes": [note.as_dict() for note in _notes(rows, drawings, figures.alpha, compared)],
    }
    for row, vitality in zip(report["annotators"], figures.people, strict=True):
        row |= {"vitality": vitality.without.as_dict(), "difference": vitality.difference.as_dict()}
    return report


def _one_class(drawings: Drawings, at: int) -> Drawings:
    """One class against all others: a question with two answers."""
    return replace(drawings, category=np.where(drawings.category == at, 0, 1), n_categories=2)


def distance_of(rows: DrawnArrays, drawings: Drawings) -> DistanceAlpha:
    """Alpha of the answers as wholes."""
    if rows.pixels is None:
        return distance_alpha(drawings)
    return distance_alpha(drawings, iou_of=rows.iou_of(), drawn_pairs=PIXEL_PAIRS)


# ---------------------------------------------------------------- two people


def _compared_pairs(rows: DrawnArrays, drawings: Drawings, iou: float) -> list[PairOfPeople]:
    """Every two people, of at most COMPARED_PEOPLE."""
    pixels = rows.pixels
    if drawings.n_people <= COMPARED_PEOPLE:
        return pairs(drawings, iou=iou, boundary_of=pixels.boundary_f if pixels else None)
    most = _compared_people(drawings)
    place = np.full(drawings.n_people, -1)
    place[most] = np.arange(most.size)
    chosen = place[drawings.person] >= 0
    answered = np.zeros_like(drawings.answered)
    answered[:, most] = drawings.answered[:, most]
    some = drawings.part(chosen, answered)
    some = replace(some, answered=drawings.answered[:, most], person=place[some.person])
    of = pixels.part(chosen).boundary_f if pixels else None
    return [replace(pair, a=int(most[pair.a]), b=int(most[pair.b])) for pair in pairs(some, iou=iou, boundary_of=of)]


def alpha_of_pairs(drawings: Drawings, iou: float = HEADLINE) -> dict[tuple[int, int], Stat]:
    """Alpha of every two of the people that are compared, by their codes: with the chance that F1 leaves in."""
    found = {}
    for a, b in combinations(_compared_people(drawings).tolist(), 2):
        both = drawings.answered[:, a] & drawings.answered[:, b]
        answered = np.zeros_like(drawings.answered)
        answered[both, a] = answered[both, b] = True
        own = both[drawings.image] & ((drawings.person == a) | (drawings.person == b))
        found[a, b] = alpha_at(drawings.part(own, answered), iou)
    return found


def _compared_people(drawings: Drawings) -> IntArray:
    """At most COMPARED_PEOPLE, those with most images that others answered, too."""
    shared = drawings.answered & (drawings.answered.sum(axis=1) >= 2)[:, None]
    most: IntArray = np.sort(np.argsort(-shared.sum(axis=0), kind="stable")[:COMPARED_PEOPLE])
    return most


_OF_PAIRS = ("f1", "mean_iou", "dice", "boundary_f", "same_class", "pq")


def _pair(pair: PairOfPeople, alpha: Stat, people: list[Any]) -> Report:
    return {
        "a": people[pair.a],
        "b": people[pair.b],
        **{name: getattr(pair, name) for name in ("n", "objects_a", "objects_b", "matched")},
        **{name: getattr(pair, name).as_dict() for name in _OF_PAIRS},
        "alpha": alpha.as_dict(),
        "second_annotator_ap": pair.ap.as_dict(),
        "second_annotator_ap_50_95": pair.ap_50_95.as_dict(),
        "kappa": undefined(NOT_FOR_OBJECTS, pair.n).as_dict(),
        **dict.fromkeys(("observed", "expected", "ac1", "pabak")),
    }


def _confusion(drawings: Drawings, iou: float, names: list[str]) -> list[Report]:
    """Classes that are taken for each other: on how many images two people gave one object both."""
    found = one_to_one(drawings, iou)
    one, other = drawings.category[found.low], drawings.category[found.high]
    apart = one != other
    a, b = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    cells = set(zip(drawings.image[found.low][apart].tolist(), a.tolist(), b.tolist(), strict=True))
    counted = Counter((a, b) for _image, a, b in cells)
    return [
        {"a": names[a], "b": names[b], "count": n}
        for (a, b), n in sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    ]


# ---------------------------------------------------------------- each person


def _annotators(project: Project, rows: DrawnArrays, drawings: Drawings, people: list[Any], iou: float) -> list[Report]:
    shared = drawings.answered & (drawings.answered.sum(axis=1) >= 2)[:, None]
    scores = gold.scores(project)
    blind, strict = one_to_one(drawings, iou), one_to_one(drawings, iou, same_class=True)
    found = []
    for code, (pk, name) in enumerate(zip(rows.annotators, people, strict=True)):
        mine = rows.person == code
        f1, ap = with_others(drawings, code, blind, strict, iou)
        found.append(
            {
                "username": name,
                "n": int(mine.sum()),
                "n_shared": int(shared[:, code].sum()),
                "objects": int((drawings.person == code).sum()),
                "mean_kappa": None,
                "f1": f1.as_dict(),
                "second_annotator_ap": ap.as_dict(),
                "seconds_median": median(rows.seconds[mine]),
                "gold_accuracy": scores[pk]["value"] if pk in scores else None,
            }
        )
    return found


def with_others(drawings: Drawings, person: int, blind: Matches, strict: Matches, iou: float) -> tuple[Stat, Stat]:
    """F1 and second-annotator AP of a person with each of the others, pooled over them and over images.

    blind, strict: one-to-one matches at `iou` without regard to class, and of the same class.
    """
    both = drawings.answered[:, person] & (drawings.answered.sum(axis=1) >= 2)
    n = int(both.sum())
    if not n:
        return undefined(NO_SHARED_IMAGES), undefined(NO_SHARED_IMAGES)
    here = both[drawings.image]
    is_mine = drawings.person == person
    mine, theirs = np.flatnonzero(here & is_mine), np.flatnonzero(here & ~is_mine)
    # Each of the person's objects is compared with every other answer to its image.
    others = drawings.answered.sum(axis=1) - 1
    mine = np.repeat(mine, others[drawings.image[mine]])
    if not mine.size + theirs.size:
        return undefined(NOTHING_DRAWN, n), undefined(NOTHING_DRAWN, n)
    rows = np.flatnonzero(both)
    place = np.full(drawings.n_images, -1)
    place[rows] = np.arange(n)

    def per_image(objects: IntArray) -> IntArray:
        return np.bincount(place[drawings.image[objects]], minlength=n)

    hits = _of_person(drawings, blind, person)
    columns = np.column_stack((per_image(mine) + per_image(theirs), per_image(hits.low))).astype(np.float64)

    def f1(sums: Any) -> Any:
        return (2 * sums[:, 1] / sums[:, 0])[:, None]

    interval = resampled(columns, np.ones(n, dtype=np.int64), f1)[0]
    total = columns.sum(axis=0)
    pooled = with_interval(float(2 * total[1] / total[0]), interval, n)
    own = _of_person(drawings, strict, person)
    return pooled, second_annotator_ap(drawings, [mine, theirs], own, place, n, (iou,), 1000)


def mean_overlap(drawings: Drawings, iou: float = HEADLINE) -> list[float | None]:
    """Of each person: mean IoU of their objects with those of the others that are the same; None without any."""
    found = one_to_one(drawings, iou)
    n, total = np.zeros(drawings.n_people), np.zeros(drawings.n_people)
    for side in (found.low, found.high):
        np.add.at(n, drawings.person[side], 1)
        np.add.at(total, drawings.person[side], found.iou)
    return [float(share / count) if count else None for share, count in zip(total, n, strict=True)]


def _of_person(drawings: Drawings, matches: Matches, person: int) -> Matches:
    own = (drawings.person[matches.low] == person) | (drawings.person[matches.high] == person)
    return Matches(matches.low[own], matches.high[own], matches.iou[own])


# ---------------------------------------------------------------- in words


def _notes(rows: DrawnArrays, drawings: Drawings, alpha: Stat, compared: list[PairOfPeople]) -> list[Reason]:
    """What to know before reading the figures, most important first."""
    if not rows.n_answers:
        return [Reason("no_labels_yet")]
    answered = drawings.answered.sum(axis=1)
    n, n_shared = int((answered > 0).sum()), int((answered >= 2).sum())
    if not n_shared:
        return [Reason("no_image_of_two_people")]
    notes = []
    if alpha.value is None:
        notes.append(Reason("one_kind_drawn", {"n": n_shared}))
    if rows.left_out:
        notes.append(Reason("images_left_out", {"n": rows.left_out}))
    if n_shared < FEW_IMAGES:
        notes.append(Reason("few_images_of_two_people", {"n": n_shared}))
    elif n_shared < n:
        notes.append(Reason("part_has_two_people", {"shared": n_shared, "n": n}))
    if strangers := sum(pair.n == 0 for pair in compared):
        notes.append(Reason("pairs_without_images", {"n": strangers}))
    few = sum(0 < pair.n < FEW_IMAGES for pair in compared)
    if few and n_shared >= FEW_IMAGES:
        notes.append(Reason("pairs_with_few_images", {"n": few, "enough": FEW_IMAGES}))
    if drawings.n_people > COMPARED_PEOPLE:
        notes.append(Reason("some_people_compared", {"n": COMPARED_PEOPLE}))
    return notes
