"""What needs the lead now: a few rules from numbers to cards, each with the way to act on it.

Knows thresholds and sentences; reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.models import Project

MOST_CARDS = 4
FEW_LABELS = 30  # of one person: below, a kappa says little about the person
DRIFT = 0.1  # of kappa, below the mean of the others


@dataclass(frozen=True, slots=True)
class Need:
    """One card: a figure, what it means, and a link."""

    figure: str
    strong: str
    text: str
    href: str
    link: str
    tone: str = "attn"


def needs(
    project: Project,
    *,
    progress: dict[str, Any],
    report: dict[str, Any],
    people: int,
    has_model: bool,
    too_few: str,
    is_training: bool,
) -> list[Need]:
    """The most urgent cards first. too_few: why no model can be trained yet, or empty."""
    found = _needs(project, progress, report, people, has_model, is_training or bool(too_few))
    return [need for _, need in zip(range(MOST_CARDS), found, strict=False)]


def _needs(
    project: Project,
    progress: dict[str, Any],
    report: dict[str, Any],
    people: int,
    has_model: bool,
    cannot_train: bool,
) -> Iterator[Need]:
    images = progress["images"]

    def to(name: str) -> str:
        return reverse(name, args=[project.pk])

    if not images["total"]:
        text = _("Drop a folder or a zip, and labeling can begin.")
        yield Need("0", _("images so far."), text, to("import"), _("Import images"))
    if people < 2:
        text = _("Agreement needs two who judge the same images.")
        yield Need(str(people), ngettext("person here.", "people here.", people), text, to("members"), _("Add people"))
    if disputed := images["disputed"]:
        yield Need(
            f"{disputed:,}",
            ngettext("disagreement to settle.", "disagreements to settle.", disputed),
            _("The votes do not decide; a reviewer's word does."),
            to("images") + "?status=disputed",
            _("Settle"),
        )
    if pair := _worst_pair(report):
        yield Need(
            f"{pair['count']:,}",
            _("images split on %(a)s and %(b)s.") % pair,
            _("When all split on it, the guideline is unclear."),
            to("agreement"),
            _("See the images"),
        )
    if person := _drifting(project, report):
        yield Need(
            person["username"],
            _("agrees less than the others."),
            _("Mean κ %(kappa).2f, the others' %(others).2f.") % person,
            to("agreement"),
            _("Look at it"),
        )
    if not has_model and images["total"] and not cannot_train:
        text = _("There are enough labels.")
        yield Need(_("Ready"), _("to train the first model."), text, to("model"), _("Train"), "good")
    if has_model and images["unlabeled"]:
        yield Need(
            f"{images['unlabeled']:,}",
            ngettext("image nobody has seen.", "images nobody has seen.", images["unlabeled"]),
            _("The model suggests an answer on most of them."),
            to("images") + "?status=unlabeled",
            _("See them"),
            "good",
        )
    if images["total"] and not images["unlabeled"] and not progress["labels"]["left"]:
        text = _("Every image has its labels.")
        yield Need(_("All"), _("seats are filled."), text, to("export"), _("Export"), "good")


def _worst_pair(report: dict[str, Any]) -> dict[str, Any] | None:
    worst = next(iter(report["confusion"]), None)
    return worst if worst and worst["count"] >= 5 else None


def _drifting(project: Project, report: dict[str, Any]) -> dict[str, Any] | None:
    """The person whose mean kappa is lowest, if it is below the target and clearly below the others'."""
    rows = [row for row in report["annotators"] if row["mean_kappa"] is not None and row["n_shared"] >= FEW_LABELS]
    if len(rows) < 3:
        return None
    lowest = min(rows, key=lambda row: row["mean_kappa"])
    others = [row["mean_kappa"] for row in rows if row is not lowest]
    mean = sum(others) / len(others)
    if lowest["mean_kappa"] >= project.target_agreement or mean - lowest["mean_kappa"] < DRIFT:
        return None
    return {"username": lowest["username"], "kappa": lowest["mean_kappa"], "others": mean}
