"""Drift: do new imports look to the model like the images it was trained on? The only module that writes Drift.

What it knows: its answers on held-out images that were there when it was trained. Those are a random sample, and it has
not learned from them; images that people have labeled were chosen, and those that are left were not. An import is what
came in since, as its pre-labels see it. Knows rows; the comparison is labeler/stats/drift.py's. Called by a worker when
pre-labels are made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db.models.functions import TruncDate

from labeler.label_set import categories as label_set
from labeler.models import Drift, Prediction, Project, TrainingRun
from labeler.models.image import HELD_OUT
from labeler.stats import drift as stats
from labeler.stats import tally as votes

MOST_ANSWERS = 30  # of several classes: the most frequent sets of them; the rest is one answer
SHOWN = 20  # imports, the newest
Batch = tuple[int | None, date]

BINS = 10  # of confidence, equally wide from 0 to 1


def record(run: TrainingRun) -> int:
    """Compare every import since the model was trained with what it knows; how many. Asked again it counts anew."""
    rows = Prediction.objects.filter(run=run, image__project=run.project_id).annotate(
        day=TruncDate("image__created_at")
    )
    columns = ("categories", "probability")
    known = list(rows.filter(image__slice__in=HELD_OUT, image__created_at__lte=run.created_at).values_list(*columns))
    batches: dict[Batch, list[tuple[list[int], float]]] = defaultdict(list)
    began: dict[int, date] = {}  # an import is one batch, also when it went on past midnight; single uploads one a day
    new = rows.filter(image__created_at__gt=run.created_at).order_by("image")
    for job, day, named, probability in new.values_list("image__job", "day", *columns).iterator(chunk_size=10_000):
        batches[job, began.setdefault(job, day) if job else day].append((named, probability))
    jobs = {job.pk: job for job in run.project.jobs.filter(pk__in=[job for job, _day in batches if job])}
    answers = _answers([named for named, _p in known] + [named for rows_ in batches.values() for named, _p in rows_])
    for (job, day), found in batches.items():
        compared = stats.compare(
            [answers[votes.key(named)] for named, _p in known], [p for _named, p in known],
            [answers[votes.key(named)] for named, _p in found], [p for _named, p in found], max(answers.values()) + 1,
        )  # fmt: skip
        of = jobs.get(job) if job else None
        Drift.objects.update_or_create(
            run=run, job=of, day=day,
            defaults={
                "project_id": run.project_id, "name": str(of.params.get("name") or "")[:500] if of else "",
                "figures": _figures(compared, answers, [p for _n, p in known], [p for _n, p in found]),
            },
        )  # fmt: skip
    return len(batches)


def _answers(named: Sequence[list[int]]) -> dict[str, int]:
    """A code for each answer; of many, the rare ones share the last."""
    counts = Counter(map(votes.key, named))
    often = sorted(counts, key=lambda answer: (-counts[answer], answer))
    return {answer: min(code, MOST_ANSWERS) for code, answer in enumerate(often)}


def _figures(
    one: stats.DriftComparison, answers: dict[str, int], known: Sequence[float], new: Sequence[float]
) -> dict[str, Any]:
    by_code: dict[int, list[int] | None] = {}
    for answer, code in answers.items():
        by_code[code] = votes.categories_of(answer) if code < MOST_ANSWERS else None
    return {
        "n": one.n, "n_known": one.n_known, "distance": one.distance, "gap": one.gap,
        "p_classes": one.p_classes, "p_confidence": one.p_confidence,
        "confidence": one.confidence if one.n else None, "known_confidence": one.known_confidence if known else None,
        "classes": [
            {"categories": by_code[code], "known": float(one.known[code]), "new": float(one.new[code])}
            for code in range(len(one.known)) if code in by_code
        ],
        "known_bins": _bins(known), "bins": _bins(new),
    }  # fmt: skip


def _bins(sure: Sequence[float]) -> list[float]:
    """Share of answers by confidence: up to 0.1, 0.2, …"""
    counts = [0] * BINS
    for p in sure:
        counts[min(BINS - 1, int(p * BINS))] += 1
    return [n / max(1, len(sure)) for n in counts]


# ---------------------------------------------------------------- what was found


@dataclass(frozen=True, slots=True)
class Found:
    """One import with its verdict, judged together with the others of the same model."""

    row: Drift
    compared: stats.DriftComparison
    drifted: bool


def compared_imports(project: Project, run: TrainingRun | None = None) -> list[Found]:
    """Imports of a project as one model, or as each of the last ones, saw them; the newest first."""
    rows = Drift.objects.filter(project=project).select_related("run").defer("run__metrics", "run__history")
    if run is not None:
        rows = rows.filter(run=run)
    shown = list(rows[:SHOWN])
    verdicts: dict[int, bool] = {}
    for pk in {row.run_id for row in shown}:
        # With all imports of that model, also those that are not shown: the correction is for all of them.
        together = list(Drift.objects.filter(run=pk).order_by("id"))
        named = stats.drifted([_compared(row.figures) for row in together])
        verdicts |= {row.pk: is_named for row, is_named in zip(together, named, strict=True)}
    return [Found(row, _compared(row.figures), verdicts[row.pk]) for row in shown]


def _compared(figures: dict[str, Any]) -> stats.DriftComparison:
    return stats.DriftComparison(
        figures["n_known"], figures["n"], np.array([row["known"] for row in figures["classes"]]),
        np.array([row["new"] for row in figures["classes"]]), figures["distance"], figures["gap"],
        figures["known_confidence"] or 0.0, figures["confidence"] or 0.0, figures["p_classes"], figures["p_confidence"],
    )  # fmt: skip


def moved_most(project: Project, found: Found) -> tuple[list[str] | None, float, float]:
    """The answer whose share differs most: names (None: the rare ones together), its share among the known, and now."""
    row = max(found.row.figures["classes"], key=lambda one: abs(one["new"] - one["known"]))
    return names_of(project, row["categories"]), row["known"], row["new"]


def names_of(project: Project, answer: list[int] | None) -> list[str] | None:
    """What the classes of an answer are called today; None: the rare answers together."""
    index = label_set.index(project)
    return None if answer is None else index.label(index.present(answer))


def newest_drifted(project: Project, run: TrainingRun | None) -> Found | None:
    """The newest import that looks different to the model in use."""
    return next((one for one in compared_imports(project, run) if one.drifted), None) if run else None
