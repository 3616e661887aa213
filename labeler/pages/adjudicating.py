"""Adjudication: the images people differ on, one after the other, each settled by one key; and what was decided, why.

Other pages link here by the URL names `adjudicate` and `adjudicate_reasons`. The first takes `?pair=<id>,<id>`
(images on which these two classes were said), `?person=<username>` (images on which this person differs from the
outcome), `?all=1` (also what a majority or a reviewer settled; without it only disputed images are listed, except for
a person) and `?image=<id>` (begin with this one); they can be combined. `?doubted=1` is another list: the labels that
the active model doubts, one after the other (labeler/doubts.py).

Until an image is decided its page holds neither the names of those who answered nor the model's view: not hidden,
absent. Knows how the list and one image are shown; the order is disputes.py's, a decision adjudication.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from labeler import (
    adjudication,
    blindness,
    categories,
    consensus,
    disputes,
    doubts,
    lookalikes,
    preferences,
    reports,
)
from labeler.categories import CategoryIndex
from labeler.disputes import Pair, Selection, Worklist
from labeler.errors import LabelerError
from labeler.models import Category, Comment, Decision, Image, Label, Prediction, Project, Role, TrainingRun
from labeler.models.image import Status
from labeler.models.label import Answer
from labeler.pages import settling
from labeler.pages.access import Access, person, project_page
from labeler.pages.forms import Settle
from labeler.pages.images import thumbnail_url
from labeler.stats import tally as votes

LISTED_PAIRS = 8
MANY_CLASSES = 9  # more do not stand beside an image without scrolling; as in static/js/adjudicate/keys.js
LISTED_REASONS = 500
LISTED_COMMENTS = 20
JUST_NOW = timedelta(hours=1)  # one's last decision can be taken back from any image for so long


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: the selection, and how links keep it."""

    selection: Selection
    person: str = ""

    def query(self, **more: Any) -> str:
        pair = self.selection.pair
        kept = {
            "pair": f"{pair[0]},{pair[1]}" if pair else "",
            "person": self.person,
            "all": "1" if self.selection.everything else "",
            "doubted": "1" if self.selection.doubted else "",
        }
        return "?" + urlencode({name: value for name, value in {**kept, **more}.items() if value})


@project_page(Role.REVIEWER)
@require_http_methods(["GET", "POST"])
def adjudicate(request: HttpRequest, access: Access) -> HttpResponse:
    """One image of the list, with its answers and a way to settle it."""
    project = access.project
    asked = _asked(request, project)
    form, status = None, 200
    image = None
    if request.method == "POST":
        image = _image(project, request.POST.get("image"))
        form = settling.form_of(request, image)
        here = reverse("adjudicate", args=[project.pk])
        try:
            done = settling.carry_out(request, image, form)
        except LabelerError as error:
            messages.error(request, error.message)
            done = "withdrawn"
        if done == "settled":
            return redirect(here + asked.query(after=image.pk))
        if done == "withdrawn":
            return redirect(here + asked.query(image=image.pk))
        status = 409  # not done: for the page's script; a browser shows the page as any other
        image = _image(project, str(image.pk))
    # Without the curves and tables of its report, which nobody looks at here.
    run = project.runs.active().defer("history", "metrics", "comparison").first()
    worklist = disputes.worklist(project, asked.selection, run)
    if image is None:
        image = _chosen(request, project, asked, worklist, run)
    context = _around(access, asked, worklist, image) | {
        "just": _just_decided(request, project, run, asked, besides=image),
        "checked": doubts.checked(project) if asked.selection.doubted else None,
        "config": _config(request, access),
        "texts": _texts(),
    }
    if image is not None:
        context |= _one(project, image, run, form or Settle(project), asked)
    else:
        context |= _nothing(project, asked)
    _remember(request, context)
    return render(request, "project/adjudicate.html", access.context("adjudicate", **context), status=status)


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
    ids = sorted({int(part) for part in named if part.isascii() and part.isdigit() and len(part) < 18} & set(known))
    username = request.GET.get("person") or ""
    found = None
    if username:
        found = get_user_model().objects.filter(username=username, labels__project=project).values_list("pk").first()
        if found is None:
            raise Http404(_("Nobody of this name has labeled in this project."))
    selection = Selection(
        pair=(ids[0], ids[1]) if len(ids) == 2 else None,
        person=found[0] if found else None,
        everything=request.GET.get("all") == "1",
    )
    return Asked(selection, username)


def _image(project: Project, wanted: str | None) -> Image:
    if not (wanted and wanted.isascii() and wanted.isdigit() and len(wanted) < 18):
        raise Http404(_("This project has no such image."))
    image = project.images.filter(pk=int(wanted)).prefetch_related(consensus.standing_decisions()).first()
    if image is None:
        raise Http404(_("This project has no such image."))
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
        entry = disputes.entry_of(_image(project, request.GET["after"]), run, asked.selection)
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
        "next_id": following,
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


