"""What a model that draws finds on a picture that was sent: drawn over it, counted by class, and in words.

Knows an answered request (labeler/training/inference_requests.py), and how shapes become lines.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

from django.utils.translation import gettext as _

from labeler.charts.drawn import STYLES, Outline, drawn_svg, line_of
from labeler.geometry.shapes import bounds_of
from labeler.label_set import categories
from labeler.models import Errand, TrainingRun
from labeler.pages.images.drawn import MOST_OUTLINED, path_of
from labeler.templatetags.figures import figure, percent
from labeler.training import drawn_answers, explanation

LISTED = 30  # objects in words, the likeliest ones


def context(errand: Errand, run: TrainingRun) -> dict[str, Any]:
    """For templates/model/tried_objects.html. errand: answered by this run, of a project that draws.

    {svg, width, height, said: [{line, name, n}], objects: [{name, sure, place}], n, unlisted, hidden, is_calibrated};
    n: objects that are shown, hidden: those below the threshold of their class. map, how, where: what its network saw.
    """
    index = categories.index(errand.project)
    style = {pk: at % STYLES + 1 for at, pk in enumerate(run.category_ids)}
    told = drawn_answers.told(errand.answer["objects"], index.names)
    shown = [one for one in told if one["shown"]]
    width, height = errand.asked["width"], errand.asked["height"]
    sure = percent if errand.answer["calibrated"] else figure
    outlines, rows = [], []
    for at, one in enumerate(shown):
        shape = drawn_answers.shape_of(one)
        bounds = bounds_of(shape)
        path = path_of(shape, bounds, outlined=at < MOST_OUTLINED)
        outlines.append(Outline(path, style[one["category_id"]], f"{one['category']} {sure(one['probability'])}"))
        place = _("%(width)s × %(height)s px at %(x)s, %(y)s") % {
            "width": f"{bounds.x1 - bounds.x0:.0f}", "height": f"{bounds.y1 - bounds.y0:.0f}",
            "x": f"{bounds.x0:.0f}", "y": f"{bounds.y0:.0f}",
        }  # fmt: skip
        rows.append({"name": one["category"], "sure": sure(one["probability"]), "place": place})
    counted = Counter(one["category_id"] for one in shown)
    said = [
        {"line": line_of(style[pk]), "name": index.label([pk])[0], "n": counted[pk]}
        for pk in run.category_ids
        if counted[pk]
    ]
    words = ", ".join(f"{row['n']} {row['name']}" for row in said) or _("nothing")
    label = _("What the model finds on the picture: %(words)s") % {"words": words}
    return {
        "svg": drawn_svg(outlines, width, height, label),
        "width": width,
        "height": height,
        "said": said,
        "objects": rows[:LISTED],
        "n": len(rows),
        "unlisted": max(0, len(rows) - LISTED),
        "hidden": len(told) - len(shown),
        "is_calibrated": errand.answer["calibrated"],
        **_saw(errand),
    }


def _saw(errand: Errand) -> dict[str, Any]:
    """What the network saw before it drew: nothing of answers from before this was kept."""
    heat = errand.answer.get("heat")
    if not heat or not errand.drawing:
        return {}
    inline = f"data:image/png;base64,{base64.b64encode(bytes(errand.drawing)).decode()}"
    return {"map": inline, "how": explanation.method_of(heat), "where": explanation.where(heat)}
