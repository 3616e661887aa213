"""Drift of imports from the images a model was trained on: a sentence, a plot and a table of imports.

Knows how a comparison is told; what is compared is labeler/training/drift.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max, Min
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from labeler import charts
from labeler.models import Image, Job, Project, TrainingRun
from labeler.stats.drift import FEWEST_KNOWN, FEWEST_NEW
from labeler.templatetags.figures import day, figure, percent, thousands
from labeler.training import drift
from labeler.training.drift import Found
from labeler.wording.sentences import chart_words

CLASSES = 6  # whose share is shown, those that moved most
WIDTH, HEIGHT = 460, 220


def card(project: Project, run: TrainingRun) -> dict[str, Any]:
    """Context of templates/model/drift.html; nothing where no image came in since the model was trained."""
    found = drift.compared_imports(project, run)
    if not found:
        return {}
    # The one to look at: the newest that differs, or the newest.
    shown = next((one for one in found if one.drifted), found[0])
    names = names_of(project, run, found)
    return {
        "drift": {
            "sentence": sentence(project, shown, names[shown.row.pk]),
            "fires": shown.drifted,
            "name": names[shown.row.pk],
            "plot": _plot(shown),
            "classes": _classes(project, shown),
            "imports": [_row(one, names[one.row.pk]) for one in found],
        }
    }


def names_of(project: Project, run: TrainingRun, found: Sequence[Found]) -> dict[int, str]:
    """What each import is called, by the id of its row: how it came and its day; the time where two share a day."""
    days = Counter(one.row.day for one in found)
    shared = [one for one in found if days[one.row.day] > 1]
    times = _times(project, run, shared)
    return {
        one.row.pk: ", ".join(
            [_source(one), day(one.row.day), *([times[one.row.pk]] if one.row.pk in times else [])],
        )
        for one in found
    }


def _source(found: Found) -> str:
    """How the images came, as far as that was kept: of those without an import only that there was none."""
    if found.row.job_id is None:
        return _("Uploads and the command line")
    return found.row.name or _("An archive")


def _times(project: Project, run: TrainingRun, found: Sequence[Found]) -> dict[int, str]:
    """When each import was asked for, and from when to when images without one came in that day; by the row's id."""
    jobs = Job.objects.in_bulk([one.row.job_id for one in found if one.row.job_id is not None])
    times = {}
    for one in found:
        if one.row.job_id is not None:
            times[one.row.pk] = _clock(jobs[one.row.job_id].created_at)
            continue
        alone = Image.objects.filter(project=project, job=None, created_at__date=one.row.day)
        ends = alone.filter(created_at__gt=run.created_at).aggregate(first=Min("created_at"), last=Max("created_at"))
        if ends["first"] is not None:  # they may have been deleted since
            first, last = _clock(ends["first"]), _clock(ends["last"])
            times[one.row.pk] = first if first == last else _("%(low)s to %(high)s") % {"low": first, "high": last}
    return times


def _clock(when: datetime) -> str:
    return date_format(localtime(when), "H:i")


def sentence(project: Project, found: Found, name: str) -> str:
    """What the comparison says, in words. name: what the import is called."""
    one = found.compared
    words: dict[str, Any] = {
        "name": name, "model": found.row.run.number, "n": thousands(one.n), "known": thousands(one.n_known),
        "fewest_known": FEWEST_KNOWN, "fewest": FEWEST_NEW,
    }  # fmt: skip
    if one.p is None:
        few = _(
            "Too few to compare: %(known)s held-out images that model %(model)s knows (%(fewest_known)s are needed), "
            "and %(n)s new ones (%(fewest)s)."
        )
        return few % words
    if not found.drifted:
        same = _(
            "The %(n)s images of “%(name)s” look like those that model %(model)s knows: nothing differs beyond chance "
            "and by enough to matter."
        )
        return same % words
    named, before, now = drift.moved_most(project, found)
    words |= {
        "answer": _("rare answers") if named is None else ", ".join(named) or _("none of these"),
        "now": percent(now), "before": percent(before), "sure": figure(one.confidence),
        "usual": figure(one.known_confidence),
    }  # fmt: skip
    other = _(
        "The images of “%(name)s” look different to model %(model)s. It says %(answer)s of %(now)s of them, and of "
        "%(before)s of those it knows; its median confidence is %(sure)s instead of %(usual)s. Look at some: a new "
        "camera, another kind? Label some of them, and the next model knows them."
    )
    return other % words


def _plot(found: Found) -> charts.Markup:
    """How sure it is of the known and of the new images."""
    figures = found.row.figures

    def points(bins: list[float]) -> list[tuple[float, float | None]]:
        return [((at + 0.5) / len(bins), share) for at, share in enumerate(bins)]

    series = [
        charts.Series(_("images it knows"), points(figures["known_bins"]), tone="l2", dashed=True),
        charts.Series(_("new images"), points(figures["bins"])),
    ]
    return charts.line_chart(
        _("How sure is it?"), _("Share of images by how sure the model is of its answer."), series,
        words=chart_words(), x_name=_("stated confidence"), y_name=_("share of images"), percent=True,
        x_ticks=[(at / 4, percent(at / 4)) for at in range(5)], x_words=lambda x: percent(x), width=WIDTH,
        height=HEIGHT,
    )  # fmt: skip


def _classes(project: Project, found: Found) -> list[dict[str, Any]]:
    rows = sorted(found.row.figures["classes"], key=lambda one: -abs(one["new"] - one["known"]))[:CLASSES]
    return [
        {"names": drift.names_of(project, row["categories"]), "known": row["known"], "new": row["new"]} for row in rows
    ]


def _row(found: Found, name: str) -> dict[str, Any]:
    one = found.compared
    p = one.p
    return {
        "name": name,
        "n": one.n,
        "drifted": found.drifted,
        "too_few": p is None,
        "distance": one.distance if p is not None else None,
        "confidence": one.confidence if one.n else None,
        "known_confidence": one.known_confidence if one.n_known else None,
        "p": "" if p is None else _("under 0.001") if p < 0.001 else f"{p:.3f}",
    }
