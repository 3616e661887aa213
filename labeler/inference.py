"""What the images of a project are, from all votes at once: the project's consensus method, run by a worker.

One query -> arrays -> labeler.stats.truth -> snapshots (consensus.py writes them). A decision of a reviewer stands
above it. Also tells how reliable each person is, for adaptive overlap and for the page that compares the methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from labeler import categories as label_set
from labeler import consensus, reports
from labeler.models import Gold, Image, Project, TrainingRun
from labeler.models.project import ConsensusMethod
from labeler.stats import truth
from labeler.stats.anchoring import share_of

FloatArray = NDArray[np.float64]
SURE = 0.5  # of one class of several: it is there
ESTIMATORS: dict[str, Literal["one_coin", "full"]] = {
    ConsensusMethod.ONE_COIN: "one_coin",
    ConsensusMethod.DAWID_SKENE: "full",
    ConsensusMethod.WITH_MODEL: "one_coin",
}


@dataclass(frozen=True, slots=True)
class Inference:
    """The posterior of every image with a vote."""

    image_ids: NDArray[np.int64]  # ascending, shape (n,)
    categories: list[int]  # ids, shape (K,)
    posterior: FloatArray  # single choice: sums to 1; multi-label: of each class by itself; shape (n, K)
    accuracy: dict[int, float]  # by user id
    shares: FloatArray  # of the classes, shape (K,)


def infer(project: Project, method: str, rows: reports.LabelArrays | None = None) -> Inference | None:
    """Run one method over a project's votes of the present rounds; None without votes or with a single class.

    method: one_coin, dawid_skene or with_model. Cannot-tells are missing values. rows: all of them, where they were
    read already.
    """
    rows = rows or reports.read_labels(project)
    k = len(rows.categories)
    if not rows.image.size or (k < 2 and not project.is_multi):
        return None
    ids, image = np.unique(rows.image, return_inverse=True)
    of: dict[str, Any] = {"n_images": ids.size, "n_annotators": len(rows.annotators), "method": ESTIMATORS[method]}
    model = _model(project, ids, rows.categories) if method == ConsensusMethod.WITH_MODEL else None
    if not project.is_multi:
        found = truth.infer(image, rows.annotator, rows.answers, n_categories=k, model=model, **of)
        accuracy, posterior, shares = found.accuracy, found.posterior, found.shares
    else:
        # Each class is a question of its own with two answers; a person's coin is the mean over them.
        parts = [
            truth.infer(
                image, rows.annotator, rows.answers[:, at].astype(np.int64), n_categories=2,
                model=None if model is None else np.column_stack((1 - model[:, at], model[:, at])), **of,
            )
            for at in range(k)
        ]  # fmt: skip
        posterior = np.column_stack([part.posterior[:, 1] for part in parts])
        accuracy = np.mean([part.accuracy for part in parts], axis=0)
        shares = np.array([part.shares[1] for part in parts])
    people = dict(zip(rows.annotators, accuracy.tolist(), strict=True))
    return Inference(ids, rows.categories, posterior, people, shares)


def run(project: Project) -> int:
    """Bring a project's consensus in line with its method; how many images changed. Safe to run twice."""
    if project.consensus_method == ConsensusMethod.MAJORITY:
        return consensus.refresh(project)
    found = infer(project, project.consensus_method)
    if found is None:
        return consensus.refresh(project)
    # After the labels were read: a vote that came meanwhile changes the digest, and that image waits for the next run.
    tallies = dict(Image.objects.filter(project=project, n_votes__gt=0).values_list("pk", "tally"))
    return consensus.store(project, project.consensus_method, _named(project, found, tallies))


def _named(project: Project, found: Inference, tallies: dict[int, dict[str, int]]) -> list[consensus.Inferred]:
    named = []
    for pk, p in zip(found.image_ids.tolist(), found.posterior, strict=True):
        tally = tallies.get(pk)
        if tally is None:
            continue
        if project.is_multi:
            ids = sorted(found.categories[at] for at in np.flatnonzero(p > SURE))
            confidence = float(np.prod(np.maximum(p, 1 - p)))
            chosen: list[int] | None = ids
        else:
            top = np.flatnonzero(p > p.max() - 1e-9)
            chosen = [found.categories[int(top[0])]] if top.size == 1 else None  # a tie names nothing
            confidence = float(p.max())
        named.append(consensus.Inferred(pk, chosen, min(1.0, confidence), consensus.digest(tally), sum(tally.values())))
    return named


# Only where the model has not learned from these very votes, and nobody saw what it says: else it would vote twice.
_OUTSIDE = """
    SELECT p.image_id, p.probabilities FROM labeler_prediction p JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %s AND p.image_id = ANY (%s) AND NOT EXISTS (
        SELECT 1 FROM labeler_label l WHERE l.image_id = p.image_id AND l.superseded_at IS NULL AND l.round = i.round
          AND (l.shown_prediction_id IS NOT NULL OR (l.id <= %s AND i.slice NOT IN ('test', 'calibration'))))
"""


def _model(project: Project, ids: NDArray[np.int64], categories: list[int]) -> FloatArray | None:
    """The active model's calibrated probabilities by image and class; NaN where it has no say. None: it has none."""
    run_ = TrainingRun.objects.filter(project=project, is_active=True, is_calibrated=True).first()
    if run_ is None:
        return None
    place = {pk: at for at, pk in enumerate(categories)}
    columns = [place.get(pk, -1) for pk in run_.category_ids]
    if set(columns) != set(range(len(categories))):
        return None  # the classes have changed since it was trained
    says = np.full((ids.size, len(categories)), np.nan)
    at = {pk: n for n, pk in enumerate(ids.tolist())}
    with connection.cursor() as cursor:
        cursor.execute(_OUTSIDE, [run_.pk, ids.tolist(), run_.last_label])
        for image_id, probabilities in cursor.fetchall():
            says[at[image_id], columns] = probabilities
    return says


# ---------------------------------------------------------------- which method is right


def compare_on_gold(project: Project, votes: reports.LabelArrays | None = None) -> list[dict[str, Any]]:
    """Each method against the gold images that have votes: [{method, right: STAT}], the same images for all.

    Single choice: the class is right; multi-label: all of them. Ties and images without a name count as wrong.
    votes: all of the project, where they were read already.
    """
    index = label_set.index(project)
    rows_of_gold = Gold.objects.filter(project=project).values_list("image_id", "categories")
    known = {pk: index.resolve(categories) for pk, categories in rows_of_gold}
    images = {image.pk: image for image in Image.objects.filter(pk__in=known, n_votes__gt=0)}
    if not images:
        return [{"method": method, "right": share_of(0, 0).as_dict()} for method in ConsensusMethod.values]
    rows = []
    votes = votes or reports.read_labels(project)
    for method in ConsensusMethod.values:
        if method == ConsensusMethod.MAJORITY:
            said = {pk: consensus.of(image, None).categories for pk, image in images.items()}
        else:
            found = infer(project, method, votes)
            tallies = {pk: image.tally for pk, image in images.items()}
            said = {one.image_id: one.categories for one in _named(project, found, tallies)} if found else {}
        right = sum(said.get(pk) == known[pk] for pk in images)
        rows.append({"method": method, "right": share_of(right, len(images)).as_dict()})
    return rows