def _one(project: Project, image: Image, run: TrainingRun | None, form: Settle, asked: Asked) -> dict[str, Any]:
    index = categories.index(project)
    decision = _standing(image)
    labels = list(Label.objects.votes().filter(image=image).select_related("annotator").order_by("id"))
    near, by_look = lookalikes.nearest(image, run), True
    if not near:
        near, by_look = lookalikes.newest_alike(image), False
    voted = {pk for answer in image.tally if answer != votes.CANNOT_TELL for pk in votes.categories_of(answer)}
    in_use = list(project.categories.in_use())
    sent = form["categories"].data or []  # of a decision that was refused
    chosen = set(sent if isinstance(sent, list) else [sent])
    return {
        "image": image,
        "form": form,
        "heading": _heading(image, decision),
        "version": adjudication.version_of(image, decision),
        "answers": _answers(project, labels, index),
        # The texts alone: who wrote them, and the names in the answers, come with the decision.
        "comments": list(
            Comment.objects.filter(thread__image=image).order_by("id").values_list("text", flat=True)[:LISTED_COMMENTS]
        ),
        "told": _told(image, decision, labels, index, run, asked) if decision else None,
        "classes": _classes(in_use, voted, chosen),
        "many_classes": len(in_use) > MANY_CLASSES,
        "near": [
            {
                "image": one.image,
                "url": reverse("image", args=[project.pk, one.image.pk]),
                "thumb": thumbnail_url(one.image.pk),
                "names": None if one.categories is None else index.label(index.resolve(one.categories)),
                "reason": one.reason,
            }
            for one in near
        ],
        "by_look": by_look,
    }


def _classes(in_use: Sequence[Category], voted: Container[int], chosen: Container[str]) -> list[dict[str, Any]]:
    """What can be chosen. Of many classes those that somebody said come first: the digits choose among them."""
    rows = [
        {"category": one, "place": place, "voted": one.pk in voted, "chosen": str(one.pk) in chosen}
        for place, one in enumerate(in_use)
    ]
    return sorted(rows, key=lambda row: not row["voted"]) if len(in_use) > MANY_CLASSES else rows


def _standing(image: Image) -> Decision | None:
    return next(iter(image.standing), None)  # type: ignore[attr-defined]


def _heading(image: Image, decision: Decision | None) -> str:
    """Three people, two answers."""
    if decision is not None:
        return _("Decided: %(answer)s") % {"answer": settling.in_words(image, decision)}
    unsure = image.tally.get(votes.CANNOT_TELL, 0)
    answers = len(image.tally) - bool(unsure)
    if not image.n_votes:
        return _("Nobody has judged this image yet")
    if not answers:
        return ngettext("%(n)s person cannot tell", "%(n)s people cannot tell", unsure) % {"n": _counted(unsure)}
    parts = [
        ngettext("%(n)s person", "%(n)s people", image.n_votes) % {"n": _counted(image.n_votes)},
        ngettext("%(n)s answer", "%(n)s answers", answers) % {"n": _counted(answers).lower()},
    ]
    if unsure:
        parts.append(ngettext("%(n)s cannot tell", "%(n)s cannot tell", unsure) % {"n": _counted(unsure).lower()})
    return ", ".join(parts)


def _counted(n: int) -> str:
    """Small numbers in words, as a sentence begins with them."""
    words = (
        "", _("One"), _("Two"), _("Three"), _("Four"), _("Five"), _("Six"), _("Seven"), _("Eight"), _("Nine"),
    )  # fmt: skip
    return words[n] if 0 < n < len(words) else number_format(n, force_grouping=True)


def _answers(project: Project, labels: Iterable[Label], index: CategoryIndex) -> list[dict[str, Any]]:
    """Each answer with how many gave it and what they wrote, most frequent first; nobody by name."""
    grouped: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        grouped[_answer_key(label, index)].append(label)
    rows = []
    for answer, said in grouped.items():
        earlier = sorted({label.guideline_version for label in said} - {project.guideline_version})
        rows.append(
            {
                "names": None if answer == votes.CANNOT_TELL else index.label(votes.categories_of(answer)),
                "n": len(said),
                "reasons": [label.reason for label in said if label.reason],
                "guidelines": earlier,
                "late": sum(label.extra for label in said),
            }
        )
    return sorted(rows, key=lambda row: (row["names"] is None, -row["n"], row["names"] or []))


def _answer_key(label: Label, index: CategoryIndex) -> str:
    return votes.CANNOT_TELL if label.answer == Answer.CANNOT_TELL else votes.key(index.resolve(label.categories))


