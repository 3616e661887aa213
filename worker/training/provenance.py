"""The data and software that a model was made with, for its card. Knows datasets and versions, not how good it is."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from importlib import metadata
from typing import Any

import labeler
from labeler.models import Label
from labeler.models.label import VOTES
from worker.training.dataset import Dataset, Example
from worker.training.drawn_dataset import DrawnDataset

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "Pillow")
HASH_PARTS = 1000  # images per query


def provenance_of(dataset: Dataset) -> dict[str, Any]:
    """The training set: its hash, images by class, judgements and people behind it; and the versions at work."""
    counts = Counter(pk for example in dataset.train for pk in example.categories)
    by_category = {str(pk): counts[pk] for pk in dataset.category_ids}
    return _together(hash_of(dataset.train), by_category, [example.image_id for example in dataset.train])


def provenance_of_drawn(dataset: DrawnDataset) -> dict[str, Any]:
    """The same of drawn answers; by_category counts objects."""
    kinds = [kind for example in dataset.train for kind in example.drawn.classes.tolist()]
    by_category = {str(pk): kinds.count(k) for k, pk in enumerate(dataset.category_ids)}
    return _together(hash_of_drawn(dataset), by_category, [example.image_id for example in dataset.train])


def _together(training_set_sha256: str, by_category: dict[str, int], image_ids: list[int]) -> dict[str, Any]:
    return {
        "training_set_sha256": training_set_sha256,
        "by_category": by_category,
        **_people(image_ids),
        "versions": versions(),
    }


def hash_of_drawn(dataset: DrawnDataset) -> str:
    """SHA-256 over sorted lines "image's SHA-256, space, JSON of [class id, share, box or shape] of each object"."""
    lines = []
    for example in dataset.train:
        drawn = example.drawn
        shapes = drawn.masks if drawn.masks is not None else [[float(v) for v in box] for box in drawn.boxes]
        objects = [
            [dataset.category_ids[kind], round(float(weight), 4), shape]
            for kind, weight, shape in zip(drawn.classes.tolist(), drawn.weights, shapes, strict=True)
        ]
        lines.append(f"{example.sha256} {json.dumps(objects, sort_keys=True)}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def hash_of(examples: list[Example]) -> str:
    """SHA-256 over sorted lines "image's SHA-256, space, class ids": the same images and answers, the same hash."""
    lines = sorted(f"{e.sha256} {','.join(map(str, sorted(e.categories)))}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in PACKAGES}
    return {"Labeler": labeler.__version__, "Python": platform.python_version(), **found}


def _people(image_ids: list[int]) -> dict[str, int]:
    people: set[int] = set()
    votes = 0
    for start in range(0, len(image_ids), HASH_PARTS):
        ids = image_ids[start : start + HASH_PARTS]
        rows = Label.objects.current().filter(image__in=ids, answer__in=VOTES).values_list("annotator_id", flat=True)
        found = list(rows)
        votes += len(found)
        people.update(found)
    return {"judgements": votes, "people": len(people)}
