"""Adjudication: the images people differ on, one after the other, each settled by one key; and what was decided, why.

Other pages link here by the URL names `adjudicate` and `adjudicate_reasons`. The first takes `?pair=<id>,<id>`
(images on which these two classes were said), `?person=<username>` (images on which this person differs from the
outcome), `?all=1` (also what a majority or a reviewer settled; without it only disputed images are listed, except for
a person) and `?image=<id>` (begin with this one); they can be combined. `?doubted=1` is another list: the labels that
the active model doubts, one after the other (labeler/review/label_errors.py).

Until an image is decided its page holds neither the names of those who answered nor the model's view: not hidden,
absent. Knows how the list and one image are shown; the order is review/worklists.py's, a decision
review/adjudication.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.accounts import preferences
from labeler.agreement import reports
from labeler.consensus import snapshots
from labeler.curation.image_list import number
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Image, Project, Role, TrainingRun
from labeler.models.image import Status
from labeler.pages.asking import Access, person, project_form
from labeler.pages.forms import Settle
from labeler.pages.label import drawing
from labeler.pages.refusals import first_or_404, refusal_as_message
from labeler.pages.review import adjudicate_objects, decisions
from labeler.pages.review.adjudicate_image import Asked, image_context, just_decided
from labeler.review import label_errors, worklists
from labeler.review.worklists import Pair, Selection, Worklist

LISTED_PAIRS = 8


@project_form(Role.REVIEWER)
def adjudicate(request: HttpRequest, access: Access) -> HttpResponse:
    """One image of the list, with its answers and a way to settle it."""
    project = access.project
    asked = _asked(request, project)
    form, status = None, 200
    image = None
    if request.method == "POST":
        image = _image(project, request.POST.get("image"))
        form = decisions.form_of(request, image)
        here = reverse("adjudicate", args=[project.pk])
        done: decisions.Done | None = "withdrawn"  # where it is refused, the image is shown again
        with refusal_as_message(request):
            done = decisions.decide_by_form(request, image, form)
        if done == "settled":
            return redirect(here + asked.query(after=image.pk))
        if done == "withdrawn":
            return redirect(here + asked.query(image=image.pk))
        status = 409  # not done: for the page's script; a browser shows the page as any other
        image = _image(project, str(image.pk))
    # Without the curves and tables of its report, which nobody looks at here.
    run = project.runs.active().defer("history", "metrics", "comparison").first()
    worklist = worklists.worklist(project, asked.selection, run)
    if image is None:
        image = _chosen(request, project, asked, worklist, run)
    context = _around(access, asked, worklist, image) | {
        "just": just_decided(request, project, run, asked, besides=image),
        "checked": label_errors.checked(project) if asked.selection.doubted else None,
        "config": _config(request, access),
        "texts": _texts(),
    }
    if image is not None:
        context |= image_context(project, image, run, form or Settle(project), asked)
        if project.draws:
            context |= _drawn(project, image)
    else:
        context |= _nothing(project, asked)
    _remember(request, context)
    return access.render(request, "adjudicate/adjudicate.html", "adjudicate", **context, status=status)


def _remember(request: HttpRequest, context: Mapping[str, Any]) -> None:
    """Note whose answers are on the page: the image's, those of the last one, and of settled ones that look alike."""
    images = [context["image"], *(row["image"] for row in context.get("near", ()))]
    told = [one for one in (context["just"], context.get("told")) if one is not None]
    blindness.remember(
        request.user,
        others=[image.pk for image in images if image is not None] + [one["image"].pk for one in told],
        told=[one["image"].pk for one in told if one["prediction"] or one["instead"]],
    )


# ---------------------------------------------------------------- which images, which one


def _asked(request: HttpRequest, project: Project) -> Asked:
    if request.GET.get("doubted") == "1":
        return Asked(Selection(doubted=True))
    named = (request.GET.get("pair") or "").split(",")
    known = categories.index(project).names
    ids = sorted({pk for part in named if (pk := number(part)) in known})
    username = request.GET.get("person") or ""
    found = None
    if username:
        found = get_user_model().objects.filter(username=username, labels__project=project).values_list("pk").first()
        if found is None:
            raise Http404(_("Nobody of this name has labeled in this project."))
    selection = Selection(
        # A pair of whole answers: where people draw, places are divided (contested groups), not answers.
        pair=(ids[0], ids[1]) if len(ids) == 2 and not project.draws else None,
        person=found[0] if found else None,
        everything=request.GET.get("all") == "1",
    )
    return Asked(selection, username)


def _image(project: Project, wanted: str | None) -> Image:
    rows = project.images.filter(pk=number(wanted) or 0).prefetch_related(snapshots.standing_decisions())
    image = first_or_404(rows, _("This project has no such image."))
    image.project = project
    return image


