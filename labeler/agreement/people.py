"""Each person's work beside that of the others: equal answers, confusions, repeats, sittings, signs.

For leads and for the person alone; trust.py leaves the others out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labeler.agreement.over_time import History, Report, weeks
from labeler.label_set import categories as label_set
from labeler.labeling.label_arrays import LabelArrays
from labeler.models import Project
from labeler.models.statements import fetch
from labeler.review import gold
from labeler.review import planted as planted_answers
from labeler.stats import quality
from labeler.stats.anchoring import share_of
from labeler.stats.grouping import group_rows
from labeler.stats.others import against_others, class_by_class, plurality_of_others
from labeler.stats.pace import median, sitting_starts
from labeler.stats.people import WithOthers, with_others

SITTING_MINUTES = (0, 15, 30, 60, 120)  # a sitting's parts, the last one open


def people_rows(project: Project, rows: LabelArrays, history: History, usernames: list[str]) -> list[Report]:
    """One row per person with a label, by name."""
    checked, repeats = checks(project, rows.annotators), _repeats(project)
    names = dict(zip(rows.annotators, usernames, strict=True))
    compared, unaided = _with_others(rows), rows.where(rows.is_blind)
    confused, by_class = _confusions(project, rows), _by_class(project, rows)
    others = np.asarray(plurality_of_others(history.unit, history.answer), dtype=np.int64)
    nothing = share_of(0, 0).as_dict()
    people = []
    for code, (pk, name) in enumerate(names.items()):
        blind = unaided.annotator == code
        own = np.flatnonzero(history.person == pk)
        equal = np.where(others[own] < 0, -1, (history.answer[own] == others[own]).astype(np.int64))
        agrees = partial(_equal_share, equal)
        people.append(
            {
                "id": pk,
                "username": name,
                "n": int(own.size),
                "kappa": compared.kappa_stat(code).as_dict(),
                "n_blind": int(blind.sum()),
                "seconds_blind": median(unaided.seconds[blind].astype(np.float64)),
                "confusion": confused.get(code, []),
                "by_class": by_class.get(code, []),
                **checked[pk],
                "repeats": repeats.get(pk, nothing),
                "signs": [
                    {"rule": sign.rule, "sentence": sign.told.as_dict(), "evidence": sign.evidence}
                    for sign in _signs(history, own, others)
                ],
                "by_week": course_by_week(history.at[own], history.seconds[own], agrees),
                "by_sitting": course_by_sitting(history.at[own], history.seconds[own], agrees),
                "seconds_median": median(history.seconds[own]),
            }
        )
    return sorted(people, key=lambda row: row["username"])


def checks(project: Project, people: Sequence[int]) -> dict[int, Report]:
    """By user id what is known of each without the others' answers: {paused, gold, planted}."""
    scores, nothing = gold.scores(project), share_of(0, 0).as_dict()
    planted = {
        rate.reviewer.pk: share_of(rate.caught, rate.n).as_dict() for rate in planted_answers.catch_rate(project)
    }
    paused = set(project.memberships.filter(paused_at__isnull=False).values_list("user_id", flat=True))
    return {
        pk: {"paused": pk in paused, "gold": scores.get(pk, nothing), "planted": planted.get(pk, nothing)}
        for pk in people
    }


# The vote and the later answer of the same person to the same image.
_REPEATED = """
    SELECT r.annotator_id, r.categories, v.categories, count(*)
    FROM labeler_label r JOIN labeler_label v ON v.image_id = r.image_id AND v.annotator_id = r.annotator_id
         AND v.round = r.round AND v.purpose = 'vote' AND v.superseded_at IS NULL AND v.answer = 'labeled'
    WHERE r.project_id = %s AND r.purpose = 'repeat' AND r.superseded_at IS NULL AND r.answer = 'labeled'
    GROUP BY 1, 2, 3
"""


def _repeats(project: Project) -> dict[int, Report]:
    """How often each person said the same again, without being told that it was again."""
    index = label_set.index(project)
    asked: Counter[int] = Counter()
    equal: Counter[int] = Counter()
    for person, again, before, n in fetch(_REPEATED, [project.pk]):
        asked[person] += n
        equal[person] += n * (index.resolve(again) == index.resolve(before))
    return {person: share_of(equal[person], n).as_dict() for person, n in asked.items()}


def _with_others(rows: LabelArrays) -> WithOthers:
    """Each person's kappa with the others taken as one, on labels of both without a suggestion."""
    blind = rows.where(rows.is_blind)
    return with_others(
        group_rows(blind.image), blind.annotator, blind.answers, np.zeros(blind.image.size, dtype=np.int64),
        len(rows.annotators), 1, max(1, len(rows.categories)),
    )  # fmt: skip


def _confusions(project: Project, rows: LabelArrays) -> dict[int, list[Report]]:
    """By person: on how many images of the present round they say one class and most of the others another, or it."""
    if project.is_multi or not rows.image.size:
        return {}
    others = plurality_of_others(rows.image, rows.answers)
    found: dict[int, list[Report]] = {}
    for cell in against_others(rows.annotator, rows.answers, others, len(rows.categories)):
        ids = {"others": rows.categories[cell.others], "said": rows.categories[cell.said]}
        found.setdefault(cell.person, []).append({**ids, "n": cell.n})
    return found


def _by_class(project: Project, rows: LabelArrays) -> dict[int, list[Report]]:
    """By person, where an image may have several classes: which they miss and which they add, against the others."""
    if not project.is_multi:
        return {}
    found = class_by_class(rows.image, rows.annotator, rows.answers, len(rows.annotators))
    return {
        code: [
            {"category": pk, "both": one.both, "missed": one.missed, "added": one.added}
            for pk, one in zip(rows.categories, row, strict=True)
        ]
        for code, row in enumerate(found)
    }


def _signs(history: History, own: NDArray[np.intp], others: NDArray[np.int64]) -> list[quality.Sign]:
    return quality.signs(
        answers=history.answer[own], others=others[own], seconds=history.seconds[own],
        n_categories=max(2, history.n_answers),
    )  # fmt: skip


def _equal_share(equal: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Report:
    """equal: 1 or 0, -1 where the others say nothing."""
    comparable = equal[chosen & (equal != -1)]
    return share_of(int(comparable.sum()), int(comparable.size)).as_dict()


AgreesOf = Callable[[NDArray[np.bool_]], Report]  # how far some of a person's answers agree with the others


def course_by_week(
    at: NDArray[np.float64], seconds: NDArray[np.float64], agrees: AgreesOf, most: int | None = None
) -> list[Report]:
    """One person's agreement and speed week by week. at, seconds: of each answer, as of History."""
    return [
        {
            "week": week, "n": int(inside.sum()), "agrees": agrees(inside), "seconds_median": median(seconds[inside]),
        }
        for week, inside in weeks(at, most)
    ]  # fmt: skip


def course_by_sitting(at: NDArray[np.float64], seconds: NDArray[np.float64], agrees: AgreesOf) -> list[Report]:
    """The same by how long the person had been at it: does a long sitting cost quality? at: rising."""
    if not at.size:
        return []
    begins = sitting_starts(at)
    minutes = (at - at[begins][np.cumsum(begins) - 1]) / 60
    found = []
    for low, high in zip(SITTING_MINUTES, [*SITTING_MINUTES[1:], None], strict=True):
        inside = (minutes >= low) & (minutes < (np.inf if high is None else high))
        if inside.any():
            found.append(
                {
                    "from": low, "to": high, "n": int(inside.sum()), "agrees": agrees(inside),
                    "seconds_median": median(seconds[inside]),
                }
            )  # fmt: skip
    return found
