"""From votes to a training set: which images, which classes, which images are held out, and which are nearly the same.

Knows rows. Does not know features or networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db.models import Exists, Max, OuterRef
from numpy.typing import NDArray

from labeler.consensus import reliability, snapshots
from labeler.intake import near_duplicates
from labeler.label_set import categories as label_set
from labeler.models import Consensus, Label, Project
from labeler.models.image import NEVER_TRAINED, Slice, Status
from labeler.models.label import TOUCHED_BY_MODEL
from labeler.models.project import ConsensusMethod

FEWEST_VOTES_TO_JUDGE = 2  # one person's slip must not count as a model's error


@dataclass(frozen=True, slots=True)
class Example:
    """An image and what people take it to be: category ids, one for a single choice, any number for several labels."""

    image_id: int
    sha256: str
    categories: list[int]
    confidence: float = 1.0  # that these are right, as far as people's answers tell; 1 for a reviewer's decision
    model_voted: bool = False  # on the categories; then people alone say `people`, or None: they are undecided
    people: list[int] | None = None

    @property
    def truth(self) -> list[int] | None:
        """What a model is judged by on this image: never its own word."""
        return self.people if self.model_voted else self.categories


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one run learns from and is judged by. Index k of every vector means category_ids[k]."""

    is_multi: bool
    category_ids: list[int]
    category_names: list[str]
    train: list[Example] = field(default_factory=list)
    test: list[Example] = field(default_factory=list)
    calibration: list[Example] = field(default_factory=list)

    @property
    def task(self) -> str:
        """As worker.ml calls it."""
        return "multi" if self.is_multi else "single"

    @property
    def examples(self) -> list[Example]:
        return [*self.train, *self.test, *self.calibration]


def assemble(project: Project) -> Dataset:
    """The dataset as of now. Brings the snapshots of the vote up to date first.

    Train: images that are neither held out nor left out of all, with a consensus (a decision, or the plurality of
    the votes; ties and "cannot tell" name nothing, nor does an inferred answer that is less than twice as likely as
    not). Test and calibration: settled images of those slices, with two votes or more, all of them blind; where the
    model votes along, with what people alone say of them. Classes that were merged count as what they became; retired
    ones are left out.
    """
    snapshots.refresh(project)
    index = label_set.index(project)
    ids = [pk for pk in index.names if pk in index.ids_in_use]
    dataset = Dataset(project.is_multi, ids, [index.names[pk] for pk in ids])
    parts = {Slice.TEST: dataset.test, Slice.CALIBRATION: dataset.calibration}

    def answer(named: list[int] | None) -> list[int] | None:
        present = None if named is None else index.present(named)
        return present if present is not None and (project.is_multi or len(present) == 1) else None

    with_model = project.consensus_method == ConsensusMethod.WITH_MODEL
    people = reliability.by_people(project) if with_model else {}
    for image_id, sha256, slice_, named, confidence, method in _named_images(project):
        part = parts.get(Slice(slice_), dataset.train)
        model_voted = method == snapshots.WITH_MODEL
        # Held-out images are not left out by this: those on which the model contradicts people would be missing.
        is_inferred = part is dataset.train and method in snapshots.INFERRED and confidence is not None
        said = answer(people.get(image_id)) if model_voted else None
        # Decided by people alone, and doubted by the model: that is what asking again is for, and seldom wrong.
        if is_inferred and said is None and not reliability.is_decided(project, confidence or 0.0):
            continue
        categories = said if model_voted and part is not dataset.train else answer(named)
        if categories is None:
            continue
        # Where the model voted along, its own doubt must not come back to it as if people had had it.
        sure = 1.0 if confidence is None or model_voted else confidence
        part.append(Example(image_id, sha256, categories, sure, model_voted, said))
    return dataset


def _named_images(project: Project) -> list[tuple[int, str, str, list[int], float | None, str]]:
    """Image id, sha256, slice, consensus, its confidence and method, of all images that may be used, by id."""
    named = Consensus.objects.filter(project=project, categories__isnull=False).exclude(method=snapshots.MODEL)
    columns = ("image_id", "image__sha256", "image__slice", "categories", "confidence", "method")
    train = named.exclude(image__slice__in=NEVER_TRAINED)
    # Held-out images are judged blind; should one label be assisted all the same (a slice set by hand), the
    # model would be measured by its own suggestion.
    assisted = Label.objects.filter(
        TOUCHED_BY_MODEL,
        image=OuterRef("image"),
        superseded_at__isnull=True,
        round=OuterRef("image__round"),
    )
    judges = named.filter(
        image__slice__in=(Slice.TEST, Slice.CALIBRATION),
        image__status=Status.SETTLED,
        image__n_votes__gte=FEWEST_VOTES_TO_JUDGE,
    ).exclude(Exists(assisted))
    return [
        *train.order_by("image_id").values_list(*columns),
        *judges.order_by("image_id").values_list(*columns),
    ]


def labels_now(project: Project) -> dict[str, int]:
    """What a run or a judgement has seen: the id of the newest label, and how many are current."""
    labels = Label.objects.filter(project=project)
    return {"last_label": labels.aggregate(Max("id"))["id__max"] or 0, "n_labels": labels.current().count()}


def groups_of(image_ids: Sequence[int], folds: int) -> NDArray[np.int64] | None:
    """Numbers that near-duplicates share, so that none is judged by a model that learned from its twin.

    None where one group is larger than a fold: images that are all nearly the same cannot be kept apart.
    """
    known = near_duplicates.groups_of(image_ids)
    groups = np.array([known.get(pk, pk) for pk in image_ids], np.int64)
    sizes = np.unique(groups, return_counts=True)[1]
    return groups if len(groups) and sizes.max() <= len(groups) / folds else None
