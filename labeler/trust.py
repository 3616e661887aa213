"""May these labels be trusted? Everything the agreement page says beside agreement itself, as plain values.

Anchoring, the plan, ordered classes, agreement over time and by guideline, gold, self-agreement, planted answers, signs
in a person's work, methods of consensus on gold, what adaptive overlap saved. Counted in the request for a small
project, by a worker for a large one (snapshots.py). Knows what is compared with what; the arithmetic is labeler/stats'.
Per-person figures are for leads and for that person alone: of_person() leaves the others out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from labeler import gold, inference, overlap, reports, review
from labeler.models import Project, TrainingRun
from labeler.models.project import Ordered
from labeler.reports import LabelArrays
from labeler.stats import quality
from labeler.stats.alpha import Patterns, count_patterns, krippendorff_alpha, many_raters
from labeler.stats.anchoring import anchoring, share_of
from labeler.stats.grouping import Groups, group_rows
from labeler.stats.ordered import gwet_ac1, ordered_alpha
from labeler.stats.pairs import count_pairs
from labeler.stats.planner import images_for
from labeler.stats.results import FEW_IMAGES, Stat, undefined
from labeler.stats.weighted import weighted_kappa
from labeler.stats.words import gettext as _

Report = dict[str, Any]

NARROW = 0.05  # the half-width a plan aims at
EPOCH = date(1970, 1, 1)
SITTING_BREAK = 30 * 60  # seconds without an answer: after that a new sitting begins
SITTING_MINUTES = (0, 15, 30, 60, 120)  # a sitting's parts, the last one open


def figures(project: Project) -> Report:
    """All of it."""
    rows = reports.read_labels(project)
    blind = rows.where(rows.is_blind & rows.is_random)
    assisted = rows.where(~rows.is_blind)
    alpha, with_help = _alpha(project, blind), _alpha(project, assisted)
    history = _history(project)
    return {
        "blind": alpha.as_dict(),
        "assisted": with_help.as_dict(),
        "assisted_minus_blind": difference(with_help, alpha).as_dict(),
        "plan": _plan(alpha),
        "anchoring": _anchoring(project),
        "ac1": _ac1(project, blind).as_dict(),
        "ordered": _ordered(project, blind),
        "by_week": _by_week(project, history),
        "by_guideline": _by_guideline(project, history),
        "people": _people(project, rows, history),
        "methods": inference.compare_on_gold(project),
        "overlap": overlap.savings(project) if project.adaptive_overlap else None,
        "few": FEW_IMAGES,
    }


def of_person(report: Report, username: str) -> Report:
    """What a person may see: the project's figures, and of people only their own."""
    return {**report, "people": [row for row in report["people"] if row["username"] == username]}


# ---------------------------------------------------------------- agreement


def _patterns(project: Project, rows: LabelArrays) -> Patterns:
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


def _alpha(project: Project, rows: LabelArrays) -> Stat:
    return many_raters(_patterns(project, rows)).alpha


def difference(a: Stat, b: Stat) -> Stat:
    """a - b with a 95 % interval from the two intervals (MOVER: Zou and Donner 2008), the two taken as independent."""
    if a.value is None or b.value is None:
        return undefined(_("one of the two is not defined yet"), min(a.n, b.n))
    if None in (a.low, a.high, b.low, b.high):
        return Stat(a.value - b.value, None, None, min(a.n, b.n), _("no interval of one of the two"))
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    low = a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low))
    return Stat(a.value - b.value, low, high, min(a.n, b.n), a.reason or b.reason)


def _plan(alpha: Stat) -> Report:
    plan = images_for(alpha, NARROW)
    sentence = ""
    if plan.more is None:
        sentence = plan.reason or ""
    elif plan.more == 0:
        sentence = _("The interval is as narrow as ±%(width).2f already.") % {"width": NARROW}
    else:
        sentence = _("Have %(more)s more random images judged by two people to bring the interval to ±%(width).2f.") % {
            "more": f"{plan.more:,}", "width": NARROW,
        }  # fmt: skip
    return {"images": plan.images, "more": plan.more, "half_width": NARROW, "sentence": sentence}


