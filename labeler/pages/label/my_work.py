"""A person's own work: how much, how fast, how far it agrees with the others, in kind words; and the images.

Only ever the person's own figures and answers. Another's answer is not shown here, nor who gave one; what an image was
settled on is, once it is settled: then it cannot lead anybody any more.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Decision, Label, Project
from labeler.models.image import Status
from labeler.models.label import Answer, Purpose
from labeler.pages.agreement.drawn_agreement import KIND_WORDS
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters
from labeler.pages.images.images import thumbnail_url
from labeler.pages.label import my_drawings
from labeler.pages.overview.people_attention import drifting
from labeler.pages.refusals import page_asked_for
from labeler.templatetags.figures import figure, percent, percent_interval, thousands

PER_PAGE = 60
LATEST = 5_000  # own labels that are looked at for today's number and the pace
PACE_DAYS = 14  # days with work
ENOUGH = 30  # shared images: below, a share says little, and nothing about the person


def figures(project: Project, user: User, counted: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the overview tells a person about themselves. counted: labeler/progress/overview.py's figures, if there are
    any."""
    by_day = _by_day(project, user)
    today = timezone.now().astimezone(UTC).date()
    before = [n for day, n in by_day if day != today][-PACE_DAYS:]
    name = user.get_username()
    told = {
        "today": dict(by_day).get(today, 0),
        "per_day": sum(before) / len(before) if before else None,
        "labels": None,
        "row": None,
    }
    if counted is None:
        return told
    labels = next((row["labels"] for row in counted["progress"]["by_annotator"] if row["username"] == name), 0)
    row = next((row for row in counted["people"] if row["username"] == name), None)
    told |= {"labels": labels, "row": row}
    if row is not None:
        told |= {
            "words": in_words(row, project.target_agreement),
            "share": percent(row["equal"]["value"]) if row["equal"]["n"] >= ENOUGH else "",
            "interval": percent_interval(row["equal"]),
            "decided": _decided(row["decided"]),
            "lately": _lately(row, counted["people"]),
            "overlap": "" if row.get("overlap") is None else percent(row["overlap"]),  # where people draw
        }
    return told


def _by_day(project: Project, user: User) -> list[tuple[Any, int]]:
    """Own current answers by day (UTC), the latest LATEST of them: an index leads there, however many there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (created_at AT TIME ZONE 'UTC')::date, count(*) FROM (
                SELECT created_at FROM labeler_label
                WHERE annotator_id = %s AND project_id = %s AND superseded_at IS NULL
                      AND answer IN ('labeled', 'cannot_tell')
                ORDER BY id DESC LIMIT %s
            ) AS latest GROUP BY 1 ORDER BY 1
            """,
            [user.pk, project.pk, LATEST],
        )
        return cursor.fetchall()


def in_words(row: Mapping[str, Any], target: float) -> str:
    """How one's answers go with the others', in a sentence that helps."""
    n, kappa = row["equal"]["n"], row["kappa"]
    if not n:
        return _("Nobody else has judged your images yet.")
    if n < ENOUGH:
        return ngettext(
            "Somebody else has judged %(n)s of your images: too few to say how you go together.",
            "Somebody else has judged %(n)s of your images: too few to say how you go together.",
            n,
        ) % {"n": thousands(n)}
    if "f1" in row:  # people draw: the share of objects that both drew says it, and no target is set for it
        return _("Of the objects that you or somebody else drew on the same images, this many were drawn by both.")
    if kappa["value"] is None:
        return _("You and the others have seen one class only so far.")
    if kappa["low"] is not None and kappa["low"] >= target:
        return _("You see the images as the others do.")
    if kappa["high"] is None or kappa["high"] >= target:
        return _("You mostly see the images as the others do.")
    return _(
        "You often see something else than the others. That need not be a mistake: unclear images and an unclear "
        "guideline do the same. Looking at the images below helps, and so does a question to the team."
    )


def _decided(decided: Mapping[str, Any] | None) -> str:
    """How often a reviewer's decision was one's own answer; decided images are the hard ones, and it says so."""
    if not decided or not decided["n"]:
        return ""
    right = round(decided["value"] * decided["n"])
    return ngettext(
        "A reviewer decided on %(n)s of your images, one of the hard ones: as you said on %(right)s.",
        "A reviewer decided on %(n)s of your images, the hard ones: as you said on %(right)s.",
        decided["n"],
    ) % {"n": thousands(decided["n"]), "right": thousands(right)}


def _lately(row: Mapping[str, Any], people: list[Mapping[str, Any]]) -> str:
    """What the leads' card says of this person, told to the person."""
    drift = drifting(people)
    if drift is None or drift["username"] != row["username"]:
        return ""
    return _(
        "In the last two weeks you and the others agreed less than before (κ %(earlier)s, now %(now)s). Perhaps you "
        "see something new in the images: have a look at those below, or tell a lead."
    ) % {"earlier": figure(row["earlier"]["value"]), "now": figure(row["now"]["value"])}