def _told(
    image: Image,
    decision: Decision,
    labels: Iterable[Label],
    index: CategoryIndex,
    run: TrainingRun | None,
    asked: Asked,
) -> dict[str, Any]:
    """What may be known once an image is decided: who said what, and what the model says."""
    # Not before the decision, and of a held-out image not after it either: the next model is judged on it too.
    is_hidden = run is None or bool(blindness.hides_model([image]))
    prediction = None if is_hidden else Prediction.objects.filter(run=run, image=image).first()
    taken = None if decision.undecidable else index.resolve(decision.categories)
    by_answer: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_answer[_answer_key(label, index)].append(label)
    rows = [
        {
            "names": None if answer == votes.CANNOT_TELL else index.label(votes.categories_of(answer)),
            "people": [label.annotator.get_username() for label in said],
            "agrees": answer != votes.CANNOT_TELL and votes.categories_of(answer) == taken,
        }
        for answer, said in by_answer.items()
    ]
    return {
        "image": image,
        "decision": decision,
        "names": None if taken is None else index.label(taken),
        "in_words": settling.in_words(image, decision),
        "version": adjudication.version_of(image, decision),
        "rows": sorted(rows, key=lambda row: (-len(row["people"]), row["people"])),
        "prediction": prediction,
        "is_calibrated": run is not None and run.is_calibrated,
        "predicted": index.label(prediction.categories) if prediction else [],
        "instead": _instead(image, index, run) if asked.selection.doubted and not is_hidden else None,
        "model_agrees": prediction is not None and taken is not None and index.resolve(prediction.categories) == taken,
        "thumb": thumbnail_url(image.pk),
    }


def _instead(image: Image, index: CategoryIndex, run: TrainingRun | None) -> list[dict[str, Any]]:
    """What the model that doubts an image's label would have said, having never learned from it."""
    return [
        {
            "name": index.label([one.label if isinstance(one.suggested, bool) else one.suggested])[0],
            "without": one.suggested is False,
        }
        for one in doubts.rows_of(doubts.listed(run))
        if one.image_id == image.pk
    ]


def _just_decided(
    request: HttpRequest, project: Project, run: TrainingRun | None, asked: Asked, besides: Image | None
) -> dict[str, Any] | None:
    """The person's own last decision, with everything that may be known now; None when it was long ago."""
    last = (
        Decision.objects.filter(
            reviewer=person(request),
            image__project=project,
            withdrawn_at=None,
            created_at__gt=timezone.now() - JUST_NOW,
        )
        .select_related("image", "reviewer")
        .order_by("-id")
        .first()
    )
    if last is None or (besides is not None and besides.pk == last.image_id):
        return None
    last.image.project = project
    labels = Label.objects.votes().filter(image=last.image).select_related("annotator").order_by("id")
    return _told(last.image, last, labels, categories.index(project), run, asked)


def _config(request: HttpRequest, access: Access) -> dict[str, Any]:
    """What the page's script needs to know; see static/js/adjudicate/keys.js."""
    project, preference = access.project, preferences.of(person(request))
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
        else reports.disagreements(project).filter(has_decision=False)[: disputes.MOST].count(),
        "is_filtered": asked.selection.pair is not None or bool(asked.person),
    }


# ---------------------------------------------------------------- what was decided and why


@project_page(Role.REVIEWER)
@require_GET
def reasons(request: HttpRequest, access: Access) -> HttpResponse:
    """The reasons of the newest decisions by pair of classes, to be turned into a guideline."""
    project = access.project
    index = categories.index(project)
    found = list(
        Decision.objects.filter(image__project=project, withdrawn_at=None)
        .exclude(reason="")
        .select_related("image", "reviewer")
        .order_by("-id")[:LISTED_REASONS]
    )
    blindness.remember(request.user, others=[decision.image_id for decision in found])
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for decision in found:
        decision.image.project = project
        pairs = disputes.pairs_of(decision.image.tally)
        # Three answers are three pairs; the reason stands once, with the two classes said most often.
        pair = max(pairs, key=lambda ids: (_said(decision.image, ids), [-pk for pk in ids]), default=())
        groups[tuple(index.label(pair))].append(
            {
                "decision": decision,
                "names": None if decision.undecidable else index.label(index.resolve(decision.categories)),
                "in_words": settling.in_words(decision.image, decision),
                "url": reverse("image", args=[project.pk, decision.image_id]),
                "thumb": thumbnail_url(decision.image_id),
            }
        )
    listed = sorted(groups.items(), key=lambda group: (not group[0], -len(group[1]), group[0]))
    return render(
        request,
        "project/reasons.html",
        access.context(
            "adjudicate",
            markers=categories.markers_by_name(project),
            groups=[{"names": names, "rows": rows, "text": _as_text(names, rows)} for names, rows in listed],
            n=len(found),
            is_cut=len(found) == LISTED_REASONS,
        ),
    )


def _said(image: Image, pair: Iterable[int]) -> int:
    """Votes that name one of the two."""
    wanted = set(pair)
    told = ((answer, n) for answer, n in image.tally.items() if answer != votes.CANNOT_TELL)
    return sum(n for answer, n in told if wanted & set(votes.categories_of(answer)))


def _as_text(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """Lines for the guideline, in the Markdown it is written in."""
    title = _("%(a)s or %(b)s?") % {"a": names[0], "b": names[1]} if names else _("Other cases")
    lines = [f"- {row['in_words'][:1].upper()}{row['in_words'][1:]}: {row['decision'].reason.strip()}" for row in rows]
    return "\n".join([f"### {title}", "", *dict.fromkeys(lines)])
