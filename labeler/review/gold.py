"""Images whose answer is known: choose them, retire them, score people by them. The only module that writes Gold.

Handing them out is labeling/gold_and_repeats.py's part: at the project's share, at a place drawn at random, blind,
without a seat. Answers to them carry the purpose gold and are no votes. A person's score counts only these: a vote
given before an image became gold may be what made it gold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.consensus import objects as agreed_objects
from labeler.consensus import snapshots
from labeler.errors import Conflict, Invalid, NotFound
from labeler.geometry import overlaps
from labeler.label_set import categories as label_set
from labeler.label_set.categories import CategoryIndex
from labeler.labeling import object_rows
from labeler.labeling.objects import Drawn, shape_of
from labeler.models import Category, Decision, Gold, Image, Project
from labeler.models.image import Status
from labeler.models.label import Answer
from labeler.models.statements import fetch
from labeler.review import adjudication
from labeler.stats import tally as votes
from labeler.stats.anchoring import share_of

MOST = 2000


def add(
    *,
    project: Project,
    by: User,
    image_id: int,
    categories: Iterable[int | str] | None = None,
    drawn: Sequence[Any] | None = None,
    explanation: str = "",
) -> Gold:
    """Make an image gold. categories: what it is; None: what a reviewer decided, or all votes (two or more) agree on.

    drawn: where people draw, the objects instead, as an answer has them.

    An image that was retired as gold comes back with the new answer. Raises NotFound, Invalid (nothing agreed, too
    many), CategoryNotInProject, WrongTask.
    """
    image = Image.objects.filter(project=project, pk=image_id).select_related("project").first()
    if image is None:
        raise NotFound(_("This project has no such image."))
    objects = None
    if project.draws:
        objects = _known_objects(image) if drawn is None else adjudication.known_objects(image, drawn)
        ids = sorted({one["category"] for one in objects})
    else:
        ids = label_set.check_answer(project, categories) if categories is not None else _agreed(image)
    with transaction.atomic():
        _stays(project, image_id)
        if Gold.objects.filter(project=project, retired_at=None).exclude(pk=image.pk).count() >= MOST:
            raise Invalid(
                _("A project has at most %(most)s gold images.") % {"most": f"{MOST:,}"}, fields={"image": ["too many"]}
            )
        gold, _new = Gold.objects.update_or_create(
            image=image,
            defaults={
                "project": project, "categories": ids, "drawn": objects, "added_by": by,
                "explanation": explanation.strip()[:500], "retired_at": None,
            },
        )  # fmt: skip
        audit(by, "gold.add", project=project, subject=f"image {image.pk}", categories=ids)
    return gold


def _stays(project: Project, image_id: int) -> None:
    """Until the end of the transaction nobody deletes the image. Raises NotFound when somebody has."""
    rows = Image.objects.select_for_update(no_key=True).filter(project=project, pk=image_id)
    if not rows.values_list("pk"):
        raise NotFound(_("This project has no such image."))


def known_answer(image: Image) -> list[int] | None:
    """What an image certainly is: as a reviewer decided, or as all of two or more votes say. None: nobody knows.

    Whatever method the project's consensus has: gold must not be made of a guess.
    """
    decision = None
    if image.has_decision:
        loaded = getattr(image, "standing", None)  # by consensus.standing_decisions()
        decision = loaded[0] if loaded else adjudication.standing(image)
    index = label_set.index(image.project)
    if decision is not None:
        return None if decision.undecidable else index.resolve(decision.categories)
    vote = votes.vote(image.tally)
    return vote.categories if vote.categories is not None and vote.share == 1.0 and vote.n >= 2 else None


def _agreed(image: Image) -> list[int]:
    found = known_answer(image)
    if found is None:
        raise Invalid(
            _("Say what this image is: no reviewer has decided it, and fewer than two people agree on it."),
            fields={"categories": ["needed"]},
        )
    return found


def known_objects(project: Project, images: Iterable[Image]) -> dict[int, list[dict[str, Any]]]:
    """What certainly is on images where people draw: as decided, or where all of two and more drew the same.

    By image, {category id, box | polygon | mask}; images of which nobody knows it are missing. Three queries.
    """
    listed = list(images)
    decided = agreed_objects.decisions([image.pk for image in listed if image.has_decision])
    found = {pk: row.drawn for pk, row in decided.items() if row.drawn is not None and not row.undecidable}
    by_votes = [image for image in listed if not image.has_decision and image.n_votes >= 2]
    for pk, places in agreed_objects.of_votes(project, by_votes).items():
        if all(place.settled and place.n == place.asked for place in places):
            found[pk] = [{"category": place.category, **place.shape} for place in places]
    return found


def _known_objects(image: Image) -> list[dict[str, Any]]:
    known = known_objects(image.project, [image])
    if image.pk in known:
        return known[image.pk]
    raise Invalid(
        _("Say what is on this image: no reviewer has decided it, and people do not all agree on it."),
        fields={"objects": ["needed"]},
    )


def offers(project: Project, category: Category | None = None) -> QuerySet[Image]:
    """Images whose answer is known and that are not gold, newest first; category: only of this class."""
    in_use = Gold.objects.filter(image=OuterRef("pk"), retired_at=None)
    decided = Decision.objects.filter(image=OuterRef("pk"), withdrawn_at=None, undecidable=False)
    agreed = Q(status=Status.SETTLED, has_decision=False, disagreement=0.0, n_votes__gte=2)
    if category is not None:
        decided = decided.filter(categories__contains=[category.pk])
        # Of several classes, the tally's keys are all of them together: such images come unfiltered.
        agreed &= Q(tally__has_key=votes.key([category.pk]))
    images = Image.objects.filter(project=project).filter(~Exists(in_use))
    fitting = images.filter(agreed | (Q(has_decision=True) & Exists(decided)))
    return fitting.prefetch_related(snapshots.standing_decisions()).order_by("-id")


def retire(*, project: Project, by: User, image_id: int) -> None:
    """Hand it out no more; answers to it keep their score. Raises Conflict when it is no gold image."""
    with transaction.atomic():
        changed = Gold.objects.filter(project=project, pk=image_id, retired_at=None).update(retired_at=timezone.now())
        if not changed:
            raise Conflict(_("This is no gold image."))
        audit(by, "gold.retire", project=project, subject=f"image {image_id}")


# ---------------------------------------------------------------- scores

# The present answer of each person to each gold image, cannot-tells included: nobody is right by not saying. Where
# people are told at once what it was, their first: whoever was told may change it, and would be right always.
_ANSWERS = """
    FROM labeler_label l JOIN labeler_gold g ON g.image_id = l.image_id
    WHERE l.project_id = %s AND l.purpose = 'gold'
      AND CASE WHEN %s THEN l.supersedes_id IS NULL ELSE l.superseded_at IS NULL END
      AND l.answer IN ('labeled', 'cannot_tell') AND (%s::bigint IS NULL OR l.image_id = %s)
