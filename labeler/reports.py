"""One query -> arrays -> labeler.stats -> a report: how far people agree, on what they differ, how far they have come.

Knows which labels are comparable; the arithmetic is in labeler/stats. Reports are kept per process, by the
project's newest label, because ten people look at a dashboard more often than labels change its third decimal.
Pages and endpoints ask labeler/shown.py, which has large projects counted by workers.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import numpy as np
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from labeler import categories as label_set
from labeler import columns, gold, rounds, wanted
from labeler.errors import Invalid
from labeler.models import Acceptance, Image, Label, Project, QueueEntry
from labeler.models.image import Status
from labeler.models.label import BLIND_SQL, VOTES
from labeler.stats import agreement as agreement_stats
from labeler.stats.forecast import WEEK, WEEKS_READ, days_left

Labels = Literal["blind", "assisted", "all"]
Sample = Literal["random", "all"]
LABELS: tuple[Labels, ...] = ("blind", "assisted", "all")
SAMPLES: tuple[Sample, ...] = ("random", "all")

KEPT_SECONDS = 600
# Ids are given before the commit: while the newest label is this young, one with a lower id may still appear,
# and a report of now would then be kept under the key of the next.
SETTLING_SECONDS = 60
KEPT_WHILE_SETTLING_SECONDS = 2
PROGRESS_KEPT_SECONDS = 5  # images, decisions and seats change without a label
FORECAST_DAYS = WEEK * WEEKS_READ
PACE_DAYS = 14  # that the pace is the mean of; the forecast reads further back


@dataclass(frozen=True, slots=True)
class Until:
    """A state of the past: labels are never deleted, so it can be counted again."""

    label: int  # the newest label there was; what came after it, and what that superseded, is as if it were not
    at: datetime  # images sent back after this are in the round they were in
    classes: tuple[int, ...] = ()  # the declared ones, in their order; merges into others came later. Empty: as of `at`


@dataclass(frozen=True, slots=True)
class Selection:
    """Which labels an agreement report speaks of."""

    labels: Labels = "blind"  # judged without, with, or regardless of a pre-label
    sample: Sample = "random"  # only images that no model and no rule chose, or all
    since: datetime | None = None
    guideline: int | None = None  # labels made by this version of the guideline
    category: int | None = None  # this class against all others
    until: Until | None = None  # None: now

    @classmethod
    def of(cls, labels: Labels = "blind", sample: Sample | None = None, **more: Any) -> Selection:
        """With the default sample of the contract: random, and all where all labels are asked for."""
        return cls(labels, sample or ("all" if labels == "all" else "random"), **more)


@dataclass(frozen=True, slots=True)
class LabelArrays:
    """Votes of a project's present rounds, ordered by image and annotator."""

    image: NDArray[np.int64]
    annotator: NDArray[np.int64]  # codes 0..len(annotators)-1
    answers: NDArray  # single: category codes, shape (n,); multi: boolean, shape (n, len(categories))
    seconds: NDArray[np.float32]  # NaN: not measured
    day: NDArray[np.int64]  # of the judgement, days since 1970 (UTC)
    is_blind: NDArray[np.bool_]  # nothing of others or of a model was shown
    is_random: NDArray[np.bool_]  # on an image that no model and no rule chose
    is_assisted: NDArray[np.bool_]  # a pre-label was shown; informed answers are neither blind nor assisted
    annotators: list[int]  # user ids by code
    categories: list[int]  # category ids by code

    def where(self, chosen: NDArray[np.bool_]) -> LabelArrays:
        """Some of the rows, under the same codes."""
        return LabelArrays(
            self.image[chosen],
            self.annotator[chosen],
            self.answers[chosen],
            self.seconds[chosen],
            self.day[chosen],
            self.is_blind[chosen],
            self.is_random[chosen],
            self.is_assisted[chosen],
            self.annotators,
            self.categories,
        )


# ---------------------------------------------------------------- agreement


def agreement(project: Project, selection: Selection | None = None) -> dict[str, Any]:
    """The report of GET /api/projects/{id}/agreement/ as plain values. Default: blind labels of random images."""
    selection = selection or Selection()
    return kept(project, f"agreement:{selection}", lambda: count_agreement(project, selection))


def count_agreement(project: Project, selection: Selection) -> dict[str, Any]:
    return report_of(project, read_labels(project, selection), selection)


