"""The explanation of a prediction: a heat map over the image and a sentence, on pages that show predictions.

Knows the page's side; labeler/training/inference_requests.py asks the worker, static/js/pages/why.js spares the reload.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from labeler.label_set import categories
from labeler.models import Image, TrainingRun
from labeler.models.job import State
from labeler.pages.asking import person
from labeler.training import explanation, inference_requests


def explanation_context(request: HttpRequest, image: Image, run: TrainingRun) -> dict[str, Any]:
    """What templates/parts/why.html shows. Call it only where the person may see what the model says of the image.

    run: the model in use. Where people draw, each of its classes can be asked for with ?of=.
    """
    asked = request.GET.get("of", "")
    category = int(asked) if asked.isdecimal() and int(asked) in run.category_ids else 0
    address = f"/api/images/{image.pk}/explanation/"
    found: dict[str, Any] = {"address": address, "asked": request.GET.get("why") == "1", "of": category}
    if image.project.draws:
        names = categories.index(image.project).names
        found["classes"] = [(pk, names[pk]) for pk in run.category_ids if pk in names]
    if not found["asked"]:
        return found
    errand = inference_requests.explain(image=image, asked_by=person(request), category=category)
    found["waits"] = not errand.is_finished
    found["problem"] = (errand.error or {}).get("message", "") if errand.state == State.FAILED else ""
    if errand.state == State.DONE:
        found |= {
            "map": f"{address}?format=png" + (f"&category={category}" if category else ""),
            "category": explanation.category_of(errand),
            "how": explanation.method_of(errand.answer),
            "where": explanation.where(errand.answer),
        }
    return found
