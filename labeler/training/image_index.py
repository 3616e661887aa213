"""Read the index of similar images that a worker wrote: the images most like one, and those unlike any labeled one.

The index is files in the models' directory: of each image a few dozen numbers of one byte, which a web process maps
into memory and shares with all others; 100,000 images are 13 MB. What comes near by it is compared by its whole
features. Knows the files and the rows of images; worker/indexing/build_index.py writes the files. Images that came in
since it was written are not in it yet: a worker adds them soon.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Now
from numpy.typing import NDArray

from labeler.jobs import jobs
from labeler.models import Image, Job, Project, TrainingRun
from labeler.models.image import Status
from labeler.models.job import UNFINISHED, Kind, State
from labeler.training import features
from labeler.training.prelabels import AGAIN_AFTER

SHOWN = 24
MOST = 200
AHEAD = 10  # times as many candidates by the small numbers as are shown by the whole ones
BLOCK = 8_192  # rows compared at once: their floats stay in the cache
POINTER = "current.json"


@dataclass(frozen=True, slots=True)
class Index:
    """Row k of every array is about image ids[k]; ids ascend."""

    name: str  # of the features, as labeler/training/features.py keeps them
    ids: NDArray[np.int64]
    rows: NDArray[np.int8]  # (n, d): features of length 1 on their main axes, times 127 over `scale`
    scale: float
    novelty: NDArray[np.float32]  # 0: like a labeled image, 1: unlike all; NaN: labeled itself, or not known
    known: int  # labeled images that novelty was measured against
    last_image: int  # the highest id that was looked at
    usual: float | None = None  # one in a hundred labeled images is as far from all other labeled ones, or further

    def place(self, image_id: int) -> int | None:
        at = int(np.searchsorted(self.ids, image_id))
        return at if at < len(self.ids) and self.ids[at] == image_id else None

    def nearest(self, image_id: int, n: int, among: Collection[int] | None = None) -> list[int]:
        """Ids of about the `n` most similar images, without itself; [] for one that is not in the index.

        among: only these are compared, those of them that are in the index.
        """
        at = self.place(image_id)
        if at is None:
            return []
        if among is None:
            places, near = np.arange(len(self.ids)), self._products(np.array([at]))[0]
        else:
            places = self._places(among)
            near = _floats(self.rows[places], unit=False) @ _floats(self.rows[at], unit=False)
        places, near = places[places != at], near[places != at]
        best = np.argpartition(-near, n)[:n] if n < len(near) else np.arange(len(near))
        return [int(pk) for pk in self.ids[places[best[np.argsort(-near[best], kind="stable")]]]]

    def alike(self, image_ids: Sequence[int], n: int, at_least: float) -> set[tuple[int, int]]:
        """Pairs (lower id, higher id) of each of these images with the `n` most similar ones, itself left out, whose
        cosine by the small numbers is so large. Images that are not in the index are in no pair.
        """
        places = np.array([at for pk in image_ids if (at := self.place(pk)) is not None], np.int64)
        near = self._products(places, unit=True)
        near[np.arange(len(places)), places] = -np.inf
        if n < near.shape[1]:
            best = np.argpartition(-near, n, axis=1)[:, :n]
        else:
            best = np.tile(np.arange(near.shape[1]), (len(places), 1))
        of, rank = np.nonzero(np.take_along_axis(near, best, axis=1) >= at_least)
        one, other = self.ids[places[of]], self.ids[best[of, rank]]
        return set(zip(np.minimum(one, other).tolist(), np.maximum(one, other).tolist(), strict=True))

    def _places(self, image_ids: Collection[int]) -> NDArray[np.int64]:
        """Of those of these images that are in the index, ascending."""
        wanted = np.unique(np.fromiter(image_ids, np.int64, len(image_ids)))
        places = np.searchsorted(self.ids, wanted)
        wanted, places = wanted[places < len(self.ids)], places[places < len(self.ids)]
        return places[self.ids[places] == wanted]

    def _products(self, places: NDArray[np.int64], *, unit: bool = False) -> NDArray[np.float32]:
        """Of the rows at these places with all rows, (m, n); unit: each row at length 1, so that they are cosines."""
        wanted = _floats(self.rows[places], unit)
        found = np.empty((len(places), len(self.ids)), np.float32)
        for start in range(0, len(self.ids), BLOCK):
            found[:, start : start + BLOCK] = wanted @ _floats(self.rows[start : start + BLOCK], unit).T
        return found


def _floats(rows: NDArray[np.int8], unit: bool) -> NDArray[np.float32]:
    found = rows.astype(np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12) if unit else found


@dataclass(frozen=True, slots=True)
class Similar:
    """One image that looks like the one that was asked about."""

    image: Image
    similarity: float  # cosine of the features, 1: the same


def nearest(image: Image, limit: int = SHOWN, among: Collection[int] | None = None) -> list[Similar] | None:
    """Images that look like this one, the most similar first. None: nobody has looked at this one yet.

    among: ids of the images that are wanted; without, all of the project.
    """
    index = index_of(image.project)
    if index is None or index.place(image.pk) is None:
        return None
    candidates = index.nearest(image.pk, min(AHEAD * limit, 4 * MOST), among)
    rows = {row.pk: row for row in Image.objects.filter(project=image.project_id, pk__in=candidates)}
    vectors = features.load(index.name, [image.sha256, *(row.sha256 for row in rows.values())])
    if image.sha256 not in vectors:
        return None
    there = [row for pk in candidates if (row := rows.get(pk)) and row.sha256 in vectors]
    if not there:
        return []
    own = _unit(vectors[image.sha256])
    found = [Similar(row, round(float(_unit(vectors[row.sha256]) @ own), 4)) for row in there]
    for one in found:
        one.image.project = image.project
    return sorted(found, key=lambda one: (-one.similarity, one.image.pk))[:limit]


def novel(project: Project, n: int, start: int = 0) -> tuple[list[tuple[int, float]], int]:
    """Unlabeled images, the most unlike anything labeled first: (id, novelty) from `start`, and how many there are."""
    index = index_of(project)
    if index is None:
        return [], 0
    known = np.flatnonzero(_is_known(index, project))
    order = known[np.argsort(-index.novelty[known], kind="stable")]
    return [(int(index.ids[at]), float(index.novelty[at])) for at in order[start : start + n]], len(order)


def _is_known(index: Index, project: Project) -> NDArray[np.bool_]:
    """Of which images the novelty is known, without those that were deleted since a worker looked."""
    known: NDArray[np.bool_] = ~np.isnan(index.novelty)
    gone = list(Image.objects.filter(trashed_from=project).values_list("pk", flat=True))
    return known & ~np.isin(index.ids, gone) if gone else known


def has_missed(project: Project, image_ids: Sequence[int]) -> bool:
    """Whether some of these images are not in the index, though it has newer ones: they were in the trash then."""
    index = index_of(project)
    return index is not None and any(pk <= index.last_image and index.place(pk) is None for pk in image_ids)


def count_novel(project: Project) -> tuple[int, int]:
    """Unlabeled images that are further from all labeled ones than is usual, and how many unlabeled ones are known.

    One in a hundred is by chance. (0, 0) where too few are labeled to say what is usual.
    """
    index = index_of(project)
    if index is None or index.usual is None:
        return 0, 0
    known = _is_known(index, project)
    return int((index.novelty[known] > index.usual).sum()), int(known.sum())


def _unit(vector: bytes) -> NDArray[np.float32]:
    row = np.frombuffer(vector, "<f2").astype(np.float32)
    return row / max(float(np.linalg.norm(row)), 1e-12)


# ---------------------------------------------------------------- files


def folder(project_id: int) -> Path:
    """Where the index of a project lies."""
    return Path(settings.MODELS_DIR) / f"project-{project_id}" / "look"


def index_of(project: Project) -> Index | None:
    """The index of now; None before a worker has made one."""
    pointer = folder(project.pk) / POINTER
    try:
        about = pointer.stat()
        return _opened(str(pointer), about.st_mtime_ns, about.st_ino)
    except (OSError, ValueError, KeyError):
        return None  # no index, or one that a worker replaced at this very moment


@lru_cache(maxsize=16)
def _opened(pointer: str, _changed_ns: int, _inode: int) -> Index:
    said = json.loads(Path(pointer).read_text())
    own = Path(pointer).parent / said["folder"]

    def array(name: str, kind: Any) -> Any:
        found = np.load(own / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        if found.dtype != kind or len(found) != said["n"]:
            raise ValueError(f"{name} is not what the index says")
        return found

    return Index(
        said["name"], array("ids", np.int64), array("rows", np.int8), said["scale"], array("novelty", np.float32),
        said["known"], said["last_image"], said.get("usual"),
    )  # fmt: skip


def forget() -> None:
    """Close what this process has open."""
    _opened.cache_clear()


# ---------------------------------------------------------------- asking a worker


def request(run: TrainingRun) -> Job:
    """Have a worker look at the images that it has not seen, with the features of the active model."""
    return jobs.create_unless_there(Kind.LOOK, project=run.project, params={"run": run.pk})


def due() -> list[TrainingRun]:
    """Active models whose images a worker should look at: new ones, or other features than the index has."""
    busy = Job.objects.filter(kind__in=(Kind.LOOK, Kind.PRELABEL), state__in=UNFINISHED).values("project")
    training = TrainingRun.objects.unfinished().values("project")
    runs = TrainingRun.objects.own().exclude(project__in=busy).exclude(project__in=training)
    runs = runs.select_related("project").defer("history", "metrics", "comparison")
    in_use = runs.active().filter(project__trashed_at__isnull=True, predicted_at__isnull=False)
    # Another program's model has no features here: the newest of our own has.
    outside = TrainingRun.objects.active().outside().filter(project__trashed_at__isnull=True).values("project")
    trained = runs.filter(project__in=outside, state=State.DONE).exclude(checkpoint="")
    newest = trained.order_by("project_id", "-id").distinct("project_id")
    return [run for run in (*in_use, *newest) if _is_behind(run.project_id, run.pk)]


def _is_behind(project_id: int, run_id: int | None) -> bool:
    """Has the last look left images out, failed a while ago, or been one with other features?"""
    last = Job.objects.filter(project=project_id, kind=Kind.LOOK).first()
    if last is not None and last.state != State.DONE:
        return Job.objects.filter(pk=last.pk, finished_at__lt=Now() - AGAIN_AFTER).exists()
    if last is None or last.params.get("run") != run_id or last.result.get("left"):
        return True
    if last.result.get("uncompared", True):  # looks of before compared nothing
        return True
    newest = Image.objects.filter(project=project_id).aggregate(Max("id"))["id__max"] or 0
    return newest > last.result.get("last_image", 0)


# ---------------------------------------------------------------- before there is a model

# So many images cover the data; when as many are labeled, they have done their work.
COVERED = 50
CALM = timedelta(seconds=10)  # since the last image: while more come in, each look would put others first


def request_first(project: Project) -> Job:
    """Have a worker look at the images of a project without a model, and put first those that cover what there is.

    What it finds out is kept: the first training need not look again.
    """
    return jobs.create_unless_there(Kind.LOOK, project=project, params={"run": None})


def first_due() -> list[Project]:
    """Projects whose first labels are still to come, with images that nobody has looked at."""
    busy = Job.objects.filter(kind__in=(Kind.LOOK, Kind.IMPORT), state__in=UNFINISHED, project__isnull=False)
    projects = Project.objects.not_in_trash().filter(ask_uncertain_first=True, ask_by_gain=False)
    # A model that was trained and is not in use has its say about what is asked, and a lead took it away.
    has_say = TrainingRun.objects.own() | TrainingRun.objects.active()
    projects = projects.exclude(pk__in=has_say.values("project")).exclude(pk__in=busy.values("project"))
    return [project for project in projects.order_by("pk") if _is_first_due(project)]


def _is_first_due(project: Project) -> bool:
    images = Image.objects.filter(project=project)
    newest = images.order_by("-pk").first()
    if newest is None or images.filter(pk=newest.pk, created_at__gt=Now() - CALM).exists():
        return False
    # At most so many rows are read of either: this is asked every few seconds.
    few = images.filter(status=Status.UNLABELED)[: COVERED + 1].values("pk")
    labeled = images.exclude(status=Status.UNLABELED)[:COVERED].values("pk")
    return len(few) > COVERED and len(labeled) < COVERED and _is_behind(project.pk, None)