def _ac1(project: Project, rows: LabelArrays) -> Stat:
    return gwet_ac1(_patterns(project, rows))


def _ordered(project: Project, rows: LabelArrays) -> Report | None:
    """For classes with an order: alpha that knows it, and weighted kappa of each pair."""
    if project.is_multi or project.ordered == Ordered.NONE:
        return None
    patterns = _patterns(project, rows)
    names = reports.usernames(rows.annotators)
    counts = count_pairs(rows.image, rows.annotator, rows.answers, len(names), len(rows.categories))
    kind = "linear" if project.ordered == Ordered.LINEAR else "quadratic"
    pairs = [
        {
            "a": names[int(a)], "b": names[int(b)],
            "kappa": weighted_kappa(counts.table(place), kind).kappa.as_dict(),  # type: ignore[arg-type]
        }
        for place, (a, b) in enumerate(zip(counts.a, counts.b, strict=True))
    ]  # fmt: skip
    return {
        "weights": kind,
        "alpha_ordinal": ordered_alpha(patterns, "ordinal").as_dict(),
        "alpha_interval": ordered_alpha(patterns, "interval").as_dict(),
        "pairs": pairs,
    }


# Where the suggestion was seen, and, on images that are judged blind, what the active model would have suggested.
_SHOWN = """
    SELECT count(*), count(*) FILTER (WHERE l.categories = p.categories)
    FROM labeler_label l JOIN labeler_prediction p ON p.id = l.shown_prediction_id
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
      AND (NOT %s OR l.chosen_by = 'random')
"""
_HIDDEN = """
    SELECT count(*), count(*) FILTER (WHERE l.categories = p.categories)
    FROM labeler_label l JOIN labeler_prediction p ON p.image_id = l.image_id AND p.run_id = %s
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round AND i.slice <> ''
    WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
      AND l.shown_prediction_id IS NULL
"""


def _anchoring(project: Project) -> Report:
    """Do people say what the model says because they see it?"""
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN, [project.pk, True])
        n_shown, equal_shown = cursor.fetchone()
        sample = "random"
        if n_shown < FEW_IMAGES:
            cursor.execute(_SHOWN, [project.pk, False])
            n_shown, equal_shown = cursor.fetchone()
            sample = "all"
        cursor.execute(_HIDDEN, [run.pk if run else None, project.pk])
        n_hidden, equal_hidden = cursor.fetchone()
    found = anchoring(equal_shown=equal_shown, n_shown=n_shown, equal_hidden=equal_hidden, n_hidden=n_hidden)
    note = (
        ""
        if sample == "random"
        else _(
            "Those seen were chosen by the model's doubt, those unseen at random: the true difference may be larger."
        )
    )
    return {
        "shown": found.shown.as_dict(), "hidden": found.hidden.as_dict(), "difference": found.difference.as_dict(),
        "copied": found.copied.as_dict(), "sample": sample, "note": note,
    }  # fmt: skip


# ---------------------------------------------------------------- over time


class History:
    """Every current vote of every round in the order it was made, as arrays of one length."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 8
        self.person, self.image, self.round, self.version = (np.array(c, dtype=np.int64) for c in columns[:4])
        self.answers = list(dict.fromkeys(columns[4]))  # category ids, as tuples
        codes = {answer: code for code, answer in enumerate(self.answers)}
        self.answer = np.array([codes[answer] for answer in columns[4]], dtype=np.int64)  # places in `answers`
        self.seconds = np.array([np.nan if s is None else s for s in columns[5]], dtype=np.float64)
        self.at = np.array(columns[6], dtype=np.float64)  # seconds since 1970
        self.is_blind = np.array(columns[7], dtype=bool)

    def __len__(self) -> int:
        return int(self.person.size)


_HISTORY = """
    SELECT annotator_id, image_id, round, guideline_version, categories, seconds,
           extract(epoch FROM created_at)::float8, shown_prediction_id IS NULL
    FROM labeler_label
    WHERE project_id = %s AND superseded_at IS NULL AND purpose = 'vote' AND answer = 'labeled'
    ORDER BY created_at, id
