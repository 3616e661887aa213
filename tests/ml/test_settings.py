"""Settings of a run: defaults, limits, and every wrong one named."""

import json

import pytest

from labeler.train_settings import TrainConfig
from worker.ml.errors import ConfigError
from worker.ml.training.settings import read_settings


def test_nothing_given_means_the_defaults_and_json_comes_back_equal():
    assert read_settings(None) == read_settings({}) == TrainConfig()
    given = read_settings(
        {"seed": 7, "candidates": ["frozen"], "augmentation": {"flip": False}, "finetune": {"epochs": 3}}
    )
    assert (given.augmentation.flip, given.finetune.epochs, given.finetune.batch) == (False, 3, 32)
    assert read_settings(json.loads(json.dumps(given.to_json()))) == given


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"epocs": 3}, "epocs"),
        ({"seed": "one"}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": -1}, "seed"),
        ({"folds": 1}, "folds"),
        ({"image_size": 225}, "image_size"),
        ({"backbone": "resnet9000"}, "backbone"),
        ({"candidates": []}, "candidates"),
        ({"candidates": ["finetuned"]}, "candidates"),
        ({"candidates": ["frozen", "magic"]}, "candidates"),
        ({"candidates": ["frozen", "svm", "svm"]}, "candidates"),
        ({"imbalance": "smote"}, "imbalance"),
        ({"search": {"settings": 0}}, "search.settings"),
        ({"search": {"network_settings": -1}}, "search.network_settings"),
        ({"penalties": [0.1, 0.01]}, "penalties"),
        ({"penalties": 0.1}, "penalties"),
        ({"finetune": {"learning_rate": 5}}, "finetune.learning_rate"),
        ({"finetune": {"learning_rate": float("nan")}}, "finetune.learning_rate"),
        ({"finetune": {"first_stage": 18}}, "finetune.first_stage"),
        ({"finetune": {"lr": 0.1}}, "finetune.lr"),
        ({"augmentation": {"flip": 1}}, "augmentation.flip"),
        ({"augmentation": []}, "augmentation"),
        ([], "config"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given, field):
    with pytest.raises(ConfigError) as refused:
        read_settings(given)
    assert list(refused.value.fields) == [field]
    assert field in str(refused.value)
