"""How well a model tells pixels: IoU, Dice, boundary F and accuracy, with intervals by resampling images.

Of pixels that people gave a class; of the others nobody knows, and they count nowhere. Pixels of one image are not
independent, so every interval resamples images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.geometry import masks
from labeler.geometry.overlaps import boundary_f
from labeler.stats.intervals import SEED
from labeler.stats.objects.average_precision import NOTHING_TO_FIND, REPLICATES
from labeler.stats.results import undefined, with_interval
from worker.ml.detection.canvas import VOID
from worker.ml.detection.samples import Drawn, Found

MARGIN = 0.02  # a new model may be this much worse in mIoU and still count as not worse


def label_map(one: Drawn | Found, size: Sequence[int]) -> NDArray[np.uint8]:
    """(height, width): the class position of each pixel, 255 where there is none. size: width and height in px."""
    found = np.full((size[1], size[0]), VOID, np.uint8)
    for kind, shape in zip(one.classes.tolist(), one.masks or (), strict=True):
        crop = masks.raster(shape, int(size[0]), int(size[1]))
        height, width = crop.bits.shape
        found[crop.y : crop.y + height, crop.x : crop.x + width][crop.bits] = kind
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    """Of each image and class, (n, K): pixels that both, that people, that the model call so. edges: boundary F."""

    both: NDArray[np.float64]
    people: NDArray[np.float64]
    model: NDArray[np.float64]
    edges: NDArray[np.float64]  # NaN where neither has the class
    confusion: NDArray[np.int64]  # (K, K): people, model


def count(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, edges: bool = True
) -> Counts:
    n = len(truth)
    both, people, model = (np.zeros((n, n_classes)) for _ in range(3))
    f, confusion = np.full((n, n_classes), np.nan), np.zeros((n_classes, n_classes), np.int64)
    for k, (drawn, said) in enumerate(zip(truth, found, strict=True)):
        wanted, told = label_map(drawn, sizes[k].tolist()), label_map(said, sizes[k].tolist())
        known = (wanted != VOID) & (told != VOID)
        cells = np.bincount(
            wanted[known].astype(np.int64) * n_classes + told[known], minlength=n_classes * n_classes
        ).reshape(n_classes, n_classes)
        confusion += cells
        both[k] = np.diag(cells)
        people[k] = np.bincount(wanted[wanted != VOID], minlength=n_classes)[:n_classes]
        model[k] = np.bincount(told[known], minlength=n_classes)[:n_classes]
        for kind in np.flatnonzero(people[k] + model[k]) if edges else ():
            value = boundary_f(wanted == kind, (told == kind) & (wanted != VOID))
            f[k, kind] = np.nan if value is None else value
    return Counts(both, people, model, f, confusion)


def report(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    """{miou, dice, boundary_f, pixel_accuracy: STAT, n, n_objects, per_class: [{name, iou, dice, share, n_images}],
    confusion: {counts}}; counts in pixels, rows: people."""
    data = count(truth, found, sizes, len(names))
    weights = _weights(len(truth))
    per_class = [
        {
            "name": name, "iou": _stat(_iou(data, weights)[:, k], len(truth)),
            "dice": _stat(_dice(data, weights)[:, k], len(truth)),
            "share": float(data.people[:, k].sum() / max(1.0, data.people.sum())),
            "n_images": int((data.people[:, k] > 0).sum()),
        }
        for k, name in enumerate(names)
    ]  # fmt: skip
    edges = (
        np.nanmean(data.edges, axis=1) if len(truth) and np.isfinite(data.edges).any() else np.full(len(truth), np.nan)
    )
    return {
        "miou": _stat(_mean(_iou(data, weights)), len(truth)), "dice": _stat(_mean(_dice(data, weights)), len(truth)),
        "pixel_accuracy": _stat(_ratio(data.both.sum(1), data.people.sum(1), weights), len(truth)),
        "boundary_f": _stat(_ratio(np.nan_to_num(edges), np.isfinite(edges).astype(float), weights), len(truth)),
        "n": len(truth), "n_objects": int((data.people > 0).sum()), "per_class": per_class,
        "confusion": {"counts": data.confusion.tolist(), "images": {}},
    }  # fmt: skip


def miou(truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int) -> float | None:
    """Mean over the classes that are there, 0 to 1; None where none is."""
    (value,) = miou_resampled(truth, found, sizes, n_classes, np.ones((1, len(truth))))
    return round(float(value), 4) if np.isfinite(value) else None


def miou_resampled(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, weights: NDArray[Any]
) -> NDArray[np.float64]:
    """The same (B,), images counted as often as weights (B, n) say; NaN where no class is there."""
    return _mean(_iou(count(truth, found, sizes, n_classes, edges=False), weights))


def compare(
    truth: Sequence[Drawn], old: Sequence[Found], new: Sequence[Found], sizes: NDArray[np.int64], n_classes: int
) -> dict[str, Any]:
    """{difference: STAT of mIoU, new minus old, on the same images; not_worse; reason, a sentence}."""
    weights = _weights(len(truth))
    values = [_mean(_iou(count(truth, said, sizes, n_classes, edges=False), weights)) for said in (old, new)]
    stat = _stat(values[1] - values[0], len(truth))
    if stat["value"] is None:
        return {"difference": stat, "not_worse": True, "reason": "No pixel is labeled on the images that judge both."}
    worse = stat["value"] < -MARGIN or (stat["high"] is not None and stat["high"] < 0)
    told = f"mIoU {100 * stat['value']:+.1f} points on {len(truth)} images"
    words = "worse" if worse else "not worse, as far as these images tell"
    return {"difference": stat, "not_worse": not worse, "reason": f"The new model is {words}: {told}."}


def _weights(n: int) -> NDArray[np.float64]:
    """How often each image counts: once, and then in each replicate; (1 + replicates, n)."""
    again = np.random.default_rng(SEED).poisson(1, size=(REPLICATES, n))
    return np.concatenate([np.ones((1, n)), again])


def _iou(data: Counts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(replicates, K); NaN for a class that nobody named."""
    both, union = weights @ data.both, weights @ (data.people + data.model - data.both)
    there = weights @ data.people
    return np.where(there > 0, both / np.maximum(union, 1), np.nan)


def _dice(data: Counts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    both, sums = weights @ data.both, weights @ (data.people + data.model)
    return np.where(weights @ data.people > 0, 2 * both / np.maximum(sums, 1), np.nan)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = weights @ below
    return np.where(sums > 0, (weights @ above) / np.maximum(sums, 1e-9), np.nan)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    there = np.isfinite(values)
    return np.where(there.any(1), np.where(there, values, 0).sum(1) / np.maximum(there.sum(1), 1), np.nan)


def _stat(values: NDArray[np.float64], n: int) -> dict[str, Any]:
    """The figure, followed by its replicates."""
    if not len(values) or not np.isfinite(values[0]):
        return undefined(NOTHING_TO_FIND, n).as_dict()
    again = values[1:][np.isfinite(values[1:])]
    spread = again.size and again.size >= (values.size - 1) / 2 and np.ptp(again) > 1e-12
    interval = tuple(float(v) for v in np.quantile(again, (0.025, 0.975))) if spread else None
    return with_interval(float(values[0]), interval, n).as_dict()  # type: ignore[arg-type]
