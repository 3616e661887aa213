"""Settled images that look like this one, with what was decided on them: the nearest by a backbone's features.

Deciding alike on what looks alike is what makes a data set consistent. Knows vectors and which images are settled;
not how they were made (worker/indexing/features.py), nor what the outcome means. Reads only.

Each process keeps the vectors of the newest decided images of a few projects, as one byte per number: 5,000 of 1,280
are 6.4 MB and are compared in 1 ms. What was decided since is added when it is asked for; what was withdrawn is
dropped when it is about to be shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from labeler.consensus import snapshots
from labeler.models import Decision, Image, Project, TrainingRun
from labeler.models.image import Status
from labeler.training import features

SHOWN = 6
MOST = 5_000  # decided images of a project that are compared, the newest
FEW = 50  # decided images: below, unanimous ones help out
UNANIMOUS = 1_000
POOLS = 4  # projects of which vectors are kept
AGAIN_SECONDS = 60.0  # until vectors that were missing, and unanimous images, are looked for again
BLOCK = 256  # rows that are compared at once: their numbers stay in the processor's cache
READ = 1_000  # vectors per page, until all are there

_Known = tuple[int, str]  # decision id and content hash


@dataclass(frozen=True, slots=True)
class Lookalike:
    """One settled image."""

    image: Image
    categories: list[int] | None  # None: the image does not say
    reason: str  # of the decision; empty where the votes settled it
    similarity: float | None  # cosine; None: not compared, only of the same kind


def nearest(image: Image, run: TrainingRun | None, shown: int = SHOWN) -> list[Lookalike]:
    """Settled images, most similar first; [] where no features of this image are known. `run`: the active model."""
    backbone = backbone_of(run)
    if backbone is None:
        return []
    vector = features.load(backbone, [image.sha256]).get(image.sha256)
    if vector is None:
        return []
    with _lock:
        pool = _pool(image.project, backbone)
        pool.bring_up_to_date(image.project)
        ids, similarity = pool.compare(_unpacked([vector])[0])
    # More than are shown: some may have been withdrawn, or be this very image.
    best = np.argsort(-similarity, kind="stable")[: 4 * shown + 1]
    near = list(zip(ids[best].tolist(), similarity[best].tolist(), strict=True))
    found = _settled(image, [pk for pk, _ in near])
    return [_told(found[pk], cosine) for pk, cosine in near if pk in found][:shown]


def newest_alike(image: Image, shown: int = SHOWN) -> list[Lookalike]:
    """The newest decisions on images with the same two or more answers: where nothing is known about looks."""
    answers = [answer for answer in image.tally if answer != "?"]
    if len(answers) < 2:
        return []
    newest = Decision.objects.filter(
        image__project=image.project_id, withdrawn_at=None, image__tally__has_keys=answers
    ).exclude(image=image)
    ids = list(newest.order_by("-id").values_list("image", flat=True)[:shown])
    found = _settled(image, ids)
    return [_told(found[pk], None) for pk in ids if pk in found]


def backbone_of(run: TrainingRun | None) -> str | None:
    """The features that the active model's worker keeps."""
    return features.of_run(run)


def _settled(image: Image, ids: Sequence[int]) -> dict[int, Image]:
    rows = Image.objects.filter(pk__in=ids, project=image.project_id, status=Status.SETTLED).exclude(pk=image.pk)
    return {row.pk: row for row in rows.prefetch_related(snapshots.standing_decisions())}


def _told(image: Image, similarity: float | None) -> Lookalike:
    decision = next(iter(image.standing), None)  # type: ignore[attr-defined]
    outcome = snapshots.of(image, decision)
    return Lookalike(image, outcome.categories, decision.reason if decision else "", similarity)


# ---------------------------------------------------------------- vectors that are kept


def _unpacked(vectors: Iterable[bytes]) -> NDArray[np.float32]:
    """Rows of length 1, as float32; a vector of zeros stays one."""
    rows = np.array([np.frombuffer(vector, "<f2") for vector in vectors]).astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


