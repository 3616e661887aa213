"""One image of the adjudication page where people draw: what is agreed, and the open places with what each person drew.

People are letters until the image is decided. Knows how places are shown; which places there are is
labeler/consensus/objects.py's.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.consensus import objects
from labeler.label_set import categories
from labeler.models import Decision, Image, Project

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def drawn_context(project: Project, image: Image, decision: Decision | None) -> dict[str, Any]:
    """What static/js/adjudicate/objects.js is told: the agreed objects, and the open places with their candidates."""
    index = categories.index(project)
    places = objects.of_votes(project, [image]).get(image.pk, [])
    people = {
        person: LETTERS[at % 26] for at, person in enumerate(sorted({c.person for p in places for c in p.candidates}))
    }
    if decision is not None and decision.drawn is not None:
        agreed = [{**one, "category": index.resolve([one["category"]])[0]} for one in decision.drawn]
        open_places: list[objects.Place] = []
    else:
        agreed = [place.as_dict() for place in places if place.settled]
        open_places = [place for place in places if not place.settled]
    return {
        "task": project.task,
        "image": {
            "id": image.pk,
            "width": image.width,
            "height": image.height,
            "file_url": f"/api/images/{image.pk}/file/",
        },
        "objects": agreed,
        "places": [
            {
                "n": place.n,
                "asked": place.asked,
                "candidates": [{"who": people[one.person], **one.as_dict()} for one in place.candidates],
            }
            for place in open_places
        ],
        "classes": [
            {"id": pk, "name": index.names[pk], "key": "", **marker._asdict()} for pk, marker in index.markers.items()
        ],
    }


def heading(image: Image, n_open: int) -> str:
    """Three people, two open places."""
    if not image.n_votes:
        return _("Nobody has judged this image yet")
    people = ngettext("%(n)s person", "%(n)s people", image.n_votes) % {"n": image.n_votes}
    if not n_open:
        return _("%(people)s, nothing open") % {"people": people}
    return ngettext(
        "%(people)s, %(n)s open place", "%(people)s, %(n)s open places", n_open
    ) % {"people": people, "n": n_open}  # fmt: skip


def sent_objects(text: str) -> list[Any] | None:
    """The objects of the form, as the page's script wrote them; None for what is no list."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def texts() -> dict[str, str]:
    """The sentences of static/js/adjudicate/objects.js besides those of the board."""
    return {
        "place": _("Place {n}: {drew} of {asked} drew here"),
        "take": _("Take {who}: {name}"),
        "leave_out": _("Leave out"),
        "taken": _("Taken: {who}"),
        "left_out": _("Left out"),
        "again": _("Open again"),
        "still_open": _("{n} places are still open: take one drawing, draw it yourself, or leave it out."),
        "one_still_open": _("One place is still open: take one drawing, draw it yourself, or leave it out."),
        "no_place": _("Nothing is open."),
        "drawn": _("Drawn by you"),
    }
