"""Compute the features of a project's images and write the index of similar images.

Features of 100,000 images are 256 MB, too much for every web process to read; the index holds their main axes in one
byte per number, 13 MB that all processes share. One job spends at most LOOK_SECONDS on images without features, so that
a training waits no longer than that; what is left is asked for again (worker/periodic.py). What is compared by the
small numbers is decided by the whole features. With the index at hand, near-duplicates are looked for
(worker/indexing/near_duplicate_search.py), COMPARE_SECONDS at a time.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.jobs.leases import Lease, Pulse
from labeler.models import Image, Job, Project, TrainingRun
from labeler.models.image import Slice, Status
from labeler.models.job import Kind, State
from labeler.training import features as kept
from labeler.training import image_index, queue_order
from worker.attempt import on_job
from worker.indexing import near_duplicate_search
from worker.indexing.features import features_of, kept_as
from worker.ml.device import pick_device, settle_process
from worker.ml.networks import backbones
from worker.ml.saved.storage import write_atomically
from worker.ml.training import active_learning
from worker.ml.training.settings import read_settings

LOOK_SECONDS = 45.0
FIRST_LOOK_SECONDS = 15.0  # before there is a model: somebody waits for the first one
COMPARE_SECONDS = 45.0
FIRST_COMPARE_SECONDS = 10.0
STEP = 256  # images looked at between two looks at the clock
READ = 2_000  # vectors read at once
AXES = 128
FITTED_ON = 5_000  # images, evenly spread over the ids
KNOWN = 10_000  # labeled images that the others are held against, evenly spread
FEWEST_KNOWN = 50  # labeled images; of fewer nobody can say what is usual
UNUSUAL = 0.01
BLOCK = 2_048  # images held against them at once

Ids = NDArray[np.int64]
Matrix = NDArray[np.float32]


@on_job()
def index_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Run one look; does nothing when it is somebody else's or over."""
    project, run = job.project, None
    assert project is not None
    if job.params["run"] is not None:
        run = TrainingRun.objects.get(pk=job.params["run"])
        outside = TrainingRun.objects.active().outside().filter(project=project).exists()
        if not (run.is_active or outside) or project.trashed_at is not None:
            lease.finish(result={"note": f"Model {run.number} is not in use any more."})
            return
        config = run.config
    else:
        # What the project's first run will look with: its features are there then.
        wanted = read_settings(project.training_config)
        config = {"backbone": wanted.backbone, "image_size": wanted.image_size}
    settle_process()
    images = list(Image.objects.filter(project=project).order_by("pk").values_list("pk", "sha256"))
    last = images[-1][0] if images else 0
    name = kept_as(backbones.get(config["backbone"]), config["image_size"])
    seconds = COMPARE_SECONDS if run else FIRST_COMPARE_SECONDS
    if (index := _whole_index(job, name, last)) is not None:
        uncompared = _compare(project, seconds, lease, pulse)
        lease.finish(result={"n": len(index.ids), "left": 0, "last_image": last, "uncompared": uncompared})
        return
    seen, left = _seen(config, name, images, LOOK_SECONDS if run else FIRST_LOOK_SECONDS, lease, pulse)
    if run is None:
        lease.write(stage="Finding images that cover the data")
        _cover(project, name, seen, pulse)
    n = uncompared = 0
    if seen and (run is not None or not left):
        lease.write(stage="Comparing the images")
        n = write(project.pk, name, seen, last_image=last, tick=pulse.check)
        if not left:
            uncompared = _compare(project, seconds, lease, pulse)
    lease.finish(result={"n": n, "left": left, "last_image": last, "uncompared": uncompared})


def _whole_index(job: Job, name: str, last_image: int) -> image_index.Index | None:
    """The index of now, where the look before this one lacked nothing but time to compare images."""
    looks = Job.objects.filter(project=job.project, kind=Kind.LOOK, state=State.DONE)
    before = looks.order_by("-pk").first()
    index = image_index.index_of(job.project) if job.project is not None else None
    if before is None or before.params != job.params or not before.result.get("uncompared"):
        return None
    whole = before.result["left"] == 0 and before.result["last_image"] == last_image
    return index if whole and index is not None and (index.name, index.last_image) == (name, last_image) else None


