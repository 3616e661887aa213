"""Answer one question to a model: what is on this image.

Knows rows. The model stays loaded between two questions (worker/warm.py); who asks, and how long an answer is kept, is
labeler/errands.py.
"""

from __future__ import annotations

import logging

import numpy as np

from labeler import errands, runs
from labeler.errors import NoModel
from labeler.leases import Lease
from labeler.models import Errand
from labeler.models.errand import ErrandKind
from worker import models, warm
from worker.attempt import attempt
from worker.ml import predict

logger = logging.getLogger(__name__)


def run_errand(errand_id: int, *, worker: str) -> None:
    """Answer one errand; does nothing when it is somebody else's or over."""
    taken = errands.start(errand_id, worker=worker)
    if taken is None:
        return
    errand, lease = taken
    with attempt(lease):
        ANSWERS[ErrandKind(errand.kind)](errand, lease)


def _predict(errand: Errand, lease: Lease) -> None:
    run = runs.active(errand.project)
    if run is None or errand.project.trashed_at is not None or errand.picture is None:
        raise NoModel("The project has no model in use any more.")
    model = warm.model_of(run)
    found = predict.predict(model, sources=[bytes(errand.picture)])
    (opinion,) = models.opinions(model, [0], found)
    # 6 digits: what is behind them differs between machines.
    errands.finish(
        lease,
        run=run,
        answer={
            "categories": opinion.categories,
            "probability": round(opinion.probability, 6),
            "probabilities": np.round(opinion.probabilities, 6).tolist(),
            "calibrated": model.calibrated,
        },
    )


ANSWERS = {ErrandKind.PREDICT: _predict}