def report_of(
    project: Project, rows: LabelArrays, selection: Selection, people: list[str] | None = None
) -> dict[str, Any]:
    """The report of labels that were read already; selection says which they are. people: other names for them."""
    names = label_set.index(project).label(rows.categories)
    people = usernames(rows.annotators) if people is None else people
    answers = rows.answers
    task: agreement_stats.Task = "multi" if project.is_multi else "single"
    if selection.category is not None:
        if selection.category not in rows.categories:
            raise Invalid(_("This project has no such class."), fields={"category": ["unknown"]})
        at = rows.categories.index(selection.category)
        # One class against all others is a question with two answers, also where several classes may be
        # chosen.
        chosen = answers[:, at] if project.is_multi else answers == at
        answers, task, names = np.where(chosen, 0, 1), "single", [names[at], "any other"]
    summary = agreement_stats.summarize(
        rows.image, rows.annotator, answers, len(people), len(names), task, category_names=names
    )
    report = summary.as_dict(people, names)
    scores = gold.scores(project)
    right = dict(zip(people, (scores[pk]["value"] if pk in scores else None for pk in rows.annotators), strict=True))
    for person, median in zip(report["annotators"], _median_seconds(rows), strict=True):
        person |= {"seconds_median": median, "gold_accuracy": right.get(person["username"])}
    return {"labels": selection.labels, "sample": selection.sample, **report}


def _median_seconds(rows: LabelArrays) -> list[float | None]:
    medians: list[float | None] = []
    for code in range(len(rows.annotators)):
        measured = rows.seconds[(rows.annotator == code) & ~np.isnan(rows.seconds)]
        medians.append(round(float(np.median(measured)), 2) if measured.size else None)
    return medians


def usernames(ids: list[int]) -> list[str]:
    names = dict(get_user_model().objects.filter(pk__in=ids).values_list("pk", "username"))
    return [names.get(pk, f"#{pk}") for pk in ids]


# One array of records: 300,000 labels arrive in a fraction of the time that as many Python tuples take
# (bench/report.py).
_RECORD = columns.record(
    [("image", ">i8"), ("annotator", ">i4"), ("category", ">i8"), ("seconds", ">f4"), ("day", ">i4"), ("how", ">i2")]
)
_ID_RECORD = columns.record([("id", ">i8")])
NONE_OF_THEM = -1
_BLIND, _RANDOM, _ASSISTED = 1, 2, 4  # bits of "how"


def _sql(project: Project, selection: Selection) -> tuple[str, list[Any]]:
    """One row per label; for a multi-label project one per label and class, or one with NONE_OF_THEM."""
    category = "coalesce(l.categories[1], -1)"
    classes = ""
    if project.is_multi:
        category, classes = "coalesce(c.id, -1)", "LEFT JOIN LATERAL unnest(l.categories) AS c(id) ON true"
    source, params = _source(project, selection, classes)
    return (
        f"""
        SELECT l.image_id, l.annotator_id, {category}::bigint, coalesce(l.seconds, 'NaN')::real,
               (l.created_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01',
               ({BLIND_SQL}::int * {_BLIND} + (l.chosen_by = 'random')::int * {_RANDOM}
                + (l.shown_prediction_id IS NOT NULL)::int * {_ASSISTED})::smallint
        {source}
        """,
        params,
    )


def _source(project: Project, selection: Selection, classes: str = "") -> tuple[str, list[Any]]:
    """FROM and WHERE of the votes of a selection."""
    conditions: list[str] = ["l.project_id = %s"]
    params: list[Any] = [project.pk]
    if selection.labels != "all":
        conditions.append(BLIND_SQL if selection.labels == "blind" else "l.shown_prediction_id IS NOT NULL")
    if selection.sample == "random":
        conditions.append("l.chosen_by = 'random'")
    if selection.since is not None:
        conditions.append("l.created_at >= %s")
        params.append(selection.since)
    if selection.guideline is not None:
        conditions.append("l.guideline_version = %s")
        params.append(selection.guideline)
    present, round_ = "l.superseded_at IS NULL", "i.round"
    if selection.until is not None:
        # By id, not by time: judgements that are brought in have the time at which they were made elsewhere.
        present = """l.id <= %s AND NOT EXISTS (SELECT FROM labeler_label later WHERE later.supersedes_id = l.id
                     AND later.id <= %s)"""
        params += [selection.until.label, selection.until.label]
        begun = rounds.begun_since(project, selection.until.at)
        classes += " LEFT JOIN unnest(%s::bigint[], %s::int[]) AS begun(image_id, n) ON begun.image_id = i.id"
        round_ = "i.round - coalesce(begun.n, 0)"
        params = [list(begun), list(begun.values()), *params]
    return (
        f"""
        FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id {classes}
        WHERE {" AND ".join(conditions)} AND {present} AND l.round = {round_} AND l.answer = 'labeled'
        AND l.purpose = 'vote'
        """,
        params,
    )


