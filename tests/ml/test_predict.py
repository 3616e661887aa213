"""A model on disk is whole or refused, says after loading what it said before; calibration changes no answer."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import finetune, logistic
from worker.ml.errors import CheckpointDamaged
from worker.ml.evaluation import temperature
from worker.ml.images.tensors import decode, to_network
from worker.ml.networks import backbones
from worker.ml.networks.features import embed
from worker.ml.saved import checkpoint, predict
from worker.ml.training.settings import read_settings
from worker.ml.training.train import Result

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
LITE0 = backbones.EFFICIENTNET_LITE0
CATEGORIES = [{"id": 11, "name": "Disc"}, {"id": 12, "name": "Kreuz – ü"}, {"id": 13, "name": "Stripes"}]


def result_with(weights, candidate="frozen", first_stage=None):
    return Result(
        candidate=candidate, weights=weights, first_stage=first_stage, comparison=[{"candidate": candidate}],
        history={}, out_of_fold=np.zeros((1, 3), np.float32), skipped={}, seconds={},
        config=read_settings({"image_size": 64}), task="single", categories=(11, 12, 13), n_labels=60,
    )  # fmt: skip


@pytest.fixture
def head():
    g = torch.Generator().manual_seed(0)
    return {"head.weight": torch.randn(3, 1280, generator=g) / 20, "head.bias": torch.randn(3, generator=g)}


@pytest.fixture
def tail():
    """A trained tail: the last two stages of the backbone, moved a little."""
    rng = np.random.default_rng(1)
    made = finetune.Tail(
        backbones.load(LITE0), 16, logistic.Linear(rng.standard_normal((3, 1280)) / 20, np.zeros(3)), 0.0
    )
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.mul_(1 + 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    return made.eval()


# -- on disk ---------------------------------------------------------------------------------------------


def test_a_checkpoint_describes_itself_and_comes_back_equal(tmp_path, head):
    made = checkpoint.from_result(
        result_with(head), CATEGORIES, temperature=1.5, calibrated_on=250, metrics={"accuracy": {"value": 0.9}}
    )
    saved = checkpoint.save(tmp_path / "model.json", made)
    loaded = checkpoint.load(tmp_path / "model.json")
    assert loaded.describe() == saved.describe()
    assert all(torch.equal(tensor, loaded.weights[name]) for name, tensor in head.items())
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["categories"] == CATEGORIES
    assert (described["backbone"], described["task"], described["temperature"]) == ("efficientnet_lite0", "single", 1.5)
    assert read_settings(described["config"]) == result_with(head).config
    assert described["weights"] == f"model-{saved.sha256[:12]}.safetensors"


@pytest.mark.parametrize("what", ["weights", "json", "short json", "no weights", "no json", "other format", "backbone"])
def test_a_damaged_checkpoint_is_refused_with_what_is_wrong(tmp_path, head, what):
    path = tmp_path / "model.json"
    checkpoint.save(path, checkpoint.from_result(result_with(head), CATEGORIES))
    weights = path.parent / json.loads(path.read_text())["weights"]
    if what == "weights":
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1  # one bit
        weights.write_bytes(content)
        expected = "weights .* are damaged"
    elif what == "json":
        path.write_text(path.read_text().replace('"Disc"', '"Disk"'))
        expected = "was altered"
    elif what == "short json":
        path.write_bytes(path.read_bytes()[:-20])
        expected = "cannot be read"
    elif what == "no weights":
        weights.unlink()
        expected = "are missing"
    elif what == "no json":
        path.unlink()
        expected = "is missing"
    elif what == "other format":
        path.write_text('{"format": "labeler-model-99"}')
        expected = "another format"
    else:
        loaded = checkpoint.load(path)
        checkpoint.save(path, replace(loaded, backbone_sha256="0" * 64))
        expected = "other weights of efficientnet_lite0"
    with pytest.raises(CheckpointDamaged, match=expected):
        predict.load_model(path, CPU)


def test_a_save_that_fails_half_way_leaves_the_old_model_whole(tmp_path, head, monkeypatch):
    path = tmp_path / "model.json"
    checkpoint.save(path, checkpoint.from_result(result_with(head), CATEGORIES))
    before = checkpoint.load(path).describe()
    original, calls = checkpoint.write_atomically, []

    def full_disk(target, content):
        calls.append(target)
        if target == path:
            raise OSError(28, "No space left on device")
        original(target, content)

    monkeypatch.setattr(checkpoint, "write_atomically", full_disk)
    other = {name: tensor + 1 for name, tensor in head.items()}
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, checkpoint.from_result(result_with(other), CATEGORIES))
    assert len(calls) == 2
    assert checkpoint.load(path).describe() == before


def test_layers_that_do_not_fit_are_refused(tmp_path, head, tail):
    wrong = {**head, "head.bias": torch.zeros(4)}
    with pytest.raises(CheckpointDamaged, match="does not fit its categories"):
        predict.from_checkpoint(checkpoint.from_result(result_with(wrong), CATEGORIES), CPU)
    partial = {name: tensor for name, tensor in tail.state().items() if "_conv_head" not in name}
    model = predict.from_checkpoint(checkpoint.from_result(result_with(partial, "finetuned", 16), CATEGORIES), CPU)
    with pytest.raises(CheckpointDamaged, match="do not fit its backbone"):
        _ = model.scorer.network


# -- what it says ----------------------------------------------------------------------------------------


def test_predictions_from_features_and_from_images_are_the_same(tmp_path, head):
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result_with(head), CATEGORIES, temperature=2.0))
    model = predict.load_model(tmp_path / "m.json", CPU)
    images, _ = drawn_images(9)
    features = np.concatenate([part.features for part in embed(images, LITE0, CPU, size=64)])
    from_features = predict.predict(model, features=features)
    assert model.uses_features
    assert from_features.shape == (9, 3)
    np.testing.assert_allclose(from_features.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(predict.predict(model, sources=images), from_features, atol=3e-3)
    logits = logistic.scale_features(features) @ head["head.weight"].numpy().T + head["head.bias"].numpy()
    np.testing.assert_allclose(from_features, logistic.to_probabilities(logits / 2.0, "single"), atol=1e-5)


def test_a_tuned_network_says_after_loading_what_it_said_in_training(tmp_path, tail):
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result_with(tail.state(), "finetuned", 16), CATEGORIES))
    model = predict.load_model(tmp_path / "m.json", CPU)
    assert not model.uses_features
    with pytest.raises(ValueError, match="predict_images"):
        predict.predict_features(model, np.zeros((1, 1280), np.float16))
    images, _ = drawn_images(5)
    images = [*images[:2], b"broken", *images[2:]]
    said = predict.predict(model, sources=images)
    assert np.isnan(said[2]).all()
    pixels = np.stack([decode(image, size=64) for image in images if image != b"broken"])
    x = to_network(torch.from_numpy(pixels), offset=LITE0.offset, scale=LITE0.scale)
    with torch.no_grad():
        expected = torch.softmax(tail(backbones.load(LITE0).run(x, 0, 16)), 1).numpy()
    np.testing.assert_allclose(np.delete(said, 2, axis=0), expected, atol=1e-4)
    plain = backbones.load(LITE0).run(x).detach().numpy()
    head_only = logistic.scale_features(plain) @ tail.head.weight.detach().numpy().T
    assert np.abs(logistic.to_probabilities(head_only, "single") - expected).max() > 0.01  # the layers do count


def test_predicting_leaves_no_thread_behind_when_stopped(tail):
    model = predict.from_checkpoint(checkpoint.from_result(result_with(tail.state(), "finetuned", 16), CATEGORIES), CPU)
    before = threading.active_count()
    stream = predict.predict_images(model, drawn_images(4)[0] * 40, batch=1)
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_margin_is_small_where_the_model_is_unsure():
    p = np.array([[0.5, 0.5, 0.0], [0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    assert predict.margin(p, "single").tolist() == pytest.approx([0.0, 0.5, 1.0])
    # several labels: the least sure answer decides, .55 is 2 * .05 from a coin toss
    assert predict.margin(np.array([[0.99, 0.55], [0.1, 0.9]]), "multi").tolist() == pytest.approx([0.1, 0.8])


# -- calibration -----------------------------------------------------------------------------------------


def honest(n, k=4, seed=0):
    """Probabilities that are right as often as they say, and the truth."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.6), n)
    return p, np.array([rng.choice(k, p=row) for row in p])


