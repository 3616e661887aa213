"""Images whose answer is known: choose them, retire them, score people by them. The only module that writes Gold.

Handing them out is queue.py's part: at the project's share, at a place drawn at random, blind, without a seat. Answers
to them carry the purpose gold and are no votes. A person's score counts only these: a vote given before an image became
gold may be what made it gold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import categories as label_set
from labeler.accounts import audit
from labeler.errors import Conflict, Invalid, NotFound
from labeler.models import Gold, Image, Project
from labeler.stats.anchoring import share_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 2000


def add(
    *, project: Project, by: User, image_id: int, categories: Iterable[int | str] | None = None, explanation: str = ""
) -> Gold:
    """Make an image gold. categories: what it is; None: what a reviewer decided, or all votes (two or more) agree on.

    An image that was retired as gold comes back with the new answer. Raises NotFound, Invalid (nothing agreed, too
    many), CategoryNotInProject, WrongTask.
    """
    image = Image.objects.filter(project=project, pk=image_id).first()
    if image is None:
        raise NotFound(_("This project has no such image."))
    ids = label_set.check_answer(project, categories) if categories is not None else _agreed(image)
    with transaction.atomic():
        if Gold.objects.filter(project=project, retired_at=None).exclude(pk=image.pk).count() >= MOST:
            raise Invalid(
                _("A project has at most %(most)s gold images.") % {"most": f"{MOST:,}"}, fields={"image": ["too many"]}
            )
        gold, _new = Gold.objects.update_or_create(
            image=image,
            defaults={
                "project": project, "categories": ids, "explanation": explanation.strip()[:500], "added_by": by,
                "retired_at": None,
            },
        )  # fmt: skip
        audit(by, "gold.add", project=project, subject=f"image {image.pk}", categories=ids)
    return gold


def _agreed(image: Image) -> list[int]:
    from labeler import consensus

    outcome = consensus.current([image])[image.pk]
    unanimous = outcome.confidence == 1.0 and outcome.n_votes >= 2
    if outcome.categories is None or not (outcome.method == "decision" or unanimous):
        raise Invalid(
            _("Say what this image is: no reviewer has decided it, and fewer than two people agree on it."),
            fields={"categories": ["needed"]},
        )
    return list(outcome.categories)


def retire(*, project: Project, by: User, image_id: int) -> None:
    """Hand it out no more; answers to it keep their score. Raises Conflict when it is no gold image."""
    with transaction.atomic():
        changed = Gold.objects.filter(project=project, pk=image_id, retired_at=None).update(retired_at=timezone.now())
        if not changed:
            raise Conflict(_("This is no gold image."))
        audit(by, "gold.retire", project=project, subject=f"image {image_id}")


# The present answer of each person to each gold image, cannot-tells included: nobody is right by not saying.
_SCORES = """
    SELECT l.annotator_id, count(*), count(*) FILTER (WHERE l.answer = 'labeled' AND l.categories = g.categories)
    FROM labeler_label l JOIN labeler_gold g ON g.image_id = l.image_id
    WHERE l.project_id = %s AND l.purpose = 'gold' AND l.superseded_at IS NULL
      AND l.answer IN ('labeled', 'cannot_tell')
    GROUP BY l.annotator_id
"""


def scores(project: Project) -> dict[int, dict[str, Any]]:
    """By person: {value, low, high, n, reason}, the share right on gold with Wilson's 95 % interval."""
    with connection.cursor() as cursor:
        cursor.execute(_SCORES, [project.pk])
        return {person: share_of(right, n).as_dict() for person, n, right in cursor.fetchall()}


def feedback(project: Project, image_id: int, categories: Iterable[int]) -> dict[str, Any] | None:
    """What to tell somebody who has just answered a gold image: {right, categories, explanation}; None: nothing.

    Only where the project wants it: a person who is told learns which images are gold.
    """
    if not project.gold_feedback:
        return None
    gold = Gold.objects.filter(project=project, pk=image_id).first()
    if gold is None:
        return None
    return {
        "right": sorted(categories) == gold.categories,
        "categories": label_set.index(project).label(gold.categories),
        "explanation": gold.explanation,
    }
