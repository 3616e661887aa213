"""What people are divided on where they draw: the classes they give to one thing, and what only some of them drew.

Counts by place, not by the classes that are somewhere in an answer. Knows the places of labeling/drawn_votes.py; which
images are alike is disagreement_groups.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from labeler.labeling import drawn_votes
from labeler.labeling.drawn_votes import Place
from labeler.models import Image, Project
from labeler.review.worklists import Pair
from labeler.stats import tally as votes

# In a pair with a class: some drew an object of the class, others nothing at that place. No id of a class.
NOTHING = 0
AT_ONCE = 100  # images whose shapes are kept in memory together


@dataclass(frozen=True, slots=True)
class Divided:
    """One image. tally: as of votes, over the places that people differ on; "" is nothing drawn there."""

    tally: dict[str, int]
    pairs: list[Pair]  # ascending, each once


def of_images(project: Project, images: Sequence[Image]) -> dict[int, Divided]:
    """Of each image; those on which no place differs have an empty tally. A query for each AT_ONCE images."""
    found = {}
    for start in range(0, len(images), AT_ONCE):
        some = images[start : start + AT_ONCE]
        places = drawn_votes.divided(project, some)
        for image in some:
            tally, pairs = _counted(places.get(image.pk, []))
            if unsure := image.tally.get(votes.CANNOT_TELL, 0):
                tally[votes.CANNOT_TELL] = unsure
            found[image.pk] = Divided(tally, pairs)
    return found


def _counted(places: Sequence[Place]) -> tuple[dict[str, int], list[Pair]]:
    said: Counter[str] = Counter()
    pairs: set[Pair] = set()
    for place in places:
        classes = {category for _person, category in place.drawn_by}
        said.update(votes.key([category]) for _person, category in place.drawn_by)
        said[votes.key([])] += len(place.not_drawn_by)
        pairs.update(combinations(sorted(classes | ({NOTHING} if place.not_drawn_by else set())), 2))
    return {answer: n for answer, n in said.items() if n}, sorted(pairs)
