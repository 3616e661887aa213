"""A training run: candidates are judged on images they have not seen, and the better one is kept."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.ml_data import photographs
from tests.helpers.training_sets import CPU, LITE0, QUICK, embedded, samples
from worker.ml.candidates import finetune, finetuned, frozen_head, logistic, resume, trainable
from worker.ml.device import is_out_of_memory
from worker.ml.errors import LossNotFinite, OneCategoryOnly, TooFewLabels
from worker.ml.evaluation import metrics
from worker.ml.images import augmented_views  # fmt: skip
from worker.ml.networks import backbones, features
from worker.ml.saved.storage import Stages
from worker.ml.training import folds
from worker.ml.training.run import Judged, Progress, Run, TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import CANDIDATES, Result, train

pytestmark = pytest.mark.slow


def run(training_set, settings=None, **options):
    """(events, result)"""
    *events, result = train(training_set, read_settings(settings or QUICK), device=CPU, **options)
    assert isinstance(result, Result)
    return events, result


FROZEN = QUICK | {"candidates": ["frozen"]}


# -- classes of unequal size -----------------------------------------------------------------------------


def uneven(n_rare, distance):
    """300 images of one class and fewer of another, in one dimension that matters of eight."""
    rng = np.random.default_rng(3)
    targets = np.repeat([0, 1], [300, n_rare])
    x = rng.normal(size=(len(targets), 8)) + 3
    x[targets == 1, 0] += distance
    return TrainingSet(x.astype(np.float32), targets, ["usual", "rare"])


@pytest.mark.parametrize(
    ("n_rare", "distance", "chosen"),
    [(40, 2, {"weights", "oversample", "undersample"}), (40, 40, {"none"}), (120, 2, {"none"})],
)
def test_how_to_balance_is_found_out_and_said(n_rare, distance, chosen):
    config = read_settings({"candidates": ["frozen"], "imbalance": "auto", "penalties": [0.01, 0.1]})
    *_, result = train(uneven(n_rare, distance), config, device=CPU)

    found = result.balance
    assert found["chosen"] in chosen and result.config.imbalance == found["chosen"]
    if n_rare == 120:
        assert found["rows"] == [] and "nothing to balance" in found["reason"]
    else:
        assert [row["how"] for row in found["rows"]] == ["none", "weights", "oversample", "undersample"]
        assert found["rows"][0]["p"] is None and all(0 <= row["p"] <= 1 for row in found["rows"][1:])
        assert ("beyond noise (p " in found["reason"]) == (found["chosen"] != "none")


# -- one run from end to end -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    return run(samples())


def test_all_candidates_are_compared_and_exactly_one_is_chosen(whole):
    _, result = whole
    assert [row["candidate"] for row in result.comparison] == ["frozen", "finetuned"]
    assert [row["tried"] for row in result.comparison] == [True, True]
    assert [row["chosen"] for row in result.comparison].count(True) == 1
    assert result.comparison[1]["reason"]
    assert all(row["accuracy"]["n"] == 60 for row in result.comparison)
    json.dumps([result.comparison, result.history], allow_nan=False)


def test_drawn_shapes_are_told_apart_on_images_not_trained_on(whole):
    _, result = whole
    assert result.out_of_fold.shape == (60, 3)
    assert (result.out_of_fold.argmax(1) == samples().targets).mean() > 0.7


def test_progress_is_steady_and_says_what_happens(whole):
    events, _ = whole
    assert all(isinstance(event, Progress) and event.text for event in events)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages[:4] == ["decode", "frozen", "measure", "views"]
    assert {"finetune", "refit"} >= set(stages[4:])
    assert all(0 <= event.done <= event.total for event in events)
    bar = [event.overall for event in events]
    assert bar == sorted(bar)
    assert 0 <= bar[0] <= bar[-1] <= 1


def test_curves_have_training_and_validation_figures(whole):
    events, result = whole
    epochs = [event.epoch for event in events if event.epoch and event.epoch["fold"] is not None]
    assert len(epochs) == 3 * 3
    for name, x in (("frozen", "C"), ("finetuned", "epoch")):
        curve = result.history[name]
        assert curve["x"] == x
        for point in curve["points"]:
            assert point[x] > 0
            for figure in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
                assert np.isfinite(point[figure])
    losses = [line["train_loss"] for line in epochs if line["fold"] == 0]
    assert losses[-1] < losses[0]


def test_the_same_labels_and_seed_give_the_same_model(whole):
    _, result = whole
    _, again = run(samples())
    assert np.array_equal(result.out_of_fold, again.out_of_fold)
    assert result.comparison[1]["log_loss"] == again.comparison[1]["log_loss"]
    assert all(torch.equal(tensor, again.weights[name]) for name, tensor in result.weights.items())


# -- the choice ------------------------------------------------------------------------------------------


def prepared(truth, n_categories):
    """A Run with everything that choosing needs."""
    n = len(truth)
    config = read_settings(FROZEN)
    some = TrainingSet(np.zeros((n, 4), np.float16), truth, list(range(n_categories)))
    return Run(some, config, CPU, Stages(None, ""), np.zeros((n, 4), np.float32), some.soft(), np.ones(n), truth)


@pytest.mark.parametrize(
    ("fewer_wrong", "surer", "kept"),
    [
        (0, False, "frozen"),
        (2, False, "frozen"),
        (12, False, "finetuned"),
        (0, True, "finetuned"),
        (-6, True, "frozen"),
    ],
)
def test_the_second_candidate_must_be_better_beyond_noise(monkeypatch, fewer_wrong, surer, kept):
    n, wrong = 90, 20
    truth = samples(n).targets

    def opinion(n_wrong, sure):
        p = np.full((n, 3), (1 - sure) / 2, np.float32)
        said = np.where(np.arange(n) < n_wrong, (truth + 1) % 3, truth)
        p[np.arange(n), said] = sure
        # wrong answers are given with doubt
        p[:n_wrong] = np.where(np.eye(3)[said[:n_wrong]] == 1, 0.4, 0.3)
        return Judged(p, {"C": 0.1, "epochs": 1}, {"x": "C", "points": []})

    class Given(CANDIDATES["frozen"]):
        answer = opinion(wrong, 0.6)

        def cross_validate(self, run):
            yield Progress("frozen", "given", 0, 1, 0.0)
            return self.answer

    class Rival(Given):
        name = "finetuned"
        answer = opinion(wrong - fewer_wrong, 0.9 if surer else 0.6)

        def refit(self, run):
            yield Progress("refit", "given", 0, 1, 0.0)
            return frozen_head.Trained({}, 12)

    monkeypatch.setitem(CANDIDATES, "frozen", Given)
    monkeypatch.setitem(CANDIDATES, "finetuned", Rival)
    _, result = run(samples(n))
    assert result.candidate == kept


def test_a_winner_is_trained_on_all_labels_and_brings_its_own_layers(monkeypatch):
    trained_on = []
    original = finetune.fit

    def watched(tail, known, images, *rest):
        train, validation, stop = images
        trained_on.append((len(train), len(validation), len(stop), len(set(train) & set(validation))))
        return original(tail, known, images, *rest)

    monkeypatch.setattr(finetune, "fit", watched)
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    _, result = run(samples())
    assert result.candidate == "finetuned"
    assert result.first_stage == 16
    assert trained_on[-1] == (60, 0, 0, 0)
    assert [train + judged for train, judged, *_ in trained_on[:-1]] == [60] * 3
    assert all(overlap == 0 for *_, overlap in trained_on)
    names = {name.split(".")[1] for name in result.weights if name.startswith("network.")}
    assert names == {"_blocks", "_conv_head", "_bn1"}
    assert result.weights["head.weight"].shape == (3, 1280)


def test_with_few_labels_or_no_images_only_the_features_are_used():
    _, few = run(samples(), QUICK | {"finetune": {"min_labels": 61}})
    assert few.comparison[1]["tried"] is False
    assert "61 labels" in few.comparison[1]["reason"]
    _, blind = run(samples(sources=None))
    assert "not at hand" in blind.comparison[1]["reason"]
    assert (few.candidate, blind.candidate) == ("frozen", "frozen")


def test_fresh_views_for_every_batch_train_too_as_on_a_gpu():
    settings = QUICK | {"folds": 2, "finetune": QUICK["finetune"] | {"views": 0, "epochs": 2, "first_stage": 14}}
    events, result = run(samples(), settings)
    assert "views" not in {event.stage for event in events}
    assert result.comparison[1]["tried"]
    assert result.comparison[1]["accuracy"]["value"] > 0.6


def test_what_does_not_fit_into_the_time_limit_is_not_begun():
    _, result = run(samples(), QUICK | {"time_limit_s": 0.01})
    assert result.candidate == "frozen"
    assert "time limit is 0 s" in result.comparison[1]["reason"]


# -- folds -----------------------------------------------------------------------------------------------


def test_folds_spread_every_category_and_keep_near_duplicates_together():
    rng = np.random.default_rng(0)
    hot = np.eye(3)[np.repeat([0, 1, 2], [70, 25, 5])]
    groups = np.r_[np.repeat(np.arange(30), 2), np.arange(30, 70)]
    fold = folds.stratified_folds(hot, 5, seed=1, groups=groups)
    for category in range(3):
        counts = np.bincount(fold[hot[:, category] == 1], minlength=5)
        assert counts.max() - counts.min() <= 2
    assert all(len(set(fold[groups == group])) == 1 for group in range(70))
    assert np.array_equal(fold, folds.stratified_folds(hot, 5, seed=1, groups=groups))
    several = rng.random((80, 4)) < 0.2
    sizes = np.bincount(folds.stratified_folds(several, 4, seed=0), minlength=4)
    assert sizes.max() - sizes.min() <= 6


def test_no_image_is_judged_by_a_model_that_saw_it_or_its_twin(monkeypatch):
    seen = []
    original = logistic.Path

    def watched(x, targets, weights, task):
        seen.append(x.copy())
        return original(x, targets, weights, task)

    monkeypatch.setattr(frozen_head.logistic, "Path", watched)
    groups = np.arange(60) // 2
    some = samples(groups=groups)
    run(some, FROZEN)
    x = logistic.scale_features(some.features)
    for part in seen[:3]:
        trained = {row.tobytes() for row in part}
        inside = np.array([row.tobytes() in trained for row in x])
        assert 0 < inside.sum() < 60
        assert all(len(set(inside[groups == group])) == 1 for group in range(30))


def test_penalties_that_are_worse_beyond_doubt_end_the_search():
    same, worse = np.full(100, 0.5), np.linspace(0.6, 0.9, 100)
    assert not frozen_head._is_past_the_best([same])
    assert not frozen_head._is_past_the_best([worse, same])
    assert frozen_head._is_past_the_best([worse, same, worse])
    # a few images say nothing for sure
    assert not frozen_head._is_past_the_best([same[:3], np.array([0.9, 0.4, 0.6])])


# -- several labels, weights, broken images --------------------------------------------------------------


def test_several_labels_per_image_are_learned():
    found, images, classes = embedded(60)
    targets = np.stack([classes == 0, classes != 1], 1).astype(float)
    *_, result = train(
        TrainingSet(found, targets, ["round", "not crossed"], "multi", images),
        read_settings(QUICK), device=CPU,
    )  # fmt: skip
    assert ((result.out_of_fold >= 0.5) == targets).mean() > 0.75
    assert result.out_of_fold.sum(1).max() > 1.05  # each category by itself
    assert result.comparison[1]["tried"]


def test_images_that_cannot_be_read_are_left_out_by_name_and_the_rest_is_trained():
    images = list(samples().sources)
    images[7] = b"broken"
    _, result = run(samples(sources=images))
    assert list(result.skipped) == [7]
    assert "not an image" in result.skipped[7]
    assert np.isnan(result.out_of_fold[7]).all()
    assert np.isfinite(np.delete(result.out_of_fold, 7, axis=0)).all()
    assert result.n_labels == 59


# -- what can go wrong -----------------------------------------------------------------------------------


def test_too_few_labels_and_one_category_are_said_plainly():
    with pytest.raises(TooFewLabels, match="There are 19 labeled images to train on; at least 20 are needed"):
        run(samples().without(range(41)), FROZEN)
    with pytest.raises(OneCategoryOnly, match="same class"):
        run(samples(targets=np.zeros(60, np.int64)), FROZEN)


def test_a_loss_that_is_no_number_ends_the_candidate_not_the_run(monkeypatch):
    monkeypatch.setattr(finetune, "loss_of", lambda logits, *rest: logits.sum() * float("nan"))
    _, result = run(samples())
    assert result.candidate == "frozen"
    assert "not a number" in result.comparison[1]["reason"]


class Pixels:
    """Noise as the inputs of the last stage, for fits without a run."""

    cut = 17

    def __init__(self, n):
        self.x = torch.randn(n, 320, 2, 2, generator=torch.Generator().manual_seed(0))

    def plain(self, indices):
        return self.x[indices]

    def varied(self, indices, generator, part=slice(None)):
        return self.x[indices[part]]


def fitted(n=24, batch=16, epochs=2, keeper=None, stop_after=None, dropout=0.0, **changes):
    """Every event of a fit; stop_after: the worker is killed when that epoch is over."""
    network = backbones.load(LITE0)
    head = logistic.Linear(np.zeros((2, 1280)), np.zeros(2))
    tail = finetune.Tail(network, 17, head, dropout)
    recipe = finetune.Recipe("single", epochs, batch, 1e-3, 0.0, 0.0, 3, 0)
    targets = torch.eye(2)[torch.arange(n) % 2]
    stop = np.arange(n - 8, n)
    recipe = replace(recipe, **changes)
    known = finetune.Labeled(Pixels(n), targets, torch.ones(n))
    events, found = finetune.fit(tail, known, (np.arange(n - 8), stop, stop), recipe, CPU, keeper), []
    for event in events:
        found.append(event)
        # an epoch is kept when the next event is asked for
        if isinstance(event, trainable.Epoch) and stop_after is not None and event.epoch > stop_after:
            break
    return found


def test_out_of_memory_in_training_halves_the_batch_and_starts_the_fit_over(monkeypatch):
    sizes = []
    original = finetune.Tail.forward

    def hungry(self, x):
        sizes.append(len(x))
        if len(x) > 4 and self.training:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, x)

    monkeypatch.setattr(finetune.Tail, "forward", hungry)
    events = fitted()
    assert events[-1].batch == 4
    assert sizes[:3] == [16, 8, 4]
    assert [e.epoch for e in events if isinstance(e, trainable.Epoch)] == [1, 2]


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA` ...",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory (MPS allocated: 17 GB)",
        "[enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 B.",
    ],
)
def test_short_memory_has_many_words(words):
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))


def looking_anew():
    """A run whose network is fed from the pixels themselves, as on a GPU."""
    tune = {"min_labels": 20, "epochs": 1, "first_stage": 16, "views": 0, "batch": 9}
    config = {"candidates": ["frozen", "finetuned"], "image_size": 64, "folds": 2, "time_limit_s": 3600}
    return samples(), read_settings(config | {"finetune": tune})


def test_squares_that_do_not_fit_on_the_device_stay_beside_it(monkeypatch):
    given = looking_anew()
    *_, whole = train(*given, device=CPU)
    monkeypatch.setattr(augmented_views, "has_room", lambda device, n_bytes: n_bytes < 16 * 256 * 256 * 3)

    *_, result = train(*given, device=CPU)

    assert np.array_equal(result.out_of_fold_of["finetuned"], whole.out_of_fold_of["finetuned"])


def test_memory_that_is_short_for_all_images_leaves_one_candidate_out_not_the_run(monkeypatch):
    def full(*_args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 18.31 GiB.")

    monkeypatch.setattr(finetuned.Finetuned, "_fill_views", full)

    *_, result = train(*looking_anew(), device=CPU)

    assert result.candidate == "frozen"
    assert "memory does not suffice" in result.comparison[1]["reason"]


def test_training_stops_early_and_keeps_the_best_epoch():
    # noise cannot be learned: the validation loss is smallest near the start
    *lines, end = [event for event in fitted(epochs=40, patience=2, learning_rate=0.01) if event]
    assert len(lines) < 40
    best = min(lines, key=lambda line: line.validation_loss)
    assert end.best_epoch == best.epoch == len(lines) - 2


def test_images_to_stop_by_are_taken_from_those_to_learn_from_when_there_are_enough():
    truth = np.arange(1200) % 3
    learn, stop = finetuned.stopping_part(prepared(truth, 3), np.arange(100, 1200), 0)
    assert 100 <= len(stop) <= 165
    assert sorted([*learn, *stop]) == list(range(100, 1200))
    assert len(finetuned.stopping_part(prepared(truth, 3), np.arange(400), 0)[1]) == 0


def test_a_diverged_fit_raises_with_advice(monkeypatch):
    monkeypatch.setattr(finetune, "loss_of", lambda logits, *rest: logits.sum() / 0.0)
    with pytest.raises(LossNotFinite, match="smaller learning rate"):
        fitted()


# -- stopped, killed, resumed ----------------------------------------------------------------------------


def test_a_run_can_be_stopped_at_any_event():
    threads = threading.active_count()
    for stop_at in ("decode", "frozen", "views", "finetune"):
        events = train(samples(), read_settings(QUICK), device=CPU)
        for event in events:
            if event.stage == stop_at:
                break
        events.close()
        with pytest.raises(StopIteration):
            next(events)
    assert threading.active_count() == threads


KILLED = """
import sys, pathlib
from tests.helpers.training_sets import CPU, QUICK, samples
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train
for event in train(samples(), read_settings(QUICK), device=CPU, state_dir=pathlib.Path(sys.argv[1])):
    print(getattr(event, "stage", "end"), getattr(event, "done", 0), flush=True)
