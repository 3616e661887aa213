"""The review grid: what the model puts in one class, a page at a time.

Knows what the page must be told before its first request, and what to do where there is nothing to review. Pages
and answers go through the REST API.
"""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.accounts import preferences
from labeler.label_set import categories as label_set
from labeler.models import Category, Job, Membership, Project
from labeler.models.job import UNFINISHED, Kind
from labeler.pages.asking import Access, project_page
from labeler.pages.review import crops
from labeler.review import grid as verbs
from labeler.review import planted
from labeler.training import runs

THRESHOLDS = (0.99, 0.95, 0.9, 0.8, 0.7, 0.5, 0.0)
# Told to the browser at once: found one by one they would take three round trips before the first page is asked for.
MODULES = (
    *("api", "dom"),
    *(f"label/{name}" for name in ("answers", "stopwatch", "trouble", "uuid", "viewer", "words", "zoom")),
    *(
        f"review/{name}"
        for name in ("book", "dock", "enlarge", "input", "keys", "lifecycle", "sheet", "thumbs", "wall")
    ),
)


@project_page()
def review(request: HttpRequest, access: Access) -> HttpResponse:
    """The grid of one class, or of crops where people draw; without any, what to do about that. 404 for strangers."""
    if access.membership is None:
        raise PermissionDenied(_("Only members of this project review. Add yourself on its members page."))
    if access.project.draws:
        return crops.page(request, access, access.membership)
    project, reviewer = access.project, access.membership.user
    low = _share(request.GET.get("min"), project.review_confidence)
    counts, is_cut = verbs.waiting(project, reviewer, low) if project.show_prelabels else ({}, False)
    in_use = list(project.categories.in_use())
    shown = _class_shown(request.GET.get("class"), in_use, counts)
    context: dict[str, Any] = {
        "low_text": _written(low),
        "thresholds": [
            {"value": f"{one:g}", "text": _written(one), "on": one == low}
            for one in sorted({*THRESHOLDS, low, project.review_confidence}, reverse=True)
        ],
        "choices": [_choice(project, category, counts, low, is_cut) for category in in_use],
        "shown": shown,
        "next": _next(project, in_use, counts, low, shown),
        "planted_share": project.planted_share,
        "own_rate": next(iter(planted.catch_rate(project, reviewer)), None),
        "rates": planted.catch_rate(project) if access.may_lead else [],
    }
    if shown is None or not counts:
        context["empty"] = _why_empty(access, low)
    else:
        context |= {
            "config": screen_config(project, in_use, access.membership, shown, low, counts.get(shown.pk, 0), is_cut),
            "texts": texts(),
            "modules": [static(f"js/{module}.js") for module in MODULES],
        }
    return access.render(request, "review/review.html", "review", **context)


def _share(text: str | None, default: float) -> float:
    """`?min=`: a number from 0 to 1, else the project's own."""
    try:
        value = float(text) if text else default
    except ValueError:
        return default
    return value if math.isfinite(value) and 0.0 <= value <= 1.0 else default


def _written(confidence: float) -> str:
    """0.90, and 0.995: two decimals, and as many more as it has."""
    return number_format(confidence, max(2, len(f"{confidence:g}") - 2))


def _class_shown(text: str | None, in_use: list[Category], counts: dict[int, int]) -> Category | None:
    """The class that is asked for, by id; else the one with most waiting."""
    asked = next((c for c in in_use if text is not None and str(c.pk) == text), None)
    return asked or max(in_use, key=lambda c: counts.get(c.pk, 0), default=None)


def _url(project: Project, category: Category | None, low: float) -> str:
    query: dict[str, Any] = {"class": category.pk} if category else {}
    if low != project.review_confidence:
        query["min"] = f"{low:g}"
    return reverse("review", args=[project.pk]) + ("?" + urlencode(query) if query else "")


def _choice(project: Project, category: Category, counts: dict[int, int], low: float, is_cut: bool) -> dict[str, Any]:
    n = counts.get(category.pk, 0)
    return {
        "category": category,
        "n": n,
        "count": number_format(n, force_grouping=True) + ("+" if is_cut else ""),
        "url": _url(project, category, low),
    }


def _next(
    project: Project, in_use: list[Category], counts: dict[int, int], low: float, shown: Category | None
) -> dict[str, Any] | None:
    """Where to go when the class is done: the one with most waiting."""
    others = [c for c in in_use if c != shown and counts.get(c.pk)]
    if not others:
        return None
    return _choice(project, max(others, key=lambda c: counts[c.pk]), counts, low, is_cut=False)


