"""May these labels be trusted? Everything the agreement page says beside agreement itself, as plain values.

Anchoring, the plan, guideline or person, ordered classes, agreement over time and by guideline, gold, self-agreement,
planted answers, signs in a person's work, confusion with the others, methods of consensus on gold, what adaptive
overlap saved. Counted in the request for a small project, by a worker for a large one (progress/cache.py). Knows what
is compared with what; the arithmetic is labeler/stats'. Per-person figures are for leads and for that person alone:
of_person() leaves the others out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from labeler.agreement import model_as_rater
from labeler.consensus import overlap, reliability
from labeler.label_set import categories as label_set
from labeler.labeling import label_arrays
from labeler.labeling.label_arrays import LabelArrays
from labeler.models import Project, TrainingRun, columns
from labeler.models.label import BLIND_SQL
from labeler.models.project import Ordered
from labeler.review import gold
from labeler.review import planted as planted_answers
from labeler.stats import quality
from labeler.stats.alpha import ManyRaters, Patterns, count_patterns, krippendorff_alpha, many_raters
from labeler.stats.anchoring import anchoring, share_of
from labeler.stats.cause import Pair, cause
from labeler.stats.grouping import Groups, group_rows
from labeler.stats.intervals import REPLICATES
from labeler.stats.kappa import PairCounts, pair_kappas
from labeler.stats.ordered import gwet_ac1, ordered_alpha
from labeler.stats.others import against_others, class_by_class, plurality_of_others
from labeler.stats.pace import sitting_starts
from labeler.stats.pairs import count_pairs
from labeler.stats.paradox import dominance
from labeler.stats.people import WithOthers, with_others
from labeler.stats.planner import images_for
from labeler.stats.results import FEW_IMAGES, Reason, Stat, plain, undefined
from labeler.stats.weighted import weighted_kappa

Report = dict[str, Any]

WEEKS = 52  # the last ones that have votes
# Of the band of a week: 1,000 are for figures that are quoted, and 52 weeks of them would take a second.
WEEK_REPLICATES = 300
NARROW = 0.05  # the half-width a plan aims at
EPOCH = date(1970, 1, 1)
SITTING_MINUTES = (0, 15, 30, 60, 120)  # a sitting's parts, the last one open


def figures(project: Project) -> Report:
    """All of it."""
    rows = label_arrays.read_labels(project)
    blind = rows.where(rows.is_blind & rows.is_random)
    assisted = rows.where(rows.is_assisted)
    patterns = _patterns(project, blind)
    together, ac1, with_help = many_raters(patterns), gwet_ac1(patterns), _alpha(project, assisted)
    alpha = together.alpha
    history = _history(project)
    unaided = rows.where(rows.is_blind)
    names = label_arrays.usernames(rows.annotators)
    counts = _pairs(project, unaided)
    return {
        "blind": alpha.as_dict(),
        "assisted": with_help.as_dict(),
        "assisted_minus_blind": difference(with_help, alpha).as_dict(),
        "plan": _plan(alpha),
        "anchoring": _anchoring(project),
        "ac1": ac1.as_dict(),
        "paradox": _paradox(project, blind, together, ac1),
        "why": _why(project, counts, names),
        "ordered": _ordered(project, blind, names),
        "by_week": _by_week(project, history),
        "by_guideline": _by_guideline(project, history),
        "people": _people(project, rows, history, names),
        "model": _model(project, names, rows),
        "categories": _categories(project, rows),
        "methods": reliability.compare_on_gold(project, rows),
        "overlap": overlap.savings(project) if project.adaptive_overlap else None,
        "few": FEW_IMAGES,
    }


def _model(project: Project, names: list[str], rows: LabelArrays) -> Report | None:
    """The active model as one more rater: {number, pairs: [{username, kappa, n}]}; None: there is none."""
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    if run is None:
        return None
    return {"number": run.number, "pairs": model_as_rater.kappas(project, run, names, rows)}


def _categories(project: Project, rows: LabelArrays) -> list[Report]:
    """The classes that `confusion` and `by_class` of people speak of, in the order of the label set."""
    names = label_set.index(project).names
    return [{"id": pk, "name": names[pk]} for pk in rows.categories]


def of_rows(project: Project, rows: LabelArrays, names: list[str]) -> Report:
    """What a report on these labels says beside reports.report_of: {ac1, plan, paradox, ordered}. names: of people."""
    patterns = _patterns(project, rows)
    together, ac1 = many_raters(patterns), gwet_ac1(patterns)
    return {
        "ac1": ac1.as_dict(),
        "plan": _plan(together.alpha),
        "paradox": _paradox(project, rows, together, ac1),
        "ordered": _ordered(project, rows, names),
    }


def of_person(report: Report, username: str) -> Report:
    """What a person may see: the project's figures, and of people only their own."""
    why = report["why"]
    if why["kind"] == "person":  # of the others they learn that somebody differs, from nobody's name
        why = {**why, "kind": "several", "person": None, "own": None, "others": None}
    ordered = report["ordered"] and {**report["ordered"], "pairs": []}
    own = [row for row in report["people"] if row["username"] == username]
    model = report["model"]
    if model:
        model = {**model, "pairs": [row for row in model["pairs"] if row["username"] == username]}
    return {**report, "people": own, "why": why, "ordered": ordered, "model": model}


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
        return undefined(Reason("one_of_two_undefined"), min(a.n, b.n))
    if None in (a.low, a.high, b.low, b.high):
        return Stat(a.value - b.value, None, None, min(a.n, b.n), Reason("no_interval_of_both"))
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    low = a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low))
    return Stat(a.value - b.value, low, high, min(a.n, b.n), a.reason or b.reason)