"""
_OF_CLASSES = "SELECT l.{by}, l.answer, l.categories, g.categories, count(*)" + _ANSWERS + "GROUP BY 1, 2, 3, 4"
_OF_OBJECTS = (
    "SELECT l.{by}, l.id, l.answer, l.categories, l.image_id" + _ANSWERS + "AND g.drawn IS NOT NULL ORDER BY l.id"
)


def scores(project: Project) -> dict[int, dict[str, Any]]:
    """By person: {value, low, high, n, reason}, the share right on gold with Wilson's 95 % interval."""
    return {
        person: share_of(found.right, found.n).as_dict() for person, found in _told(project, "annotator_id").items()
    }


DOUBTFUL_FROM = 3  # answers: two who err are nothing unusual


@dataclass(slots=True)
class Told:
    """What people answered, all of them or one, to one gold image or all."""

    n: int = 0
    right: int = 0
    answers: dict[tuple[int, ...] | None, int] = field(default_factory=dict)  # None: cannot tell

    @property
    def is_doubtful(self) -> bool:
        """Most people say something else: then it is the gold answer that is probably wrong, or the image unclear."""
        return self.n >= DOUBTFUL_FROM and 2 * self.right < self.n

    @property
    def share(self) -> dict[str, Any]:
        return share_of(self.right, self.n).as_dict()


