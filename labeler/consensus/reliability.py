"""Infer the answer of every image from all votes together: the project's consensus method, run by a worker.

One query -> arrays -> labeler.stats.dawid_skene -> snapshots (snapshots.py writes them). A decision of a reviewer
stands above it. Also tells how reliable each person is, for adaptive overlap and for the page that compares the
methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from labeler.consensus import model_votes, snapshots
from labeler.label_set import categories as label_set
from labeler.labeling import label_arrays
from labeler.models import Gold, Image, Project
from labeler.models.project import ConsensusMethod
from labeler.stats import dawid_skene
from labeler.stats.anchoring import share_of

FloatArray = NDArray[np.float64]
SURE = 0.5  # of one class of several: it is there
# An answer is learned from and judged by when it is twice as likely as not. Two people of like reliability who disagree
# come to .5 and a little for one of them: where votes are tied by majority, nobody would say what it is.
DECIDED = 2 / 3
ESTIMATORS: dict[str, Literal["one_coin", "full"]] = {
    ConsensusMethod.ONE_COIN: "one_coin",
    ConsensusMethod.DAWID_SKENE: "full",
    ConsensusMethod.WITH_MODEL: "one_coin",
}


@dataclass(frozen=True, slots=True)
class Inference:
    """The posterior of every image with a vote, or of all that were asked for."""

    image_ids: NDArray[np.int64]  # ascending, shape (n,)
    categories: list[int]  # ids, shape (K,)
    posterior: FloatArray  # single choice: sums to 1; multi-label: of each class by itself; shape (n, K)
    accuracy: dict[int, float]  # by user id
    shares: FloatArray  # of the classes, shape (K,)
    votes: NDArray[np.int64]  # that say something, shape (n,)
    model: FloatArray | None = None  # calibrated, shape (n, K); NaN rows where it has no say


def infer(
    project: Project,
    method: str,
    rows: label_arrays.LabelArrays | None = None,
    *,
    images: NDArray[np.int64] | None = None,
) -> Inference | None:
    """Run one method over a project's votes of the present rounds; None without votes or with a single class.

    method: one_coin, dawid_skene or with_model. Cannot-tells are missing values. rows: all of them, where they were
    read already. images: ids, ascending, that shall have a posterior also without a vote: the model's, or the shares of
    the classes.
    """
    rows = rows or label_arrays.read_labels(project)
    k = len(rows.categories)
    if (not rows.image.size and images is None) or (k < 2 and not project.is_multi):
        return None
    ids = np.unique(rows.image) if images is None else np.unique(np.concatenate((images, rows.image)))
    image = np.searchsorted(ids, rows.image)
    of: dict[str, Any] = {"n_images": ids.size, "n_annotators": len(rows.annotators), "method": ESTIMATORS[method]}
    model = _model(project, ids, rows, image) if method == ConsensusMethod.WITH_MODEL else None
    if not project.is_multi:
        found = dawid_skene.infer(image, rows.annotator, rows.answers, n_categories=k, model=model, **of)
        accuracy, posterior, shares = found.accuracy, found.posterior, found.shares
    else:
        # Each class is a question of its own with two answers; a person's coin is the mean over them.
        parts = [
            dawid_skene.infer(
                image, rows.annotator, rows.answers[:, at].astype(np.int64), n_categories=2,
                model=None if model is None else np.column_stack((1 - model[:, at], model[:, at])), **of,
            )
            for at in range(k)
        ]  # fmt: skip
        posterior = np.column_stack([part.posterior[:, 1] for part in parts])
        accuracy = np.mean([part.accuracy for part in parts], axis=0)
        shares = np.array([part.shares[1] for part in parts])
    people = dict(zip(rows.annotators, accuracy.tolist(), strict=True))
    said = np.bincount(image, minlength=ids.size)
    return Inference(ids, rows.categories, posterior, people, shares, said, model)


def _model(
    project: Project, ids: NDArray[np.int64], rows: label_arrays.LabelArrays, image: NDArray[np.int64]
) -> FloatArray | None:
    """The active model's calibrated probabilities by image and class; NaN where it has no say. None: it has none.

    Its temperature and how reliable people are depend on each other: one step each, and once more.
    """
    says = model_votes.votes_of_model(project, ids, rows.categories, rows)
    if says is None:
        return None
    k, blind = len(rows.categories), rows.is_blind
    tempered: FloatArray | None = None
    for _step in range(1 if project.is_multi else 2):
        accuracy = np.empty(0)
        if not project.is_multi:
            found = dawid_skene.infer(
                image, rows.annotator, rows.answers, n_images=ids.size, n_annotators=len(rows.annotators),
                n_categories=k, model=tempered,
            )  # fmt: skip
            accuracy = found.accuracy
        temperature = says.temperature(
            image[blind], rows.answers[blind], accuracy[rows.annotator[blind]] if accuracy.size else accuracy
        )
        if temperature is None:
            return None
        tempered = says.tempered(temperature)
    return tempered


def run(project: Project, found: Inference | None = None) -> int:
    """Bring a project's consensus in line with its method; how many images changed. Safe to run twice.

    found: what the method has inferred already. Images without a vote get the model's answer where the project wants
    it, as the model's alone: no label, and nothing that people are measured by.
    """
    if project.consensus_method == ConsensusMethod.MAJORITY:
        return snapshots.refresh(project)
    if found is None:
        ids = project.images.order_by("pk").values_list("pk", flat=True)
        everything = np.fromiter(ids, np.int64) if project.model_fills else None
        found = infer(project, project.consensus_method, images=everything)
    if found is None:
        return snapshots.refresh(project)
    # After the labels were read: a vote that came meanwhile changes the digest, and that image waits for the next run.
    tallies = dict(Image.objects.filter(project=project, n_votes__gt=0).values_list("pk", "tally"))
    # Where whoever looked could not tell, the posterior is the model's or the shares of the classes: nobody's answer.
    told = {pk: tallies[pk] for pk in found.image_ids[found.votes > 0].tolist() if pk in tallies}
    changed = snapshots.store(project, project.consensus_method, _named(project, found, told))
    if not (project.model_fills and project.consensus_method == ConsensusMethod.WITH_MODEL) or found.model is None:
        return changed + snapshots.forget_filled(project)
    alone = (found.votes == 0) & ~np.isnan(found.model).any(axis=1)
    untold = dict.fromkeys(set(found.image_ids[alone].tolist()) - set(tallies), cast("dict[str, int]", {}))
    return changed + snapshots.store(project, snapshots.MODEL, _named(project, found, untold))


def by_people(project: Project) -> dict[int, list[int] | None]:
    """What people alone are taken to say of each image with a vote, weighted by how reliable they are: category ids.

    None where they are undecided (DECIDED). For figures about the model of a project in which it votes along: measured
    by a truth that it had a say in, it would be praised for what it said. Decisions of reviewers stand above it.
    """
    found = infer(project, ConsensusMethod.ONE_COIN)
    if found is None:
        return {}
    voted: dict[int, dict[str, int]] = {pk: {} for pk in found.image_ids.tolist()}
    named = _named(project, found, voted)
    return {one.image_id: one.categories if is_decided(project, one.confidence) else None for one in named}


def is_decided(project: Project, confidence: float) -> bool:
    """Is an inferred answer sure enough to learn from? Of several labels: each yes and no, were they independent."""
    answers = max(1, len(label_set.index(project).ids_in_use)) if project.is_multi else 1
    return confidence ** (1 / answers) >= DECIDED


def _named(project: Project, found: Inference, tallies: dict[int, dict[str, int]]) -> list[snapshots.Inferred]:
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
        named.append(snapshots.Inferred(pk, chosen, min(1.0, confidence), snapshots.digest(tally), sum(tally.values())))
    return named


# ---------------------------------------------------------------- which method is right


def compare_on_gold(project: Project, votes: label_arrays.LabelArrays | None = None) -> list[dict[str, Any]]:
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
    votes = votes or label_arrays.read_labels(project)
    for method in ConsensusMethod.values:
        if method == ConsensusMethod.MAJORITY:
            said = {pk: snapshots.consensus_of(image, None).categories for pk, image in images.items()}
        else:
            found = infer(project, method, votes)
            tallies = {pk: image.tally for pk, image in images.items()}
            said = {one.image_id: one.categories for one in _named(project, found, tallies)} if found else {}
        right = sum(said.get(pk) == known[pk] for pk in images)
        rows.append({"method": method, "right": share_of(right, len(images)).as_dict()})
    return rows
