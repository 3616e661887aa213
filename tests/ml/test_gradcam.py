"""Heat lies where the class is, and looking leaves the network as it was."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.helpers.small_models import kept
from worker.ml.candidates import logistic
from worker.ml.candidates.scratch_networks import SmallResNet
from worker.ml.device import settle_process
from worker.ml.evaluation import heat
from worker.ml.evaluation.gradcam import GRAD_CAM, OCCLUSION, grad_cam, heat_of, occlusion
from worker.ml.images import measures
from worker.ml.images.augmented_views import plain_pixels
from worker.ml.networks import backbones
from worker.ml.networks.network import GlobalMean
from worker.ml.saved.predict import from_checkpoint, side_of
from worker.ml.saved.scorers import Batch

pytestmark = pytest.mark.slow

settle_process()  # as a worker runs

CPU = torch.device("cpu")
LITE0 = backbones.EFFICIENTNET_LITE0


class Small(nn.Module):
    """Convolutions, BatchNorm, a global pool and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 6, 3, 2, 1), nn.ReLU()
        )
        self.pool = GlobalMean()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.pool(self.trunk(x)))


def test_with_a_global_pool_and_a_linear_head_it_is_the_class_activation_map():
    torch.manual_seed(0)
    network = Small().eval()
    x = torch.randn(5, 3, 24, 24)
    maps = network.trunk(x).detach()
    for category in range(4):
        # CAM (Zhou et al. 2016): sum_k w_k A^k. y = w . mean A + b, so alpha_k = w_k / (h w).
        cam = torch.einsum("k,nkhw->nhw", network.fc.weight[category].detach(), maps).relu()
        found = grad_cam(network, network.pool, lambda x, k=category: network(x)[:, k], x)
        torch.testing.assert_close(found * maps[0, 0].numel(), cam)
        assert found.max() > 0


def test_where_cells_see_nothing_beyond_themselves_all_heat_lies_on_the_patch():
    network = Small()
    red = nn.Conv2d(3, 2, 16, 16)
    with torch.no_grad():
        red.weight.copy_(torch.tensor([[1.0, -1, 0], [-1, 1, 0]])[:, :, None, None].expand(2, 3, 16, 16) / 256)
        red.bias.fill_(-0.1)
        network.fc = nn.Linear(2, 2)
        network.fc.weight.copy_(torch.eye(2))
    network.trunk = nn.Sequential(red, nn.ReLU())
    x = torch.full((1, 3, 96, 96), 0.5)
    x[0, :, 32:64, 16:32] = torch.tensor([1.0, 0, 0])[:, None, None]

    found = grad_cam(network, network.pool, lambda x: network(x)[:, 0], x)[0]

    expected = torch.zeros(6, 6)
    expected[2:4, 1] = 1
    torch.testing.assert_close(found / found.max(), expected)


def test_hooks_modes_statistics_and_gradients_are_left_as_found():
    torch.manual_seed(0)
    network = Small().train()
    network.trunk[1].eval()  # one part in another mode than the rest
    before, modes = copy.deepcopy(network.state_dict()), [m.training for m in network.modules()]

    grad_cam(network, network.pool, lambda x: network(x)[:, 0], torch.randn(2, 3, 24, 24))
    with pytest.raises(IndexError):
        grad_cam(network, network.pool, lambda x: network(x)[:, 99], torch.randn(2, 3, 24, 24))

    assert [m.training for m in network.modules()] == modes
    assert all(not m._forward_pre_hooks and not m._forward_hooks for m in network.modules())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


# -- of models as they are kept ---------------------------------------------------------------------------

SIDE = 128
PATCH = 44