def _compare(project: Project, seconds: float, lease: Lease, pulse: Pulse) -> int:
    lease.write(stage="Looking for near-duplicates")
    return near_duplicate_search.compare(project, seconds=seconds, tick=pulse.check)


def _cover(project: Project, name: str, seen: list[tuple[int, str]], pulse: Pulse) -> None:
    """Put first in the queue one typical image of each group of what nobody has labeled yet."""
    open_ = Image.objects.filter(project=project, status=Status.UNLABELED, slice=Slice.NONE)
    wanted = set(open_.values_list("pk", flat=True))
    rows = [row for row in seen if row[0] in wanted]
    rows = [rows[at] for at in _spread(len(rows), FITTED_ON)]
    found: list[NDArray[np.float16]] = []
    ids: list[int] = []
    for places, vectors in _read(name, [sha256 for _pk, sha256 in rows]):
        pulse.check()
        found.append(vectors.astype(np.float16))
        ids += [rows[at][0] for at in places]
    if found:
        priority = active_learning.first_priorities(np.concatenate(found), image_index.COVERED)
        first = np.argsort(-priority, kind="stable")[: image_index.COVERED]
        queue_order.cover_first(project, [ids[at] for at in first])


def _seen(
    config: dict[str, Any], name: str, images: list[tuple[int, str]], seconds: float, lease: Lease, pulse: Pulse
) -> tuple[list[tuple[int, str]], int]:
    """The images whose features are kept, and how many are left to look at. Looks at as many as there is time for."""
    known: set[str] = set()
    for start in range(0, len(images), READ):
        pulse.check()
        known |= kept.known(name, [sha256 for _pk, sha256 in images[start : start + READ]])
    missing = [sha256 for _pk, sha256 in images if sha256 not in known]
    began, failed = time.monotonic(), 0
    for start in range(0, len(missing), STEP):
        if time.monotonic() - began > seconds:
            break
        part = missing[start : start + STEP]
        _vectors, unreadable = features_of(
            part, backbones.get(config["backbone"]), pick_device(), size=config["image_size"],
            progress=lambda _done, _n: pulse.check(),
        )  # fmt: skip
        failed += len(unreadable)
        known |= set(part) - set(unreadable)
        lease.write(stage="Looking at new images", progress_done=start + len(part), progress_total=len(missing))
    seen = [(pk, sha256) for pk, sha256 in images if sha256 in known]
    # Files that cannot be read are not worth another look until something else is new.
    return seen, len(images) - len(seen) - failed


# ---------------------------------------------------------------- the index


def write(
    project_id: int, name: str, images: list[tuple[int, str]], *, last_image: int, tick: Any = lambda: None
) -> int:
    """Write the index of these images, (id, SHA-256) by id; how many are in it. Those without features are left out."""
    ids, axes = np.array([pk for pk, _sha256 in images], np.int64), fit(name, [sha256 for _pk, sha256 in images])
    small = np.zeros((len(images), axes.shape[1]), np.float32)
    there = np.zeros(len(images), bool)
    for places, vectors in _read(name, [sha256 for _pk, sha256 in images]):
        tick()
        small[places], there[places] = vectors @ axes, True
    ids, small = ids[there], small[there]
    hashes = [sha256 for (_pk, sha256), is_there in zip(images, there, strict=True) if is_there]
    scale = float(np.abs(small).max(initial=0.0)) or 1.0
    novelty, n_known, usual = _novelty(name, ids, hashes, small, tick)
    _keep(
        project_id, {"ids": ids, "rows": np.rint(small * (127 / scale)).astype(np.int8), "novelty": novelty},
        {
            "name": name, "scale": scale, "n": len(ids), "known": n_known, "last_image": last_image, "usual": usual,
        },
    )  # fmt: skip
    return len(ids)


