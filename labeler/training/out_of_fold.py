"""Out-of-fold probabilities of a run's candidates, for each training image: a file beside the model.

Written by a worker (worker/inference/saved_models.py). Read here, without torch: for the consensus and for the label
economy.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeler.models import TrainingRun

OPINIONS = "out-of-fold.npz"


def folder_of(run: TrainingRun) -> Path:
    """Where a run's model lies."""
    return Path(settings.MODELS_DIR) / f"project-{run.project_id}" / f"model-{run.number}"


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What each candidate said of the training images, each image judged by a model that had not seen it."""

    image_ids: NDArray[np.int64]  # (n,)
    category_ids: NDArray[np.int64]  # (K,)
    chosen: str  # the candidate that became the model
    by_candidate: dict[str, NDArray[np.float32]]  # (n, K); NaN rows: images that could not be read


def out_of_fold(run: TrainingRun) -> OutOfFold | None:
    """Of a finished run; None where none is kept: a model of before, or its file is gone or damaged."""
    path = folder_of(run) / f"{Path(run.checkpoint).stem}-{OPINIONS}"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
            said = {name.removeprefix("said."): found[name] for name in found.files if name.startswith("said.")}
            return OutOfFold(found["image_ids"], found["category_ids"], str(found["chosen"]), said)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