def _plan(alpha: Stat) -> Report:
    plan = images_for(alpha, NARROW)
    if plan.more is None:
        told = plan.reason
    elif plan.more == 0:
        told = Reason("narrow_already", {"width": NARROW})
    else:
        told = Reason("more_images_wanted", {"more": plan.more, "width": NARROW})
    return {"images": plan.images, "more": plan.more, "half_width": NARROW, "sentence": plain(told) or ""}


def _paradox(project: Project, rows: LabelArrays, together: ManyRaters, ac1: Stat) -> Report | None:
    """One class holds nearly all labels: what that does to kappa and alpha; None where none does.

    {category, prevalence, bias, pabak, ac1, alpha, observed}. For one class per image: several are questions apart.
    """
    if project.is_multi or not rows.image.size:
        return None
    k = len(rows.categories)
    chosen = np.bincount(rows.answers, minlength=k)
    found = dominance(chosen, _pairs(project, rows), together.observed.value, k)
    if found is None:
        return None
    return {
        "category": label_set.index(project).names[rows.categories[found.category]],
        "prevalence": found.prevalence, "bias": found.bias, "pabak": found.pabak, "ac1": ac1.value,
        "alpha": together.alpha.value, "observed": together.observed.as_dict(),
    }  # fmt: skip


def _pairs(project: Project, rows: LabelArrays) -> PairCounts:
    """Confusion counts of every two people. Several classes: equal sets are equal answers."""
    answers, k = _codes(project, rows)
    return count_pairs(rows.image, rows.annotator, answers, len(rows.annotators), k)


def _why(project: Project, counts: PairCounts, names: list[str]) -> Report:
    """Guideline or person, from the pairs' kappas on labels without a suggestion (labeler/stats/cause.py)."""
    pairs = [
        Pair(int(a), int(b), kappa.stat())
        for a, b, kappa in zip(counts.a, counts.b, pair_kappas(counts).kappas(), strict=True)
    ]
    found = cause(pairs, project.target_agreement)
    return {
        "kind": found.kind, "pairs": found.pairs, "low": found.low, "people": found.people, "mean": found.mean,
        "person": None if found.person is None else names[found.person], "own": found.own, "others": found.others,
        "target": project.target_agreement,
    }  # fmt: skip


def _ordered(project: Project, rows: LabelArrays, names: list[str]) -> Report | None:
    """For classes with an order: alpha that knows it, and weighted kappa of each pair."""
    if project.is_multi or project.ordered == Ordered.NONE:
        return None
    patterns = _patterns(project, rows)
    counts = _pairs(project, rows)
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
# OFFSET 0 has each prediction looked up by its key: the planner would rather read those of all projects.
_SHOWN = """
    SELECT l.categories, p.categories, count(*)
    FROM labeler_label l CROSS JOIN LATERAL (
        SELECT categories FROM labeler_prediction WHERE id = l.shown_prediction_id OFFSET 0) p
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
      AND (NOT %s OR l.chosen_by = 'random')
    GROUP BY 1, 2
"""
_HIDDEN = f"""
    SELECT l.categories, p.categories, count(*)
    FROM labeler_label l JOIN labeler_prediction p ON p.image_id = l.image_id AND p.run_id = %s
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round AND i.slice <> ''
    WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
      AND {BLIND_SQL}
    GROUP BY 1, 2
"""


def _equal(project: Project, sql: str, params: list[Any]) -> tuple[int, int]:
    """Of rows (said, suggested, count): how many in all, and how many equal ones. Merges are followed on both sides."""
    index = label_set.index(project)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    equal = sum(n for said, other, n in rows if index.resolve(said) == index.resolve(other))
    return sum(n for _said, _other, n in rows), equal


def _anchoring(project: Project) -> Report:
    """Do people say what the model says because they see it?"""
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    sample = "random"
    n_shown, equal_shown = _equal(project, _SHOWN, [project.pk, True])
    if n_shown < FEW_IMAGES:
        sample = "all"
        n_shown, equal_shown = _equal(project, _SHOWN, [project.pk, False])
    n_hidden, equal_hidden = _equal(project, _HIDDEN, [run.pk if run else None, project.pk])
    found = anchoring(equal_shown=equal_shown, n_shown=n_shown, equal_hidden=equal_hidden, n_hidden=n_hidden)
    note = "" if sample == "random" else Reason("chosen_by_doubt").as_dict()
    return {
        "shown": found.shown.as_dict(), "hidden": found.hidden.as_dict(), "difference": found.difference.as_dict(),
        "copied": found.copied.as_dict(), "sample": sample, "note": note,
    }  # fmt: skip


