"""A network trained from nothing, and candidates joined: judged on what they have not seen, kept as judged."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from labeler.train_settings import Augmentation
from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import ensemble, finetune, from_scratch, logistic, resume, scratch_networks
from worker.ml.errors import CheckpointDamaged, ConfigError
from worker.ml.images.tensors import decode
from worker.ml.networks import backbones, features
from worker.ml.saved import checkpoint, predict
from worker.ml.saved.storage import Stages
from worker.ml.training.run import Judged, Run, TrainingSet, losses
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
NAMES = ["disc", "cross", "stripes"]
QUICK = {
    "image_size": 64, "folds": 3, "time_limit_s": 3600, "search": {"settings": 1},
    "scratch": {"min_labels": 40, "epochs": 3, "size": 32, "batch": 16},
}  # fmt: skip


@cache
def samples(n=60):
    images, classes = drawn_images(n)
    found = np.concatenate([p.features for p in features.embed(images, backbones.EFFICIENTNET_LITE0, CPU, size=64)])
    return TrainingSet(found, classes, NAMES, sources=images)


def run(names, some=None, **given):
    config = read_settings(QUICK | {"candidates": ["frozen", *names]} | given)
    *events, result = train(some or samples(), config, device=CPU)
    return events, result


# -- from nothing ----------------------------------------------------------------------------------------


def test_a_network_from_nothing_learns_drawn_shapes():
    images, classes = drawn_images(90)
    pixels = np.stack([decode(image, size=256) for image in images])
    views = from_scratch.PixelViews(pixels, 32, Augmentation(zoom=0.2), CPU)
    torch.manual_seed(0)
    network = scratch_networks.SmallResNet(3)
    recipe = finetune.Recipe("single", 25, 16, 5e-3, 0.05, 0.0, 25, 0)
    learn, none = np.arange(60), np.empty(0, np.int64)
    targets = torch.eye(3)[torch.from_numpy(classes)]
    *_, end = finetune.fit(network, finetune.Labeled(views, targets, torch.ones(90)), (learn, none, none), recipe, CPU)
    assert end.curve[-1].train_loss < 0.6 * end.curve[0].train_loss
    p = finetune.probabilities_of(network, views, np.arange(60, 90), CPU, "single")
    assert (p.argmax(1) == classes[60:]).mean() > 0.6  # chance is one third


def test_shrinking_averages_what_falls_together():
    pixels = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    pixels[:, ::2] = 200  # every second line: sampled, it would be all or nothing
    small = from_scratch.shrunk(pixels, 64)
    assert small.shape == (1, 64, 64, 3)
    assert (small[:, 4:-4].float() - 100).abs().max() <= 12


def test_a_run_tries_it_shows_its_curve_and_repeats_itself():
    events, result = run(["scratch"])
    row = result.comparison[1]
    assert row["tried"] and row["accuracy"]["n"] == 60
    assert [e.epoch["epoch"] for e in events if e.epoch and e.epoch["fold"] == 0] == [1, 2, 3]
    assert len(result.history["scratch"]["points"]) == 3
    bar = [event.overall for event in events]
    assert bar == sorted(bar)
    _, again = run(["scratch"])
    assert np.array_equal(result.out_of_fold_of["scratch"], again.out_of_fold_of["scratch"])


def test_a_killed_one_goes_on_after_its_last_epoch_and_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(resume, "COST_FACTOR", 0.0)
    config = read_settings(QUICK | {"candidates": ["frozen", "scratch"]})
    trained = []
    original = finetune.n_right
    monkeypatch.setattr(finetune, "n_right", lambda *args: trained.append(1) or original(*args))
    *_, whole = train(samples(), config, device=CPU)
    steps_of_the_whole = len(trained)
    trained.clear()
    killed = train(samples(), config, device=CPU, state_dir=tmp_path)
    for event in killed:
        if event.epoch and (event.epoch["fold"], event.epoch["epoch"]) == (1, 3):
            break  # two epochs of the second fold are kept, the third ended without being kept
    killed.close()
    steps_before = len(trained)
    [folder] = tmp_path.iterdir()
    stages = Stages(tmp_path, folder.name)
    arrays, note = stages.load("scratch-epochs-1")
    stages.save("scratch-epochs-1", arrays, note | {"spent_s": 1000.0})

    *events, resumed = train(samples(), config, device=CPU, state_dir=tmp_path)

    told = [(e.epoch["fold"], e.epoch["epoch"]) for e in events if e.epoch and e.epoch["candidate"] == "scratch"]
    assert told == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), *[(None, k) for k in told_of_all(events)]]
    lost = len(trained) - steps_of_the_whole
    assert 0 < lost < steps_before / 4  # of six epochs that ended before, one was trained again
    assert np.array_equal(resumed.out_of_fold_of["scratch"], whole.out_of_fold_of["scratch"])
    assert resumed.history["scratch"]["points"] == whole.history["scratch"]["points"]
    # The time limit is one for all attempts: what the killed one took of a fold is part of what the fold took.
    assert 1000 < stages.load("scratch-1")[1]["spent_s"] < 2000 and stages.load("scratch-0")[1]["spent_s"] < 1000


def told_of_all(events):
    return [e.epoch["epoch"] for e in events if e.epoch and e.epoch["fold"] is None]


def test_it_is_not_tried_with_few_labels_without_images_or_without_time():
    for given, some, words in (
        ({"scratch": {"min_labels": 61}}, None, "61 labels"),
        ({}, replace(samples(), sources=None), "not at hand"),
        ({"time_limit_s": 0.001}, None, "time limit"),
    ):
        _, result = run(["scratch"], some, **given)
        assert result.comparison[1]["tried"] is False
        assert words in result.comparison[1]["reason"]


def test_several_labels_are_learned_from_nothing_too():
    classes = samples().targets
    targets = np.stack([classes == 0, classes != 1], 1).astype(float)
    some = TrainingSet(samples().features, targets, ["round", "not crossed"], "multi", samples().sources)
    _, result = run(["scratch", "forest", "ensemble", "stacking"], some)
    assert all(row["tried"] for row in result.comparison), result.comparison
    for name in ("ensemble", "stacking"):
        p = result.out_of_fold_of[name]
        assert ((p >= 0.5) == targets).mean() > 0.7
        assert p.sum(1).max() > 1.05


# -- joined ----------------------------------------------------------------------------------------------


def opinions(truth, n_wrong, sure, seed, k=3):
    """Probabilities that give `sure` to the right answer but for n_wrong random images."""
    n = len(truth)
    wrong = np.random.default_rng(seed).permutation(n)[:n_wrong]
    said = truth.copy()
    said[wrong] = (truth[wrong] + 1) % k
    p = np.full((n, k), (1 - sure) / (k - 1), np.float32)
    p[np.arange(n), said] = sure
    return Judged(p, {}, {"x": "setting", "points": []})


def judged_run(given, truth, k=3, folds=5):
    n = len(truth)
    some = TrainingSet(np.zeros((n, 4), np.float16), truth, list(range(k)))
    config = read_settings({"candidates": ["frozen"], "folds": folds})
    made = Run(some, config, CPU, Stages(None, ""), np.zeros((n, 4), np.float32), some.soft(), np.ones(n),
               np.arange(n) % folds)  # fmt: skip
    made.judged.update(given)
    return made


def end_of(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("name", ["ensemble", "stacking"])
def test_three_that_err_on_different_images_are_better_together(name):
    truth = np.random.default_rng(0).integers(0, 3, 300)
    given = {f"c{seed}": opinions(truth, 60, 0.8, seed) for seed in range(3)}
    made = judged_run(given, truth)
    together = end_of(ensemble.Ensemble(name).cross_validate(made))
    # two of three are right with probability .8^3 + 3 * .8^2 * .2 = .896
    assert (together.probabilities.argmax(1) == truth).mean() > 0.86
    alone = losses(given["c0"].probabilities, made.soft, "single").mean()
    assert losses(together.probabilities, made.soft, "single").mean() < alone - 0.1


@pytest.mark.parametrize("name", ["ensemble", "stacking"])
def test_the_labels_of_a_fold_decide_nothing_about_its_judgement(name):
    truth = np.random.default_rng(1).integers(0, 3, 100)
    given = {f"c{seed}": opinions(truth, 25, 0.7, seed) for seed in range(4)}
    before = end_of(ensemble.Ensemble(name).cross_validate(judged_run(given, truth))).probabilities
    fold = np.arange(100) % 5 == 2
    other = np.where(fold, (truth + 1) % 3, truth)
    after = end_of(ensemble.Ensemble(name).cross_validate(judged_run(given, other))).probabilities
    assert np.array_equal(before[fold], after[fold])
    assert not np.array_equal(before[~fold], after[~fold])


def test_an_overconfident_member_is_calibrated_before_the_mean_and_the_worst_is_left_out():
    truth = np.random.default_rng(2).integers(0, 3, 300)
    given = {
        "good": opinions(truth, 30, 0.9, 0), "loud": opinions(truth, 60, 0.999, 1),
        "fair": opinions(truth, 60, 0.8, 2), "bad": opinions(truth, 200, 0.9, 3),
    }  # fmt: skip
    joined = ensemble.Ensemble("ensemble")._join(judged_run(given, truth), np.arange(300))
    assert "bad" not in joined.names and joined.names[0] == "good"
    factors = dict(zip(joined.names, [how.factor for how in joined.calibrations], strict=True))
    assert factors["loud"] < 0.5 < 0.8 < factors["good"] < 1.25


def test_alone_there_is_nothing_to_join():
    truth = np.arange(30) % 3
    one = judged_run({"frozen": opinions(truth, 5, 0.8, 0)}, truth)
    assert "there is 1" in ensemble.Ensemble("stacking").why_not(one)
    for wrong in (["frozen", "ensemble"], ["frozen", "ensemble", "knn"], ["frozen", "knn", "stacking", "svm"]):
        with pytest.raises(ConfigError, match="after the two or more"):
            read_settings({"candidates": wrong})
    both = ("frozen", "knn", "ensemble", "stacking")
    assert read_settings({"candidates": list(both)}).candidates == both


@pytest.mark.parametrize("name", ["ensemble", "stacking"])
def test_all_kinds_joined_say_from_disk_what_their_parts_say(name, monkeypatch, tmp_path):
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    # the best three are of three kinds: features, descriptors, pixels
    names = ["classic.logistic", "scratch", name]
    _, result = run(names)
    assert result.candidate == name
    assert {member["candidate"] for member in result.recipe["members"]} == {"frozen", "classic.logistic", "scratch"}
    named = [{"id": k, "name": text} for k, text in enumerate(NAMES)]
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result, named))
    model = predict.load_model(tmp_path / "m.json", CPU)
    assert model.scorer.needs == {"features", "cache"}
    images = samples().sources[:8]
    said = predict.predict(model, sources=images)
    np.testing.assert_allclose(said.sum(1), 1, atol=1e-5)

    parts = []
    for place, member in enumerate(result.recipe["members"]):
        weights = {k[2:]: v for k, v in result.weights.items() if k.startswith(f"{place}.")}
        alone = replace(result, candidate=member["candidate"], recipe=member["recipe"], weights=weights,
                        first_stage=member["first_stage"])  # fmt: skip
        part = predict.from_checkpoint(checkpoint.from_result(alone, named), CPU)
        parts.append(predict.predict(part, sources=images))
    if name == "stacking":
        stack = logistic.Linear(result.weights["stack.weight"].numpy(), result.weights["stack.bias"].numpy())
        expected = logistic.to_probabilities(stack.logits(ensemble.stack_rows(parts, "single")), "single")
    else:
        together = model.scorer
        expected = ensemble.mean_of(parts, together._calibrations, "single")
    # alone, the first part sees images decoded at its own size; joined, made of the 256 pixels
    np.testing.assert_allclose(said, expected, atol=0.05)
    broken = {k: v for k, v in result.weights.items() if k != "1.ensemble.shift"}
    with pytest.raises(CheckpointDamaged, match="lacks"):
        predict.from_checkpoint(checkpoint.from_result(replace(result, weights=broken), named), CPU)


def test_an_ensemble_of_features_alone_needs_no_images(monkeypatch):
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    _, result = run(["knn", "svm", "ensemble"])
    named = [{"id": k, "name": text} for k, text in enumerate(NAMES)]
    model = predict.from_checkpoint(checkpoint.from_result(result, named), CPU)
    assert model.uses_features
    p = predict.predict_features(model, samples().features)
    assert (p.argmax(1) == samples().targets).mean() > 0.9  # it learned from these
