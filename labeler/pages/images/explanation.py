"""The explanation of a prediction: a heat map over the image and a sentence, on pages that show predictions.

Knows the page's side; labeler/training/inference_requests.py asks the worker, static/js/pages/why.js spares the reload.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from labeler.models import Image
from labeler.models.job import State
from labeler.training import explanation, inference_requests


def explanation_context(request: HttpRequest, image: Image) -> dict[str, Any]:
    """What templates/parts/why.html shows. Call it only where the person may see what the model says of the image."""
    found: dict[str, Any] = {"address": f"/api/images/{image.pk}/explanation/", "asked": request.GET.get("why") == "1"}
    if not found["asked"]:
        return found
    errand = inference_requests.explain(image=image, asked_by=request.user)  # type: ignore[arg-type]  # pages need a login
    found["waits"] = not errand.is_finished
    found["problem"] = (errand.error or {}).get("message", "") if errand.state == State.FAILED else ""
    if errand.state == State.DONE:
        found |= {
            "map": f"{found['address']}?format=png",
            "category": explanation.category_of(errand),
            "how": explanation.method_of(errand.answer),
            "where": explanation.where(errand.answer),
        }
    return found
