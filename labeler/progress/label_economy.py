"""Figures of the label economy page and its endpoint: the share of right labels, how it grew, what more answers bring.

Plain values. The posteriors of the images are labeler/consensus/label_economy.py's, the forecast
labeler/stats/economy.py's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from labeler.consensus import economy_standing
from labeler.consensus.economy_standing import FEWEST_CHECKS
from labeler.labeling.seats import HELD_OUT_SEATS
from labeler.models import EconomyPoint, Label, Project
from labeler.models.image import HELD_OUT
from labeler.models.label import TOUCHED_BY_MODEL, VOTES
from labeler.models.project import ConsensusMethod
from labeler.models.statements import fetch
from labeler.stats import economy as stats
from labeler.stats import pace as stats_pace
from labeler.stats.results import Reason, undefined
from labeler.training import runs

Report = dict[str, Any]

POINTS = 60  # of the course that are shown
PACE_DAYS = 14
PACE_LABELS = 20_000  # the newest that the pace is taken from
AHEAD = 1.0  # judgements per image that a look ahead goes


def figures(project: Project) -> Report:
    """GET /api/projects/{id}/economy/ as plain values. A figure that is not defined carries its reason."""
    found = economy_standing.standing(project)
    model = runs.active(project)
    why = Reason("economy_of_classes_only") if project.draws else Reason("no_images_with_two_classes")
    report: Report = {
        "goal": project.goal_right,
        "asks_by_gain": project.ask_by_gain,
        "decides_together": project.consensus_method == ConsensusMethod.WITH_MODEL,
        "fills": project.model_fills,
        "model": model.number if model else None,
        "fixed_per_image": project.labels_per_image,
        "pace": pace(project),
        "assisted": _assisted(project),
        "history": history(project),
        **dict.fromkeys(("images", "judgements", "judged", "checks", "held_out", "askable"), 0),
        **dict.fromkeys(("per_image", "claimed", "near_enough", "accuracy", "next_hour", "until_goal")),
        "right": undefined(why).as_dict(),
        "corrected": undefined(stats.NO_BLIND_IMAGES).as_dict(),
        "checks_wanted": FEWEST_CHECKS,
        "reached": False,
        "surely": False,
        "ahead": [],
    }
    if found is None or not found.image_ids.size:
        return report
    share, borne_out = found.share_right(), found.is_borne_out(project.goal_right)
    n, judgements = len(found.image_ids), int(found.votes.sum())
    report |= {
        "images": n,
        "judgements": judgements,
        "judged": int(found.judged.sum()),
        "per_image": judgements / n,
        "right": share.estimate.as_dict(),
        "checks": int(found.checks.right.size),
        "held_out": int(found.held_out.sum()),
        "claimed": share.claimed,
        "corrected": share.corrected.as_dict(),
        "accuracy": found.accuracy if (found.votes > 0).any() else None,
        "checks_wanted": found.checks_wanted(project.goal_right),
        "reached": borne_out and share.reached(project.goal_right),
        "surely": borne_out and share.surely(project.goal_right),
        "near_enough": stats.near_enough(project.goal_right),
    }
    people = max(1, project.memberships.filter(paused_at__isnull=True).count())
    left = np.maximum(0, min(project.most_labels, people) - found.votes) * ~found.decided
    report["askable"] = int(left.sum())
    if found.is_multi or not (found.votes > 0).any():
        return report
    look = stats.outlook(found.posterior, found.accuracy, judgements=int(AHEAD * n), opinions_left=left.tolist())
    missing = 0 if borne_out else report["checks_wanted"] - report["checks"]
    return {**report, **_ahead(look, share, project.goal_right, missing, report["pace"], report["askable"])}


def _ahead(
    look: stats.Outlook, share: stats.ShareRight, goal: float, missing: int, rate: Report, askable: int
) -> Report:
    """The look ahead from where the estimate stands: what it adds is the look's, where it begins is not."""
    begins, now = float(look.right[0]), share.estimate.value or 0.0
    points = [
        {"judgements": int(at), "right": min(1.0, now + float(right) - begins)}
        for at, right in zip(look.judgements.tolist(), look.right.tolist(), strict=True)
    ]
    per_hour, per_day, hour, until = rate["per_hour"], rate["per_day"], None, None
    if per_hour:
        hour = {"judgements": min(round(per_hour), askable), "gain": look.after(per_hour) - begins}
        hour["right"] = min(1.0, now + hour["gain"])
    wanted = share.wanted(goal)
    needed = look.until(min(wanted - now + begins, 1.0)) if now < wanted else 0
    if needed is not None:
        needed = max(needed, HELD_OUT_SEATS * missing)  # blind images that must be known, two answers each at least
        until = {
            "judgements": needed,
            "hours": needed / per_hour if per_hour else None,
            "days": needed / per_day if per_day else None,
        }
    return {"ahead": points, "next_hour": hour, "until_goal": until}


def pace(project: Project) -> Report:
    """What a judgement costs a person lately (labeler/stats/pace.py), and how many come in on a day with any.

    Labels of an import were given elsewhere. Skips, known answers and what was taken back took time all the same.
    """
    newest = Label.objects.filter(project=project).order_by("-id").values_list("id", flat=True)[:PACE_LABELS]
    since = timezone.now() - timedelta(days=PACE_DAYS)
    rows = fetch(
        """
        SELECT annotator_id, extract(epoch FROM created_at)::float8, created_at::date,
               CASE WHEN answer = 'undone' THEN 0 ELSE seconds END,
               purpose = 'vote' AND answer = ANY (%s) AND superseded_at IS NULL
        FROM labeler_label WHERE id = ANY (%s) AND created_at > %s AND source_import_id IS NULL
        """,
        [[str(answer) for answer in VOTES], list(newest), since],
    )
    people, at, days, seconds, counts = zip(*rows, strict=True) if rows else ((),) * 5
    each = stats_pace.seconds_per_judgement(people, at, np.array(seconds, np.float64), counts)
    n, with_any = sum(counts), len({day for day, counted in zip(days, counts, strict=True) if counted})
    return {
        "seconds_per_judgement": each.as_dict(),
        "per_hour": 3600 / each.value if each.value else None,
        "per_day": n / with_any if with_any else None,
        "labels": n,
    }


def _assisted(project: Project) -> int:
    """Images where somebody answered knowing what the model says: there it has no vote."""
    seen = Label.objects.votes().filter(TOUCHED_BY_MODEL, project=project)
    return seen.exclude(image__slice__in=HELD_OUT).values("image").distinct().count()


def history(project: Project) -> list[Report]:
    """The readings that were kept, evenly thinned, the newest among them."""
    rows = list(
        EconomyPoint.objects.filter(project=project).values_list(
            "judgements", "images", "right", "low", "high", "claimed", "checks", "created_at"
        )
    )
    if len(rows) > POINTS:
        rows = [rows[at] for at in np.unique(np.linspace(0, len(rows) - 1, POINTS).round().astype(int)).tolist()]
    return [
        {
            "judgements": judgements, "per_image": judgements / images if images else None, "right": right, "low": low,
            "high": high, "claimed": claimed, "checks": checks, "at": at.isoformat(),
        }
        for judgements, images, right, low, high, claimed, checks, at in rows
    ]  # fmt: skip
