"""One query -> arrays -> labeler.stats -> a report: how far people agree, on what they differ, how far they have come.

Knows which labels are comparable; the arithmetic is in labeler/stats. Reports are kept per process, by the
project's newest label, because ten people look at a dashboard more often than labels change its third decimal.
Pages and endpoints ask labeler/progress/cached_reports.py, which has large projects counted by workers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.agreement import objects
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.labeling.label_arrays import LabelArrays, Selection, read_labels, usernames
from labeler.models import Image, Label, Project
from labeler.models.image import Status
from labeler.review import gold
from labeler.stats import agreement as agreement_stats
from labeler.stats.objects.place_then_class import HEADLINE
from labeler.stats.pace import median

KEPT_SECONDS = 600
# Ids are given before the commit: while the newest label is this young, one with a lower id may still appear,
# and a report of now would then be kept under the key of the next.
SETTLING_SECONDS = 60
KEPT_WHILE_SETTLING_SECONDS = 2


# ---------------------------------------------------------------- agreement


def agreement(project: Project, selection: Selection | None = None, iou: float = HEADLINE) -> dict[str, Any]:
    """The report of GET /api/projects/{id}/agreement/ as plain values. Default: blind labels of random images.

    iou: where people draw, from which overlap on two objects are the same.
    """
    selection = selection or Selection()
    return kept(project, f"agreement:{selection}:{iou}", lambda: count_agreement(project, selection, iou))


def count_agreement(project: Project, selection: Selection, iou: float = HEADLINE) -> dict[str, Any]:
    if project.draws:
        return objects.count(project, selection, iou)
    return report_of(project, read_labels(project, selection), selection)


def report_of(
    project: Project, rows: LabelArrays, selection: Selection, people: list[Any] | None = None
) -> dict[str, Any]:
    """The report of labels that were read already; selection says which they are. people: what else they are called."""
    names = label_set.index(project).label(rows.categories)
    people = usernames(rows.annotators) if people is None else people
    answers = rows.answers
    task: agreement_stats.Task = "multi" if project.is_multi else "single"
    if selection.category is not None:
        if selection.category not in rows.categories:
            raise Invalid(_("This project has no such class."), fields={"category": ["unknown"]})
        at = rows.categories.index(selection.category)
        # One class against all others is a question with two answers, also where several classes may be chosen.
        chosen = answers[:, at] if project.is_multi else answers == at
        answers, task, names = np.where(chosen, 0, 1), "single", [names[at], "any other"]
    summary = agreement_stats.summarize(
        rows.image, rows.annotator, answers, len(people), len(names), task, category_names=names
    )
    report = summary.as_dict(people, names)
    scores = gold.scores(project)
    for code, (pk, person) in enumerate(zip(rows.annotators, report["annotators"], strict=True)):
        person |= {
            "seconds_median": median(rows.seconds[rows.annotator == code]),
            "gold_accuracy": scores[pk]["value"] if pk in scores else None,
        }
    return {"labels": selection.labels, "sample": selection.sample, **report}


# ---------------------------------------------------------------- kept reports


def kept(
    project: Project, name: str, compute: Callable[[], dict[str, Any]], seconds: int = KEPT_SECONDS
) -> dict[str, Any]:
    """What compute() says, or said lately in this process, with no label in between."""
    newest = Label.objects.filter(project=project).order_by("-id").values_list("id", "created_at").first()
    key = f"report:{project.pk}:{newest and newest[0]}:{project.label_set_version}:{name}"
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