def scores_of_images(project: Project, image_id: int | None = None) -> dict[int, Told]:
    """By image, all or this one: how many people answered it as gold, how many were right, and what they said."""
    return _told(project, "image_id", image_id)


def _told(project: Project, by: str, image_id: int | None = None) -> dict[int, Told]:
    if project.draws:
        return _told_of_objects(project, by, image_id)
    # Merges are followed on both sides: whoever says what a class was merged into says the same.
    index = label_set.index(project)
    found: dict[int, Told] = {}
    rows = fetch(_OF_CLASSES.format(by=by), [project.pk, project.gold_feedback, image_id, image_id])
    for pk, answer, said, known, n in rows:
        told = found.setdefault(pk, Told())
        named = tuple(index.resolve(said)) if answer == Answer.LABELED else None
        told.n += n
        told.right += n * (named == tuple(index.resolve(known)))
        told.answers[named] = told.answers.get(named, 0) + n
    return found


def _told_of_objects(project: Project, by: str, image_id: int | None) -> dict[int, Told]:
    """The same where people draw: n counts known objects and invented ones, right those that were found."""
    index = label_set.index(project)
    rows = fetch(_OF_OBJECTS.format(by=by), [project.pk, project.gold_feedback, image_id, image_id])
    drawn = object_rows.read([row[1] for row in rows])
    known = {row.pk: row for row in Gold.objects.filter(pk__in={row[4] for row in rows}).select_related("image")}
    found: dict[int, Told] = {}
    for pk, label, answer, said, image in rows:
        told = found.setdefault(pk, Told())
        right, n = _score(known[image].image, known[image].drawn or [], drawn[label], iou=project.gold_iou, index=index)
        told.right += right
        told.n += max(n, 1)  # a known "nothing here" is one thing to be right about
        told.right += n == 0 and answer == Answer.LABELED
        named = tuple(index.resolve(said)) if answer == Answer.LABELED else None
        told.answers[named] = told.answers.get(named, 0) + 1
    return found


def _score(
    image: Image, known: Sequence[Mapping[str, Any]], drawn: Sequence[Drawn], *, iou: float, index: CategoryIndex
) -> tuple[int, int]:
    """(right, n): n counts the known objects and those that the person invented, right the known ones found.

    Found: the best free match by falling overlap is at least `iou` and has the class. Merged classes are what they were
    merged into. An object of another class at the place of a known one is one error, not two.
    """
    shapes = [shape_of(one) for one in known]
    if not shapes or not drawn:
        return 0, len(shapes) + len(drawn)
    i, j, value = overlaps.iou_pairs(
        shapes, [one.shape for one in drawn], least=iou, width=image.width, height=image.height
    )
    taken_known: set[int] = set()
    taken_drawn: set[int] = set()
    right = 0
    for at in np.argsort(-value, kind="stable").tolist():
        a, b = int(i[at]), int(j[at])
        if a in taken_known or b in taken_drawn:
            continue
        taken_known.add(a)
        taken_drawn.add(b)
        right += index.resolve([known[a]["category"]]) == index.resolve([drawn[b].category])
    return right, len(shapes) + len(drawn) - len(taken_drawn)


def feedback(
    *, image_id: int, categories: Iterable[int], drawn: Sequence[Drawn] | None = None
) -> dict[str, Any] | None:
    """What to tell somebody who has just answered a gold image: {right, categories, explanation}; None: nothing.

    categories: their answer, empty for a cannot-tell; drawn: their objects, where people draw.
    Only where the project wants it: a person who is told learns which images are gold. What was retired since teaches
    nobody.
    """
    found = Gold.objects.filter(image=image_id, retired_at=None, project__gold_feedback=True)
    gold = found.select_related("project").first()
    if gold is None:
        return None
    index = label_set.index(gold.project)
    known = index.resolve(gold.categories)
    told = {"categories": index.label(known), "explanation": gold.explanation}
    if gold.project.draws and gold.drawn is not None:
        image = Image.objects.get(pk=image_id)
        right, n = _score(image, gold.drawn, drawn or [], iou=gold.project.gold_iou, index=index)
        objects = [{**one, "category": index.names[one["category"]]} for one in gold.drawn]
        return {"right": right == n and drawn is not None, **told, "objects": objects}
    return {"right": index.resolve(categories) == known, **told}
