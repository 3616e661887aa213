"""A click on an image of a project where people draw, and which pixels belong to what was clicked on.

Reads what a model says only where this person is shown it anyway: with their claim. Everywhere else the pixels are
found from the picture alone (worker/inference/clicks.py), which says nothing of what an object is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeler.errors import Invalid, NotFound, TaskNotSupported
from labeler.geometry import spans
from labeler.geometry.shapes import Shape
from labeler.labeling.objects import shape_of
from labeler.models import Claim, Errand, Image, LabelObject
from labeler.models.errand import ErrandKind
from labeler.models.project import Task
from labeler.models.queue import ClaimState
from labeler.training import inference_requests

MOST = 30  # clicks on one object
USUAL_OF = 200  # objects drawn last, of which the usual size is taken
FEWEST = 3  # of them
LOOKED_AT = 50  # objects of the model


def checked(image: Image, clicks: Any, window: Any) -> tuple[list[dict[str, Any]], list[float] | None]:
    """Clicks {x, y, inside} on the image, the first of them inside, and the part that is looked at. Raises Invalid."""
    if not isinstance(clicks, list) or not 1 <= len(clicks) <= MOST:
        raise Invalid(
            _("clicks is a list of 1 to %(most)s clicks: {x, y, inside}.") % {"most": MOST},
            fields={"clicks": ["invalid"]},
        )
    found = []
    for click in clicks:
        place: list[Any] = [click.get("x"), click.get("y")] if isinstance(click, dict) else [None, None]
        if not _numbers(place) or not (0 <= place[0] <= image.width and 0 <= place[1] <= image.height):
            raise Invalid(_("A click has x and y within the image."), fields={"clicks": ["not on the image"]})
        inside = click.get("inside", True)
        if not isinstance(inside, bool):
            raise Invalid(_("inside is true or false."), fields={"clicks": ["inside is true or false"]})
        found.append({"x": float(place[0]), "y": float(place[1]), "inside": inside})
    if not found[0]["inside"]:
        raise Invalid(_("The first click is on the object."), fields={"clicks": ["the first is inside"]})
    if window is None:
        return found, None
    if not isinstance(window, list) or len(window) != 4 or not _numbers(window) or min(window[2:]) <= 0:
        raise Invalid(_("window is [x, y, width, height] in pixels of the image."), fields={"window": ["invalid"]})
    return found, [float(v) for v in window]


def _numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


def ask(
    *, image: Image, person: User, clicks: Any, window: Any = None, category: int | None = None
) -> Errand | dict[str, Any]:
    """The answer at once where the model has drawn what was clicked on, else an errand for a worker.

    The answer: {"by": "model", "objects": [shape with category_id, number and probability], "chosen"}. Raises Invalid,
    TaskNotSupported, TooManyRequests.
    """
    if not image.project.draws:
        raise TaskNotSupported(_("Nothing is drawn in this project."))
    found, part = checked(image, clicks, window)
    if len(found) == 1 and (known := _of_model(image, person, found[0])):
        return known
    return inference_requests.click(
        image=image, asked_by=person, asked={"clicks": found, "window": part, "usual_area": usual_area(image, category)}
    )


def find(*, image: Image, person: User, errand_id: int) -> Errand:
    """One's own question. Raises NotFound."""
    row = Errand.objects.filter(kind=ErrandKind.CLICK, image=image, asked_by=person, pk=errand_id).first()
    if row is None:
        raise NotFound(_("There is no such click of yours on this image: an answer is kept for ten minutes."))
    return row


def usual_area(image: Image, category: int | None) -> float | None:
    """px² that objects of a class have here, of the last ones drawn, the geometric mean; None: too few are known."""
    drawn = LabelObject.objects.filter(label__project_id=image.project_id, label__superseded_at=None)
    if category is not None:
        drawn = drawn.filter(category=category)
    areas = list(drawn.order_by("-label_id", "-number").values_list("area", flat=True)[:USUAL_OF])
    return None if len(areas) < FEWEST else math.exp(sum(math.log(area) for area in areas) / len(areas))


def less_sure(image: Image, person: User) -> list[dict[str, Any]]:
    """Objects of the pre-label that were not sure enough to be shown, surest first, LOOKED_AT at most.

    Empty where there is none, and where this person's claim shows them nothing that the model says of the image.
    """
    claim = Claim.objects.filter(
        image=image, annotator=person, state=ClaimState.OPEN, shown_prediction__drawn__isnull=False
    ).select_related("shown_prediction").first()  # fmt: skip
    if claim is None or claim.shown_prediction is None:
        return []
    drawn = claim.shown_prediction.drawn or []
    unshown = [one for one in drawn if not one.get("shown", True) and not one.get("refused")]
    return sorted(unshown, key=lambda one: -(one.get("probability") or 0))[:LOOKED_AT]


def _of_model(image: Image, person: User, click: dict[str, Any]) -> dict[str, Any] | None:
    """What the model drew there and was not sure enough to show: what it shows is on the board already."""
    likely = [] if image.project.task == Task.SEMANTIC else less_sure(image, person)
    under = [one for one in likely if _holds(one, click, image)]
    return {"by": "model", "chosen": 0, "objects": [told(one) for one in under]} if under else None


def told(one: dict[str, Any]) -> dict[str, Any]:
    """An object of a pre-label, as REST has it."""
    said = {"number": one["number"], "category_id": one["category"], "probability": one.get("probability")}
    return said | shape_of(one)


def _holds(shape: Shape, click: dict[str, Any], image: Image) -> bool:
    x, y = min(int(click["x"]), image.width - 1), min(int(click["y"]), image.height - 1)
    if box := shape.get("box"):
        return bool(box[0] <= click["x"] <= box[0] + box[2] and box[1] <= click["y"] <= box[1] + box[3])
    return bool(spans.within(spans.of_shape(shape, image.width, image.height), x, y, x + 1, y + 1).area)
