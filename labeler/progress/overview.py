"""The figures of a project's overview, counted in one go: one read of the labels, a few grouped queries, plain values.

Knows what is counted; thresholds and sentences are labeler/pages/overview/attention.py's, pages ask
labeler/progress/cached_reports.py. Counted in the request for a small project, by a worker for a large one (cache.py):
everything here is what JSON can keep.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from labeler.agreement import model_as_rater, reports, trust
from labeler.errors import LabelerError
from labeler.label_set import categories as label_set
from labeler.labeling import label_arrays, seats
from labeler.labeling.label_arrays import LabelArrays, Selection
from labeler.models import Prediction, Project, TrainingRun
from labeler.models.image import HELD_OUT, Slice, Status
from labeler.models.statements import fetch
from labeler.progress import counts as progress_counts
from labeler.progress import object_overview
from labeler.review import label_errors
from labeler.stats import tally as votes
from labeler.stats.anchoring import share_of
from labeler.stats.classpair import between_classes, without_each
from labeler.stats.forecast import Forecast, days_left
from labeler.stats.grouping import group_rows
from labeler.stats.pace import median
from labeler.stats.pairs import count_rows
from labeler.stats.people import WithOthers, with_others
from labeler.stats.results import NO_SHARED_IMAGES, plain, undefined
from labeler.training import drift, image_index, runs

Report = dict[str, Any]

EPOCH = date(1970, 1, 1)
PAIRED_PEOPLE = 16  # more people are no matrix anybody reads: their pairs are left out
CLASS_PAIRS = 5  # of the most confused, looked into
WEEKS = 6  # of a person's line
NOW_DAYS = 14  # what a person does now, against ...
EARLIER_DAYS = 56  # ... what they did before that


def figures(project: Project) -> Report:
    """Everything the overview says that is not read from a few rows."""
    return _shared(project) | (_of_drawn(project) if project.draws else _of_classes(project))


def _of_drawn(project: Project) -> Report:
    """What is counted otherwise where people draw."""
    found = object_overview.figures(project)
    return {
        **found, "alpha": _headline(found["agreement"], found.pop("blind")), "class_pairs": [], "review": None,
        "doubts": 0, "with_model": [],
    }  # fmt: skip


def _of_classes(project: Project) -> Report:
    """What is counted from classes of images."""
    rows = label_arrays.read_labels(project)
    everything = reports.report_of(project, rows, Selection.with_default_sample("all"))
    blind = reports.report_of(
        project, rows.where(rows.is_blind & rows.is_random), Selection.with_default_sample("blind")
    )
    usernames = label_arrays.usernames(rows.annotators)
    if sum(1 for person in everything["annotators"] if person["n"]) > PAIRED_PEOPLE:
        everything["pairs"] = []
    model = runs.active(project)
    return {
        "agreement": everything,
        "alpha": _headline(everything, blind),
        "people": _people(project, rows, usernames, everything),
        "class_pairs": [] if project.is_multi else _class_pairs(project, rows, usernames, everything),
        "seconds_median": median(rows.seconds),
        "accepted": _accepted(project),
        "review": _review(project, model) if model else None,
        "doubts": len(label_errors.waiting(project, model)) if model else 0,
        "with_model": model_as_rater.kappas(project, model, usernames, rows) if model else [],
    }


def _shared(project: Project) -> Report:
    """What is the same for every task."""
    progress = progress_counts.count_progress(project)
    model = runs.active(project)
    labeled, final, oldest_dispute = _burn_up(project)
    forecast, left, reach = _forecast(project, progress)
    return {
        "progress": progress,
        "labeled_by_day": labeled,
        "final_by_day": final,
        "forecast": {
            "days": forecast.value,
            "low": forecast.low,
            "high": forecast.high,
            "reason": plain(forecast.reason),
            "left": left,
            "reach": reach,
            "fan": [list(point) for point in forecast.fan],
        },
        "oldest_dispute": oldest_dispute and oldest_dispute.isoformat(),
        "drift": _drift(project, model),
        "unlike": list(image_index.count_novel(project)),
        "too_few": not model and _too_few(project),
    }


def _headline(everything: Report, blind: Report) -> Report:
    """Alpha of blind labels; while two people judged nothing blind, that of all labels: better, and it says so."""
    use = everything if blind["alpha"]["value"] is None and everything["alpha"]["value"] is not None else blind
    return {**use["alpha"], "labels": use["labels"]}


# ---------------------------------------------------------------- people


def _people(project: Project, rows: LabelArrays, usernames: list[str], report: Report) -> list[Report]:
    """Each person who has labels: with the others over all, week by week, earlier and now, and with decisions."""
    n, k = len(usernames), len(rows.categories)
    groups = group_rows(rows.image)
    newest = int(rows.day.max()) if rows.day.size else 0
    week = _week(rows.day) - _week(newest) + WEEKS - 1
    age = newest - rows.day
    period = np.where(age < NOW_DAYS, 1, np.where(age < EARLIER_DAYS, 0, -1))

    def compared(periods: NDArray[np.int64], count: int) -> WithOthers:
        return with_others(groups, rows.annotator, rows.answers, periods, n, count, k)

    whole = compared(np.zeros(rows.image.size, dtype=np.int64), 1)
    weekly, drift = compared(np.maximum(week, -1), WEEKS), compared(period, 2)
    decided = _right_on_decided(project)
    mondays = [EPOCH + timedelta(days=7 * (_week(newest) - WEEKS + 1 + i) - 3) for i in range(WEEKS)]
    return [
        {
            "username": name,
            **{key: row[key] for key in ("n", "n_shared", "mean_kappa", "seconds_median")},
            "kappa": whole.kappa_stat(code).as_dict(),
            "equal": whole.observed_stat(code).as_dict(),
            "decided": decided.get(rows.annotators[code]),
            "weeks": [{"monday": monday.isoformat(), **_figure(weekly, code, i)} for i, monday in enumerate(mondays)],
            "earlier": _figure(drift, code, 0),
            "now": _figure(drift, code, 1),
        }
        for code, (name, row) in enumerate(zip(usernames, report["annotators"], strict=True))
    ]


def _week(day: Any) -> Any:
    """A number for the week, Monday to Sunday, of a day since 1970, which began on a Thursday."""
    return (day + 3) // 7


def _figure(compared: WithOthers, person: int, period: int) -> Report:
    value, error = float(compared.kappa[person, period]), float(compared.kappa_error[person, period])
    known = np.isfinite(value) and np.isfinite(error)
    return {
        "value": value if known else None,
        "error": error if known else None,
        "n": int(compared.n[person, period]),
    }


def _right_on_decided(project: Project) -> dict[int, Report]:
    """By user id: the share of a person's answers that a reviewer's decision confirmed, others' decisions only."""
    index = label_set.index(project)
    right, total = Counter[int](), Counter[int]()
    for person, said, decided, n in fetch(
        """
        SELECT l.annotator_id, l.categories, d.categories, count(*)
        FROM labeler_decision d JOIN labeler_image i ON i.id = d.image_id
             JOIN labeler_label l ON l.image_id = i.id AND l.round = i.round
        WHERE i.project_id = %s AND d.withdrawn_at IS NULL AND NOT d.undecidable AND d.reviewer_id <> l.annotator_id
              AND l.superseded_at IS NULL AND l.answer = 'labeled' AND l.purpose = 'vote'
        GROUP BY 1, 2, 3
        """,
        [project.pk],
    ):
        total[person] += n
        right[person] += n * (index.present(said) == index.present(decided))
    return {person: _share(right[person], n) for person, n in total.items()}


