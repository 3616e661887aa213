"""Models that this process keeps loaded, one per project: the first question costs seconds, the next ones nothing.

Knows how many fit and when one is out of date. What a model computes is worker/ml/saved/predict.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import TypeVar, cast

import torch

from labeler.models import TrainingRun
from worker.inference import drawn_models, saved_models
from worker.ml.device import pick_device, settle_process
from worker.ml.saved.drawn import DrawnModel
from worker.ml.saved.predict import Model

# A fine-tuned network is some 20 MB, a nearest-neighbour model of 100,000 labels 500.
MOST = 4
# By project: of which run, the checksum of its weights, and the model; the last used is last. Two runs may have the
# very same weights and another temperature.
_held: OrderedDict[int, tuple[tuple[int, str], Model | DrawnModel]] = OrderedDict()
_settle_once = cache(settle_process)
Kind = TypeVar("Kind", Model, DrawnModel)


def model_of(run: TrainingRun) -> Model:
    """The run's model: as loaded before, or read, its checksums verified, in place of the project's earlier one.

    Raises CheckpointDamaged.
    """
    return _model_of(run, saved_models.load)


def drawn_model_of(run: TrainingRun) -> DrawnModel:
    """The same where the run's model draws."""
    return _model_of(run, drawn_models.load)


def _model_of(run: TrainingRun, load: Callable[[TrainingRun, torch.device], Kind]) -> Kind:
    _settle_once()
    held, wanted = _held.get(run.project_id), (run.pk, run.checkpoint_sha256)
    if held is None or held[0] != wanted:
        _held.pop(run.project_id, None)  # before the new one is read: both at once would need room for two
        held = _held[run.project_id] = wanted, load(run, pick_device())
        while len(_held) > MOST:
            _held.popitem(last=False)
    _held.move_to_end(run.project_id)
    return cast(Kind, held[1])  # a project's task never changes, so what is held is what `load` gives
