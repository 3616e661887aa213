"""The consensus of each image as a row. The only module that writes Consensus.

A save maintains counters only (labeling/labels.py); here a worker, or an export that wants to be exact, turns those
that changed into rows. A reviewer's standing decision is above every vote. Other methods
(reliability.py) store their answers through this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, Q

from labeler.labeling import blindness
from labeler.models import Consensus, Decision, Image, Project
from labeler.models.statements import columns, execute, fetch, partly, whole
from labeler.stats import tally as votes

BATCH = 1000
NOTICEABLE = 0.005  # a probability that moved less is not written again
# How a consensus came about. In multi-label work a decision may name no class at all, and that is an answer: only
# the method tells it from an image that does not say.
MAJORITY, DECISION, UNDECIDABLE = "majority", "decision", "undecidable"
# By a project's setting, from all its votes at once (reliability.py).
WITH_MODEL = "with_model"
INFERRED = ("one_coin", "dawid_skene", WITH_MODEL)
# Nobody has labeled the image: the model's answer alone, where the project wants one (Project.model_fills). Nothing is
# trained on it, and no figure about people or about the model counts it.
MODEL = "model"


def consensus_of(image: Image, decision: Decision | None) -> Consensus:
    """The consensus of one image, not saved: its decision, or the plurality of its votes (ties name nothing).

    A reviewer who found that the image does not say names nothing either: then the method is "undecidable".
    """
    if decision is not None:
        named = None if decision.undecidable else list(decision.categories)
        confidence, is_tie, method = None, False, UNDECIDABLE if decision.undecidable else DECISION
    elif image.disputed_objects is not None:
        # People draw: which classes most of them found. The objects themselves are in objects.py.
        named = votes.classes_of_most(image.tally)
        confidence, is_tie, method = 1 - image.disagreement / 2, image.disputed_objects > 0, MAJORITY
    else:
        outcome = votes.vote(image.tally)
        named, confidence, is_tie, method = outcome.categories, outcome.share, outcome.is_tie, MAJORITY
    return Consensus(
        image=image, project_id=image.project_id, categories=named, confidence=confidence, is_tie=is_tie,
        method=method, n_votes=image.n_votes,
    )  # fmt: skip


def digest(tally: dict[str, int]) -> str:
    """Which votes these are, in sixteen characters."""
    return hashlib.sha256(json.dumps(sorted(tally.items())).encode()).hexdigest()[:16]


def standing_decisions() -> Prefetch:
    """Prefetch for Image querysets: `image.standing` holds the decision that stands, or nothing."""
    return Prefetch("decisions", Decision.objects.filter(withdrawn_at=None), to_attr="standing")


def current(images: Iterable[Image]) -> dict[int, Consensus]:
    """Consensus by image id, from counters, decisions and what was inferred from the present votes; nothing is written.

    Decisions are read here, by one query, unless the images come with standing_decisions().
    """
    shown = list(images)
    decisions = _decisions([image.pk for image in shown if image.has_decision and not hasattr(image, "standing")])
    inferred = _inferred(shown)
    found = {}
    for image in shown:
        standing = next(iter(getattr(image, "standing", ())), None) or decisions.get(image.pk)
        held = inferred.get(image.pk) if standing is None else None
        found[image.pk] = held or consensus_of(image, standing)
    return found


def shown_consensus(images: Iterable[Image]) -> dict[int, Consensus]:
    """current(), as a person may see it: without the model's word where labeling/blindness.py keeps it from everybody.

    Reviewers label too, and leads: with the model's answer on the screen they would no longer measure the model.
    """
    listed = list(images)
    found = current(listed)
    spoken = [i for i in listed if found[i.pk].method in (MODEL, WITH_MODEL)]
    hidden = blindness.hides_model(spoken)
    return found | {i.pk: consensus_of(i, None) for i in spoken if i.pk in hidden}


# What a list of images reads is by hand: building the queries took longer than all the rest of it.
_DECISION = ("id", "image_id", "categories", "undecidable")
_DECISIONS = f"""
    SELECT {", ".join(_DECISION)} FROM labeler_decision WHERE image_id = ANY (%s) AND withdrawn_at IS NULL
"""
_INFERRED = f"""
    SELECT {columns(Consensus, "c")} FROM labeler_consensus c JOIN labeler_project p ON p.id = c.project_id
    WHERE c.image_id = ANY (%(images)s)
      AND (c.method = ANY (%(inferred)s) AND c.method = p.consensus_method AND c.n_votes > 0
           OR c.method = %(model)s AND p.model_fills AND p.consensus_method = %(with_model)s)
"""


def _decisions(image_ids: list[int]) -> dict[int, Decision]:
    """The decisions that stand, by image."""
    if not image_ids:
        return {}
    rows = fetch(_DECISIONS, [image_ids])
    return {row[1]: partly(Decision, dict(zip(_DECISION, row, strict=True))) for row in rows}


def _inferred(images: list[Image]) -> dict[int, Consensus]:
    """The inferred rows that still hold: made from exactly the votes there are, by the project's present method."""
    params: dict[str, Any] = {
        "images": [image.pk for image in images if not image.has_decision],
        "inferred": list(INFERRED),
        "model": MODEL,
        "with_model": WITH_MODEL,
    }
    by_image = {row.image_id: row for row in (whole(Consensus, found) for found in fetch(_INFERRED, params))}
    return {
        image.pk: row
        for image in images
        if (row := by_image.get(image.pk)) is not None and holds(row.method, row.votes, image.tally)
    }