def _share(right: int, n: int) -> Report:
    return (share_of(right, n) if n else undefined(NO_SHARED_IMAGES)).as_dict()


# ---------------------------------------------------------------- classes


def _class_pairs(project: Project, rows: LabelArrays, usernames: list[str], report: Report) -> list[Report]:
    """The most confused pairs of classes: how far people agree between the two, and without each person."""
    names = label_set.index(project).label(rows.categories)
    code = {name: at for at, name in enumerate(names)}
    found = []
    counts = count_rows(group_rows(rows.image), rows.annotator, rows.answers, len(usernames), len(names))
    for pair in report["confusion"][:CLASS_PAIRS]:
        a, b = code[pair["a"]], code[pair["b"]]
        between = between_classes(counts, a, b)
        without = without_each(counts, a, b)
        found.append(
            {
                "a": pair["a"],
                "b": pair["b"],
                "ids": [rows.categories[a], rows.categories[b]],
                "images": pair["count"],
                "kappa": between.kappa,
                "n": between.n,
                "people": len(without),
                "without": [
                    {"username": usernames[person], "kappa": rest.kappa, "n": rest.n}
                    for person, rest in without.items()
                ],
            }
        )
    return found


# ---------------------------------------------------------------- how far


def _burn_up(project: Project) -> tuple[list[list[Any]], list[list[Any]], datetime | None]:
    """Images with a first answer, and final ones, so far by day (UTC); and since when the oldest dispute waits.

    From what stands today: an image that was sent back counts as what it is now.
    """
    found = fetch(
        """
        WITH votes AS (
            SELECT l.image_id, min(l.created_at) AS first, max(l.created_at) AS last
            FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
            WHERE l.project_id = %(project)s AND l.superseded_at IS NULL AND l.purpose = 'vote'
                  AND l.answer IN ('labeled', 'cannot_tell')
            GROUP BY l.image_id
        ), dated AS (
            SELECT i.status, coalesce(v.first, d.created_at, i.created_at) AS first,
                   coalesce(d.created_at, v.last, i.created_at) AS last,
                   coalesce(d.undecidable, false) AS undecidable
            FROM labeler_image i LEFT JOIN votes v ON v.image_id = i.id
                 LEFT JOIN labeler_decision d ON d.image_id = i.id AND d.withdrawn_at IS NULL AND i.has_decision
            WHERE i.project_id = %(project)s AND i.status <> 'unlabeled'
        )
        SELECT (first AT TIME ZONE 'UTC')::date,
               CASE WHEN status = 'settled' AND NOT undecidable THEN (last AT TIME ZONE 'UTC')::date END,
               count(*), min(last) FILTER (WHERE status = 'disputed')
        FROM dated GROUP BY 1, 2
        """,
        {"project": project.pk},
    )
    labeled, final = Counter[date](), Counter[date]()
    for first, last, n, _dispute in found:
        labeled[first] += n
        if last is not None:
            final[last] += n
    disputes = [dispute for *_rest, dispute in found if dispute is not None]
    return _so_far(labeled), _so_far(final), min(disputes, default=None)


