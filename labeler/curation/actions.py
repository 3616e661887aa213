"""What can be done to a set of images, each by one verb of its owner: a batch at a time, and what came of it counted.

Every action may be done twice to the same images, as happens when a worker died between a batch and its progress:
the second time finds nothing to do. Knows no job and no request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeler.agreement import rounds
from labeler.curation import deletion
from labeler.errors import Invalid, LabelerError
from labeler.intake import import_metadata
from labeler.intake.formats.metadata import Described
from labeler.label_set import categories as label_set
from labeler.labeling import blindness, claims, labels, priorities
from labeler.models import Project
from labeler.review import gold

LONGEST_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done: to a batch of images, with what was asked for."""

    act: Callable[[Project, User, Sequence[int], Mapping[str, Any]], int]  # how many were changed
    check: Callable[[Project, Mapping[str, Any]], dict[str, Any]]  # what was asked for, checked; raises Invalid
    of_trash: bool = False  # of images in the trash, and no others


def _nothing(project: Project, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _delete(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    return len(deletion.delete(project=project, by=by, image_ids=ids))


def _restore(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    return len(deletion.restore(project=project, by=by, image_ids=ids))


def _first(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    return priorities.put_first(project=project, by=by, image_ids=ids)


def _again(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    # The rounds as they were seen when it was asked for: done twice, nothing is sent back twice.
    of_rounds = {int(pk): n for pk, n in asked["rounds"].items()}
    here = project.images.filter(pk__in=ids).values_list("pk", flat=True)
    return rounds.send_back(
        project=project, by=by, image_ids=list(here), reason=asked.get("reason", ""), of_rounds=of_rounds
    )


def _reason(project: Project, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"reason": str(asked.get("reason", ""))[:200]}


def _gold(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    done = 0
    for pk in ids:
        try:
            gold.add(project=project, by=by, image_id=pk, categories=asked.get("categories"))
            done += 1
        except LabelerError:
            continue  # nothing agreed, or gone: it stays as it is, and is counted so
    return done


def _classes(project: Project, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"categories": label_set.check_answer(project, asked.get("categories") or [])}


def _known_or_classes(project: Project, asked: Mapping[str, Any]) -> dict[str, Any]:
    return _classes(project, asked) if asked.get("categories") else {}


def _metadata(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    rows = [Described(n, pk, "id", {asked["key"]: asked["value"]}) for n, pk in enumerate(ids, 1)]
    return import_metadata.describe(project=project, by=by, rows=rows).updated


def _field(project: Project, asked: Mapping[str, Any]) -> dict[str, Any]:
    key, value = str(asked.get("key", "")).strip(), asked.get("value")
    if not key or len(key) > 100 or "\0" in key:
        raise Invalid(_("Name the field: 1 to 100 characters."), fields={"key": ["needed"]})
    if isinstance(value, dict | list) or (isinstance(value, str) and len(value) > LONGEST_VALUE):
        raise Invalid(
            _("A value is a text of at most 1,000 characters, a number, true or false."), fields={"value": ["no value"]}
        )
    return {"key": key, "value": None if value == "" else value}


def _label(project: Project, by: User, ids: Sequence[int], asked: Mapping[str, Any]) -> int:
    """As judgements of this person's own. They chose the images by what is said of them, so none counts as blind."""
    mine = claims.claim_these(project=project, annotator=by, image_ids=ids)
    blindness.remember(by, told=mine)
    done = 0
    for pk in mine:
        try:
            labels.save_label(image_id=pk, annotator=by, categories=asked["categories"])
            done += 1
        except LabelerError:
            continue  # deleted at this moment, say
    return done


ACTIONS = {
    "delete": Action(_delete, _nothing),
    "restore": Action(_restore, _nothing, of_trash=True),
    "first": Action(_first, _nothing),
    "again": Action(_again, _reason),
    "gold": Action(_gold, _known_or_classes),
    "metadata": Action(_metadata, _field),
    "label": Action(_label, _classes),
}
