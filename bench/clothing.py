"""The clothing photographs as frozen features, computed once and kept in the temporary folder.

Knows LABELER_TEST_DATA and the product's own backbone. What is simulated on the features is elsewhere.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.ml.candidates.logistic import scale_features
from worker.ml.device import pick_device, settle_process
from worker.ml.networks import backbones, features

SIZE = 224


@dataclass(frozen=True, slots=True)
class Photographs:
    """Features (n, 1280), scaled as x, the true class (n,) and the names of the classes, in a fixed order of files."""

    x: NDArray[np.float32]
    features: NDArray[np.float16]  # as the product keeps them
    truth: NDArray[np.int64]
    names: list[str]


def photographs() -> Photographs:
    """All 3,781; some 40 s on one core the first time. Raises SystemExit where the data set is not at hand."""
    files, names = _files()
    features = kept_features()
    return Photographs(scale_features(features), features, np.array([code for code, _ in files], np.int64), names)


def sources() -> list[Path]:
    """The photographs themselves, in the order of photographs()."""
    return [path for _, path in _files()[0]]


@cache
def _files() -> tuple[list[tuple[int, Path]], list[str]]:
    """(class, path) of each photograph, and the classes' names. Raises SystemExit where the data set is not at hand."""
    folder = os.environ.get("LABELER_TEST_DATA")
    root = Path(folder or ".") / "clothing"
    if not folder or not root.is_dir():
        raise SystemExit("Set LABELER_TEST_DATA to the folder that holds clothing/.")
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    files = [(code, path) for code, name in enumerate(names) for path in sorted((root / name).glob("*.jpg"))]
    return files, names


def kept_features() -> NDArray[np.float16]:
    """Features as the product keeps them, (n, 1280), in the order of photographs()."""
    files, _names = _files()
    kept = Path(tempfile.gettempdir()) / f"labeler-bench-lite0-{SIZE}-{len(files)}.npy"
    if not kept.exists():
        settle_process()
        found = np.empty((len(files), backbones.EFFICIENTNET_LITE0.n_features), np.float16)
        for batch in features.embed(
            [path for _, path in files], backbones.EFFICIENTNET_LITE0, pick_device(), size=SIZE
        ):
            if batch.failed:
                raise SystemExit(f"{len(batch.failed)} photographs cannot be read: {next(iter(batch.failed.values()))}")
            found[batch.indices] = batch.features
        # Under another name first: a measurement that is stopped half-way must not leave half a file.
        unfinished = kept.with_name(f"{os.getpid()}-{kept.name}")
        np.save(unfinished, found)
        unfinished.replace(kept)
    return np.load(kept)