def _so_far(by_day: Counter[date]) -> list[list[Any]]:
    days = sorted(by_day)
    totals = accumulate(by_day[day] for day in days)
    return [[day.isoformat(), total] for day, total in zip(days, totals, strict=True)]


def _forecast(project: Project, progress: Report) -> tuple[Forecast, float, int]:
    """When the wanted images will have their labels, how many labels that takes, and how many are final then.

    Disputed images have their labels and wait for a reviewer: labels alone do not make them final.
    """
    counts, settled = progress["images"], progress["wanted"]["settled"]
    images = counts["total"]
    wanted = progress["wanted"]["images"] or images
    # Nobody is asked about what the model accepted: those images come to no label.
    unlabeled = counts["unlabeled"] - progress["accepted"]
    left, unfinished = float(progress["labels"]["left"]), unlabeled + counts["partly labeled"]
    coming = max(0, wanted - images)
    reach = min(wanted, settled + unfinished + coming)
    if reach <= settled:
        left = 0.0
    elif reach - settled < unfinished:
        # The unfinished images share what is left to be given; only some of them are needed.
        left *= (reach - settled) / unfinished
    else:
        left += coming * seats.quota(project)
    return days_left(progress_counts.past_days(progress["by_day"]), left), left, reach


# ---------------------------------------------------------------- the model


def _accepted(project: Project) -> Report:
    """Answers that were given under a suggestion, and how many of them are the suggestion."""
    # OFFSET 0 has each prediction looked up by its key: the planner would rather read those of all projects.
    sql = """
        SELECT l.categories, p.categories, count(*)
        FROM labeler_label l CROSS JOIN LATERAL (
            SELECT categories FROM labeler_prediction WHERE id = l.shown_prediction_id OFFSET 0) p
        WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.answer = 'labeled' AND l.purpose = 'vote'
        GROUP BY 1, 2
    """
    shown, same = trust.equal_answers(project, sql, [project.pk])
    return {"shown": shown, "same": same}


def _review(project: Project, model: TrainingRun) -> Report:
    """Images that a page of the review grid could confirm, and how often the model is right where it is as sure."""
    index = label_set.index(project)
    sure = Prediction.objects.filter(run=model, probability__gte=project.review_confidence, image__project=project)
    ready = sure.filter(
        image__slice=Slice.NONE,
        image__status__in=(Status.UNLABELED, Status.PARTLY),
        image__entry__seats_left__gt=0,
        image__entry__accepted=False,
    ).count()
    judged = sure.filter(image__slice__in=HELD_OUT, image__status=Status.SETTLED).order_by()
    right = total = 0
    # Few different votes occur, however many images there are.
    voted = judged.filter(image__has_decision=False).values_list("image__tally", "categories").annotate(n=Count("id"))
    decided = (
        judged.filter(
            image__decisions__withdrawn_at=None, image__decisions__undecidable=False, image__has_decision=True
        )
        .values_list("image__decisions__categories", "categories")
        .annotate(n=Count("id"))
    )
    answers = [(votes.vote(tally).categories or [], said, n) for tally, said, n in voted]
    for truth, said, n in [*answers, *decided]:
        total += n
        right += n * (index.present(truth) == index.present(said))
    return {
        "run": model.number,
        "confidence": project.review_confidence,
        "ready": ready if project.show_prelabels else 0,
        "right": _share(right, total),
    }


def _drift(project: Project, model: TrainingRun | None) -> Report | None:
    """The newest import that looks to the model unlike what it knows."""
    found = drift.newest_drifted(project, model)
    return {"name": found.row.name, "day": found.row.day.isoformat(), "n": found.compared.n} if found else None


def _too_few(project: Project) -> bool:
    """Whether no model can be trained yet."""
    try:
        runs.trainable(project).check(project)
    except LabelerError:
        return True
    return False