# ---------------------------------------------------------------- over time


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

    def __len__(self) -> int:
        return int(self.person.size)


# The answer is a number that equal sets of classes share.
_RECORD = columns.record(
    [("id", ">i8"), ("person", ">i8"), ("image", ">i8"), ("round", ">i8"), ("version", ">i8"), ("answer", ">i8"),
     ("seconds", ">f8"), ("at", ">f8"), ("blind", ">i2")]
)  # fmt: skip
_ANSWER = """
    CASE cardinality(categories) WHEN 1 THEN categories[1]::int8
         ELSE hashtextextended(array_to_string(categories, ','), 0) END
"""
_HISTORY = f"""
    SELECT id::int8, annotator_id::int8, image_id::int8, round::int8, guideline_version::int8, {_ANSWER},
           coalesce(seconds, 'NaN')::float8, extract(epoch FROM created_at)::float8,
           {BLIND_SQL}::int::int2
    FROM labeler_label l
    WHERE project_id = %s AND superseded_at IS NULL AND purpose = 'vote' AND answer = 'labeled'
"""


def _history(project: Project) -> History:
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
    SELECT DISTINCT {_ANSWER}, categories FROM labeler_label
    WHERE project_id = %s AND superseded_at IS NULL AND purpose = 'vote' AND answer = 'labeled'
"""


def _meant(project: Project) -> dict[int, int]:
    """By answer's number: that of what it means today, where classes were merged since."""
    index = label_set.index(project)
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, [project.pk])
        rows = [(number, tuple(index.resolve(ids))) for number, ids in cursor.fetchall()]
    first: dict[tuple[int, ...], int] = {}
    return {number: first.setdefault(ids, number) for number, ids in rows}


def _alpha_where(history: History, chosen: NDArray[np.bool_], replicates: int = REPLICATES) -> Stat:
    """Alpha of some votes; those of one image and round are compared."""
    unit, code = history.unit[chosen], history.answer[chosen]
    if not unit.size:
        return krippendorff_alpha(np.zeros((0, 1), dtype=np.int64))
    order = np.argsort(unit, kind="stable")
    groups: Groups = group_rows(unit[order])
    return many_raters(count_patterns(groups, code[order], history.n_answers), replicates=replicates).alpha


def _by_week(project: Project, history: History) -> list[Report]:
    """Blind agreement week by week; an image counts in the week of its last vote, when it could first be compared."""
    if not len(history):
        return []
    _units, where = np.unique(history.unit, return_inverse=True)
    last = np.zeros(_units.size)
    np.maximum.at(last, where, history.at)
    week = _week_of(last)[where]
    return [
        {
            "week": (EPOCH + timedelta(days=int(monday))).isoformat(),
            "alpha": _alpha_where(history, (week == monday) & history.is_blind, WEEK_REPLICATES).as_dict(),
        }
        for monday in np.unique(week)[-WEEKS:]
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


def _people(project: Project, rows: LabelArrays, history: History, usernames: list[str]) -> list[Report]:
    """One row per person with a label, by name."""
    scores, repeats = gold.scores(project), _repeats(project)
    planted = {
        rate.reviewer.pk: share_of(rate.caught, rate.n).as_dict() for rate in planted_answers.catch_rate(project)
    }
    names = dict(zip(rows.annotators, usernames, strict=True))
    compared, unaided = _with_others(rows), rows.where(rows.is_blind)
    confused, by_class = _confusions(project, rows), _by_class(project, rows)
    paused = set(project.memberships.filter(paused_at__isnull=False).values_list("user_id", flat=True))
    others = np.asarray(plurality_of_others(history.unit, history.answer), dtype=np.int64)
    nothing = share_of(0, 0).as_dict()
    people = []
    for code, (pk, name) in enumerate(names.items()):
        blind = unaided.annotator == code
        own = np.flatnonzero(history.person == pk)
        equal = np.where(others[own] < 0, -1, (history.answer[own] == others[own]).astype(np.int64))
        people.append(
            {
                "id": pk,
                "username": name,
                "n": int(own.size),
                "paused": pk in paused,
                "kappa": compared.kappa_stat(code).as_dict(),
                "n_blind": int(blind.sum()),
                "seconds_blind": _median(unaided.seconds[blind].astype(np.float64)),
                "confusion": confused.get(code, []),
                "by_class": by_class.get(code, []),
                "gold": scores.get(pk, nothing),
                "repeats": repeats.get(pk, nothing),
                "planted": planted.get(pk, nothing),
                "signs": [
                    {"rule": sign.rule, "sentence": sign.told.as_dict(), "evidence": sign.evidence}
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
    with connection.cursor() as cursor:
        cursor.execute(_REPEATED, [project.pk])
        for person, again, before, n in cursor.fetchall():
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
    at = history.at[own]  # in order
    if not at.size:
        return []
    begins = sitting_starts(at)
    minutes = (at - at[begins][np.cumsum(begins) - 1]) / 60
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
