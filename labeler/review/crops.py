"""Objects that the active model sees, one crop each: all of these are of one class, which are not?

Chooses crops, keeps what people say of them, and counts how often the model was right. A verdict settles nothing: it is
no label and no vote, and goes to the ObjectVerdict row alone (docs/decisions/0023). Which images may be shown to whom
is labeling/blindness.py's; what was shown is remembered there by who sends it. What people call wrong is left out of
pre-labels by training/prelabels.py. The only module that writes ObjectVerdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler.access import may_review
from labeler.errors import Invalid, NotFound
from labeler.geometry.shapes import bounds_of
from labeler.labeling import member_lock
from labeler.labeling.blindness import model_hidden_sql
from labeler.labeling.objects import shape_of
from labeler.models import Image, ObjectVerdict, Project, Task, TrainingRun
from labeler.models.statements import fetch
from labeler.stats.anchoring import share_of
from labeler.stats.results import Stat
from labeler.training import prelabels

PAGE_SIZE = 40
VERDICTS = tuple(ObjectVerdict.Verdict.values)
SEED = 20240229  # fixed: people see the same objects in one order, so that several judge one object

# Of each object of the active model's predictions whether this person may see it and has not answered it. As
# blindness.sight() has it: reviewers see the model's word; annotators after their own answer, when the votes are
# complete; and nobody on what is hidden from all.
_OBJECTS = f"""
    FROM labeler_prediction p
    JOIN labeler_image i ON i.id = p.image_id AND i.project_id = %(project)s
    CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(p.drawn) WHEN 'array' THEN p.drawn ELSE '[]' END) o
    WHERE p.run_id = %(run)s
      AND (coalesce((o->>'shown')::boolean, true) OR coalesce((o->>'refused')::boolean, false))
      AND NOT {model_hidden_sql("i")}
      AND (%(may_review)s OR (i.status IN ('settled', 'disputed') AND EXISTS (
          SELECT FROM labeler_label l WHERE l.image_id = i.id AND l.round = i.round AND l.annotator_id = %(person)s
            AND l.superseded_at IS NULL AND l.answer IN ('labeled', 'cannot_tell'))))
"""
_UNANSWERED = """
      AND NOT EXISTS (
          SELECT FROM labeler_objectverdict v
          WHERE v.project_id = %(project)s AND v.model = %(model)s AND v.image_id = p.image_id
            AND v.number = (o->>'number')::bigint AND v.person_id = %(person)s)
"""
# Not surest first: a share of right ones counted from the surest alone would flatter the model.
_PAGE = f"""
    SELECT p.image_id, o::text {_OBJECTS} {_UNANSWERED} AND (o->>'category')::bigint = %(category)s
    ORDER BY hashint8extended(p.image_id, {SEED}), p.image_id, hashint8extended((o->>'number')::bigint, {SEED})
    LIMIT {PAGE_SIZE}
"""
_WAITING = f"SELECT (o->>'category')::bigint, count(*) {_OBJECTS} {_UNANSWERED} GROUP BY 1"
_THESE = f"SELECT p.image_id, o::text {_OBJECTS} AND p.image_id = ANY (%(images)s)"
# Several people on one object count once: what most of them say; where as many say one as the other, nothing.
_TOLD = """
    WITH objects AS (
        SELECT category, count(*) FILTER (WHERE verdict = 'keep') - count(*) FILTER (WHERE verdict = 'wrong') AS lead
        FROM labeler_objectverdict WHERE run_id = %s GROUP BY image_id, number, category)
    SELECT category, count(*) FILTER (WHERE lead > 0), count(*) FILTER (WHERE lead < 0)
    FROM objects GROUP BY category ORDER BY category
