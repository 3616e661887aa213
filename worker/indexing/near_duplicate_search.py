"""Find images that are nearly the same where sketches do not tell: cropped, turned a little, mirrored, with a mark.

Features propose (each image and those whose features are most like its), pixels decide
(worker/ml/images/registration.py), and labeler/intake/near_duplicates.py says what becomes of a pair. Each STEP of
images is noted when its pairs are: a worker that is killed loses one. Called by worker/indexing/build_index.py with the
index just written; and before a training for its own images, by their features: a model must not learn from a copy of
what it is judged by, which was not searched for yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pixels

from labeler.intake import near_duplicates
from labeler.intake.images import media_store
from labeler.models import Image, Project
from labeler.training import image_index
from worker.ml.images import registration

STEP = 128  # images whose neighbours are looked up at once, and noted in one transaction
NEIGHBOURS = 8  # of an image; a copy is the first of them but where one picture is there many times
# Cosine of the features. Of copies the least is .69, of one at half the size, which a sketch knows as well.
ALIKE = 0.65
Square = tuple[NDArray[np.uint8], float]
BLOCK = 1_024  # images held against all others of a training at once
KEPT = 2_000  # squares in memory, 12 KB each: images that look alike are proposed with one another


def compare(project: Project, *, seconds: float, tick: Callable[[], None]) -> int:
    """Hold images that were not compared yet against those that look like them; how many are left for the next time.

    At least one step is done, whatever the time. tick: called often; what it raises ends the work, with all steps so
    far kept.
    """
    index = image_index.index_of(project)
    if index is None:
        return 0
    todo = [pk for pk in near_duplicates.uncompared(project) if index.place(pk) is not None]
    squares: dict[int, Square | None] = {}
    most = near_duplicates.most_of_a_group_in(project)
    began = time.monotonic()
    for start in range(0, len(todo), STEP):
        if start and time.monotonic() - began > seconds:
            return len(todo) - start
        part = todo[start : start + STEP]
        same = _same(_unknown(index.alike(part, NEIGHBOURS, ALIKE)), squares, tick)
        near_duplicates.join(project, part, same, most=most)
    return 0


def compare_among(
    project: Project, ids: Sequence[int], vectors: NDArray[np.float16], *, seconds: float, tick: Callable[[], None]
) -> tuple[int, int]:
    """Hold those of these images that were not compared yet against all of them, most alike first.

    vectors: their features, (n, d) in the order of ids. How many images had to be left out of training or tests, and
    how many pairs are left when the time is over: looking at the project finds those.
    """
    new = set(near_duplicates.uncompared(project)).intersection(ids)
    todo = np.array([at for at, pk in enumerate(ids) if pk in new], np.int64)
    if not len(todo):
        return 0, 0
    unit = vectors.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    likeness: dict[tuple[int, int], float] = {}
    for start in range(0, len(todo), BLOCK):
        tick()
        rows = todo[start : start + BLOCK]
        near = np.nan_to_num(unit[rows] @ unit.T, nan=-1.0)
        near[np.arange(len(rows)), rows] = -1.0
        best = np.argpartition(-near, min(NEIGHBOURS, len(ids) - 1), axis=1)[:, :NEIGHBOURS]
        values = np.take_along_axis(near, best, axis=1)
        for row, rank in zip(*np.nonzero(values >= ALIKE), strict=True):
            one, other = ids[rows[row]], ids[best[row, rank]]
            likeness[min(one, other), max(one, other)] = float(values[row, rank])
    pairs = sorted(_unknown(likeness), key=lambda pair: -likeness[pair])
    squares: dict[int, Square | None] = {}
    most = near_duplicates.most_of_a_group_in(project)
    left_out, began = 0, time.monotonic()
    for start in range(0, len(pairs), STEP):
        if start and time.monotonic() - began > seconds:
            return left_out, len(pairs) - start
        same = _same(pairs[start : start + STEP], squares, tick)
        left_out += near_duplicates.join(project, [], same, most=most)
    return left_out, 0


def _unknown(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those whose images are not in one group already."""
    pairs = sorted(pairs)
    groups = near_duplicates.groups_of(sorted({pk for pair in pairs for pk in pair}))
    return [pair for pair in pairs if groups.get(pair[0], -1) != groups.get(pair[1], -2)]


def _same(
    pairs: list[tuple[int, int]], squares: dict[int, Square | None], tick: Callable[[], None]
) -> list[tuple[int, int]]:
    """The pairs that show one picture. `squares`: what was read so far, kept up to KEPT."""
    missing = {pk for pair in pairs for pk in pair} - squares.keys()
    if len(squares) + len(missing) > KEPT:
        squares.clear()
        missing = {pk for pair in pairs for pk in pair}
    for pk, sha256 in Image.objects.filter(pk__in=missing).values_list("pk", "sha256"):
        squares[pk] = _square(sha256)
    found: list[tuple[int, int]] = []
    for start in range(0, len(pairs), registration.BATCH):
        tick()
        some = []
        for one, other in pairs[start : start + registration.BATCH]:
            a, b = squares.get(one), squares.get(other)
            if a is not None and b is not None:  # neither gone nor damaged
                some.append(((one, other), a, b))
        if some:
            laid = registration.register_pairs(together([a for _, a, _ in some]), together([b for _, _, b in some]))
            found += [pair for (pair, _a, _b), same in zip(some, laid.same, strict=True) if same]
    return found


def _square(sha256: str) -> Square | None:
    """The thumbnail; None for a file that is gone or damaged, as doctor says."""
    try:
        with Pixels.open(media_store().thumb_path(sha256)) as image:
            return squeezed(image)
    except OSError:
        return None


def squeezed(image: Pixels.Image) -> Square:
    """The picture as a square, and how wide it is for its height."""
    side = registration.SIDE
    small = image.convert("RGB").resize((side, side), Pixels.Resampling.BOX)
    return np.asarray(small), image.width / image.height


def together(squares: Sequence[Square]) -> registration.Squeezed:
    return registration.Squeezed(np.stack([pixels for pixels, _ in squares]), np.array([wide for _, wide in squares]))