def _why_empty(access: Access, low: float) -> dict[str, Any]:
    """Why there is nothing to review, and what can be done: a heading, a sentence, links."""
    project = access.project
    label = {"href": reverse("label", args=[project.pk]), "text": _("Start labeling")}
    settings = {"href": reverse("settings", args=[project.pk]), "text": _("Settings")}
    if not project.show_prelabels:
        sentence = _("This project shows nobody what the model says, so there is nothing to confirm.")
        return {
            "title": _("No suggestions here"),
            "text": sentence,
            "links": [settings] if access.may_lead else [label],
        }
    if runs.active(project) is None:
        sentence = _(
            "Once some images are labeled a model learns from them. What it is sure of can then be confirmed here."
        )
        model = {"href": reverse("model", args=[project.pk]), "text": _("Model")}
        return {"title": _("No model yet"), "text": sentence, "links": [label, *([model] if access.may_review else [])]}
    if Job.objects.filter(project=project, kind=Kind.PRELABEL, state__in=UNFINISHED).exists():
        sentence = _(
            "The model is looking at the images just now. What it is sure of comes here: load the page again soon."
        )
        return {"title": _("The model is still looking"), "text": sentence, "links": [label]}
    assert access.membership is not None  # the page looked
    below, _cut = verbs.waiting(project, access.membership.user, 0.0)
    if n := sum(below.values()):
        lower = [one for one in THRESHOLDS if one < low][:3]
        sentence = ngettext(
            "The model is less sure of the %(n)s image that waits.", "The model is less sure of the %(n)s that wait.", n
        ) % {"n": number_format(n, force_grouping=True)}
        links = [
            {"href": _url(project, None, one), "text": _("From %(low)s on") % {"low": _written(one)}} for one in lower
        ]
        title = _("Nothing from %(low)s on") % {"low": _written(low)}
        return {"title": title, "text": sentence, "links": [*links, *([settings] if access.may_lead else [])]}
    sentence = _(
        "Every image that the model has an opinion on and that may come to you is done. New ones come by themselves."
    )
    return {"title": _("All reviewed"), "text": sentence, "links": [label]}


def screen_config(
    project: Project,
    categories: list[Category],
    member: Membership,
    shown: Category,
    low: float,
    waiting: int,
    is_cut: bool,
) -> dict[str, Any]:
    """What the page's script needs to know."""
    preference = preferences.preferences_of(member.user)
    return {
        "person": member.user_id,
        "pages_url": reverse("api:review-pages", args=[project.pk]),
        "reviews_url": reverse("api:reviews", args=[project.pk]),
        "login_url": reverse("login"),
        "multi": project.is_multi,
        "labelSet": project.label_set_version,
        "lease_seconds": project.lease_seconds,
        "categories": [
            {"id": c.pk, "name": c.name, "key": c.key} | label_set.marker_of(c)._asdict() for c in categories
        ],
        "predicted": shown.pk,
        "min": low,
        "waiting": waiting,
        "more_waiting": is_cut,
        "single_keys": preference.single_keys,
        "actions": preferences.keys_of(preference),
        "own_keys": member.category_keys,
    }


def texts() -> dict[str, str]:
    """Every sentence the script says, in the person's language; it fills in the {names} in braces."""
    return {
        "loading": _("Loading…"),
        "n_of_total": _("{n} of {total}"),
        "model_likely": _("likely"),
        "model_unsure": _("unsure"),
        "image_loading": _("loading…"),
        "image_failed": _("does not load. It is tried again; X sends it back."),
        "none": _("None of these"),
        "changed_to": _("changed to"),
        "back_to_labeling": _("Back to labeling"),
        "confirm_first": _("Confirm {n}"),
        "change_first": _("Change {n}"),
        "change": _("change {n}"),
        "back_first": _("Send back {n}"),
        "back": _("send back {n}"),
        "and_then": _(", "),
        "waiting_for": _("{n} still loading"),
        "state_saving": _("Saving…"),
        "answer_offline": _(
            "Offline: these {n} answers are not saved yet. They stay here, and are sent when the server is there again."
        ),
        "answer_busy": _(
            "The server is busy: these {n} answers are not saved yet. They stay here, and are sent again by themselves."
        ),
        "answer_signed_out": _(
            "You are logged out: these {n} answers are not saved yet. Log in again in the new tab, then come back."
        ),
        "undo_offline": _("Offline: the page is not taken back yet. It is tried again by itself."),
        "undo_busy": _("The server is busy: the page is not taken back yet. It is tried again by itself."),
        "undo_signed_out": _(
            "You are logged out: the page is not taken back yet. Log in again in the new tab, then come back."
        ),
        "another_person": _(
            "{name} is logged in in this browser now. Nothing is sent in their name: load the page to work as {name}."
        ),
        "no_images": _("No images came. It is tried again by itself."),
        "try_now": _("Try now"),
        "log_in": _("Log in"),
        "dismiss": _("Dismiss"),
        "refused": _("{name} was not saved. {message}"),
        "last_page": _("Your last page: {n} in {seconds} s"),
        "place_of": _("Image {n} of {total}"),
        "say_saved": _("{n} saved."),
        "say_undone": _("Taken back: {n} images."),
        "say_changed": _("{name}: {answer}"),
        "say_changed_many": _("{n} images: {answer}"),
    }
