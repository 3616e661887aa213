"""May drawn answers be trusted? The members of the trust report (trust.py), where people draw.

Agreement is place-then-class alpha, of each pair too; a person is compared by F1 with the others. What has no meaning
for drawn objects is null with a reason, or empty: anchoring by equal answers, kappa, AC1, one class that dominates,
ordered classes, confusion person by person, signs read from runs of one class, methods of consensus.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from labeler.agreement import object_repeats, objects
from labeler.agreement.over_time import WEEK_REPLICATES, WEEKS, Report, by_guideline, by_week
from labeler.agreement.people import checks, course_by_sitting, course_by_week
from labeler.agreement.trust_parts import common, plan_for, why_of
from labeler.labeling import drawn_arrays
from labeler.labeling.drawn_arrays import BoolArray, DrawnArrays, FloatArray, IntArray
from labeler.labeling.label_arrays import usernames
from labeler.models import Project
from labeler.stats.cause import Pair
from labeler.stats.intervals import resampled
from labeler.stats.objects.matching import one_to_one
from labeler.stats.objects.pairs import NOTHING_DRAWN, DrawnAgain
from labeler.stats.objects.place_then_class import HEADLINE, alpha_at
from labeler.stats.pace import median
from labeler.stats.results import NO_SHARED_IMAGES, Stat, undefined, with_interval

NOTHING = undefined(objects.NOT_FOR_OBJECTS).as_dict()


def figures(project: Project) -> Report:
    """As trust.figures."""
    history = drawn_arrays.read(project, all_rounds=True)
    rows = history.part(present_round(project, history))
    names = usernames(rows.annotators)
    blind = alpha_at(rows.part(rows.is_blind & rows.is_random).drawings)
    with_help = alpha_at(rows.part(rows.is_assisted).drawings)
    unaided = objects.alpha_of_pairs(rows.part(rows.is_blind).drawings)
    pairs = [Pair(a, b, alpha) for (a, b), alpha in unaided.items()]
    return {
        **common(project, blind, with_help, rows.categories),
        "anchoring": dict.fromkeys(("shown", "hidden", "difference", "copied"), NOTHING)
        | {"sample": "random", "note": ""},
        "ac1": NOTHING,
        "paradox": None,
        "why": why_of(project, pairs, names),
        "ordered": None,
        "by_week": by_week(history, partial(_blind_alpha, history, replicates=WEEK_REPLICATES)),
        "by_guideline": by_guideline(project, history, partial(_blind_alpha, history)),
        "people": _people(project, rows, history, names),
        "model": None,
        "methods": [],
    }


def of_rows(rows: DrawnArrays) -> Report:
    """As trust.of_rows: what a report on these answers says beside objects.report_of."""
    alpha = alpha_at(rows.drawings)
    return {"ac1": NOTHING, "plan": plan_for(alpha), "paradox": None, "ordered": None}


def present_round(project: Project, history: DrawnArrays) -> BoolArray:
    """Which answers are of the round that their image is in, shape (n_answers,)."""
    now = dict(project.images.filter(round__gt=1).values_list("pk", "round"))
    rounds = np.array([now.get(pk, 1) for pk in history.image.tolist()], dtype=np.int64)
    return history.round == rounds


def _blind_alpha(history: DrawnArrays, chosen: BoolArray, **more: Any) -> Stat:
    return alpha_at(history.part(chosen & history.is_blind).drawings, **more)


# ---------------------------------------------------------------- each person


def _people(project: Project, rows: DrawnArrays, history: DrawnArrays, names: list[str]) -> list[Report]:
    """One row per person with an answer, by name; `f1` is with the others, of all rounds in the courses."""
    checked = checks(project, rows.annotators)
    repeats = object_repeats.of_people(project)
    unaided = rows.part(rows.is_blind)
    matches = one_to_one(unaided.drawings, HEADLINE), one_to_one(unaided.drawings, HEADLINE, same_class=True)
    courses = _Courses(history)
    people = []
    for code, (pk, name) in enumerate(zip(rows.annotators, names, strict=True)):
        blind = unaided.person == code
        f1, _ap = objects.with_others(unaided.drawings, code, *matches, HEADLINE)
        people.append(
            {
                "id": pk, "username": name, "n": int((history.person == code).sum()), **checked[pk],
                "kappa": NOTHING, "f1": f1.as_dict(), "n_blind": int(blind.sum()),
                "seconds_blind": median(unaided.seconds[blind]), "confusion": [], "by_class": [],
                **_repeats(repeats.get(pk)), "signs": [], **courses.of_person(code),
                "seconds_median": median(history.seconds[history.person == code]),
            }
        )  # fmt: skip
    return sorted(people, key=lambda row: row["username"])


def _repeats(found: DrawnAgain | None) -> Report:
    """Agreement with oneself on repeated images: objects drawn again, how well they overlap, and of the same class."""
    none = object_repeats.NOTHING_REPEATED
    return {
        "repeats": (found.f1 if found else none).as_dict(),
        "repeats_iou": (found.mean_iou if found else none).as_dict(),
        "repeats_class": (found.same_class if found else none).as_dict(),
    }


class _Courses:
    """F1 with the others in parts of a person's work."""

    def __init__(self, history: DrawnArrays) -> None:
        self.history, drawings = history, history.drawings
        found = one_to_one(drawings, HEADLINE)
        cells = drawings.answered.shape
        self.drawn, self.matched = np.zeros(cells), np.zeros(cells)
        np.add.at(self.drawn, (drawings.image, drawings.person), 1)
        for objects_of in (found.low, found.high):
            np.add.at(self.matched, (drawings.image[objects_of], drawings.person[objects_of]), 1)
        # Of each answer: objects of both in all comparisons with another answer to its image.
        others = np.maximum(drawings.answered.sum(axis=1) - 1, 0)[:, None]
        self.compared = (self.drawn * others + self.drawn.sum(axis=1)[:, None] - self.drawn) * (others > 0)

    def _f1(self, chosen: IntArray) -> Report:
        """Of some of the answers. Images on which nobody drew anything have nothing to share."""
        unit, person = self.history.unit[chosen], self.history.person[chosen]
        shared = self.history.drawings.answered.sum(axis=1)[unit] > 1
        unit, person = unit[shared], person[shared]
        n = int(unit.size)
        if not n:
            return undefined(NO_SHARED_IMAGES).as_dict()
        columns = np.column_stack((self.compared[unit, person], self.matched[unit, person]))
        total = columns.sum(axis=0)
        if not total[0]:
            return undefined(NOTHING_DRAWN, n).as_dict()

        def f1(sums: FloatArray) -> FloatArray:
            return (2 * sums[:, 1] / sums[:, 0])[:, None]

        interval = resampled(columns, np.ones(n, dtype=np.int64), f1, replicates=WEEK_REPLICATES)[0]
        return with_interval(float(2 * total[1] / total[0]), interval, n).as_dict()

    def of_person(self, person: int) -> Report:
        own = np.flatnonzero(self.history.person == person)
        own = own[np.argsort(self.history.at[own], kind="stable")]
        at, seconds = self.history.at[own], self.history.seconds[own]

        def agrees(chosen: BoolArray) -> Report:
            return self._f1(np.sort(own[chosen]))

        return {
            "by_week": course_by_week(at, seconds, agrees, WEEKS), "by_sitting": course_by_sitting(at, seconds, agrees),
        }  # fmt: skip
