"""A small set of drawn images to train on, and settings that are done in seconds."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from tests.helpers.ml_data import drawn_images
from worker.ml.networks import backbones, features
from worker.ml.training.run import TrainingSet

CPU = torch.device("cpu")
LITE0 = backbones.EFFICIENTNET_LITE0
# Everything that depends on measured speed is fixed, and small: 64 px, the last stages, three folds.
QUICK = {
    "image_size": 64, "folds": 3, "time_limit_s": 3600,
    "finetune": {"min_labels": 40, "epochs": 3, "first_stage": 16, "views": 1, "batch": 16},
}  # fmt: skip


@cache
def embedded(n, seed=0):
    images, classes = drawn_images(n, seed)
    return np.concatenate([part.features for part in features.embed(images, LITE0, CPU, size=64)]), images, classes


def samples(n=60, seed=0, **changes):
    found, images, classes = embedded(n, seed)
    return replace(TrainingSet(found, classes, ["disc", "cross", "stripes"], sources=images), **changes)
