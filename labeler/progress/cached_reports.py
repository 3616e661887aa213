"""Reports as pages and endpoints show them: of small projects as they are now, of large ones as last counted.

Knows the names under which reports are kept (cache.py) and what counts each (agreement/reports.py, overview.py,
agreement/trust.py, agreement/disagreement_groups.py, agreement/printed_report.py, label_economy.py,
data_checks/report.py, releases/summary.py): the one place where a name becomes figures, in a request and in a worker.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from django.utils import timezone

from labeler.agreement import disagreement_groups, printed_report, reports, trust
from labeler.data_checks import report as data_checks
from labeler.labeling.label_arrays import Selection
from labeler.models import Project
from labeler.progress import cache, counts, label_economy, overview
from labeler.progress.cache import Figures, Report
from labeler.releases import summary
from labeler.review.worklists import Pair
from labeler.stats.objects.place_then_class import HEADLINE

# Of a small project, in this process, unless a label comes in: images, decisions and seats change without one.
KEPT_HERE_SECONDS = {"overview": 5, "progress": 5, "economy": 5, "trust": reports.KEPT_SECONDS}
Name = Literal["overview", "progress", "trust", "economy", "export", "checks"]
CONTESTED_KEPT_SECONDS = 60  # a model that is training looks at more images without a label


def agreement_figures(project: Project, selection: Selection, *, wait: bool = True, iou: float = HEADLINE) -> Figures:
    """The agreement report and its time. wait: count it here where a large project has none yet; else value is None.

    iou: where people draw, from which overlap on two objects are the same.
    """

    def count() -> Report:
        return reports.agreement(project, selection, iou)

    if selection != Selection.with_default_sample(selection.labels, selection.sample) or iou != round(iou, 2):
        # A class, a version of the guideline, a time: too many to keep, and each is asked for rarely.
        return Figures(count(), timezone.now(), False)
    name = f"agreement:{selection.labels}:{selection.sample}" + ("" if iou == HEADLINE else f":{iou}")
    return cache.get(project, name, count, wait=wait)


def figures(project: Project, name: Name, *, wait: bool = False) -> Figures:
    """The report of that name, and its time. wait: as for agreement; without it value is None before the first count
    of a large project."""

    def count() -> Report:
        if name not in KEPT_HERE_SECONDS:
            return compute(project, name)
        # With the project's version: a wanted number that was just typed must not wait for the next count.
        now = f"{name}:{project.version}"
        return reports.kept(project, now, lambda: compute(project, name), KEPT_HERE_SECONDS[name])

    return cache.get(project, name, count, wait=wait)


def contested_figures(project: Project, pair: Pair | None = None, *, wait: bool = False) -> Figures:
    """The groups of contested images (labeler/agreement/disagreement_groups.py), and their time. wait: as for
    agreement.

    By the number of these images, not of all: grouping takes its time by them, also in a small project.
    """

    def count() -> Report:
        return disagreement_groups.find(project, pair)

    name = "contested" if pair is None else f"contested:{pair[0]},{pair[1]}"
    if disagreement_groups.how_many(project, disagreement_groups.AT_ONCE) <= disagreement_groups.AT_ONCE:
        now = f"{name}:{disagreement_groups.fingerprint(project)}"
        return Figures(reports.kept(project, now, count, CONTESTED_KEPT_SECONDS), timezone.now(), False)
    return cache.get(project, name, count, wait=wait, large=True)


def report_figures(
    project: Project, selection: Selection, *, names: bool = False, ordered: str | None = None, wait: bool = False
) -> Figures:
    """The report for an appendix (labeler/agreement/printed_report.py), and its time; one of the past is always counted
    here."""

    def count() -> Report:
        return printed_report.build(project, selection, names=names, ordered=ordered)

    if selection.until is not None or ordered is not None:
        return Figures(count(), timezone.now(), False)
    name = f"report:{selection.labels}:{selection.sample}:{'names' if names else 'numbers'}"
    return cache.get(project, name, count, wait=wait)


def compute(project: Project, name: str) -> Report:
    """Count a report by the name of its snapshot. Raises ValueError for an unknown one."""
    match name.split(":"):
        case ["overview"]:
            return overview.figures(project)
        case ["trust"]:
            return trust.figures(project)
        case ["economy"]:
            return label_economy.figures(project)
        case ["checks"]:
            return data_checks.count(project)
        case ["export"]:
            return asdict(summary.summary_of(project))
        case ["progress"]:
            return counts.count_progress(project)
        case ["report", labels, sample, names]:
            selection = Selection(labels, sample)  # type: ignore[arg-type]
            return printed_report.build(project, selection, names=names == "names")
        case ["contested"]:
            return disagreement_groups.find(project)
        case ["contested", named]:
            a, b = (int(part) for part in named.split(","))
            return disagreement_groups.find(project, (a, b))
        case ["agreement", labels, sample, *iou]:
            selection = Selection(labels, sample)  # type: ignore[arg-type]
            return reports.count_agreement(project, selection, *map(float, iou))
    raise ValueError(f"there is no report called {name}")


def refresh() -> int:
    """Count again what pages of large projects asked for; how many were counted. For workers."""
    return cache.refresh_wanted(compute)
