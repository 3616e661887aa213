"""Where runs keep what they have finished so far, and what killed ones left behind.

Knows folders below MODELS_DIR and states of runs. Loads no torch: beat's round calls it.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from django.conf import settings

from labeler.models import TrainingRun
from worker.indexing import pixels
from worker.ml.images.pixels import UNDER_WAY

PREFIX = "unfinished-"
OLD_SECONDS = 86_400.0  # of pixels under way: longer than any training may take


def work_folder(run: TrainingRun) -> Path:
    """Where a run keeps finished folds, so that its next attempt need not repeat them. Deleted when it has ended."""
    return Path(settings.MODELS_DIR) / f"project-{run.project_id}" / f"{PREFIX}{run.number}"


def forget() -> int:
    """Delete the folders of runs that failed, were cancelled or are gone, and pixels that nobody finished; how many.

    Kept epochs of a large network are hundreds of megabytes. A worker that has not noticed yet may write once more:
    the next round deletes that.
    """
    root = Path(settings.MODELS_DIR)
    if not root.is_dir():
        return 0
    wanted = {work_folder(run) for run in TrainingRun.objects.unfinished().only("project_id", "number")}
    gone = [folder for folder in root.glob(f"project-*/{PREFIX}*") if folder not in wanted]
    before = time.time() - OLD_SECONDS
    for left in (root / pixels.FOLDER).glob(f"project-*/{UNDER_WAY}*"):
        try:
            if left.stat().st_mtime < before:
                gone.append(left)
        except FileNotFoundError:
            continue  # just finished, by its own name now
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(gone)
