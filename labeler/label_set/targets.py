"""Target numbers of labels: how many are wanted, how many there are, how many are missing; in all and of each class.

Counts settled images by their outcome: a reviewer's decision, else the votes. Three queries, however many
images there are; reads counters and decisions only, so it is right at once, without a worker.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count

from labeler.label_set import categories as label_set
from labeler.models import Decision, Image, Project
from labeler.models.image import Status
from labeler.stats import tally as votes


def targets_of(project: Project) -> dict[str, Any]:
    """{images, variety, settled, missing, categories: [{id, name, wanted, settled, missing, variety}]}.

    images, wanted, missing: None where a lead wants no number. categories: those in use, in screen order.
    """
    settled, by_category = settled_images(project)
    return {
        "images": project.wanted_images,
        "variety": project.variety,
        "settled": settled,
        "missing": _missing(project.wanted_images, settled),
        "categories": [
            {
                "id": category.pk,
                "name": category.name,
                "wanted": category.wanted,
                "settled": by_category[category.pk],
                "missing": _missing(category.wanted, by_category[category.pk]),
                "variety": category.variety,
            }
            for category in project.categories.in_use()
        ],
    }


def _missing(wanted: int | None, settled: int) -> int | None:
    return None if wanted is None else max(0, wanted - settled)


def settled_images(project: Project) -> tuple[int, Counter[int]]:
    """How many images are settled, and on each class. One in several classes counts in each of them."""
    index = label_set.index(project)
    total, by_category = 0, Counter[int]()
    # Few answers occur, however many images there are: grouped by the whole tally, the database does the counting.
    voted = Image.objects.for_project(project).filter(status=Status.SETTLED, has_decision=False)
    for tally, n in voted.order_by().values_list("tally").annotate(n=Count("id")):
        total += n
        for pk in index.present(votes.vote(tally).categories or ()):
            by_category[pk] += n
    decided = Decision.objects.filter(image__project=project, withdrawn_at=None)
    for ids, undecidable, n in decided.order_by().values_list("categories", "undecidable").annotate(n=Count("id")):
        if undecidable:  # settled without an answer, and left out of the data set
            continue
        total += n
        for pk in index.present(ids):
            by_category[pk] += n
    return total, by_category
