"""In what a person's own drawn answers differ from what their images were settled on: how many of each kind.

Never whose the other objects are, nor where they lie: the person sees that something differs, as for classes. Knows
what an image is settled on (consensus/objects.py) and what each kind means (stats/objects/differences.py).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from django.db.models import Q, QuerySet

from labeler.agreement import object_differences
from labeler.consensus import objects as consensus
from labeler.labeling import object_rows
from labeler.labeling.objects import shape_of
from labeler.models import Label, Project
from labeler.models.image import Status
from labeler.models.label import Answer, Purpose
from labeler.stats.objects.differences import Kind

PER_PAGE = 24  # each is compared by geometry
LOOKED_AT = 10 * PER_PAGE  # answers that one request compares, in search of those that differ

Differences = dict[Kind, int]
Told = Callable[[Sequence[Label]], Container[int]]  # ids of the images whose outcome the person may know


def differences(project: Project, labels: Sequence[Label]) -> dict[int, Differences]:
    """By label: how many of each kind, those that occur. Labels that can be compared with nothing are missing.

    labels: with their images. Three queries.
    """
    answered = [label for label in labels if label.answer == Answer.LABELED]
    drawn = object_rows.read(label.pk for label in answered)
    outcomes = consensus.current(project, [label.image for label in answered])
    found = {}
    for label in answered:
        if label.image_id not in outcomes:
            continue
        known = [(one["category"], shape_of(one)) for one in consensus.settled(outcomes[label.image_id])]
        own = [(one.category, one.shape) for one in drawn[label.pk]]
        size = {"width": label.image.width, "height": label.image.height}
        found[label.pk] = object_differences.of_answer(project, own, known, **size)
    return found


def differing(
    project: Project, own: QuerySet[Label], told: Told, before: int | None
) -> tuple[list[Label], dict[int, Differences], int | None]:
    """A page of answers that differ from what their image was settled on, latest first; where the next page begins.

    own: answers, latest first. before: only answers with a lower id. A page may hold fewer than PER_PAGE, and yet have
    a next one: at most LOOKED_AT answers are compared.
    """
    compared = own.filter(
        Q(image__n_votes__gt=1) | Q(image__has_decision=True), image__status=Status.SETTLED, answer=Answer.LABELED
    ).exclude(purpose=Purpose.REPEAT)
    if before is not None:
        compared = compared.filter(pk__lt=before)
    rows: list[Label] = []
    found: dict[int, Differences] = {}
    looked_at = list(compared[: LOOKED_AT + 1])
    for start in range(0, LOOKED_AT, PER_PAGE):
        some = looked_at[start : min(start + PER_PAGE, LOOKED_AT)]
        known = told(some)
        kinds = differences(project, [label for label in some if label.image_id in known])
        for label in some:
            if not kinds.get(label.pk):
                continue
            if len(rows) == PER_PAGE:
                return rows, found, rows[-1].pk
            rows.append(label)
            found[label.pk] = kinds[label.pk]
        if not some:
            break
    return rows, found, looked_at[LOOKED_AT - 1].pk if len(looked_at) > LOOKED_AT else None