# ---------------------------------------------------------------- own answers, on a page


@project_page()
def mine(request: HttpRequest, access: Access) -> HttpResponse:
    """One's own answers, the latest first; or only those that ended as something else."""
    project = access.project
    only_differing = request.GET.get("differ") == "1"
    page = page_asked_for(request, 2000)
    index = categories.index(project)

    def told_of(labels: Sequence[Label]) -> Container[int]:
        images = [label.image for label in labels]
        return blindness.sight(person(request), images, may_review=access.may_review).others

    def link(number: int) -> str:
        return "?" + ("differ=1&" if only_differing else "") + f"page={number}"

    own, before, after = answers(project, person(request), only_differing), "", ""
    kinds: dict[int, my_drawings.Differences] = {}
    if project.draws and only_differing:
        rows, kinds, last = my_drawings.differing(project, own, told_of, filters.number(request.GET.get("before")))
        after = f"?differ=1&before={last}" if last else ""
    else:
        per_page = my_drawings.PER_PAGE if project.draws else PER_PAGE
        start = (page - 1) * per_page
        rows = list(own[start : start + per_page + 1])
        before, after = link(page - 1) if page > 1 else "", link(page + 1) if len(rows) > per_page else ""
        rows = rows[:per_page]
    told = told_of(rows)
    if project.draws and not only_differing:
        kinds = my_drawings.differences(project, [row for row in rows if _is_told(row, told)])
    shown = [_shown(label, index, told, kinds.get(label.pk, {}) if project.draws else None) for label in rows]
    compared = [label.image_id for label in rows if label.pk in kinds]
    blindness.remember(request.user, others=compared + [row["image"].pk for row in shown if row["outcome"] is not None])
    return access.render(
        request,
        "my_work/my_work.html",
        "mine",
        heading=_("Where your answer and the outcome differ") if only_differing else _("Your answers"),
        only_differing=only_differing,
        choices=[
            {"url": reverse("mine", args=[project.pk]), "label": _("all"), "on": not only_differing},
            {"url": "?differ=1", "label": _("settled as something else"), "on": only_differing},
        ],
        markers=categories.markers_by_name(project),
        rows=shown,
        before=before,
        after=after,
    )


def answers(project: Project, user: User, only_differing: bool) -> QuerySet[Label]:
    """Own current answers, latest first; only_differing: on images that were settled on something else.

    Where people draw only_differing leaves nothing out: what differs takes geometry to tell (my_drawings.py).
    Gold and repeated images too: were they missing here, that would tell which ones they are.
    """
    standing = Prefetch("image__decisions", Decision.objects.filter(withdrawn_at=None), to_attr="standing")
    own = (
        Label.objects.filter(project=project, annotator=user, superseded_at=None)
        .exclude(answer__in=(Answer.UNDONE, Answer.SKIP))
        .filter(round=F("image__round"))
        .select_related("image", "image__consensus")
        .prefetch_related(standing)
        .order_by("-id")
    )
    if only_differing and not project.draws:
        own = own.filter(
            Q(image__consensus__categories__isnull=False) & ~Q(image__consensus__categories=F("categories")),
            ~Q(purpose=Purpose.REPEAT),  # the vote on the image stands there already
            answer=Answer.LABELED,
            image__status=Status.SETTLED,
        )
    return own


def _is_told(label: Label, told: Container[int]) -> bool:
    return label.image.status == Status.SETTLED and label.image_id in told


def _shown(
    label: Label, index: categories.CategoryIndex, told: Container[int], kinds: my_drawings.Differences | None
) -> dict[str, Any]:
    """told: ids of the images whose outcome the person may know. kinds: where people draw, in what the answer differs
    from it: the classes that are somewhere in both say nothing then.
    """
    image = label.image
    outcome = getattr(image, "consensus", None) if _is_told(label, told) and kinds is None else None
    decision = next(iter(image.standing), None)  # type: ignore[attr-defined]
    settled = outcome is not None and outcome.categories is not None
    return {
        "image": image,
        "label": label,
        "thumb": thumbnail_url(image.pk),
        "preview": f"/api/images/{image.pk}/preview/",
        "name": number_format(image.pk, force_grouping=True),
        "names": index.label(label.categories) if label.answer == Answer.LABELED else None,
        "outcome": index.label(outcome.categories) if settled and outcome else None,
        "differs": bool(
            settled and outcome and label.answer == Answer.LABELED and outcome.categories != label.categories
        ),
        # Why, without who: reasons are written for everybody, names are not.
        "reason": decision.reason if decision is not None and (settled or kinds) else "",
        "kinds": [(KIND_WORDS[kind][0], n) for kind, n in (kinds or {}).items()],
    }
