"""Networks that are trained from nothing: each of the registry begins, learns, is kept and comes back."""

from functools import cache

import numpy as np
import pytest
import torch

from labeler.train_settings import Scratch
from tests.helpers.ml_data import drawn_images
from tests.helpers.small_models import kept
from worker.ml.candidates import scratch_networks
from worker.ml.candidates.from_scratch import network_input, shrunk
from worker.ml.evaluation.gradcam import GRAD_CAM, OCCLUSION, heat_of
from worker.ml.networks import backbones, features
from worker.ml.saved import onnx_file, predict
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
NAMES = ["disc", "cross", "stripes"]
QUICK = {"image_size": 64, "folds": 3, "time_limit_s": 3600, "candidates": ["frozen", "scratch"]}


@cache
def samples(n=45):
    images, classes = drawn_images(n)
    found = np.concatenate([p.features for p in features.embed(images, backbones.EFFICIENTNET_LITE0, CPU, size=64)])
    return TrainingSet(found, classes, NAMES, sources=images)


def run(**scratch):
    settings = {"min_labels": 40, "epochs": 1, "size": 32, "batch": 15, "learning_rate": 1e-3} | scratch
    *_, result = train(samples(), read_settings(QUICK | {"scratch": settings}), device=CPU)
    return result


@pytest.mark.parametrize("name", sorted(backbones.names()))
def test_each_network_begins_alike_for_a_seed_and_all_of_it_is_trained(name):
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(scratch_networks.network_of(name, 3))
    network, twin = made
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), twin.parameters(), strict=True))

    x = torch.randn(4, 3, 96, 96)
    logits = network.train()(x)
    logits.square().mean().backward()

    assert logits.shape == (4, 3) and logits.isfinite().all()
    named = dict(network.named_parameters())
    lost = [key for key, value in named.items() if value.grad is None and "classifier" not in key]
    assert lost == []
    assert sum(value.numel() for value in named.values()) < 28e6, "no published classifier is carried along"
    recipe = {"kind": "scratch", "size": 96, "network": name}
    back = scratch_networks.of_recipe(recipe, 3)
    back.load_state(network.state())
    with torch.no_grad():
        assert torch.equal(back.eval()(x), network.eval()(x))


def test_a_run_trains_the_network_that_its_settings_name():
    result = run(network="resnet18")

    row = next(row for row in result.comparison if row["candidate"] == "scratch")
    assert (row["tried"], row["settings"]["network"], row["settings"]["size"]) == (True, "resnet18", 32)
    small = run()
    other = next(row for row in small.comparison if row["candidate"] == "scratch")
    assert other["settings"]["network"] == "small"
    assert not np.array_equal(result.out_of_fold_of["scratch"], small.out_of_fold_of["scratch"])


@pytest.mark.parametrize(("name", "method"), [("densenet121", GRAD_CAM), ("vit_small_patch16_224", OCCLUSION)])
def test_what_is_kept_of_it_is_a_graph_too_and_has_a_heat(name, method):
    torch.manual_seed(0)
    network = scratch_networks.network_of(name, 2).eval()
    weights = {f"scratch.{key}": value for key, value in network.state().items()}
    recipe = scratch_networks.recipe_of(Scratch(network=name, size=64))
    model = predict.from_checkpoint(kept(weights, image_size=64, recipe=recipe), CPU)
    side = predict.side_of(model)
    pixels = np.random.default_rng(0).integers(0, 255, (2, side, side, 3), np.uint8)

    said = predict.predict_pixels(model, pixels)
    with torch.no_grad():
        graph = onnx_file.as_one_network(model)(torch.from_numpy(onnx_file.pixels_for(model, pixels)))

    with torch.no_grad():
        np.testing.assert_allclose(
            network(network_input(shrunk(torch.from_numpy(pixels), 64))).softmax(1), said, atol=1e-4
        )
    np.testing.assert_allclose(graph.numpy(), said, atol=1e-4)
    assert heat_of(model, pixels[0], 1).method == method


def test_a_network_that_cannot_look_at_so_few_pixels_says_so():
    result = run(network="inception_v3", size=64)

    row = next(row for row in result.comparison if row["candidate"] == "scratch")
    assert (row["tried"], row["reason"]) == (False, "inception_v3 cannot look at 64 px: choose a larger size.")
