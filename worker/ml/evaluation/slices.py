"""Where is the model worse? Its answers by what is known of the images: camera, place, size, whatever was imported.

Knows values and scores of images, not where either came from.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact, ttest_ind

from labeler.stats.intervals import Z95
from labeler.stats.results import FEW_IMAGES
from worker.ml.evaluation.metrics import Stat, share, stat

MOST = 20  # slices of one kind; the rest are put together
LEVEL = 0.05
QUARTERS = 4  # of a measured value with more distinct values than MOST


def by_value(values: Sequence[Any], scores: NDArray[Any]) -> dict[str, Any]:
    """The share right in each slice against all other images, the worst first.

    values: of one metadata field, shape (n,), None where it is missing (a slice of its own). Numbers with many
    distinct values are cut into quarters. scores: (n,), 1 right and 0 wrong; for several labels the share right.
    Returns {"slices": [{value, n, right: STAT, difference, p, worse, warning}], "n"}. worse: lower than elsewhere
    beyond chance, with all slices of the field taken together (Holm 1979; Fisher's exact test, Welch's t for shares).
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(values) != len(scores):
        raise ValueError("values and scores must be of the same images")
    names, codes = groups(values)
    rows = [_row(name, scores[codes == k], scores[codes != k]) for k, name in enumerate(names)]
    mark_worse(rows)
    rows.sort(key=lambda row: (row["warning"] is not None, row["right"]["value"], row["value"]))
    return {"slices": rows, "n": len(scores)}


def groups(values: Sequence[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the slices, at most MOST, and the slice of each image (n,). values: as by_value() takes them."""
    labels = _names(values)
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) > MOST:
        rare = np.argsort(-counts, kind="stable")[MOST - 1 :]
        labels = np.where(np.isin(codes, rare), f"({len(rare)} others)", labels)
        names, codes = np.unique(labels, return_inverse=True)
    return [str(name) for name in names], codes


def mark_worse(rows: Sequence[dict[str, Any]]) -> None:
    """Correct each p of one field for all of them (Holm 1979), and say which slices are worse beyond chance."""
    tested = sorted((row for row in rows if row["p"] is not None), key=lambda row: row["p"])
    adjusted = 0.0
    for place, row in enumerate(tested):
        adjusted = row["p"] = min(1.0, max(adjusted, row["p"] * (len(tested) - place)))
        row["worse"] = bool(adjusted < LEVEL)


def warning_of(n: int) -> str | None:
    return f"Only {n} images: read the interval, not the value." if n < FEW_IMAGES else None


def _names(values: Sequence[Any]) -> NDArray[np.str_]:
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    present = sum(v is not None for v in values)
    if len(numbers) == present and len(set(numbers)) > MOST:
        edges = np.unique(np.quantile(numbers, np.arange(1, QUARTERS) / QUARTERS))
        words = [f"up to {edges[0]:g}", *(f"{a:g} to {b:g}" for a, b in itertools.pairwise(edges))]
        words.append(f"above {edges[-1]:g}")
        return np.array(["(none)" if v is None else words[int(np.searchsorted(edges, v))] for v in values])
    return np.array(["(none)" if v is None else str(v) for v in values])


def _row(name: str, inside: NDArray[Any], outside: NDArray[Any]) -> dict[str, Any]:
    warning = warning_of(len(inside))
    return {
        "value": name, "n": len(inside), "right": _share(inside), "worse": False, "warning": warning,
        "difference": float(inside.mean() - outside.mean()) if len(outside) else None,
        "p": _p_worse(inside, outside) if warning is None and len(outside) >= 2 else None,
    }  # fmt: skip


def _whole(scores: NDArray[Any]) -> bool:
    return bool(np.isin(scores, (0.0, 1.0)).all())


def _share(scores: NDArray[Any]) -> Stat:
    if _whole(scores):
        return share(int(scores.sum()), len(scores), "No image.")
    value = float(scores.mean())
    half = Z95 * float(scores.std(ddof=1)) / len(scores) ** 0.5 if len(scores) > 1 else float("nan")
    return stat(value, max(0.0, value - half), min(1.0, value + half), len(scores))


def _p_worse(inside: NDArray[Any], outside: NDArray[Any]) -> float:
    if _whole(inside) and _whole(outside):
        table = [[int(part.sum()), int(len(part) - part.sum())] for part in (inside, outside)]
        return float(fisher_exact(table, alternative="less")[1])
    if inside.std() == 0 and outside.std() == 0:
        return 1.0 if inside.mean() >= outside.mean() else 0.0
    return float(ttest_ind(inside, outside, equal_var=False, alternative="less").pvalue)