def kept_methods(project: Project) -> list[str]:
    """Methods whose rows may say what the project's images are now; none where it is the majority."""
    if project.consensus_method not in INFERRED:
        return []
    fills = project.model_fills and project.consensus_method == WITH_MODEL
    return [project.consensus_method, MODEL] if fills else [project.consensus_method]


def holds(method: str, made_from: str, tally: dict[str, int]) -> bool:
    """Was a row of one of kept_methods() made from exactly these votes? made_from: their digest.

    The model alone answers only where nobody voted, any other method only where somebody could tell: else the model, or
    the shares of the classes, would pass for what people said.
    """
    is_for = not tally if method == MODEL else any(answer != votes.CANNOT_TELL for answer in tally)
    return is_for and made_from == digest(tally)


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a method makes of one image. categories: None where nothing can be named."""

    image_id: int
    categories: list[int] | None
    confidence: float
    votes: str  # digest of the tally it was made from
    n_votes: int


def store(project: Project, method: str, found: Iterable[Inferred]) -> int:
    """Write what was inferred, where it says something new; how many rows changed. Images with a decision are left."""
    changed, batch = 0, []
    there = Consensus.objects.filter(project=project).exclude(method__in=(DECISION, UNDECIDABLE))
    old = {
        pk: (method_, categories, confidence, votes_, version)
        for pk, method_, categories, confidence, votes_, version in there.values_list(
            "image_id", "method", "categories", "confidence", "votes", "version"
        ).iterator(chunk_size=10_000)
    }
    decided = set(Image.objects.filter(project=project, has_decision=True).values_list("pk", flat=True))
    for one in found:
        before = old.get(one.image_id)
        same = before is not None and before[:2] == (method, one.categories) and before[3] == one.votes
        if one.image_id in decided or (same and before and abs((before[2] or 0) - one.confidence) < NOTICEABLE):
            continue
        batch.append(
            Consensus(
                image_id=one.image_id, project=project, categories=one.categories, confidence=one.confidence,
                is_tie=one.categories is None, method=method, n_votes=one.n_votes, votes=one.votes,
                version=before[4] + 1 if before else 1,
            )
        )  # fmt: skip
        if len(batch) == BATCH:
            changed += _store(batch)
            batch = []
    return changed + _store(batch)


def forget_filled(project: Project) -> int:
    """Take back what the model alone said of images without a label; how many."""
    return Consensus.objects.filter(project=project, method=MODEL).delete()[0]


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
        if old is not None and _still_inferred(project, old, image):
            continue
        new = consensus_of(image, image.standing[0] if image.standing else None)  # type: ignore[attr-defined]
        if old is not None and _same(old, new):
            continue
        new.version = old.version + 1 if old else 1
        batch.append(new)
        if len(batch) == BATCH:
            changed += _store(batch)
            batch = []
    return changed + _store(batch)


def _still_inferred(project: Project, old: Consensus, image: Image) -> bool:
    is_present = old.method in kept_methods(project) and not image.has_decision
    return is_present and holds(old.method, old.votes, image.tally)


def _same(old: Consensus, new: Consensus) -> bool:
    return (old.categories, old.confidence, old.is_tie, old.method, old.n_votes) == (
        new.categories, new.confidence, new.is_tie, new.method, new.n_votes,
    )  # fmt: skip


# By hand: the ORM takes 10 s of a worker to write 100,000 rows.
_STORE = """
    INSERT INTO labeler_consensus (image_id, project_id, categories, confidence, is_tie, method, n_votes, votes,
                                   version, computed_at)
    SELECT t.image, t.project, t.categories::bigint[], t.confidence, t.is_tie, t.method, t.n_votes, t.votes, t.version,
           statement_timestamp()
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[], %s::bool[], %s::text[], %s::int[], %s::text[],
                %s::int[])
         AS t(image, project, categories, confidence, is_tie, method, n_votes, votes, version)
    ON CONFLICT (image_id) DO UPDATE
    SET categories = excluded.categories, confidence = excluded.confidence, is_tie = excluded.is_tie,
        method = excluded.method, n_votes = excluded.n_votes, votes = excluded.votes, version = excluded.version,
        computed_at = excluded.computed_at
"""


def _store(batch: list[Consensus]) -> int:
    if batch:
        values = [
            (
                row.image_id, row.project_id,
                # An array of arrays would need rows of one length.
                None if row.categories is None else f"{{{','.join(map(str, row.categories))}}}",
                row.confidence, row.is_tie, row.method, row.n_votes, row.votes, row.version,
            )
            for row in batch
        ]  # fmt: skip
        with transaction.atomic():
            execute(_STORE, [list(column) for column in zip(*values, strict=True)])
    return len(batch)
