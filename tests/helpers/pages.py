"""Addresses of pages, what they say, and the metrics of a run."""

from __future__ import annotations

import io

from django.urls import reverse
from PIL import Image as Pixels

from labeler.labeling import claims, labels
from labeler.models import Project


def url(name: str, project: Project, *ids: int) -> str:
    return reverse(name, args=[project.pk, *ids])


def said(response) -> list[str]:
    """The messages the page after a form shows."""
    return [str(message) for message in response.context["messages"]]


def answer(project, person, image, name) -> None:
    claims.claim(project=project, annotator=person, count=50)
    labels.save_label(image_id=image.pk, annotator=person, categories=[name], seconds=2.0)


def photo(colour: str = "green") -> io.BytesIO:
    out = io.BytesIO()
    Pixels.new("RGB", (64, 48), colour).save(out, "PNG")
    out.seek(0)
    out.name = f"{colour}.png"
    return out


STAT = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 40, "reason": None}
UNDEFINED = {"value": None, "low": None, "high": None, "n": 0, "reason": "Too few."}
METRICS = {
    "task": "single",
    "n": 40,
    "accuracy": STAT,
    "macro_f1": STAT,
    "judged_on": "test",
    "chance": 0.4,
    "per_class": [
        {"category": name, "n": 13, "precision": STAT, "recall": STAT, "f1": UNDEFINED}
        for name in ("cat", "dog", "fox")
    ],
    "confusion": {"categories": ["cat", "dog", "fox"], "counts": [[12, 1, 0], [2, 11, 0], [0, 0, 14]]},
}
COMPARISON = [
    {"candidate": "frozen", "title": "Frozen features", "tried": True, "chosen": True, "reason": None, "accuracy": STAT}
]
POINT = {"train_loss": 1.0, "train_accuracy": 0.9, "validation_loss": 1.1, "validation_accuracy": 0.8}
HISTORY = [{"candidate": "frozen", "x": "C", "points": [{"C": c, **POINT} for c in (0.1, 1.0, 10.0)]}]
