"""Settle a disagreement: a reviewer's decision, above every vote. The only module that writes Decision.

What follows for the image is labeling/counters.py's. Does not know who may decide (the caller has checked the role),
nor how votes become a consensus (consensus/snapshots.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.consensus import snapshots
from labeler.errors import Conflict, NotFound, StaleVersion, WrongTask
from labeler.label_set import categories as label_set
from labeler.labeling import counters, objects
from labeler.models import Decision, Image

LONGEST_REASON = 10_000


def standing(image: Image) -> Decision | None:
    """The decision that holds, or None when the vote does."""
    return Decision.objects.filter(image=image, withdrawn_at__isnull=True).first() if image.has_decision else None


def version_of(image: Image, decision: Decision | None) -> str:
    """Changes whenever the outcome of an image may have: another decision, another vote. The ETag of its consensus."""
    outcome = [
        image.project.salt,
        image.pk,
        decision.pk if decision else 0,
        image.round,
        sorted(image.tally.items()),
    ]
    # Hashed with the project's secret: else somebody could try which votes give this version.
    return hashlib.sha256(json.dumps(outcome).encode()).hexdigest()[:16]


def decide(
    *,
    image_id: int,
    reviewer: User,
    categories: Iterable[int | str] = (),
    drawn: Sequence[Any] | None = None,
    undecidable: bool = False,
    reason: str = "",
    expected_version: str | None = None,
) -> Decision:
    """Say what an image is, whatever the votes say; an earlier decision is withdrawn, not lost.

    categories: ids or names, as the project's task wants them. drawn: where people draw, the objects instead, as an
    answer has them (labeling/objects.py); [] says that there is nothing. undecidable: nobody can say it from this
    image; it is settled without an answer, and left out of data sets and training. expected_version: of version_of(),
    to refuse when votes or decision have changed since the reviewer looked. Raises NotFound, CategoryNotInProject,
    WrongTask, StaleVersion, ObjectsRefused.
    """
    named = list(categories)
    if undecidable and named:
        raise WrongTask(
            _("An image that does not say it has no class: send either classes or undecidable."),
            fields={"categories": ["beside undecidable"]},
        )
    with transaction.atomic():
        image = _locked(image_id)
        kept, ids = (None, []) if undecidable else _said(image, named, drawn)
        earlier = standing(image)
        _check_version(image, earlier, expected_version)
        if earlier is not None:
            withdraw_all([image.pk], by=reviewer)
        decision = Decision.objects.create(
            image=image,
            reviewer=reviewer,
            categories=ids,
            drawn=kept,
            undecidable=undecidable,
            reason=reason[:LONGEST_REASON],
            round=image.round,
        )
        counters.decided(image, True)
        audit(
            reviewer, "consensus.decide", project=image.project_id, subject=f"image {image.pk}", categories=ids,
            undecidable=undecidable,
        )  # fmt: skip
        snapshots.refresh(image.project, [image.pk])
    return decision


def _said(
    image: Image, named: list[int | str], drawn: Sequence[Any] | None
) -> tuple[list[dict[str, Any]] | None, list[int]]:
    """What a decision keeps: the objects, None where people name classes; and the classes, by id."""
    sent = objects.sent_for(image.project, drawn, named)
    if sent is None:
        return None, label_set.check_answer(image.project, named)
    kept = known_objects(image, sent)
    return kept, sorted({one["category"] for one in kept})


def known_objects(image: Image, drawn: Sequence[Any]) -> list[dict[str, Any]]:
    """Objects that somebody sent, checked as those of an answer are, as a decision or a known answer keeps them.

    A question that must be answered may be left open: who decides between drawings may have none to take it from.
    """
    found = objects.check(
        project=image.project, width=image.width, height=image.height, sent=drawn, may_be_unanswered=True
    )
    return [
        {"category": one.category, **one.shape, **({"attributes": one.attributes} if one.attributes else {})}
        for one in found.objects
    ]


def withdraw(*, image_id: int, reviewer: User, expected_version: str | None = None) -> None:
    """Return an image to its votes. Raises NotFound, Conflict without a decision, StaleVersion."""
    with transaction.atomic():
        image = _locked(image_id)
        decision = standing(image)
        _check_version(image, decision, expected_version)
        if decision is None:
            raise Conflict(_("There is no decision on this image to withdraw."))
        withdraw_all([image.pk], by=reviewer)
        counters.decided(image, False)
        audit(reviewer, "consensus.withdraw", project=image.project_id, subject=f"image {image.pk}")
        snapshots.refresh(image.project, [image.pk])


def withdraw_all(image_ids: Iterable[int], by: User) -> None:
    """Withdraw what stands on these images, whose next round begins (labeling/seats.py). Call with them locked."""
    standing = Decision.objects.filter(image__in=image_ids, withdrawn_at=None)
    standing.update(withdrawn_at=timezone.now(), withdrawn_by=by)


def _locked(image_id: int) -> Image:
    # The image, as a save locks it: its status must not be computed from votes that are changing.
    try:
        return (
            Image.objects.select_for_update(of=("self",), no_key=True)
            .select_related("project")
            .get(pk=image_id, project__trashed_at__isnull=True)
        )
    except Image.DoesNotExist as error:
        raise NotFound(_("There is no such image.")) from error


def _check_version(image: Image, decision: Decision | None, expected: str | None) -> None:
    current = version_of(image, decision)
    if expected is not None and expected != current:
        raise StaleVersion(
            _("Votes or the decision on this image have changed since you looked. Look again, then decide."),
            current=current,
        )