def planted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Grey noise; on every second image a chequered patch somewhere: pixels, whether, and where (top, left)."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(95, 150, (n, SIDE, SIDE, 3), np.uint8)
    board = np.kron(np.indices((PATCH // 11, PATCH // 11)).sum(0) % 2, np.ones((11, 11)))[..., None] * (255, 40, 30)
    places = []
    for k in range(n):
        top, left = (int(v) for v in rng.integers(0, SIDE - PATCH, 2))
        places.append((top, left))
        if k % 2:
            pixels[k, top : top + PATCH, left : left + PATCH] = board.astype(np.uint8)
    return pixels, np.arange(n) % 2, places


@pytest.fixture(scope="module")
def frozen_model():
    """A regression on Lite0's features that tells images with the patch from those without."""
    pixels, truth, _ = planted(48, seed=1)
    x = logistic.scale_features(Batch(LITE0, CPU, SIDE, pixels=pixels).features)
    fit = logistic.fit_path(x, np.eye(2)[truth], np.ones(48), [0.01], "single")[0]
    weights = {"head.weight": torch.from_numpy(fit.weight).float(), "head.bias": torch.from_numpy(fit.bias).float()}
    return from_checkpoint(kept(weights, image_size=SIDE), CPU)


def share_inside(values: np.ndarray, place: tuple[int, int], room: int = 0) -> float:
    """How much of the heat lies on the patch, `room` pixels around it included."""
    whole = np.asarray(Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    top, left = (max(0, v - room) for v in place)
    part = whole[top : place[0] + PATCH + room, left : place[1] + PATCH + room]
    return float(part.sum() / whole.sum())


def test_the_heat_of_a_planted_patch_lies_inside_it_and_a_random_head_destroys_it(frozen_model):
    pixels, truth, places = planted(12, seed=2)
    rng = np.random.default_rng(3)
    random_head = kept(
        {"head.weight": torch.from_numpy(rng.standard_normal((2, 1280)).astype(np.float32)),
         "head.bias": torch.zeros(2)}, image_size=SIDE,
    )  # fmt: skip
    random_model = from_checkpoint(random_head, CPU)
    inside, at_random, alike = [], [], []
    for k in np.flatnonzero(truth):
        found = heat_of(frozen_model, pixels[k], 1)
        assert (found.method, found.values.shape, found.values.max()) == (GRAD_CAM, (4, 4), 1.0)
        # a cell of the map is 32 pixels wide: nothing is placed more exactly than half of one
        inside.append(share_inside(found.values, places[k], 16))
        other = heat_of(random_model, pixels[k], 1)
        at_random.append(share_inside(other.values, places[k], 16))
        alike.append(np.corrcoef(found.values.ravel(), other.values.ravel())[0, 1])
    # The patch with its room is a third of an image; the cells see beyond it, so not all of the heat lies in it.
    assert min(inside) > 0.58, inside
    assert np.mean(at_random) < 0.4, at_random
    assert np.mean(alike) < 0.2, alike


def test_the_logit_that_is_explained_is_the_models_with_its_features_scaled(frozen_model):
    pixels, _, _ = planted(2, seed=4)
    network = backbones.load(LITE0)
    maps = []
    network.pool.register_forward_pre_hook(lambda _, given: maps.append(given[0]))
    with torch.no_grad():
        f = network.run(plain_pixels(torch.from_numpy(pixels[1:]), LITE0, SIDE))[0].double().numpy()
    a = maps[0][0].double().numpy()
    w = frozen_model.scorer.weight[1].astype(float)
    # y = sqrt(d) w . f / |f| + b, so dy/df = sqrt(d) / |f| (w - (w . f) f / |f|^2), and alpha = dy/df / (h w)
    length = np.linalg.norm(f)
    said = 1280**0.5 * w @ f / length + frozen_model.scorer.bias[1]
    assert said == pytest.approx(frozen_model.scorer.logits(Batch(LITE0, CPU, SIDE, pixels=pixels[1:]))[0, 1], abs=1e-3)
    gradient = 1280**0.5 / length * (w - (w @ f) * f / length**2)
    unclipped = np.einsum("k,khw->hw", gradient, a) / a[0].size
    assert unclipped.sum() == pytest.approx(0, abs=1e-4)  # a longer vector of features says nothing more

    found = heat_of(frozen_model, pixels[1], 1)

    np.testing.assert_allclose(found.values * found.peak, unclipped.clip(0), atol=1e-4)


def test_a_network_from_scratch_has_a_gradient_too():
    torch.manual_seed(0)
    network = SmallResNet(2, widths=(8, 16))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    weights = {f"scratch.{key}": value for key, value in network.state().items()}
    model = from_checkpoint(
        kept(weights, image_size=64, recipe={"kind": "scratch", "size": 64, "widths": [8, 16]}), CPU
    )
    pixels = np.random.default_rng(0).integers(0, 255, (side_of(model), side_of(model), 3), np.uint8)

    found = [heat_of(model, pixels, k) for k in (0, 1)]

    assert side_of(model) == 256
    assert all(one.method == GRAD_CAM and one.values.shape == (16, 16) for one in found)
    assert not np.allclose(found[0].values, found[1].values)


def test_without_a_gradient_windows_are_covered_and_it_is_called_so():
    pixels, truth, places = planted(6, seed=5)

    def redness(batch: np.ndarray) -> np.ndarray:
        return (batch[..., 0].astype(float) - batch[..., 1]).clip(100).mean((1, 2))

    for k in np.flatnonzero(truth):
        values = occlusion(redness, pixels[k])
        assert values.shape == (8, 8)
        assert share_inside(values, places[k], 16) > 0.75
    assert occlusion(redness, pixels[0]).max() < 0.5  # nothing to cover there

    # nearest neighbours on classic descriptors: kept as arrays, and no gradient leads through them
    rng = np.random.default_rng(0)
    d = measures.describe(np.zeros((1, 256, 256, 3), np.uint8)).shape[1]
    arrays = {
        "images": rng.standard_normal((8, d)), "targets": np.eye(2)[np.arange(8) % 2], "weights": np.ones(8),
        "prior": np.array([0.5, 0.5]),
    }  # fmt: skip
    weights = {f"learned.{key}": torch.from_numpy(value.astype(np.float32)) for key, value in arrays.items()}
    weights |= {"learned.k": torch.tensor([3]), "calibration.shift": torch.zeros(2)}
    recipe = {"kind": "learned", "learner": "knn", "input": "classic", "factor": 1.0}
    model = from_checkpoint(kept(weights, image_size=64, recipe=recipe), CPU)
    found = heat_of(model, rng.integers(0, 255, (256, 256, 3), np.uint8), 0)
    assert (found.method, found.values.shape) == (OCCLUSION, (8, 8))


# -- drawn -------------------------------------------------------------------------------------------------


def test_a_drawing_has_the_images_shape_is_clear_where_it_is_cold_and_veils_what_was_not_shown():
    values = np.zeros((7, 7), np.float32)
    values[1, 5] = 1
    picture = Image.open(io.BytesIO(heat.overlay(values, 1200, 800))).convert("RGBA")
    drawn = np.asarray(picture).astype(int)

    assert picture.size == (640, 427)
    square = drawn[:, 106:533]  # the centre square
    hottest = np.unravel_index(square[..., 3].argmax(), square.shape[:2])
    assert abs(hottest[0] / 427 - 1.5 / 7) < 0.05
    assert abs(hottest[1] / 427 - 5.5 / 7) < 0.05
    assert square[400, 30, 3] == 0
    assert drawn[200, 20].tolist() == [0, 0, 0, 140] == drawn[200, 620].tolist()
    light = [np.dot(heat.ANCHORS[k, 1:4], (0.2126, 0.7152, 0.0722)) for k in range(len(heat.ANCHORS))]
    assert light == sorted(light)  # hotter is lighter: it reads without colours
    assert heat.thirds(values)[0][2] > 0.9
    assert heat.thirds(np.zeros((7, 7), np.float32)) == [[0.0] * 3] * 3
