"""The first page of a project: attention cards, progress, agreement, and the model.

An annotator sees the project's progress and their own figures, nobody else's. Knows what is shown to whom; the numbers
are labeler/progress/overview.py's, and of a large project as a worker last counted them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from labeler import charts
from labeler.acceptance import summary
from labeler.jobs import dispatch
from labeler.label_set import categories
from labeler.models import Comment, Project, Role, Thread, TrainingRun
from labeler.models.acceptance import Suspension
from labeler.models.image import Status
from labeler.pages.agreement.agreement import confusions, matrix
from labeler.pages.agreement.trust_charts import person_url
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters
from labeler.pages.label import my_work
from labeler.pages.model.report import headline
from labeler.pages.overview.attention import needs
from labeler.pages.overview.card import Situation
from labeler.pages.overview.people_attention import drifting
from labeler.progress import cached_reports
from labeler.review import comments
from labeler.templatetags.figures import class_tag, figure, interval, thousands
from labeler.wording.sentences import chart_words, in_words

MATRIX_PEOPLE = 6  # more are on the agreement page
CONFUSIONS = 5
CLASSES = 8  # whose wanted number is drawn; the ones that lack most
DAYS_DRAWN = 120
DEFAULT_QUEUE = "default"
# Kappa between these is drawn in a person's small line: below it nobody would look at the course.
SPARK_RANGE = (0.2, 1.0)
SPARK_IMAGES = 10  # shared in a week: below, its kappa is noise

Figures = Mapping[str, Any]


@project_page()
@require_GET
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    found = cached_reports.overview_figures(project)
    figures = in_words(found.value)
    # Without the curves and tables of its report, which nobody looks at here.
    model = project.runs.active().defer("history", "comparison").first()
    run = project.runs.unfinished().defer("history", "comparison", "metrics").first()
    members = list(project.memberships.select_related("user").order_by("user__username"))
    accuracy, accuracy_of = headline(model.metrics if model else {})
    context: dict[str, Any] = {
        "model": model,
        "run": run,
        "accuracy": accuracy,
        "accuracy_of": accuracy_of,
        "n_members": len(members),
        "subtitle": _subtitle(project, len(members)),
        "is_counted": figures is not None,
        "as_of": found.as_of if found.is_kept else None,
    }
    if figures is None:
        context["no_worker"] = _no_worker()
    else:
        context |= _progress(project, figures, found.as_of)
        if access.may_review:
            context |= _for_reviewers(access, figures, members, model, run)
    if not access.may_review:
        context["own"] = my_work.figures(project, person(request), figures)
        context["answered"] = comments.unread(project=project, person=person(request))
    return render(request, "overview/overview.html", access.context("project", **context))


def _no_worker() -> bool:
    """True when it is known that nobody counts; a broker that does not answer tells nothing."""
    alive = dispatch.workers_alive()
    return alive is not None and not any(DEFAULT_QUEUE in worker.queues for worker in alive)


def _subtitle(project: Project, people: int) -> str:
    parts = [
        project.get_task_display(),
        ngettext("%(n)s person", "%(n)s people", people) % {"n": thousands(people)},
        _quota(project),
        _("guideline %(n)s") % {"n": project.guideline_version},
    ]
    return " · ".join(str(part) for part in parts)


def _quota(project: Project) -> str:
    if project.ask_by_gain:
        return _("up to %(most)s labels per image, where they gain most") % {"most": project.most_labels}
    if project.adaptive_overlap and project.fewest_labels < project.most_labels:
        return _("%(fewest)s to %(most)s labels per image") % {
            "fewest": project.fewest_labels, "most": project.most_labels,
        }  # fmt: skip
    n = project.fewest_labels if project.adaptive_overlap else project.labels_per_image
    return ngettext("%(n)s label per image", "%(n)s labels per image", n) % {"n": n}


# ---------------------------------------------------------------- for everybody


def _progress(project: Project, figures: Figures, as_of: datetime) -> dict[str, Any]:
    progress = figures["progress"]
    return {
        "progress": progress,
        "bar": _bar(project, progress),
        "chart": burn_up(project, figures, as_of),
        "pace": _pace(figures, as_of),
        "done": when_done(project, figures, as_of),
    }


def _bar(project: Project, progress: Figures) -> dict[str, Any]:
    """The parts of the stacked bar, in thousandths of its width, each with its images, and the share beside it."""
    images = progress["images"]
    final, wanted = progress["wanted"]["settled"], progress["wanted"]["images"]
    whole = max(images["total"], wanted or 0)
    parts, left = [], 0.0
    unseen = progress.get("accepted", 0)
    rows = [
        (Status.SETTLED.value, Status.SETTLED.label, "done", images[Status.SETTLED]),
        (Status.DISPUTED.value, Status.DISPUTED.label, "split", images[Status.DISPUTED]),
        (Status.PARTLY.value, Status.PARTLY.label, "some", images[Status.PARTLY]),
        (filters.ACCEPTED, _("accepted by the model"), "unseen", unseen),
        (Status.UNLABELED.value, Status.UNLABELED.label, "left", images[Status.UNLABELED] - unseen),
    ]
    for value, name, style, n in rows:
        if value == filters.ACCEPTED and not n:
            continue
        width = 1000 * n / whole if whole else 0.0
        parts.append(
            {
                "name": name,
                "style": style,
                "n": n,
                # SVG reads a dot, whatever the language of the page writes.
                "x": f"{left:.1f}",
                "width": f"{width:.1f}",
                "href": filters.url(project, status=value),
            }
        )
        left += width
    of = wanted or images["total"]
    return {
        "parts": parts,
        "share": min(1.0, final / of) if of else None,
        "final": final,
        "wanted": wanted,
        "missing": max(0, wanted - images["total"]) if wanted else 0,
        "labeled": images["total"] - images["unlabeled"],
    }


def _pace(figures: Figures, as_of: datetime) -> dict[str, Any]:
    progress, accepted = figures["progress"], figures["accepted"]
    today = as_of.astimezone(UTC).date().isoformat()
    return {
        "seconds": figures["seconds_median"],
        "per_day": progress["pace"]["labels_per_day"],
        "today": next((row["labels"] for row in progress["by_day"] if row["day"] == today), 0),
        "accepted": accepted["same"] / accepted["shown"] if accepted["shown"] else None,
        "shown": accepted["shown"],
    }


def when_done(project: Project, figures: Figures, as_of: datetime) -> dict[str, Any]:
    """When the wanted images will have their labels: never one date without a range."""
    forecast, progress = figures["forecast"], figures["progress"]
    words: dict[str, Any] = {"range": "", "middle": "", "note": ""}
    if not progress["images"]["total"]:
        return words
    if forecast["days"] is None:
        words["note"] = forecast["reason"]
    elif forecast["days"] == 0:
        words["note"] = _("all labels are there")
    else:
        words["range"] = _range(forecast, as_of)
        if forecast["high"] is None or _date(forecast["low"], as_of) != _date(forecast["high"], as_of):
            words["middle"] = date_format(_date(forecast["days"], as_of), "j F")
    disputed = progress["images"]["disputed"]
    if disputed and forecast["reach"] < (progress["wanted"]["images"] or progress["images"]["total"]):
        words["settle"] = ngettext(
            "%(n)s disagreement is to be settled besides", "%(n)s disagreements are to be settled besides", disputed
        ) % {"n": thousands(disputed)}
    if project.wanted_images and progress["images"]["total"] < project.wanted_images:
        missing = project.wanted_images - progress["images"]["total"]
        words["missing"] = ngettext(
            "%(n)s image is still to be brought in", "%(n)s images are still to be brought in", missing
        ) % {"n": thousands(missing)}
    return words


def _date(days: float, as_of: datetime) -> date:
    return timezone.localtime(as_of + timedelta(days=days)).date()


def _range(forecast: Figures, as_of: datetime) -> str:
    """`likely 30 Nov to 14 Dec`."""
    low = _short(_date(forecast["low"], as_of))
    if forecast["high"] is None:
        return _("%(low)s at the earliest; it may take much longer") % {"low": low}
    high = _short(_date(forecast["high"], as_of))
    return _("likely %(low)s to %(high)s") % {"low": low, "high": high} if low != high else _("likely %s") % low


def _short(when: date) -> str:
    """With the year where it is not this one."""
    return date_format(when, "j M" if when.year == timezone.localdate().year else "j M Y")


def burn_up(project: Project, figures: Figures, as_of: datetime) -> SafeString:
    """Images with an answer and final ones, day by day, against what is wanted, and what may come."""
    progress, forecast = figures["progress"], figures["forecast"]
    labeled, final = (
        [(date.fromisoformat(when), n) for when, n in figures[name]] for name in ("labeled_by_day", "final_by_day")
    )
    if not labeled:
        return mark_safe("")
    today = as_of.astimezone(UTC).date()
    # A day before the first answer, at zero: with answers of one day only there would be no line.
    first = max(labeled[0][0] - timedelta(days=1), today - timedelta(days=DAYS_DRAWN))
    wanted = progress["wanted"]["images"] or progress["images"]["total"]
    have, done = labeled[-1][1], final[-1][1] if final else 0
    fan = None
    if forecast["days"] and forecast["fan"] and forecast["reach"] > done:
        # The fan counts labels; a final image is what a certain number of them makes.
        per_label = (forecast["reach"] - done) / forecast["left"]
        points = [(t, *(done + per_label * n for n in (low, middle, high))) for t, low, middle, high in forecast["fan"]]
        fan = charts.Fan(points, forecast["days"], _range(forecast, as_of), forecast["reach"])
    sentence = _("%(labeled)s images have an answer and %(final)s are final, of %(wanted)s wanted.") % {
        "labeled": thousands(have),
        "final": thousands(done),
        "wanted": thousands(wanted),
    }
    if fan is not None:
        sentence += " " + _("At the present pace all have their labels: %(range)s.") % {
            "range": _range(forecast, as_of)
        }
    return mark_safe(  # noqa: S308  (escaped there)
        charts.burn_up(
            _("Progress over time"),
            sentence,
            words=chart_words(),
            labeled=_daily(labeled, first, today),
            final=_daily(final, first, today),
            today=(today - first).days,
            wanted=wanted,
            day_words=lambda n: _short(first + timedelta(days=round(n))),
            fan=fan,
        )
    )


def _daily(so_far: list[tuple[date, int]], first: date, today: date) -> list[tuple[int, int]]:
    """(day since the first, so far) for each day: a day without change is a flat piece, not a slope."""
    known = dict(so_far)
    count = max((n for when, n in so_far if when < first), default=0)
    rows = []
    for place in range((today - first).days + 1):
        count = known.get(first + timedelta(days=place), count)
        rows.append((place, count))
    return rows


# ---------------------------------------------------------------- for reviewers and leads


def _for_reviewers(
    access: Access, figures: Figures, members: list[Any], model: TrainingRun | None, run: TrainingRun | None
) -> dict[str, Any]:
    project = access.project
    report, alpha = figures["agreement"], figures["alpha"]
    busy = sum(1 for row in report["annotators"] if row["n"])
    situation = Situation(
        project=project,
        figures=figures,
        people=len(members),
        questions=_open_questions(project),
        model=model.number if model else None,
        is_training=run is not None,
        may_lead=access.may_lead,
        suspended=_suspended(project),
    )
    people = _people(project, figures, members)
    return {
        "needs": needs(situation),
        "alpha": alpha,
        "alpha_interval": interval(alpha),
        "alpha_of": _("blind labels") if alpha["labels"] == "blind" else _("all labels"),
        "matrix": matrix(project, report, figures["with_model"], situation.model) if 2 <= busy <= MATRIX_PEOPLE else "",
        "confusions": confusions(project, report, CONFUSIONS),
        "people": people,
        "has_weeks": any(row["spark"] for row in people),
        "has_decided": any(row["decided"] for row in figures["people"]),
        "classes": _classes(project, figures),
    }


def _suspended(project: Project) -> dict[str, int] | None:
    """What an audit found, where it stopped the model from accepting."""
    guarantee = summary.in_force(project)
    if guarantee is None or guarantee.suspension != Suspension.BREACH:
        return None
    found = summary.audit(guarantee, project)
    return {"model": guarantee.run.number, "judged": found["judged"], "wrong": found["wrong"]}


def _open_questions(project: Project) -> int:
    """Threads whose last word is that of the person who asked."""
    last = Comment.objects.filter(thread=OuterRef("pk")).order_by("-id").values("author")[:1]
    return Thread.objects.filter(project=project, closed_at=None).filter(raised_by=last).count()


def _people(project: Project, figures: Figures, members: list[Any]) -> list[dict[str, Any]]:
    """A row for each member, and for whoever left labels behind; the most labels first."""
    of = {row["username"]: row for row in figures["people"]}
    labels = {row["username"]: row["labels"] for row in figures["progress"]["by_annotator"]}
    roles = {
        member.user.get_username(): "" if member.role == Role.ANNOTATOR else member.get_role_display()
        for member in members
    }
    drift = drifting(figures["people"])
    rows = []
    for name in dict.fromkeys([*roles, *labels]):
        row = of.get(name, {})
        kappa = row.get("kappa")
        rows.append(
            {
                "name": name,
                "role": roles.get(name, ""),  # empty for annotators, as most are
                "labels": labels.get(name, 0),
                "seconds": row.get("seconds_median"),
                "kappa": kappa,
                "is_low": bool(kappa and kappa["value"] is not None and kappa["value"] < project.target_agreement),
                "decided": row.get("decided"),
                "spark": _spark(name, row.get("weeks", []), drift is not None and drift["username"] == name),
                "url": filters.url(project, by=name),
                "page": person_url(project, name),
                "drifts": drift is not None and drift["username"] == name,
            }
        )
    return sorted(rows, key=lambda row: (-row["labels"], row["name"]))


def _spark(name: str, weeks: list[Figures], is_drifting: bool) -> SafeString:
    """Kappa week by week, as a line as small as a word."""
    values = [week["value"] if week["n"] >= SPARK_IMAGES else None for week in weeks]
    told = [
        _("week of %(day)s: %(kappa)s") % {"day": _short(date.fromisoformat(week["monday"])), "kappa": figure(value)}
        for week, value in zip(weeks, values, strict=True)
        if value is not None
    ]
    label = _("κ of %(name)s by week: %(weeks)s") % {"name": name, "weeks": ", ".join(told)}
    tone: Literal["l1", "l3"] = "l3" if is_drifting else "l1"
    return mark_safe(charts.sparkline(values, label, y_range=SPARK_RANGE, tone=tone))  # noqa: S308  (escaped there)


def _classes(project: Project, figures: Figures) -> dict[str, Any]:
    """How many final images each class has of those that are wanted; the ones that lack most first."""
    wanted = {category.pk: category.wanted for category in project.categories.in_use() if category.wanted}
    settled = {row["id"]: row for row in figures["progress"]["wanted"]["categories"]}
    markers = categories.markers_by_name(project)
    rows = [
        (max(0, number - settled[pk]["settled"]) / number, settled[pk], number)
        for pk, number in wanted.items()
        if pk in settled
    ]
    rows.sort(key=lambda row: (-row[0], row[1]["name"]))
    lines = [
        charts.Bar(
            name=class_tag(markers.get(row["name"]), row["name"]),
            value=min(row["settled"], number),
            note=f"{thousands(row['settled'])} / {thousands(number)}",
            href=filters.url(project, final=row["id"]),
            maximum=number,
        )
        for _lacking, row, number in rows[:CLASSES]
    ]
    return {
        "bars": mark_safe(charts.bars(lines, empty="")) if lines else "",  # noqa: S308  (escaped there)
        "more": max(0, len(rows) - CLASSES),
        "lacking": sum(1 for lacking, *_row in rows if lacking > 0),
        "n": len(rows),
    }
