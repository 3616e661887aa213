"""The data and software that a model was made with, for its card. Knows datasets and versions, not how good it is."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from typing import Any

import labeler
from labeler.models import Label
from labeler.models.label import VOTES
from worker.training.dataset import Dataset, Example

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "Pillow")
HASH_PARTS = 1000  # images per query


def provenance_of(dataset: Dataset) -> dict[str, Any]:
    """The training set: its hash, images by class, judgements and people behind it; and the versions at work."""
    by_category = {str(pk): 0 for pk in dataset.category_ids}
    for example in dataset.train:
        for pk in example.categories:
            by_category[str(pk)] += 1
    return {
        "training_set_sha256": hash_of(dataset.train),
        "by_category": by_category,
        **_people(dataset.train),
        "versions": versions(),
    }


def hash_of(examples: list[Example]) -> str:
    """SHA-256 over sorted lines "image's SHA-256, space, class ids": the same images and answers, the same hash."""
    lines = sorted(f"{e.sha256} {','.join(map(str, sorted(e.categories)))}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in PACKAGES}
    return {"Labeler": labeler.__version__, "Python": platform.python_version(), **found}


def _people(examples: list[Example]) -> dict[str, int]:
    people: set[int] = set()
    votes = 0
    for start in range(0, len(examples), HASH_PARTS):
        ids = [example.image_id for example in examples[start : start + HASH_PARTS]]
        rows = Label.objects.current().filter(image__in=ids, answer__in=VOTES).values_list("annotator_id", flat=True)
        found = list(rows)
        votes += len(found)
        people.update(found)
    return {"judgements": votes, "people": len(people)}
