"""Settled images that look like this one, with what was decided on them: the nearest by a backbone's features.

Deciding alike on what looks alike is what makes a data set consistent. Knows vectors and which images are settled;
not how they were made (worker/features.py), nor what the outcome means. Reads only.

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

from labeler import consensus, features
from labeler.models import Decision, Image, Project, TrainingRun
from labeler.models.image import Status

SHOWN = 6
MOST = 5_000  # decided images of a project that are compared, the newest
FEW = 50  # decided images: below, unanimous ones help out
UNANIMOUS = 1_000
POOLS = 4  # projects of which vectors are kept
AGAIN_SECONDS = 60.0  # until vectors that were missing, and unanimous images, are looked for again
BLOCK = 256  # rows that are compared at once: their numbers stay in the processor's cache
LOOKUP = 1_000


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
    """The features that the active model's worker keeps (worker/features.py names them so)."""
    if run is None or "backbone" not in run.config or "image_size" not in run.config:
        return None
    return features.name_of(run.config["backbone"], run.config["image_size"])


def _settled(image: Image, ids: Sequence[int]) -> dict[int, Image]:
    rows = Image.objects.filter(pk__in=ids, project=image.project_id, status=Status.SETTLED).exclude(pk=image.pk)
    return {row.pk: row for row in rows.prefetch_related(consensus.standing_decisions())}


def _told(image: Image, similarity: float | None) -> Lookalike:
    decision = next(iter(image.standing), None)  # type: ignore[attr-defined]
    outcome = consensus.of(image, decision)
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
    rows: NDArray[np.int8] | None = None
    lengths: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    known: set[int] = field(default_factory=set)
    missing: dict[int, str] = field(default_factory=dict)  # image id -> hash: no vector was there yet
    newest: int = 0  # the highest decision id that was looked at
    decided: int = 0
    looked_at: float = float("-inf")

    def bring_up_to_date(self, project: Project) -> None:
        since = (
            Decision.objects.filter(image__project=project, withdrawn_at=None, id__gt=self.newest)
            .order_by("-id")
            .values_list("id", "image_id", "image__sha256")[:MOST]
        )
        wanted: dict[int, str] = {}
        for pk, image_id, sha256 in since:
            self.newest = max(self.newest, pk)
            self.decided += 1
            wanted.setdefault(image_id, sha256)
        if monotonic() - self.looked_at > AGAIN_SECONDS:
            self.looked_at = monotonic()
            wanted |= self.missing
            if self.decided < FEW:
                wanted |= _unanimous(project)
        self.add({pk: sha256 for pk, sha256 in wanted.items() if pk not in self.known})

    def add(self, wanted: dict[int, str]) -> None:
        hashes = list(dict.fromkeys(wanted.values()))
        kept: dict[str, bytes] = {}
        for start in range(0, len(hashes), LOOKUP):
            kept |= features.load(self.backbone, hashes[start : start + LOOKUP])
        self.missing |= {pk: sha256 for pk, sha256 in wanted.items() if sha256 not in kept}
        there = {pk: kept[sha256] for pk, sha256 in wanted.items() if sha256 in kept}
        if not there:
            return
        for pk in there:
            self.missing.pop(pk, None)
        # Newest last, so that the oldest are the first rows, which go when there are too many.
        ids = np.array(list(there)[::-1], np.int64)
        rows = _unpacked(list(there.values())[::-1])
        scale = 127 / np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
        bytes_ = np.rint(rows * scale).astype(np.int8)
        lengths = np.linalg.norm(bytes_.astype(np.float32), axis=1)
        self.ids = np.concatenate([self.ids, ids])[-MOST:]
        self.rows = (bytes_ if self.rows is None else np.concatenate([self.rows, bytes_]))[-MOST:]
        self.lengths = np.concatenate([self.lengths, lengths])[-MOST:]
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


def _unanimous(project: Project) -> dict[int, str]:
    """The newest images on which two people or more said the same, and nobody anything else."""
    rows = Image.objects.filter(project=project, status=Status.SETTLED, disagreement=0, n_votes__gte=2)
    return dict(rows.filter(has_decision=False).order_by("-id").values_list("id", "sha256")[:UNANIMOUS])


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