"""


def _history(project: Project) -> History:
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [project.pk])
        rows = [(*row[:4], tuple(row[4]), *row[5:]) for row in cursor.fetchall()]
    return History(rows)


def _alpha_where(history: History, chosen: NDArray[np.bool_]) -> Stat:
    """Alpha of some votes; those of one image and round are compared."""
    image, round_ = history.image[chosen], history.round[chosen]
    if not image.size:
        return krippendorff_alpha(np.zeros((0, 1), dtype=np.int64))
    unit = image * (int(round_.max()) + 1) + round_
    code = history.answer[chosen]
    order = np.argsort(unit, kind="stable")
    groups: Groups = group_rows(unit[order])
    return many_raters(count_patterns(groups, code[order], len(history.answers))).alpha


def _by_week(project: Project, history: History) -> list[Report]:
    """Blind agreement week by week; an image counts in the week of its last vote, when it could first be compared."""
    if not len(history):
        return []
    unit = history.image * (int(history.round.max()) + 1) + history.round
    _units, where = np.unique(unit, return_inverse=True)
    last = np.zeros(_units.size)
    np.maximum.at(last, where, history.at)
    week = _week_of(last)[where]
    return [
        {
            "week": (EPOCH + timedelta(days=int(monday))).isoformat(),
            "alpha": _alpha_where(history, (week == monday) & history.is_blind).as_dict(),
        }
        for monday in np.unique(week)
    ]


def _week_of(at: NDArray[np.float64]) -> NDArray[np.int64]:
    """Days since 1970 of the Monday of each time."""
    days = np.floor(at / 86_400).astype(np.int64)
    return days - (days + 3) % 7  # 1970-01-01 was a Thursday


def _by_guideline(project: Project, history: History) -> list[Report]:
    """Blind agreement under each version, with the change to the one before."""
    began = {
        number: moment.date().isoformat()
        for number, moment in project.guideline_versions.values_list("number", "created_at")
    }
    found: list[Report] = []
    before: Stat | None = None
    for version in np.unique(history.version).tolist():
        alpha = _alpha_where(history, (history.version == version) & history.is_blind)
        change = difference(alpha, before).as_dict() if before is not None else None
        found.append({"version": version, "began": began.get(version), "alpha": alpha.as_dict(), "change": change})
        before = alpha
    return found


# ---------------------------------------------------------------- people


def _people(project: Project, rows: LabelArrays, history: History) -> list[Report]:
    """One row per person with a label, by name."""
    scores, repeats = gold.scores(project), _repeats(project)
    planted = {rate.reviewer.pk: share_of(rate.caught, rate.n).as_dict() for rate in review.catch_rate(project)}
    names = dict(zip(rows.annotators, reports.usernames(rows.annotators), strict=True))
    paused = set(project.memberships.filter(paused_at__isnull=False).values_list("user_id", flat=True))
    others = _others(history)
    nothing = share_of(0, 0).as_dict()
    people = []
    for pk, name in names.items():
        own = np.flatnonzero(history.person == pk)
        equal = np.where(others[own] < 0, -1, (history.answer[own] == others[own]).astype(np.int64))
        people.append(
            {
                "id": pk,
                "username": name,
                "n": int(own.size),
                "paused": pk in paused,
                "gold": scores.get(pk, nothing),
                "repeats": repeats.get(pk, nothing),
                "planted": planted.get(pk, nothing),
                "signs": [
                    {"rule": sign.rule, "sentence": sign.sentence, "evidence": sign.evidence}
                    for sign in _signs(history, own, others)
                ],
                "by_week": _person_by_week(history, own, equal),
                "by_sitting": _by_sitting(history, own, equal),
                "seconds_median": _median(history.seconds[own]),
            }
        )
    return sorted(people, key=lambda row: row["username"])


def _median(seconds: NDArray[np.float64]) -> float | None:
    measured = seconds[~np.isnan(seconds)]
    return round(float(np.median(measured)), 2) if measured.size else None


# The vote and the later answer of the same person to the same image.
_REPEATED = """
    SELECT r.annotator_id, count(*), count(*) FILTER (WHERE r.categories = v.categories)
    FROM labeler_label r JOIN labeler_label v ON v.image_id = r.image_id AND v.annotator_id = r.annotator_id
         AND v.round = r.round AND v.purpose = 'vote' AND v.superseded_at IS NULL AND v.answer = 'labeled'
    WHERE r.project_id = %s AND r.purpose = 'repeat' AND r.superseded_at IS NULL AND r.answer = 'labeled'
    GROUP BY r.annotator_id
