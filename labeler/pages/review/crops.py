"""The review page where people draw: crops of the objects that the model puts in one class, and how often it was right.

Knows what the page must be told before its first request. Crops and verdicts go through the REST API.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.accounts import preferences
from labeler.models import Membership
from labeler.pages.asking import Access
from labeler.review import crops as verbs
from labeler.training import runs

MODULES = ("api", "dom", "review/cropview")


def page(request: HttpRequest, access: Access, member: Membership) -> HttpResponse:
    """The crops of one class; without any, a sentence that says why."""
    project, run = access.project, runs.active(access.project)
    counts = verbs.waiting(project, member.user, run)
    told = verbs.precision(run) if access.may_review else {}
    in_use = list(project.categories.in_use())
    here = reverse("review", args=[project.pk])
    choices = [
        {"category": one, "n": counts[one.pk], "url": f"{here}?class={one.pk}"} for one in in_use if one.pk in counts
    ]
    asked = next((one for one in in_use if str(one.pk) == request.GET.get("class")), None)
    shown = asked or max(in_use, key=lambda one: counts.get(one.pk, 0), default=None)
    context: dict[str, Any] = {
        "choices": choices,
        "shown": shown,
        "run": run,
        "told": [{"category": one, "stat": told[one.pk]} for one in in_use if one.pk in told],
    }
    if shown is not None and counts:
        context |= {
            "modules": [static(f"js/{module}.js") for module in MODULES],
            "config": {
                "person": member.user_id,
                "url": reverse("api:object-crops", args=[project.pk]),
                "category": shown.pk,
                "model": run.number if run else None,
                "single_keys": preferences.preferences_of(member.user).single_keys,
                "texts": texts(),
            },
        }
    else:
        context["why"] = _why_empty(access, bool(run))
    return access.render(request, "review/crops.html", "review", **context)


def _why_empty(access: Access, has_model: bool) -> str:
    if not has_model:
        return _("Once some images are drawn on, a model learns from them. What it sees can then be checked here.")
    if not verbs.has_objects(access.project):
        return _("Here each pixel has a class: there are no single objects to check one by one.")
    if not access.may_review:
        return _(
            "Objects come here after your own answer, when their image has all its answers. None waits for you now."
        )
    return _("You have answered every object that may be shown. New ones come with the next model.")


def texts() -> dict[str, str]:
    """Every sentence the script says; it fills in the {names} in braces."""
    return {
        "wrong": _("not that"),
        "left": _("{n} waiting"),
        "place": _("Object {n} of {total}, on image {image}"),
        "confirm": _("Confirm: {n} right, {wrong} not"),
        "saved": _("{n} saved."),
        "saved_but": _("{n} saved; {gone} may not be answered any more."),
        "again": _("Your last page again. Confirm it to replace your answers."),
        "unreachable": _("The server cannot be reached. What you marked is still here: try again."),
    }
