"""Snapshots of the vote: what each image is taken to be. The only module that writes Consensus.

A save maintains counters only (labeling.py); here a worker, or an export that wants to be exact, turns those that
changed into rows. A reviewer's standing decision is above every vote. Other methods (Dawid-Skene) will fill the same
table.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Prefetch, Q
from django.db.models.functions import Now

from labeler.models import Consensus, Decision, Image, Project
from labeler.stats import tally as votes

BATCH = 1000
# How a consensus came about. In multi-label work a decision may name no class at all, and that is an answer: only
# the method tells it from an image that does not say.
MAJORITY, DECISION, UNDECIDABLE = "majority", "decision", "undecidable"


def of(image: Image, decision: Decision | None) -> Consensus:
    """The consensus of one image, not saved: its decision, or the plurality of its votes (ties name nothing).

    A reviewer who found that the image does not say names nothing either: then the method is "undecidable".
    """
    if decision is not None:
        named = None if decision.undecidable else list(decision.categories)
        return Consensus(
            image=image, project_id=image.project_id, categories=named, confidence=None, is_tie=False,
            method=UNDECIDABLE if decision.undecidable else DECISION, n_votes=image.n_votes,
        )  # fmt: skip
    outcome = votes.vote(image.tally)
    return Consensus(
        image=image, project_id=image.project_id, categories=outcome.categories, confidence=outcome.share,
        is_tie=outcome.is_tie, method=MAJORITY, n_votes=image.n_votes,
    )  # fmt: skip


def standing_decisions() -> Prefetch:
    """Prefetch for Image querysets: `image.standing` holds the decision that stands, or nothing."""
    return Prefetch("decisions", Decision.objects.filter(withdrawn_at=None), to_attr="standing")


def current(images: Iterable[Image]) -> dict[int, Consensus]:
    """Consensus by image id, computed from counters and decisions now; nothing is written.

    Images should come with standing_decisions(), or each costs a query when it has a decision.
    """
    found = {}
    for image in images:
        standing = getattr(image, "standing", None)
        if standing is None and image.has_decision:
            standing = list(image.decisions.filter(withdrawn_at=None))
        found[image.pk] = of(image, standing[0] if standing else None)
    return found


def refresh(project: Project, image_ids: Iterable[int] | None = None) -> int:
    """Bring the snapshots of a project up to date; how many changed. Safe to run twice, and beside people who label.

    `image_ids`: only these are looked at, when the caller knows which have new votes.
    """
    changed = 0
    stale = (
        Image.objects.filter(project=project)
        .filter(Q(n_votes__gt=0) | Q(has_decision=True) | Q(consensus__isnull=False))
        .select_related("consensus")
        .prefetch_related(standing_decisions())
        .order_by("id")
    )
    if image_ids is not None:
        stale = stale.filter(pk__in=image_ids)
    batch: list[Consensus] = []
    for image in stale.iterator(chunk_size=BATCH):
        # Read first: making the new row puts it in the old one's place on the image.
        old = getattr(image, "consensus", None)
        new = current([image])[image.pk]
        if old is not None and _same(old, new):
            continue
        new.version = old.version + 1 if old else 1
        batch.append(new)
        if len(batch) == BATCH:
            changed += _store(batch)
            batch = []
    return changed + _store(batch)


def _same(old: Consensus, new: Consensus) -> bool:
    return (old.categories, old.confidence, old.is_tie, old.method, old.n_votes) == (
        new.categories, new.confidence, new.is_tie, new.method, new.n_votes,
    )  # fmt: skip


def _store(batch: list[Consensus]) -> int:
    if batch:
        for row in batch:
            row.computed_at = Now()
        with transaction.atomic():
            Consensus.objects.bulk_create(
                batch,
                update_conflicts=True,
                unique_fields=["image"],
                update_fields=["categories", "confidence", "is_tie", "method", "n_votes", "version", "computed_at"],
            )
    return len(batch)
