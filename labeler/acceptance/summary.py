"""What a project's model has accepted, in figures: how many, under which promise, and what the audit found so far.

Reads the rows that labeler/acceptance/accepting.py and labeler/acceptance/promises.py write. Pages and endpoints shape
and word them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.acceptance import promises
from labeler.label_set import categories as label_set
from labeler.models import Acceptance, Guarantee, Image, Project, TrainingRun
from labeler.stats import promise as rule
from labeler.stats import tally as votes
from labeler.stats.anchoring import share_of
from labeler.stats.results import Reason, undefined
from labeler.wording.sentences import in_words, sentence

# Where a project stands: what is true of it now, most hindering first.
STATES = OFF, NO_MODEL, NEW_CLASSES, WAITING, SUSPENDED, NOTHING, ACCEPTING = (
    "off", "no_model", "new_classes", "waiting", "suspended", "nothing", "accepting",
)  # fmt: skip


def in_force(project: Project) -> Guarantee | None:
    """The guarantee under which images are accepted now, suspended or not."""
    return (
        Guarantee.objects.filter(project=project, ended_at=None)
        .select_related("run", "suspended_by", "project")
        .first()
    )


def figures(project: Project) -> dict[str, Any]:
    """The report of GET /api/projects/{id}/acceptance/ as plain values."""
    guarantee = in_force(project)
    run = TrainingRun.objects.active().filter(project=project).only("id", "number", "category_ids").first()
    state, reason = _state(project, guarantee, run)
    total = Image.objects.for_project(project).count()
    standing = Acceptance.objects.standing().filter(project=project).count() if guarantee else 0
    kept = guarantee.thresholds if guarantee else {}
    return {
        "state": state,
        "reason": reason,
        "model": guarantee.run.number if guarantee else run.number if run else None,
        "promise": {
            "precision": guarantee.precision if guarantee else project.accept_precision,
            "confidence": guarantee.confidence if guarantee else project.accept_confidence,
            "per_class": guarantee.per_class if guarantee else project.accept_per_class,
        },
        "images": total,
        "accepted": standing,
        "share": standing / total if total else None,
        "since": guarantee.created_at if guarantee else None,
        "calibration": {
            "n": kept.get("n", 0), "disputed": kept.get("disputed", 0), "needed": kept.get("needed"),
            "pooled": _threshold(kept["pooled"]) if kept else None,
            "classes": {_named(project, answer): _threshold(row) for answer, row in kept.get("own", {}).items()},
        },
        "waiting": (guarantee.coverage if guarantee else {}) or {"waiting": 0, "imports": []},
        "audit": audit(guarantee, project),
        "suspended": {
            "at": guarantee.suspended_at, "why": guarantee.suspension,
            "by": guarantee.suspended_by.get_username() if guarantee.suspended_by else None,
        } if guarantee and guarantee.is_suspended else None,
    }  # fmt: skip


def _named(project: Project, answer: str) -> str:
    """An answer that has a threshold of its own, as people read it."""
    return ", ".join(label_set.index(project).label(votes.categories_of(answer))) or _("none of these")


def _threshold(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "value": kept["value"], "accepted": kept["accepted"], "wrong": kept["errors"],
        "precision_low": kept["precision_low"], "n": kept["n"], "reason": kept["reason"] and sentence(kept["reason"]),
    }  # fmt: skip


def _state(project: Project, guarantee: Guarantee | None, run: TrainingRun | None) -> tuple[str, str]:
    """Where it stands, and a sentence where nothing new is accepted."""
    if project.draws:
        return OFF, _("A model accepts classes only, so far: in this project people draw objects on every image.")
    if not project.auto_accept:
        return OFF, _("Off: people judge every image.")
    if run is None:
        return NO_MODEL, _("There is no model yet.")
    if unknown := promises.unknown_classes(project, run):
        words = _("Model %(n)s has not learned %(classes)s: the next model accepts again.")
        return NEW_CLASSES, words % {"n": run.number, "classes": ", ".join(f"“{name}”" for name in unknown)}
    if guarantee is not None and guarantee.is_suspended:
        return SUSPENDED, _suspension(guarantee)
    if guarantee is None or guarantee.run_id != run.pk or guarantee.done_at is None:
        return WAITING, _("A worker is looking at what can be accepted.")
    rows = [guarantee.thresholds["pooled"], *guarantee.thresholds["own"].values()]
    if all(row["value"] is None for row in rows):
        reason = sentence(guarantee.thresholds["pooled"]["reason"])
        return NOTHING, _(
            "Nothing can be promised: %(reason)s. The next model is tested anew, with the calibration labels of then."
        ) % {"reason": reason}
    return ACCEPTING, ""


def _suspension(guarantee: Guarantee) -> str:
    if guarantee.suspension == "breach":
        found = promises.audit_of(guarantee)
        words = ngettext(
            "Suspended: of %(n)s audited image people found %(wrong)s wrong. Everything went back to people.",
            "Suspended: of %(n)s audited images people found %(wrong)s wrong. Everything went back to people.",
            found.n,
        )
        return words % {"n": found.n, "wrong": found.errors}
    who = guarantee.suspended_by.get_username() if guarantee.suspended_by else _("a lead")
    return _("Stopped by %(who)s: nothing more is accepted; what is accepted stays.") % {"who": who}


def audit(guarantee: Guarantee | None, project: Project) -> dict[str, Any]:
    """What people said of accepted images that were given to them all the same."""
    if guarantee is None:
        none = in_words(undefined(Reason("nothing_accepted")).as_dict())
        share = project.audited_share
        return {"share": share, "asked": 0, "judged": 0, "wrong": 0, "right": none, "evidence": 1.0, "limit": _LIMIT}
    found = promises.audit_of(guarantee)
    right = share_of(found.n - found.errors, found.n) if found.n else undefined(Reason("no_audited_image"))
    return {
        "share": project.audited_share,
        "asked": guarantee.acceptances.audited().count(),
        "judged": found.n,
        "wrong": found.errors,
        "right": in_words(right.as_dict()),
        "evidence": found.evidence,
        "limit": _LIMIT,
    }


_LIMIT = round(1 / rule.ALARM)  # evidence of a breach at which it is suspended


@dataclass(frozen=True, slots=True)
class Accepted:
    """What stands for one image, for those who look at it or take it out."""

    categories: list[int]  # as they are called today; of several labels there may be none
    names: list[str]
    model: int
    probability: float
    threshold: float
    precision: float
    confidence: float


def of_images(project: Project, image_ids: Iterable[int]) -> dict[int, Accepted]:
    """What a model's word stands for, by image id; only of images that nobody has judged."""
    index = label_set.index(project)
    rows = Acceptance.objects.standing().filter(project=project, image__in=list(image_ids))
    found = {}
    for row in rows.select_related("guarantee__run"):
        today = index.resolve(row.categories)
        found[row.image_id] = Accepted(
            categories=today, names=index.label(today), model=row.guarantee.run.number, probability=row.probability,
            threshold=row.threshold, precision=row.guarantee.precision, confidence=row.guarantee.confidence,
        )  # fmt: skip
    return found