def label_ids(project: Project, selection: Selection) -> NDArray[np.int64]:
    """Ids of the votes that a report of this selection is counted from, ascending."""
    source, params = _source(project, selection)
    return np.sort(columns.read(f"SELECT l.id {source}", params, _ID_RECORD, whole=True)["id"].astype(np.int64))


def read_labels(project: Project, selection: Selection | None = None) -> LabelArrays:
    """The votes of a selection as arrays: one query. Cannot-tells and skips are missing values and left out."""
    sql, params = _sql(project, selection or Selection(labels="all", sample="all"))
    table = columns.read(sql, params, _RECORD, whole=True)
    image = table["image"].astype(np.int64)
    annotators, annotator = _codes(table["annotator"].astype(np.int64))
    named, category = _codes(table["category"].astype(np.int64))
    seconds, day = table["seconds"].astype(np.float32), table["day"].astype(np.int64)
    how = table["how"].astype(np.int64)
    # Sorted here: PostgreSQL would read 300,000 rows in the order of an index to spare this 20 ms.
    order = np.argsort(image * (len(annotators) + 1) + annotator, kind="stable")
    image, annotator, seconds, day, how = image[order], annotator[order], seconds[order], day[order], how[order]
    is_blind, is_random, is_assisted = (how & _BLIND) > 0, (how & _RANDOM) > 0, (how & _ASSISTED) > 0

    index = label_set.index(project)
    declared = _declared(project, index, selection.until if selection else None)
    meant = [_last_name(index, pk, declared) for pk in named]
    known = list(declared)
    known += [pk for pk in dict.fromkeys(meant) if pk not in known and pk != NONE_OF_THEM]
    place = {pk: code for code, pk in enumerate(known)}
    code = np.array([place.get(pk, -1) for pk in meant], dtype=np.int64)[category[order]]
    if not project.is_multi:
        return LabelArrays(
            image, annotator, code, seconds, day, is_blind, is_random, is_assisted, annotators, known
        )  # fmt: skip
    new = np.ones(image.size, dtype=bool)
    new[1:] = (image[1:] != image[:-1]) | (annotator[1:] != annotator[:-1])
    row = np.cumsum(new) - 1
    answers = np.zeros((int(new.sum()), len(known)), dtype=bool)
    answers[row[code >= 0], code[code >= 0]] = True
    return LabelArrays(
        image[new], annotator[new], answers, seconds[new], day[new], is_blind[new], is_random[new], is_assisted[new],
        annotators, known,
    )  # fmt: skip


def _codes(values: NDArray[np.int64]) -> tuple[list[int], NDArray[np.int64]]:
    """Distinct values, ascending, and the place of each value among them."""
    if not values.size:
        return [], values
    # Ids of people are small and dense: a table look-up beats the sort that np.unique would do.
    lowest, span = int(values.min()), int(values.max() - values.min()) + 1
    if span > 4 * values.size + 1_000_000:
        found, codes = np.unique(values, return_inverse=True)
        return found.tolist(), codes
    present = np.zeros(span, dtype=bool)
    present[values - lowest] = True
    return (np.flatnonzero(present) + lowest).tolist(), (np.cumsum(present) - 1)[values - lowest]


def _declared(project: Project, index: label_set.CategoryIndex, until: Until | None) -> dict[int, None]:
    """The classes that could be chosen, in their order."""
    if until is None:
        return dict.fromkeys(pk for pk in index.names if pk in index.ids_in_use)
    if until.classes:
        return dict.fromkeys(pk for pk in until.classes if pk in index.names)
    left = dict(project.categories.filter(retired_at__lte=until.at).values_list("pk", "retired_at"))
    return dict.fromkeys(pk for pk in index.names if pk not in left)


def _last_name(index: label_set.CategoryIndex, pk: int, declared: Container[int] = ()) -> int:
    """The class that a class was merged into, or itself; one that was still declared is itself."""
    while pk in index.merged and pk not in declared:
        pk = index.merged[pk]
    return pk


