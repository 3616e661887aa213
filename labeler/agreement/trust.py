"""May these labels be trusted? Everything the agreement page says beside agreement itself, as plain values.

Anchoring, the plan, guideline or person, ordered classes, agreement over time and by guideline, gold, self-agreement,
planted answers, signs in a person's work, confusion with the others, methods of consensus on gold, what adaptive
overlap saved. Counted in the request for a small project, by a worker for a large one (progress/cache.py). Knows what
is compared with what; the arithmetic is labeler/stats'. Per-person figures are for leads and for that person alone:
of_person() leaves the others out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from labeler.agreement import model_as_rater, object_trust
from labeler.agreement.over_time import (
    WEEK_REPLICATES,
    Report,
    _codes,
    answer_patterns,
    blind_alpha,
    by_guideline,
    by_week,
    read_history,
)
from labeler.agreement.people import people_rows
from labeler.agreement.trust_parts import common, plan_for, why_of
from labeler.consensus import reliability
from labeler.label_set import categories as label_set
from labeler.labeling import label_arrays
from labeler.labeling.label_arrays import LabelArrays
from labeler.models import Project, TrainingRun
from labeler.models.label import BLIND_SQL
from labeler.models.project import Ordered
from labeler.models.statements import fetch
from labeler.stats.alpha import ManyRaters, many_raters
from labeler.stats.anchoring import anchoring
from labeler.stats.cause import Pair
from labeler.stats.kappa import PairCounts, pair_kappas
from labeler.stats.ordered import gwet_ac1, ordered_alpha
from labeler.stats.pairs import count_pairs
from labeler.stats.paradox import dominance
from labeler.stats.results import FEW_IMAGES, Reason, Stat
from labeler.stats.weighted import weighted_kappa


def figures(project: Project) -> Report:
    """All of it."""
    if project.draws:
        return object_trust.figures(project)
    rows = label_arrays.read_labels(project)
    blind = rows.where(rows.is_blind & rows.is_random)
    patterns = answer_patterns(project, blind)
    together, ac1 = many_raters(patterns), gwet_ac1(patterns)
    with_help = many_raters(answer_patterns(project, rows.where(rows.is_assisted))).alpha
    history = read_history(project)
    unaided = rows.where(rows.is_blind)
    names = label_arrays.usernames(rows.annotators)
    counts = _pairs(project, unaided)
    return {
        **common(project, together.alpha, with_help, rows.categories),
        "anchoring": _anchoring(project),
        "ac1": ac1.as_dict(),
        "paradox": _paradox(project, blind, together, ac1),
        "why": _why(project, counts, names),
        "ordered": _ordered(project, blind, names),
        "by_week": by_week(history, partial(blind_alpha, history, replicates=WEEK_REPLICATES)),
        "by_guideline": by_guideline(project, history, partial(blind_alpha, history)),
        "people": people_rows(project, rows, history, names),
        "model": _model(project, names, rows),
        "methods": reliability.compare_on_gold(project, rows),
    }


def _model(project: Project, names: list[str], rows: LabelArrays) -> Report | None:
    """The active model as one more rater: {number, pairs: [{username, kappa, n}]}; None: there is none."""
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    if run is None:
        return None
    return {"number": run.number, "pairs": model_as_rater.kappas(project, run, names, rows)}


def of_rows(project: Project, rows: LabelArrays, names: list[str]) -> Report:
    """What a report on these labels says beside reports.report_of: {ac1, plan, paradox, ordered}. names: of people."""
    patterns = answer_patterns(project, rows)
    together, ac1 = many_raters(patterns), gwet_ac1(patterns)
    return {
        "ac1": ac1.as_dict(),
        "plan": plan_for(together.alpha),
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
    return why_of(project, pairs, names)


def _ordered(project: Project, rows: LabelArrays, names: list[str]) -> Report | None:
    """For classes with an order: alpha that knows it, and weighted kappa of each pair."""
    if project.is_multi or project.ordered == Ordered.NONE:
        return None
    patterns = answer_patterns(project, rows)
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


def equal_answers(project: Project, sql: str, params: list[Any]) -> tuple[int, int]:
    """Of rows (said, suggested, count): how many in all, and how many equal ones. Merges are followed on both sides."""
    index = label_set.index(project)
    rows = fetch(sql, params)
    equal = sum(n for said, other, n in rows if index.resolve(said) == index.resolve(other))
    return sum(n for _said, _other, n in rows), equal


def _anchoring(project: Project) -> Report:
    """Do people say what the model says because they see it?"""
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    sample = "random"
    n_shown, equal_shown = equal_answers(project, _SHOWN, [project.pk, True])
    if n_shown < FEW_IMAGES:
        sample = "all"
        n_shown, equal_shown = equal_answers(project, _SHOWN, [project.pk, False])
    n_hidden, equal_hidden = equal_answers(project, _HIDDEN, [run.pk if run else None, project.pk])
    found = anchoring(equal_shown=equal_shown, n_shown=n_shown, equal_hidden=equal_hidden, n_hidden=n_hidden)
    note = "" if sample == "random" else Reason("chosen_by_doubt").as_dict()
    return {
        "shown": found.shown.as_dict(), "hidden": found.hidden.as_dict(), "difference": found.difference.as_dict(),
        "copied": found.copied.as_dict(), "sample": sample, "note": note,
    }  # fmt: skip