def _chosen(
    request: HttpRequest, project: Project, asked: Asked, worklist: Worklist, run: TrainingRun | None
) -> Image | None:
    """The image that the address names, or the one after it in the order, or the first."""
    if "image" in request.GET:
        return _image(project, request.GET["image"])
    place: int | None = 0 if worklist.entries else None
    if "after" in request.GET:
        entry = worklists.entry_of(_image(project, request.GET["after"]), run, asked.selection)
        place = worklist.following(entry)
    return None if place is None else _image(project, str(worklist.entries[place].image_id))


def _around(access: Access, asked: Asked, worklist: Worklist, image: Image | None) -> dict[str, Any]:
    """Where we are in the list, the ways on and back, and what the list can be narrowed to."""
    project, selection = access.project, asked.selection
    place = worklist.place(image.pk) if image else None
    n = len(worklist)
    following = before = None
    if place is not None and n > 1:
        following, before = (worklist.entries[(place + step) % n].image_id for step in (1, -1))
    elif place is None and n and image is not None:
        following = worklist.entries[0].image_id
    index = categories.index(project)
    pairs = [
        {
            "names": index.label(pair),
            "n": count,
            "on": pair == selection.pair,
            "url": asked.query(pair="" if pair == selection.pair else f"{pair[0]},{pair[1]}"),
        }
        for pair, count in _listed(worklist.pairs, selection.pair)
    ]
    return {
        "asked": asked,
        "here": asked.query(),
        "pairs": pairs,
        "markers": categories.markers_by_name(project),
        "place": None if place is None else place + 1,
        "total": n,
        "is_cut": worklist.is_cut,
        "next_url": asked.query(image=following) if following else "",
        "before_url": asked.query(image=before) if before else "",
        "wider_url": asked.query(all="1"),
        "narrower_url": asked.query(all=""),
        "everybody_url": asked.query(person=""),
    }


def _listed(pairs: Sequence[tuple[Pair, int]], chosen: Pair | None) -> list[tuple[Pair, int]]:
    """The most frequent ones, and the chosen one wherever it stands."""
    first = list(pairs[:LISTED_PAIRS])
    if chosen and chosen not in (pair for pair, _ in first):
        first.append((chosen, dict(pairs).get(chosen, 0)))
    return first


# ---------------------------------------------------------------- one image


def _config(request: HttpRequest, access: Access) -> dict[str, Any]:
    """What the page's script needs to know; see static/js/adjudicate/keys.js."""
    project, preference = access.project, preferences.preferences_of(person(request))
    keys = preferences.keys_of(preference)
    return {
        "multi": project.is_multi,
        "categories": [{"id": category.pk, "key": category.key} for category in project.categories.in_use()],
        "own": access.membership.category_keys if access.membership else {},
        "actions": {name: keys[name] for name in ("undo", "none", "accept")},
        "single": preference.single_keys,
        "login_url": reverse("login"),
    }


def _texts() -> dict[str, str]:
    """Every sentence the script says, in the person's language; it fills in the {names} in braces."""
    return {
        "image": _("Image {n}"),
        "decide": _("Decide: {answer}"),
        "none": _("none of these"),
        "undecidable": _("the image does not say"),
        "decided": _("Decided: {answer}."),
        "undone": _("Taken back."),
        "not_done": _("Nothing was saved."),
        "look_again": _("Look again"),
        "not_sent": _("The server cannot be reached: your decision is not saved yet."),
        "not_undone": _("The server cannot be reached: nothing was taken back."),
        "signed_out": _(
            "You are logged out: your decision is not saved yet. Log in again in the new tab and come back."
        ),
        "log_in": _("Log in"),
        "try_again": _("Try again"),
    }


def _drawn(project: Project, image: Image) -> dict[str, Any]:
    """What the page has besides, or otherwise, where people draw."""
    decision = next(iter(image.standing), None)  # type: ignore[attr-defined]
    drawn = adjudicate_objects.drawn_context(project, image, decision)
    more = {"drawn": drawn, "drawn_texts": adjudicate_objects.texts(), "tools": drawing.tools_of(project)}
    if decision is None:
        more["heading"] = adjudicate_objects.heading(image, len(drawn["places"]))
    return more


# ---------------------------------------------------------------- nothing to settle


def _nothing(project: Project, asked: Asked) -> dict[str, Any]:
    by_status = dict(Image.objects.for_project(project).order_by().values_list("status").annotate(n=Count("id")))
    return {
        "heading": _("No doubted label waits") if asked.selection.doubted else _("Nothing to settle"),
        "image": None,
        "settled": by_status.get(Status.SETTLED, 0),
        "open": by_status.get(Status.UNLABELED, 0) + by_status.get(Status.PARTLY, 0),
        "disputed": by_status.get(Status.DISPUTED, 0),
        "differ": 0
        if asked.selection.is_wide
        else reports.disagreements(project).filter(has_decision=False)[: worklists.MOST].count(),
        "is_filtered": asked.selection.pair is not None or bool(asked.person),
    }
