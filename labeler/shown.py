"""Reports as pages and endpoints show them: of small projects as they are now, of large ones as last counted.

Knows the names under which reports are kept (snapshots.py) and what counts each (reports.py, overview.py, trust.py):
the one place where a name becomes figures, in a request and in a worker.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from labeler import overview, reports, snapshots, trust
from labeler.models import Project
from labeler.reports import Selection
from labeler.snapshots import Figures

OVERVIEW_KEPT_SECONDS = 5  # of a small project, in this process: images, decisions and seats change without a label


def agreement_figures(project: Project, selection: Selection, *, wait: bool = True) -> Figures:
    """The agreement report and its time. wait: count it here where a large project has none yet; else value is None."""

    def count() -> dict[str, Any]:
        return reports.agreement(project, selection)

    if selection != Selection.of(selection.labels, selection.sample):
        # A class, a version of the guideline, a time: too many to keep, and each is asked for rarely.
        return Figures(count(), timezone.now(), False)
    name = f"agreement:{selection.labels}:{selection.sample}"
    return snapshots.get(project, name, count, first_time=count if wait else None)


def progress_figures(project: Project, *, wait: bool = True) -> Figures:
    """The progress report and its time."""

    def count() -> dict[str, Any]:
        return reports.progress(project)

    return snapshots.get(project, "progress", count, first_time=count if wait else None)


def overview_figures(project: Project) -> Figures:
    """The figures of the overview and their time; value is None before the first count of a large project."""

    def count() -> dict[str, Any]:
        return reports.kept(
            project, f"overview:{project.version}", lambda: overview.figures(project), OVERVIEW_KEPT_SECONDS
        )

    return snapshots.get(project, "overview", count)


def trust_figures(project: Project, *, wait: bool = False) -> Figures:
    """Everything beside agreement itself (labeler/trust.py), and its time. wait: as for agreement."""

    def count() -> dict[str, Any]:
        return reports.kept(project, f"trust:{project.version}", lambda: trust.figures(project))

    return snapshots.get(project, "trust", count, first_time=count if wait else None)


def compute(project: Project, name: str) -> dict[str, Any]:
    """Count a report by the name of its snapshot. Raises ValueError for an unknown one."""
    match name.split(":"):
        case ["overview"]:
            return overview.figures(project)
        case ["trust"]:
            return trust.figures(project)
        case ["progress"]:
            return reports.count_progress(project)
        case ["agreement", labels, sample]:
            return reports.count_agreement(project, Selection(labels, sample))  # type: ignore[arg-type]
    raise ValueError(f"there is no report called {name}")


def refresh() -> int:
    """Count again what pages of large projects asked for; how many were counted. For workers."""
    return snapshots.refresh_wanted(compute)