# ---------------------------------------------------------------- kept reports


def kept(
    project: Project, name: str, compute: Callable[[], dict[str, Any]], seconds: int = KEPT_SECONDS
) -> dict[str, Any]:
    """What compute() says, or said lately in this process, with no label in between."""
    newest = Label.objects.filter(project=project).order_by("-id").values_list("id", "created_at").first()
    # Reports hold sentences, so each language has its own.
    key = f"report:{project.pk}:{newest and newest[0]}:{project.label_set_version}:{get_language()}:{name}"
    key = key.replace(" ", "_")
    found = cache.get(key)
    if found is None:
        settling = newest is not None and timezone.now() - newest[1] < timedelta(seconds=SETTLING_SECONDS)
        found = compute()
        cache.set(key, found, KEPT_WHILE_SETTLING_SECONDS if settling else seconds)
    return found


# ---------------------------------------------------------------- disagreements and progress


def disagreements(project: Project) -> QuerySet[Image]:
    """Images on which people differ, or which two of them could not tell. Order them by -disagreement, id."""
    return Image.objects.for_project(project).filter(Q(disagreement__gt=0) | Q(status=Status.DISPUTED))


def votes_of(images: list[Image]) -> dict[int, list[Label]]:
    """The present votes of some images, by image id, with their authors."""
    found: dict[int, list[Label]] = {image.pk: [] for image in images}
    rows = Label.objects.votes().filter(image__in=found).select_related("annotator")
    for label in rows.order_by("id"):
        found[label.image_id].append(label)
    return found


def progress(project: Project) -> dict[str, Any]:
    """Images by status, seats, labels by day (UTC) and by person, pace, forecast with its interval, what is wanted."""
    # With the project's version: a wanted number that was just typed must not wait for the next count.
    return kept(project, f"progress:{project.version}", lambda: count_progress(project), PROGRESS_KEPT_SECONDS)


def count_progress(project: Project) -> dict[str, Any]:
    """`progress`, counted now."""
    by_status = dict.fromkeys(Status.values, 0)
    counted = Image.objects.for_project(project).order_by().values_list("status").annotate(n=Count("id"))
    by_status |= dict(counted)
    # Nobody is asked about what a model's answer stands for.
    asked = QueueEntry.objects.filter(project=project, accepted=False)
    seats = asked.aggregate(all=Sum("seats"), left=Sum("seats_left"))
    made = Label.objects.current().filter(project=project, answer__in=VOTES).order_by()
    per_day = list(
        made.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day")
        .annotate(n=Count("id"), imported=Count("source_import"))
        .order_by("day")
    )
    people = made.values_list("annotator__username").annotate(n=Count("id")).order_by("-n", "annotator__username")
    by_day = [{"day": day.isoformat(), "labels": n, "imported": imported} for day, n, imported in per_day]
    total = sum(row["labels"] for row in by_day)
    past = past_days(by_day)
    lately = past[-PACE_DAYS:]
    coming = days_left(past, seats["left"] or 0)
    return {
        "images": {"total": sum(by_status.values()), **by_status},
        "accepted": Acceptance.objects.standing().filter(project=project).count(),  # of the unlabeled ones
        "labels": {"total": total, "wanted": seats["all"] or 0, "left": seats["left"] or 0},
        "by_day": by_day,
        "by_annotator": [{"username": name, "labels": n} for name, n in people],
        "pace": {"labels_per_day": sum(lately) / len(lately) if lately else None, "days": len(lately)},
        "wanted": wanted.of(project),
        "forecast": {"days": coming.value, "low": coming.low, "high": coming.high, "reason": coming.reason},
    }


def past_days(by_day: list[dict[str, Any]]) -> list[int]:
    """Labels given here on each of the last days up to yesterday, from the first on; today is not over yet.

    Without imported ones: they say nothing of how fast people are.
    """
    # Figures that were kept before imports were told apart have no "imported".
    given = {date.fromisoformat(row["day"]): row["labels"] - row.get("imported", 0) for row in by_day}
    per_day = {day: n for day, n in given.items() if n}
    if not per_day:
        return []
    today = datetime.now(UTC).date()
    first = max(min(per_day), today - timedelta(days=FORECAST_DAYS))
    return [per_day.get(first + timedelta(days=n), 0) for n in range((today - first).days)]