@dataclass(slots=True)
class _Pool:
    """Vectors of settled images of one project; row k belongs to image ids[k]."""

    backbone: str
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ages: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # decision ids; 0: unanimous
    lengths: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    rows: NDArray[np.int8] | None = None
    known: set[int] = field(default_factory=set)
    waiting: dict[int, _Known] = field(default_factory=dict)  # by image id, the newest first: not read yet
    missing: dict[int, _Known] = field(default_factory=dict)  # by image id: no vector was there yet
    newest: int = 0  # the highest decision id that was looked at
    decided: int = 0
    looked_at: float = float("-inf")

    def bring_up_to_date(self, project: Project) -> None:
        since = (
            Decision.objects.filter(image__project=project, withdrawn_at=None, id__gt=self.newest)
            .order_by("-id")
            .values_list("id", "image_id", "image__sha256")[:MOST]
        )
        fresh: dict[int, _Known] = {}
        for pk, image_id, sha256 in since:
            self.newest = max(self.newest, pk)
            self.decided += 1
            fresh.setdefault(image_id, (pk, sha256))
        self.waiting = fresh | {pk: known for pk, known in self.waiting.items() if pk not in fresh}
        if monotonic() - self.looked_at > AGAIN_SECONDS:
            self.looked_at = monotonic()
            again = self.missing | (_unanimous(project) if self.decided < FEW else {})
            self.waiting |= {pk: known for pk, known in again.items() if pk not in self.waiting}
        # A part at a time: reading all 5,000 would hold up the first page after a start.
        part = dict(list(self.waiting.items())[:READ])
        self.waiting = dict(list(self.waiting.items())[READ:])
        self.add({pk: known for pk, known in part.items() if pk not in self.known})

    def add(self, wanted: dict[int, _Known]) -> None:
        kept = features.load(self.backbone, {sha256 for _, sha256 in wanted.values()}) if wanted else {}
        there = {pk: (age, kept[sha256]) for pk, (age, sha256) in wanted.items() if sha256 in kept}
        self.missing |= {pk: known for pk, known in wanted.items() if pk not in there}
        if not there:
            return
        for pk in there:
            self.missing.pop(pk, None)
        rows = _unpacked(vector for _, vector in there.values())
        scale = 127 / np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
        small = np.rint(rows * scale).astype(np.int8)
        self.ids = np.concatenate([self.ids, np.array(list(there), np.int64)])
        self.ages = np.concatenate([self.ages, np.array([age for age, _ in there.values()], np.int64)])
        self.lengths = np.concatenate([self.lengths, np.linalg.norm(small.astype(np.float32), axis=1)])
        self.rows = small if self.rows is None else np.concatenate([self.rows, small])
        if len(self.ids) > MOST:
            newest = np.argsort(-self.ages, kind="stable")[:MOST]
            self.ids, self.ages = self.ids[newest], self.ages[newest]
            self.lengths, self.rows = self.lengths[newest], self.rows[newest]
        self.known = set(self.ids.tolist())

    def compare(self, vector: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids and the cosine of each with `vector`, which has length 1."""
        if self.rows is None or self.rows.shape[1] != len(vector):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        cosine = np.empty(len(self.rows), np.float32)
        block = np.empty((min(BLOCK, len(self.rows)), len(vector)), np.float32)
        for start in range(0, len(self.rows), BLOCK):
            part = self.rows[start : start + BLOCK]
            block[: len(part)] = part
            cosine[start : start + BLOCK] = block[: len(part)] @ vector
        return self.ids.copy(), (cosine / np.maximum(self.lengths, 1e-12)).astype(np.float32)


def _unanimous(project: Project) -> dict[int, _Known]:
    """The newest images on which two people or more said the same, and nobody anything else."""
    rows = Image.objects.filter(project=project, status=Status.SETTLED, disagreement=0, n_votes__gte=2)
    newest = rows.filter(has_decision=False).order_by("-id").values_list("id", "sha256")[:UNANIMOUS]
    return {pk: (0, sha256) for pk, sha256 in newest}


_pools: OrderedDict[tuple[str, str], _Pool] = OrderedDict()
_lock = Lock()


def _pool(project: Project, backbone: str) -> _Pool:
    key = (project.salt, backbone)
    if key not in _pools:
        _pools[key] = _Pool(backbone)
        if len(_pools) > POOLS:
            _pools.popitem(last=False)
    _pools.move_to_end(key)
    return _pools[key]


def forget() -> None:
    """Empty what this process keeps."""
    with _lock:
        _pools.clear()