def loss(p, truth):
    return -np.log(np.clip(p[np.arange(len(p)), truth], 1e-12, 1)).mean()


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found_again(overconfidence):
    p, truth = honest(4000)
    distorted = temperature.apply_temperature(p, 1 / overconfidence, "single")
    assert temperature.fit_temperature(distorted, truth, "single") == pytest.approx(overconfidence, rel=0.08)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 5, 200])
def test_fitting_never_raises_the_loss_and_never_changes_the_answer(n, seed):
    p, truth = honest(n, seed=seed)
    t = temperature.fit_temperature(p, truth, "single")
    after = temperature.apply_temperature(p, t, "single")
    assert t > 0
    assert loss(after, truth) <= loss(p, truth) + 1e-9
    assert np.array_equal(np.argsort(after, axis=1)[:, -1], np.argsort(p, axis=1)[:, -1])


def test_several_labels_are_calibrated_answer_by_answer():
    rng = np.random.default_rng(3)
    p = rng.beta(0.5, 0.5, (3000, 2))
    truth = rng.random((3000, 2)) < p
    distorted = temperature.apply_temperature(p, 0.5, "multi")
    assert temperature.fit_temperature(distorted, truth, "multi") == pytest.approx(2.0, rel=0.1)


def test_without_calibration_labels_nothing_is_changed_or_promised(head):
    assert temperature.fit_temperature(np.empty((0, 3)), np.empty(0, np.int64), "single") == 1.0
    made = checkpoint.from_result(result_with(head), CATEGORIES, calibrated_on=199)
    assert not predict.from_checkpoint(made, CPU).calibrated
    assert predict.from_checkpoint(replace(made, calibrated_on=200), CPU).calibrated
