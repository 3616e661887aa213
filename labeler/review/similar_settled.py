"""Settled images that look like this one, with what was decided on them: the nearest by a backbone's features.

Deciding alike on what looks alike is what makes a data set consistent. Knows which images are settled; not how images
are compared (training/image_index.py), nor what the outcome means. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import prefetch_related_objects

from labeler.consensus import snapshots
from labeler.models import Decision, Image, Project, TrainingRun
from labeler.models.image import Status
from labeler.training import features, image_index

SHOWN = 6
MOST = 5_000  # decided images of a project that are compared, the newest
FEW = 50  # decided images: below, unanimous ones help out
UNANIMOUS = 1_000


@dataclass(frozen=True, slots=True)
class Lookalike:
    """One settled image."""

    image: Image
    categories: list[int] | None  # None: the image does not say
    reason: str  # of the decision; empty where the votes settled it
    similarity: float | None  # cosine; None: not compared, only of the same kind


def nearest(image: Image, run: TrainingRun | None, shown: int = SHOWN) -> list[Lookalike]:
    """Settled images, most similar first; [] where nobody has looked at this image with the features of `run`.

    run: the active model.
    """
    index = image_index.index_of(image.project)
    if index is None or index.name != features.of_run(run):
        return []
    found = image_index.nearest(image, shown, among=_to_compare(image.project)) or []
    prefetch_related_objects([one.image for one in found], snapshots.standing_decisions())
    return [_told(one.image, one.similarity) for one in found]


def _to_compare(project: Project) -> set[int]:
    """The newest decided images; while they are few, the newest on which two people or more said the same, too."""
    decided = Decision.objects.filter(image__project=project, image__status=Status.SETTLED, withdrawn_at=None)
    found = set(decided.order_by("-id").values_list("image_id", flat=True)[:MOST])
    if len(found) < FEW:
        unanimous = Image.objects.filter(project=project, status=Status.SETTLED, disagreement=0, n_votes__gte=2)
        newest = unanimous.filter(has_decision=False).order_by("-id")
        found |= set(newest.values_list("id", flat=True)[:UNANIMOUS])
    return found


def newest_alike(image: Image, shown: int = SHOWN) -> list[Lookalike]:
    """The newest decisions on images with the same two or more answers: where nothing is known about looks."""
    answers = [answer for answer in image.tally if answer != "?"]
    if len(answers) < 2:
        return []
    newest = Decision.objects.filter(
        image__project=image.project_id, withdrawn_at=None, image__tally__has_keys=answers
    ).exclude(image=image)
    ids = list(newest.order_by("-id").values_list("image", flat=True)[:shown])
    settled = Image.objects.filter(status=Status.SETTLED).prefetch_related(snapshots.standing_decisions())
    found = settled.in_bulk(ids)
    return [_told(found[pk], None) for pk in ids if pk in found]


def _told(image: Image, similarity: float | None) -> Lookalike:
    decision = next(iter(image.standing), None)  # type: ignore[attr-defined]
    outcome = snapshots.consensus_of(image, decision)
    return Lookalike(image, outcome.categories, decision.reason if decision else "", similarity)
