"""Many files at once for the command line: paths in, one per line as JSON, answers out the same way.

Knows files and one model. Which files, and how answers are shown, is labeler/management/commands/predict.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labeler.intake.budget import decoded
from labeler.intake.check import Refused
from labeler.intake.images import limits
from labeler.intake.renditions import make_thumbnail
from labeler.models import TrainingRun
from worker.inference import model_cache, saved_models
from worker.ml.saved import predict
from worker.ml.saved.predict import Model

BATCH = 16


def answer_lines(run_id: int, lines: Iterable[str]) -> Iterator[str]:
    """For each path (a JSON string) one line: {"file", "categories", "probability", "probabilities"} by class id, or
    {"file", "refused"} with a sentence. The first line is {"calibrated"}. Raises CheckpointDamaged.
    """
    model = model_cache.model_of(TrainingRun.objects.get(pk=run_id))
    yield json.dumps({"calibrated": model.calibrated})
    waiting: list[tuple[str, bytes]] = []
    for line in lines:
        path = json.loads(line)
        try:
            # The thumbnail, as the same image would have in a project: the model says the same of both.
            with decoded(Path(path), limits=limits()) as image:
                waiting.append((path, make_thumbnail(image)))
        except (Refused, OSError) as problem:
            reason = problem.reason if isinstance(problem, Refused) else f"It cannot be read ({problem.strerror})."
            yield json.dumps({"file": path, "refused": reason})
        if len(waiting) == BATCH:
            yield from _answers(model, waiting)
            waiting = []
    yield from _answers(model, waiting)


def _answers(model: Model, waiting: list[tuple[str, bytes]]) -> Iterator[str]:
    if not waiting:
        return
    found = predict.predict(model, sources=[thumbnail for _, thumbnail in waiting])
    for opinion in saved_models.opinions(model, range(len(waiting)), found):
        said: dict[str, Any] = {
            "file": waiting[opinion.image_id][0],
            "categories": opinion.categories,
            "probability": round(opinion.probability, 6),
            "probabilities": np.round(opinion.probabilities, 6).tolist(),
        }
        yield json.dumps(said)
