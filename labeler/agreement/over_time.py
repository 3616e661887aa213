"""Agreement by week and by version of the guideline, from the history of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.label_set import categories as label_set
from labeler.labeling.drawn_arrays import DrawnArrays
from labeler.labeling.label_arrays import LabelArrays
from labeler.models import Project, columns
from labeler.models.label import BLIND_SQL
from labeler.models.statements import fetch
from labeler.stats.alpha import Patterns, count_patterns, krippendorff_alpha, many_raters
from labeler.stats.grouping import Groups, group_rows
from labeler.stats.intervals import REPLICATES
from labeler.stats.results import Reason, Stat, undefined

Report = dict[str, Any]
AlphaOf = Callable[[NDArray[np.bool_]], Stat]  # of some of the votes
WEEKS = 52  # the last ones that have votes
# Of the band of a week: 1,000 are for figures that are quoted, and 52 weeks of them would take a second.
WEEK_REPLICATES = 300
EPOCH = date(1970, 1, 1)


def answer_patterns(project: Project, rows: LabelArrays) -> Patterns:
    """Votes per image. Several classes: equal sets are equal answers, whatever is in them."""
    answers, k = _codes(project, rows)
    return count_patterns(group_rows(rows.image), answers, k)


def _codes(project: Project, rows: LabelArrays) -> tuple[NDArray[np.int64], int]:
    if not project.is_multi:
        return rows.answers, max(1, len(rows.categories))
    if not len(rows.answers):
        return np.zeros(0, dtype=np.int64), 1
    _sets, codes = np.unique(rows.answers, axis=0, return_inverse=True)
    return codes.astype(np.int64), len(_sets)


def difference(a: Stat, b: Stat) -> Stat:
    """a - b with a 95 % interval from the two intervals (MOVER: Zou and Donner 2008), the two taken as independent."""
    if a.value is None or b.value is None:
        return undefined(Reason("one_of_two_undefined"), min(a.n, b.n))
    if None in (a.low, a.high, b.low, b.high):
        return Stat(a.value - b.value, None, None, min(a.n, b.n), Reason("no_interval_of_both"))
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    low = a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low))
    return Stat(a.value - b.value, low, high, min(a.n, b.n), a.reason or b.reason)


@dataclass(frozen=True, slots=True)
class History:
    """Every current vote of every round in the order it was made, as arrays of one length."""

    person: NDArray[np.int64]
    unit: NDArray[np.int64]  # an image in one round: what votes are compared on
    version: NDArray[np.int64]  # of the guideline
    answer: NDArray[np.int64]  # codes 0..n_answers-1; several classes: of whole sets
    n_answers: int
    seconds: NDArray[np.float64]  # NaN: not measured
    at: NDArray[np.float64]  # seconds since 1970
    is_blind: NDArray[np.bool_]


# The answer is a number that equal sets of classes share.
_RECORD = columns.record(
    [("id", ">i8"), ("person", ">i8"), ("image", ">i8"), ("round", ">i8"), ("version", ">i8"), ("answer", ">i8"),
     ("seconds", ">f8"), ("at", ">f8"), ("blind", ">i2")]
)  # fmt: skip
ANSWER = """
    CASE cardinality(categories) WHEN 1 THEN categories[1]::int8
         ELSE hashtextextended(array_to_string(categories, ','), 0) END
"""
_HISTORY = f"""
    SELECT id::int8, annotator_id::int8, image_id::int8, round::int8, guideline_version::int8, {ANSWER},
           coalesce(seconds, 'NaN')::float8, extract(epoch FROM created_at)::float8,
           {BLIND_SQL}::int::int2
    FROM labeler_label l
    WHERE project_id = %s AND superseded_at IS NULL AND purpose = 'vote' AND answer = 'labeled'
"""


def read_history(project: Project) -> History:
    table = columns.read(_HISTORY, [project.pk], _RECORD, whole=True)
    at = table["at"].astype(np.float64)
    order = np.lexsort((table["id"].astype(np.int64), at))

    def column(name: str) -> NDArray[np.int64]:
        return table[name].astype(np.int64)[order]

    image, round_ = column("image"), column("round")
    answers, code = np.unique(column("answer"), return_inverse=True)
    if label_set.index(project).merged:
        meant = _meant(project)
        present, place = np.unique([meant[answer] for answer in answers.tolist()], return_inverse=True)
        answers, code = present, place[code]
    return History(
        person=column("person"),
        unit=image * (int(round_.max()) + 1 if round_.size else 1) + round_,
        version=column("version"),
        answer=code.astype(np.int64),
        n_answers=int(answers.size),
        seconds=table["seconds"].astype(np.float64)[order],
        at=at[order],
        is_blind=column("blind") > 0,
    )


_ANSWERS = f"""
    SELECT DISTINCT {ANSWER}, categories FROM labeler_label
    WHERE project_id = %s AND superseded_at IS NULL AND purpose = 'vote' AND answer = 'labeled'
"""


def _meant(project: Project) -> dict[int, int]:
    """By answer's number: that of what it means today, where classes were merged since."""
    index = label_set.index(project)
    first: dict[tuple[int, ...], int] = {}
    rows = fetch(_ANSWERS, [project.pk])
    return {number: first.setdefault(tuple(index.resolve(ids)), number) for number, ids in rows}


def blind_alpha(history: History, chosen: NDArray[np.bool_], replicates: int = REPLICATES) -> Stat:
    """Alpha of the blind ones of some votes; those of one image and round are compared."""
    chosen = chosen & history.is_blind
    unit, code = history.unit[chosen], history.answer[chosen]
    if not unit.size:
        return krippendorff_alpha(np.zeros((0, 1), dtype=np.int64))
    order = np.argsort(unit, kind="stable")
    groups: Groups = group_rows(unit[order])
    return many_raters(count_patterns(groups, code[order], history.n_answers), replicates=replicates).alpha


def weeks(at: NDArray[np.float64], most: int | None = None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each week with something in it, or the last ones: its Monday, and which of the moments lie in it."""
    days = np.floor(at / 86_400).astype(np.int64)
    week = days - (days + 3) % 7  # 1970-01-01 was a Thursday
    mondays = np.unique(week)
    for monday in mondays if most is None else mondays[-most:]:
        yield (EPOCH + timedelta(days=int(monday))).isoformat(), week == monday


def by_week(history: History | DrawnArrays, alpha: AlphaOf) -> list[Report]:
    """Alpha week by week; an image counts in the week of its last vote, when it could first be compared."""
    _units, where = np.unique(history.unit, return_inverse=True)
    last = np.zeros(_units.size)
    np.maximum.at(last, where, history.at)
    return [{"week": week, "alpha": alpha(inside).as_dict()} for week, inside in weeks(last[where], WEEKS)]


def by_guideline(project: Project, history: History | DrawnArrays, alpha: AlphaOf) -> list[Report]:
    """Alpha under each version of the guideline, rising, with the change to the one before."""
    began = {
        number: moment.date().isoformat()
        for number, moment in project.guideline_versions.values_list("number", "created_at")
    }
    found: list[Report] = []
    before: Stat | None = None
    for version in np.unique(history.version).tolist():
        now = alpha(history.version == version)
        change = difference(now, before).as_dict() if before is not None else None
        found.append({"version": version, "began": began.get(version), "alpha": now.as_dict(), "change": change})
        before = now
    return found
