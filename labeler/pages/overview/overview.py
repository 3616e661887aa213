"""The first page of a project: attention cards, progress, agreement, and the model.

An annotator sees the project's progress and their own figures, nobody else's. Knows what is shown to whom; the numbers
are labeler/progress/overview.py's, and of a large project as a worker last counted them.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.acceptance import summary
from labeler.jobs import dispatch
from labeler.label_set import categories
from labeler.models import Comment, Project, Role, Thread, TrainingRun
from labeler.models.acceptance import Suspension
from labeler.pages.agreement.pair_tables import confusions, matrix
from labeler.pages.agreement.trust_charts import person_url
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters
from labeler.pages.label import my_work
from labeler.pages.model.report import headline
from labeler.pages.overview.attention import needs
from labeler.pages.overview.card import Situation
from labeler.pages.overview.people_attention import drifting
from labeler.pages.overview.progress_card import Figures, _short, progress_context
from labeler.progress import cached_reports
from labeler.review import comments
from labeler.templatetags.figures import class_tag, figure, interval, thousands
from labeler.wording.sentences import in_words

MATRIX_PEOPLE = 6  # more are on the agreement page
CONFUSIONS = 5
CLASSES = 8  # whose wanted number is drawn; the ones that lack most
# Kappa between these is drawn in a person's small line: below it nobody would look at the course.
SPARK_RANGE = (0.2, 1.0)
SPARK_IMAGES = 10  # shared in a week: below, its kappa is noise


@project_page()
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    found = cached_reports.figures(project, "overview")
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
        "subtitle": _subtitle(project, len(members)),
        "is_counted": figures is not None,
        "as_of": found.as_of if found.is_kept else None,
    }
    if figures is None:
        context["no_worker"] = dispatch.no_worker("default")
    else:
        context |= progress_context(project, figures, found.as_of)
        if access.may_review:
            context |= _for_reviewers(access, figures, members, model, run)
    if not access.may_review:
        context["own"] = my_work.figures(project, person(request), figures)
        context["answered"] = comments.unread(project=project, person=person(request))
    return access.render(request, "overview/overview.html", "project", **context)


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
                "f1": row.get("f1"),
                "is_low": bool(kappa and kappa["value"] is not None and kappa["value"] < project.target_agreement),
                "decided": row.get("decided"),
                "spark": _spark(name, row.get("weeks", []), drift is not None and drift["username"] == name),
                "url": filters.url(project, by=name),
                "page": person_url(project, name),
                "drifts": drift is not None and drift["username"] == name,
            }
        )
    return sorted(rows, key=lambda row: (-row["labels"], row["name"]))


def _spark(name: str, weeks: list[Figures], is_drifting: bool) -> charts.Markup:
    """Kappa week by week, as a line as small as a word."""
    values = [week["value"] if week["n"] >= SPARK_IMAGES else None for week in weeks]
    told = [
        _("week of %(day)s: %(kappa)s") % {"day": _short(date.fromisoformat(week["monday"])), "kappa": figure(value)}
        for week, value in zip(weeks, values, strict=True)
        if value is not None
    ]
    label = _("κ of %(name)s by week: %(weeks)s") % {"name": name, "weeks": ", ".join(told)}
    tone: Literal["l1", "l3"] = "l3" if is_drifting else "l1"
    return charts.sparkline(values, label, y_range=SPARK_RANGE, tone=tone)


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
        "bars": charts.bars(lines, empty="") if lines else "",
        "more": max(0, len(rows) - CLASSES),
        "lacking": sum(1 for lacking, *_row in rows if lacking > 0),
        "n": len(rows),
    }
