"""The votes of a project as NumPy arrays: one query, for a selection of labels, as of now or of a past day.

What agreement, consensus, the label economy and training read. Knows which labels are comparable; counts nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from django.contrib.auth import get_user_model
from numpy.typing import NDArray

from labeler.label_set import categories as label_set
from labeler.models import AuditEvent, Project, columns
from labeler.models.label import BLIND_SQL

SENT_BACK = "images.send_back"


def begun_since(project: Project, moment: datetime) -> Counter[int]:
    """How many rounds of each image began after a moment."""
    events = AuditEvent.objects.filter(project=project, action=SENT_BACK, at__gt=moment)
    return Counter(pk for details in events.values_list("details", flat=True) for pk in details.get("ids", ()))


Labels = Literal["blind", "assisted", "all"]
Sample = Literal["random", "all"]
LABELS: tuple[Labels, ...] = ("blind", "assisted", "all")
SAMPLES: tuple[Sample, ...] = ("random", "all")


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
    def with_default_sample(cls, labels: Labels = "blind", sample: Sample | None = None, **more: Any) -> Selection:
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

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> LabelArrays:
        """Some of the rows, under the same codes."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _ROWS})


_ROWS = ("image", "annotator", "answers", "seconds", "day", "is_blind", "is_random", "is_assisted")


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
# How a label was given, in bits; as flags by flags_of().
HOW_SQL = f"""
    ({BLIND_SQL}::int + (l.chosen_by = 'random')::int * 2 + (l.shown_prediction_id IS NOT NULL)::int * 4)::smallint
"""


def flags_of(how: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """is_blind, is_random and is_assisted of LabelArrays and DrawnArrays, from a column of HOW_SQL."""
    return {name: (how & bit) > 0 for name, bit in (("is_blind", 1), ("is_random", 2), ("is_assisted", 4))}


def _sql(project: Project, selection: Selection) -> tuple[str, list[Any]]:
    """One row per label; for a multi-label project one per label and class, or one with NONE_OF_THEM."""
    category = "coalesce(l.categories[1], -1)"
    classes = ""
    if project.is_multi:
        category, classes = "coalesce(c.id, -1)", "LEFT JOIN LATERAL unnest(l.categories) AS c(id) ON true"
    source, params = votes_sql(project, selection, classes)
    return (
        f"""
        SELECT l.image_id, l.annotator_id, {category}::bigint, coalesce(l.seconds, 'NaN')::real,
               (l.created_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01', {HOW_SQL}
        {source}
        """,
        params,
    )


def votes_sql(
    project: Project, selection: Selection, classes: str = "", *, all_rounds: bool = False
) -> tuple[str, list[Any]]:
    """FROM and WHERE of the votes of a selection: labels l of images i. all_rounds: not of the present one alone."""
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
        begun = begun_since(project, selection.until.at)
        classes += " LEFT JOIN unnest(%s::bigint[], %s::int[]) AS begun(image_id, n) ON begun.image_id = i.id"
        round_ = "i.round - coalesce(begun.n, 0)"
        params = [list(begun), list(begun.values()), *params]
    return (
        f"""
        FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id {classes}
        WHERE {" AND ".join(conditions)} AND {present} AND (l.round = {round_}{" OR true" if all_rounds else ""})
        AND l.answer = 'labeled' AND l.purpose = 'vote'
        """,
        params,
    )


def label_ids(project: Project, selection: Selection) -> NDArray[np.int64]:
    """Ids of the votes that a report of this selection is counted from, ascending."""
    source, params = votes_sql(project, selection)
    return np.sort(columns.read(f"SELECT l.id {source}", params, _ID_RECORD, whole=True)["id"].astype(np.int64))


def read_labels(project: Project, selection: Selection | None = None) -> LabelArrays:
    """The votes of a selection as arrays: one query. Cannot-tells and skips are missing values and left out."""
    selection = selection or Selection(labels="all", sample="all")
    sql, params = _sql(project, selection)
    table = columns.read(sql, params, _RECORD, whole=True)
    image = table["image"].astype(np.int64)
    annotators, annotator = codes_of(table["annotator"].astype(np.int64))
    known, code = class_codes(project, selection, table["category"].astype(np.int64))
    rows = LabelArrays(
        image=image, annotator=annotator, answers=code, seconds=table["seconds"].astype(np.float32),
        day=table["day"].astype(np.int64), **flags_of(table["how"].astype(np.int64)), annotators=annotators,
        categories=known,
    )  # fmt: skip
    # Sorted here: PostgreSQL would read 300,000 rows in the order of an index to spare this 20 ms.
    rows = rows.where(np.argsort(image * (len(annotators) + 1) + annotator, kind="stable"))
    if not project.is_multi:
        return rows
    new = np.ones(image.size, dtype=bool)
    new[1:] = (np.diff(rows.image) != 0) | (np.diff(rows.annotator) != 0)
    row = np.cumsum(new) - 1
    answers = np.zeros((int(new.sum()), len(known)), dtype=bool)
    answers[row[rows.answers >= 0], rows.answers[rows.answers >= 0]] = True
    return replace(rows.where(new), answers=answers)


def codes_of(values: NDArray[np.int64]) -> tuple[list[int], NDArray[np.int64]]:
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


def class_codes(
    project: Project, selection: Selection, named: NDArray[np.int64]
) -> tuple[list[int], NDArray[np.int64]]:
    """Ids by code, declared classes first, and the code of each that is named; NONE_OF_THEM is -1. Follows merges."""
    index = label_set.index(project)
    declared = declared_classes(project, index, selection.until)
    distinct, place = codes_of(named)
    meant = [index.last(pk, declared) for pk in distinct]
    known = [pk for pk in dict.fromkeys([*declared, *meant]) if pk != NONE_OF_THEM]
    code = {pk: at for at, pk in enumerate(known)}
    return known, np.array([code.get(pk, -1) for pk in meant], dtype=np.int64)[place]


def declared_classes(project: Project, index: label_set.CategoryIndex, until: Until | None) -> dict[int, None]:
    """The classes that could be chosen, in their order."""
    if until is None:
        return dict.fromkeys(pk for pk in index.names if pk in index.ids_in_use)
    if until.classes:
        return dict.fromkeys(pk for pk in until.classes if pk in index.names)
    left = dict(project.categories.filter(retired_at__lte=until.at).values_list("pk", "retired_at"))
    return dict.fromkeys(pk for pk in index.names if pk not in left)