"""


# ---------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True)
class Crop:
    """One object as the active model sees it."""

    image: Image
    number: int  # in the model's prediction for the image
    box: list[float]  # x, y, width, height in px of the upright image
    shape: dict[str, Any]  # box, polygon or mask
    probability: float | None  # None: an outside model that gave none


def open_crops(*, project: Project, member: User, run: TrainingRun | None, category: int) -> list[Crop]:
    """Up to 40 objects of one class (its id) that this member may see and has not answered, in one fixed order.

    run: the active model; None: nothing. Nothing either where no single objects are drawn. project: as access.py hands
    it out, with the member's role. What is sent of them must be remembered: blindness.remember(told=...).
    """
    if run is None or not has_objects(project):
        return []
    found = _objects(_PAGE, project, member, run, category=category)
    images = Image.objects.in_bulk({image for image, _one in found})
    return [
        Crop(images[image], one["number"], _box(one), shape_of(one), one.get("probability"))
        for image, one in found
        if image in images
    ]


def waiting(project: Project, member: User, run: TrainingRun | None) -> dict[int, int]:
    """How many objects of each class, by its id, this member may still answer."""
    if run is None or not has_objects(project):
        return {}
    return dict(fetch(_WAITING, _params(project, member, run)))


def has_objects(project: Project) -> bool:
    """Are there single objects to ask about? Not where whole images have classes, nor where each pixel has one."""
    return project.draws and project.task != Task.SEMANTIC


def _params(project: Project, member: User, run: TrainingRun) -> dict[str, Any]:
    return {
        "project": project.pk, "person": member.pk, "may_review": may_review(project), "run": run.pk,
        "model": run.number,
    }  # fmt: skip


def _objects(
    query: str, project: Project, member: User, run: TrainingRun, **more: Any
) -> list[tuple[int, dict[str, Any]]]:
    return [(image, json.loads(one)) for image, one in fetch(query, _params(project, member, run) | more)]


def _box(one: Mapping[str, Any]) -> list[float]:
    bounds = bounds_of(shape_of(one))
    return [bounds.x0, bounds.y0, bounds.x1 - bounds.x0, bounds.y1 - bounds.y0]


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a member says of one object: keep, or wrong."""

    image_id: int
    number: int
    verdict: str


@transaction.atomic
def answer_crops(*, project: Project, member: User, model: int, answers: Sequence[Answer]) -> list[bool]:
    """Keep a page of verdicts, each in the place of the person's last one; which of them were kept, in order.

    model: the number of the run whose objects they are, active or not by now. Sent again, the same call changes
    nothing. What more people call wrong than keep is left out of the pre-label, where nobody was shown it. One is not
    kept when the prediction is gone, or its image may not be shown to this person by now: it keeps no other from being
    kept. Raises Invalid, NotFound for strangers and unknown models, Paused.
    """
    if not 1 <= len(answers) <= PAGE_SIZE:
        raise Invalid(
            _("Send 1 to %(most_items)s items.") % {"most_items": PAGE_SIZE},
            fields={"items": ["too many" if answers else "none"]},
        )
    if len({(one.image_id, one.number) for one in answers}) < len(answers):
        raise Invalid(_("An object is named twice."), fields={"items": ["an object is named twice"]})
    run = TrainingRun.objects.filter(project=project, number=model).only("pk", "number").first()
    if run is None:
        raise NotFound(_("This project has no such model."))
    member_lock.refuse_paused(member_lock.lock_member(project, member))
    images = sorted({one.image_id for one in answers})
    there = {(image, one["number"]): one for image, one in _objects(_THESE, project, member, run, images=images)}
    rows = []
    for one in sorted(answers, key=lambda one: (one.image_id, one.number)):
        if (seen := there.get((one.image_id, one.number))) is not None:
            rows.append(
                ObjectVerdict(
                    project=project,
                    image_id=one.image_id,
                    person=member,
                    run=run,
                    model=run.number,
                    number=one.number,
                    category=seen["category"],
                    box=_box(seen),
                    probability=seen.get("probability"),
                    verdict=one.verdict,
                    created_at=Now(),
                )
            )
    ObjectVerdict.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["project", "model", "image", "number", "person"],
        update_fields=["verdict", "created_at"],
    )
    refused: dict[int, set[int]] = {image: set() for image in images}
    for image, number in ObjectVerdict.objects.filter(run=run, image__in=images).found_wrong():
        refused[image].add(number)
    prelabels.refuse_objects(run, refused)
    return [(one.image_id, one.number) in there for one in answers]


# ---------------------------------------------------------------- how often the model was right


def precision(run: TrainingRun | None) -> dict[int, Stat]:
    """Share of a model's objects that people kept, by the id of the class, with its interval; classes that were judged.

    n: objects, each once however many people judged it; ties count as neither. Of objects at least as sure as their
    class's threshold, on images that are not judged blind; it is no figure of a held-out sample.
    """
    if run is None:
        return {}
    return {category: share_of(kept, kept + wrong) for category, kept, wrong in fetch(_TOLD, [run.pk]) if kept + wrong}