"""


def test_a_killed_run_goes_on_where_it_was_and_ends_the_same(tmp_path, monkeypatch, whole):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=os.environ | {"PYTHONPATH": "."})
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("*/finetuned-0.npz")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [folder] = tmp_path.iterdir()
    finished = {path.name for path in folder.glob("*.npz")}
    assert finished >= {"frozen.npz", "plan.npz", "finetuned-0.npz"}

    fitted_folds = []
    original = finetuned.Finetuned._fit

    def watched(self, run, plan, settings, epochs, images, fold, *rest):
        fitted_folds.append(fold)
        return original(self, run, plan, settings, epochs, images, fold, *rest)

    monkeypatch.setattr(finetuned.Finetuned, "_fit", watched)
    _, resumed = run(samples(), state_dir=tmp_path)

    assert 0 not in fitted_folds
    assert np.array_equal(resumed.out_of_fold, whole[1].out_of_fold)
    assert resumed.comparison[1]["log_loss"] == whole[1].comparison[1]["log_loss"]
    assert resumed.history["finetuned"]["points"] == whole[1].history["finetuned"]["points"]


@pytest.mark.parametrize("patience", [1, 9])
def test_a_killed_fit_goes_on_after_its_last_epoch_and_ends_the_same(patience, tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(resume, "COST_FACTOR", 0.0)
    how = {"epochs": 4, "batch": 8, "dropout": 0.3, "patience": patience, "learning_rate": 0.01}
    steps = []
    original = finetune.loss_of
    monkeypatch.setattr(finetune, "loss_of", lambda *args: steps.append(1) or original(*args))
    *_, whole = fitted(**how)
    of_the_whole, stages = len(steps), Stages(tmp_path, "x")
    first = [e for e in fitted(**how, keeper=resume.Keeper(stages, "epochs"), stop_after=2) if e]
    assert isinstance(first[-1], finetune.Fit) == (patience == 1)  # that one stops early, by itself

    steps.clear()
    keeper = resume.Keeper(stages, "epochs")
    *events, end = [e for e in fitted(**how, keeper=keeper) if e]

    assert events[1].train_loss == first[1].train_loss  # told again, not trained again
    assert len(steps) <= of_the_whole / 2
    assert (end.best_epoch, [vars_of(line) for line in end.curve]) == (
        whole.best_epoch, [vars_of(line) for line in whole.curve]
    )  # fmt: skip
    assert all(torch.equal(end.state[key], value) for key, value in whole.state.items())
    assert keeper.spent_s > 0
    # another batch, after memory was short, is another fit
    assert len([e for e in fitted(**(how | {"epochs": 1, "batch": 4}), keeper=resume.Keeper(stages, "y")) if e]) == 2


def vars_of(line):
    return (line.epoch, line.train_loss, line.train_accuracy, line.validation_loss)


def test_stages_of_other_labels_or_damaged_ones_are_done_again(tmp_path):
    run(samples(), FROZEN, state_dir=tmp_path)
    [folder] = tmp_path.iterdir()
    (folder / "frozen.npz").write_bytes(b"half a file")
    _, again = run(samples(), FROZEN, state_dir=tmp_path)
    assert np.array_equal(again.out_of_fold, run(samples(), FROZEN)[1].out_of_fold)
    changed = samples().targets.copy()
    changed[0] = (changed[0] + 1) % 3
    run(samples(targets=changed), FROZEN, state_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


# -- real photographs ------------------------------------------------------------------------------------


def test_two_hundred_labels_of_clothing_pre_label_the_rest():
    paths, truth, names = photographs(400)
    found = np.concatenate([part.features for part in features.embed(paths, LITE0, CPU)])
    *_, result = train(
        TrainingSet(found[:200], truth[:200], names), read_settings({"candidates": ["frozen"]}), device=CPU
    )
    head = logistic.Linear(result.weights["head.weight"].numpy(), result.weights["head.bias"].numpy())
    logits = head.logits(logistic.scale_features(found))
    p = logistic.to_probabilities(logits[200:], "single")
    report = metrics.evaluate_single(p, truth[200:], names)
    # chance among ten classes is .1, always the largest class .25; .80 here
    assert report["accuracy"]["value"] >= 0.70
    assert (logits[:200].argmax(1) == truth[:200]).mean() > 0.95
