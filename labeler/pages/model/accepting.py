"""What the model accepts by itself, on the model page, and the switch: stop, go on, have people label instead.

Words for the figures of labeler/acceptance/summary.py; the verbs are labeler/acceptance/promises.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.acceptance import promises, summary
from labeler.models import Project, Role
from labeler.pages.asking import Access, person, project_action
from labeler.pages.images import filters
from labeler.pages.refusals import refusal_as_message
from labeler.templatetags.figures import percent, percent_interval, thousands

MOST_IMPORTS = 3


def card(project: Project) -> dict[str, Any]:
    """Context of templates/model/accepted.html."""
    found = summary.figures(project)
    audit, promise = found["audit"], found["promise"]
    return {
        **found,
        "is_on": found["state"] != summary.OFF,
        "is_outside": project.runs.active().outside().exists(),
        "may_stop": found["since"] is not None and found["state"] in (summary.ACCEPTING, summary.WAITING),
        "may_resume": found["suspended"] is not None and found["state"] == summary.SUSPENDED,
        "promise": promised(promise, is_multi=project.is_multi) if found["accepted"] else _wanted(promise),
        "evidence": _evidence(found["calibration"]),
        "disputed": found["calibration"]["disputed"],
        "rows": [
            {"name": name, **row, "from": "" if row["value"] is None else f"{row['value']:.3f}"}
            for name, row in found["calibration"]["classes"].items()
        ],
        "audited": _audited(audit),
        "interval": percent_interval(audit["right"]),
        "imports": found["waiting"]["imports"][:MOST_IMPORTS],
        "waiting": found["waiting"]["waiting"],
        "url": filters.url(project, status=filters.ACCEPTED),
    }


def _wanted(promise: dict[str, Any]) -> str:
    """While nothing is accepted, nothing is promised."""
    return _("Wanted: at least %(precision)s right, with %(confidence)s confidence.") % {
        "precision": percent(promise["precision"]), "confidence": percent(promise["confidence"]),
    }  # fmt: skip


def promised(promise: dict[str, Any], *, is_multi: bool = False) -> str:
    words = {"precision": percent(promise["precision"]), "confidence": percent(promise["confidence"])}
    if promise["per_class"] and is_multi:
        text = _(
            "At least %(precision)s of them are right, of each set of classes that has a threshold of its own, with "
            "%(confidence)s confidence."
        )
        return text % words
    if promise["per_class"]:
        return _("At least %(precision)s of them are right, of each class, with %(confidence)s confidence.") % words
    return _("At least %(precision)s of them are right, with %(confidence)s confidence.") % words


def _evidence(calibration: dict[str, Any]) -> str:
    """What the promise rests on, in a sentence; empty where nothing carries it."""
    pooled = calibration["pooled"]
    if not pooled or pooled["value"] is None:
        return ""
    words = ngettext(
        "Of %(n)s calibration image %(accepted)s was suggested as surely (from %(value)s on), and %(wrong)s of these "
        "wrongly.",
        "Of %(n)s calibration images %(accepted)s were suggested as surely (from %(value)s on), and %(wrong)s of these "
        "wrongly.",
        pooled["n"],
    )
    return words % {
        "n": thousands(pooled["n"]), "accepted": thousands(pooled["accepted"]), "value": f"{pooled['value']:.3f}",
        "wrong": thousands(pooled["wrong"]) if pooled["wrong"] else _("none"),
    }  # fmt: skip


def _audited(audit: dict[str, Any]) -> str:
    if not audit["asked"]:
        return _("No image is audited yet.")
    words = ngettext(
        "%(judged)s of %(asked)s audited image is settled: people said the same of %(right)s.",
        "%(judged)s of %(asked)s audited images are settled: people said the same of %(right)s.",
        audit["asked"],
    )
    right = thousands(audit["judged"] - audit["wrong"])
    return words % {"judged": thousands(audit["judged"]), "asked": thousands(audit["asked"]), "right": right}


# ---------------------------------------------------------------- verbs


@project_action(Role.LEAD)
def suspend(request: HttpRequest, access: Access) -> HttpResponse:
    return _do(request, access, promises.suspend, _("Nothing more is accepted. What is accepted stays."))


@project_action(Role.LEAD)
def resume(request: HttpRequest, access: Access) -> HttpResponse:
    return _do(request, access, promises.resume, _("A worker looks at what can be accepted."))


def _do(request: HttpRequest, access: Access, verb: Callable[..., Any], words: str) -> HttpResponse:
    with refusal_as_message(request):
        verb(project=access.project, by=person(request))
        messages.success(request, words)
    return redirect("model", access.project.pk)


@project_action(Role.REVIEWER)
def ask(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    with refusal_as_message(request):
        promises.ask_people(project=access.project, image_id=image_id, by=person(request))
        messages.success(request, _("The image is back in the queue: people say what it is."))
    return redirect("image", access.project.pk, image_id)