def fit(name: str, hashes: list[str]) -> Matrix:
    """Main axes (d, k) of the features of these images, k at most AXES: those on which they differ most from nothing.

    Not centred: the products of what is laid on them stay those of the features, as far as AXES numbers can tell.
    """
    some = [hashes[at] for at in _spread(len(hashes), FITTED_ON)]
    moments: Matrix | None = None
    for _places, vectors in _read(name, some):
        moments = vectors.T @ vectors if moments is None else moments + vectors.T @ vectors
    if moments is None:
        return np.zeros((0, 0), np.float32)
    values, directions = np.linalg.eigh(moments.astype(np.float64))
    wanted = [at for at in np.argsort(-values)[:AXES] if values[at] > 1e-9 * max(values[-1], 1e-12)]
    return directions[:, wanted].astype(np.float32)


def _novelty(
    name: str, ids: Ids, hashes: list[str], small: Matrix, tick: Any
) -> tuple[NDArray[np.float32], int, float | None]:
    """For each unlabeled image 1 - cosine with the labeled one that is most like it; NaN for the labeled. How many
    labeled ones it was held against. And what is usual: UNUSUAL of the labeled are further from all others.
    """
    labeled_ids = set(
        Image.objects.filter(pk__in=ids.tolist()).exclude(status=Status.UNLABELED).values_list("pk", flat=True)
    )
    labeled = np.array([pk in labeled_ids for pk in ids.tolist()], bool)
    novelty = np.full(len(ids), np.nan, np.float32)
    places = np.flatnonzero(labeled)
    places = places[_spread(len(places), KNOWN)]
    if not len(places):
        return novelty, 0, None
    reduced = small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-12)
    known = np.zeros((len(places), 0), np.float16)
    for at, vectors in _read(name, [hashes[place] for place in places]):
        if not known.shape[1]:
            known = np.zeros((len(places), vectors.shape[1]), np.float16)
        known[at] = vectors

    def distances(of: NDArray[np.int64], *, to_others: bool) -> NDArray[np.float32]:
        found = np.full(len(of), np.nan, np.float32)
        for start in range(0, len(of), BLOCK):
            tick()
            part = of[start : start + BLOCK]
            likeness = reduced[part] @ reduced[places].T
            if to_others:
                likeness[part[:, None] == places[None, :]] = -np.inf
            likest = likeness.argmax(axis=1)
            # By the small numbers which one it is, by the whole features how like.
            for at, vectors in _read(name, [hashes[place] for place in part]):
                cosine = np.einsum("nd,nd->n", vectors, known[likest[at]].astype(np.float32))
                found[start + at] = np.clip(1 - cosine, 0, 1)
        return found

    open_places = np.flatnonzero(~labeled)
    novelty[open_places] = distances(open_places, to_others=False)
    enough = len(places) >= FEWEST_KNOWN
    usual = float(np.nanquantile(distances(places, to_others=True), 1 - UNUSUAL)) if enough else None
    return novelty, len(places), usual


def _read(name: str, hashes: list[str]) -> Iterator[tuple[NDArray[np.int64], Matrix]]:
    """Positions in `hashes` and features of length 1, READ at a time; images without features are left out."""
    for start in range(0, len(hashes), READ):
        part = hashes[start : start + READ]
        vectors = kept.load(name, part)
        places = [at for at, sha256 in enumerate(part) if sha256 in vectors]
        if not places:
            continue
        rows = np.stack([np.frombuffer(vectors[part[at]], "<f2") for at in places]).astype(np.float32)
        # A vector that holds an infinity (float16 ends at 65,504) says nothing.
        sound = np.isfinite(rows).all(axis=1)
        rows = rows[sound] / np.maximum(np.linalg.norm(rows[sound], axis=1, keepdims=True), 1e-12)
        yield np.array(places, np.int64)[sound] + start, rows


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """At most `most` of n places, evenly spaced."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.int64)


def _keep(project_id: int, arrays: dict[str, NDArray], said: dict[str, Any]) -> None:
    """The arrays into a folder of their own, then the pointer to it: a reader finds a whole index, old or new."""
    base = image_index.folder(project_id)
    own = f"{time.time_ns():x}"
    for file, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_atomically(base / own / f"{file}.npy", buffer.getvalue())
    write_atomically(base / image_index.POINTER, json.dumps({**said, "folder": own}).encode())
    # What processes have mapped stays readable to them. The one before stays for those that just read the pointer.
    folders = sorted(path for path in base.iterdir() if path.is_dir())
    for old in folders[:-2]:
        shutil.rmtree(old, ignore_errors=True)
