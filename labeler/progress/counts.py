"""How far a project is: images by status, labels by day and person, pace and forecast. Reads; writes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from labeler.label_set import targets
from labeler.models import Acceptance, Image, Label, Project, QueueEntry
from labeler.models.image import Status
from labeler.models.label import VOTES
from labeler.stats.forecast import WEEK, WEEKS_READ, days_left
from labeler.stats.results import plain

FORECAST_DAYS = WEEK * WEEKS_READ
PACE_DAYS = 14  # that the pace is the mean of; the forecast reads further back


def count_progress(project: Project) -> dict[str, Any]:
    """Images by status, seats, labels by day (UTC) and by person, pace, forecast with its interval, what is wanted."""
    by_status = dict.fromkeys(Status.values, 0)
    counted = Image.objects.for_project(project).order_by().values_list("status").annotate(n=Count("id"))
    by_status |= dict(counted)
    # Nobody is asked about what a model's answer stands for.
    asked = QueueEntry.objects.filter(project=project, accepted=False)
    seats = asked.aggregate(all=Sum("seats"), left=Sum("seats_left"))
    made = Label.objects.current().filter(project=project, answer__in=VOTES).order_by()
    per_day = list(
        made.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day")
        .annotate(n=Count("id"), imported=Count("source_import"))
        .order_by("day")
    )
    people = made.values_list("annotator__username").annotate(n=Count("id")).order_by("-n", "annotator__username")
    by_day = [{"day": day.isoformat(), "labels": n, "imported": imported} for day, n, imported in per_day]
    total = sum(row["labels"] for row in by_day)
    past = past_days(by_day)
    lately = past[-PACE_DAYS:]
    coming = days_left(past, seats["left"] or 0)
    return {
        "images": {"total": sum(by_status.values()), **by_status},
        "accepted": Acceptance.objects.standing().filter(project=project).count(),  # of the unlabeled ones
        "labels": {"total": total, "wanted": seats["all"] or 0, "left": seats["left"] or 0},
        "by_day": by_day,
        "by_annotator": [{"username": name, "labels": n} for name, n in people],
        "pace": {"labels_per_day": sum(lately) / len(lately) if lately else None, "days": len(lately)},
        "wanted": targets.targets_of(project),
        "forecast": {"days": coming.value, "low": coming.low, "high": coming.high, "reason": plain(coming.reason)},
    }


def past_days(by_day: list[dict[str, Any]]) -> list[int]:
    """Labels given here on each of the last days up to yesterday, from the first on; today is not over yet.

    Without imported ones: they say nothing of how fast people are.
    """
    # Figures that were kept before imports were told apart have no "imported".
    given = {date.fromisoformat(row["day"]): row["labels"] - row.get("imported", 0) for row in by_day}
    per_day = {day: n for day, n in given.items() if n}
    if not per_day:
        return []
    today = datetime.now(UTC).date()
    first = max(min(per_day), today - timedelta(days=FORECAST_DAYS))
    return [per_day.get(first + timedelta(days=n), 0) for n in range((today - first).days)]
