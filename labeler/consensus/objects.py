"""What an image with drawn answers is taken to be, object by object: a decision, the kept consensus, or the only vote.

Reads; the consensus itself is kept by snapshots.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labeler.labeling import drawn_votes
from labeler.models import Consensus, Decision, Project

Outcome = list[dict[str, Any]]  # [{category, box | polygon | mask, n, asked, settled}]


def current(project: Project, images: Iterable[int]) -> dict[int, Outcome]:
    """By image: the objects of its outcome, [] where nothing is there; images without an outcome are missing.

    n of asked people drew an object, both None in a reviewer's decision; settled False: no majority, a reviewer is
    asked.
    """
    ids = list(images)
    found: dict[int, Outcome] = {}
    decided = Decision.objects.filter(image__in=ids, withdrawn_at=None)
    undecidable = set()
    for image, is_undecidable, drawn in decided.values_list("image", "undecidable", "drawn"):
        if is_undecidable:
            undecidable.add(image)
        elif drawn is not None:
            found[image] = [{"n": None, "asked": None, "settled": True, **one} for one in drawn]
    rest = [pk for pk in ids if pk not in found and pk not in undecidable]
    kept = Consensus.objects.filter(image__in=rest, drawn__isnull=False)
    found |= {image: drawn or [] for image, drawn in kept.values_list("image", "drawn")}
    votes = drawn_votes.read(project, [pk for pk in rest if pk not in found])
    for image, answers in votes.items():
        if len(answers.people) == 1:
            found[image] = [
                {"category": category, **shape, "n": 1, "asked": 1, "settled": True}
                for category, shape in zip(answers.category, answers.shape, strict=True)
            ]
    return found
