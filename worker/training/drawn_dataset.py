"""From drawn answers to a training set: which images, which objects, and which images are held out.

Knows rows. Does not know networks. The same slices as dataset.py; the objects are the consensus of people
(labeler/consensus/objects.py), each as heavy as the share of the asked people who drew it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet
from numpy.typing import NDArray

from labeler.consensus import objects as consensus
from labeler.geometry.shapes import bounds_of
from labeler.intake.images import media_store
from labeler.label_set import categories as label_set
from labeler.labeling.objects import SHAPES
from labeler.models import Image, Label, Project
from labeler.models.image import NEVER_TRAINED, Slice, Status
from labeler.models.label import TOUCHED_BY_MODEL
from labeler.models.project import Task
from worker.ml.detection.samples import Asked, Drawn, DrawnSet
from worker.training.dataset import FEWEST_VOTES_TO_JUDGE

READ = 500  # images at a time: drawings of some hundred objects each fill memory


@dataclass(frozen=True, slots=True)
class DrawnExample:
    """An image and what people take to be on it. size: width and height in px."""

    image_id: int
    sha256: str
    size: tuple[int, int]
    drawn: Drawn


@dataclass(frozen=True, slots=True)
class DrawnDataset:
    """What one run learns from and is judged by. Class position k means category_ids[k]."""

    task: str
    category_ids: list[int]
    category_names: list[str]
    train: list[DrawnExample] = field(default_factory=list)
    test: list[DrawnExample] = field(default_factory=list)
    calibration: list[DrawnExample] = field(default_factory=list)

    def samples(self, examples: Sequence[DrawnExample], groups: Any = None, asked: Asked | None = None) -> DrawnSet:
        """As a trainer takes them: the pictures are the previews that people see, up to 1,600 px."""
        store = media_store()
        return DrawnSet(
            sources=[store.preview_path(one.sha256) for one in examples],
            sizes=np.array([one.size for one in examples], np.int64).reshape(-1, 2),
            drawn=[one.drawn for one in examples], categories=self.category_ids, task=self.task, groups=groups,
            asked=asked,
        )  # fmt: skip


def assemble(project: Project, only: Collection[int] | None = None) -> DrawnDataset:
    """The dataset as of now; only: of these images, by id.

    Train: answered images that are neither held out nor left out of all, also those on which people say that nothing
    is there; of objects that are open each counts by its share. Test and calibration: settled images of those slices
    without an open object, with two votes or more, all of them blind.
    """
    index = label_set.index(project)
    ids = [pk for pk in index.names if pk in index.ids_in_use]
    dataset = DrawnDataset(str(project.task), ids, [index.names[pk] for pk in ids])
    parts = {Slice.TEST: dataset.test, Slice.CALIBRATION: dataset.calibration}
    position = {pk: k for k, pk in enumerate(ids)}
    last = 0
    wanted = _images(project) if only is None else _images(project).filter(pk__in=only)
    while images := list(wanted.filter(pk__gt=last)[:READ]):
        last = images[-1].pk
        current = consensus.current(project, images)
        for image in images:
            if image.pk not in current:
                continue
            part = parts.get(Slice(image.slice), dataset.train)
            rows = [row for row in current[image.pk] if row["category"] in position]
            if part is not dataset.train and any(not row["settled"] for row in rows):
                continue
            drawn = _drawn(rows, position, with_masks=project.task != Task.BOXES)
            part.append(DrawnExample(image.pk, image.sha256, (image.width, image.height), drawn))
    return dataset


def _images(project: Project) -> QuerySet[Image]:
    """Images that may be used, in order."""
    answered = Image.objects.filter(project=project).filter(Q(n_votes__gt=0) | Q(has_decision=True))
    assisted = Label.objects.filter(
        TOUCHED_BY_MODEL, image=OuterRef("pk"), superseded_at__isnull=True, round=OuterRef("round")
    )
    judges = Q(
        slice__in=(Slice.TEST, Slice.CALIBRATION), status=Status.SETTLED, n_votes__gte=FEWEST_VOTES_TO_JUDGE
    ) & ~Exists(assisted)
    return answered.filter(~Q(slice__in=NEVER_TRAINED) | judges).order_by("pk")


def _drawn(rows: Sequence[dict[str, Any]], position: dict[int, int], *, with_masks: bool) -> Drawn:
    shapes, boxes = shapes_of(rows)
    # Decisions and known answers are nobody's share.
    weights = np.array([row["n"] / row["asked"] if row["asked"] else 1.0 for row in rows], np.float32)
    classes = np.array([position[row["category"]] for row in rows], np.int64)
    return Drawn(boxes, classes, weights, tuple(shapes) if with_masks else None)


def shapes_of(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], NDArray[np.float32]]:
    """The shapes of drawn objects, and their boxes (n, 4): x, y, width, height in px."""
    shapes = [{name: row[name] for name in SHAPES if row.get(name) is not None} for row in rows]
    corners = [bounds_of(shape) for shape in shapes]
    boxes = [[at.x0, at.y0, at.x1 - at.x0, at.y1 - at.y0] for at in corners]
    return shapes, np.array(boxes, np.float32).reshape(-1, 4)