"""


def _repeats(project: Project) -> dict[int, Report]:
    """How often each person said the same again, without being told that it was again."""
    with connection.cursor() as cursor:
        cursor.execute(_REPEATED, [project.pk])
        return {person: share_of(equal, n).as_dict() for person, n, equal in cursor.fetchall()}


def _others(history: History) -> NDArray[np.int64]:
    """For each vote: what the plurality of the others says of that image and round; -1 for ties and nobody."""
    by_unit: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at in range(len(history)):
        by_unit[int(history.image[at]), int(history.round[at])].append(at)
    found = np.full(len(history), -1, dtype=np.int64)
    for places in by_unit.values():
        if len(places) < 2:
            continue
        for at in places:
            tally: dict[int, int] = defaultdict(int)
            for other in places:
                if other != at:
                    tally[int(history.answer[other])] += 1
            most = max(tally.values())
            winners = [answer for answer, n in tally.items() if n == most]
            found[at] = winners[0] if len(winners) == 1 else -1
    return found


def _signs(history: History, own: NDArray[np.intp], others: NDArray[np.int64]) -> list[quality.Sign]:
    return quality.signs(
        answers=history.answer[own], others=others[own], seconds=history.seconds[own],
        n_categories=max(2, len(history.answers)),
    )  # fmt: skip


def _person_by_week(history: History, own: NDArray[np.intp], equal: NDArray[Any]) -> list[Report]:
    week = _week_of(history.at[own])
    return [
        {
            "week": (EPOCH + timedelta(days=int(monday))).isoformat(),
            "n": int((week == monday).sum()),
            "agrees": _share(equal[week == monday]),
            "seconds_median": _median(history.seconds[own][week == monday]),
        }
        for monday in np.unique(week)
    ]


def _share(equal: NDArray[Any]) -> Report:
    comparable = equal[equal != -1]
    return share_of(int((comparable == 1).sum()), int(comparable.size)).as_dict()


def _by_sitting(history: History, own: NDArray[np.intp], equal: NDArray[Any]) -> list[Report]:
    """Agreement and speed by how long the person had been at it: does a long sitting cost quality?"""
    at = history.at[own]
    order = np.argsort(at, kind="stable")
    begun, minutes = 0.0, np.zeros(own.size)
    before = -np.inf
    for place in order:
        if at[place] - before > SITTING_BREAK:
            begun = at[place]
        before = at[place]
        minutes[place] = (at[place] - begun) / 60
    return [
        {
            "from": low, "to": high, "n": int(chosen.sum()), "agrees": _share(equal[chosen]),
            "seconds_median": _median(history.seconds[own][chosen]),
        }
        for low, high, chosen in _parts(minutes)
    ]  # fmt: skip


def _parts(minutes: NDArray[np.float64]) -> Iterator[tuple[int, int | None, NDArray[np.bool_]]]:
    for low, high in zip(SITTING_MINUTES, [*SITTING_MINUTES[1:], None], strict=True):
        chosen = (minutes >= low) & (minutes < (np.inf if high is None else high))
        if chosen.any():
            yield low, high, chosen
