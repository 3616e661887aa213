"""Trials of a network's settings: the better one is found inside each fold, within the time, and the table says so."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.training_sets import CPU, QUICK, samples
from worker.ml.candidates import finetune, finetuned, network_search
from worker.ml.candidates.network_search import NO_TIME, NetworkSettings, settings_to_try
from worker.ml.errors import LossNotFinite
from worker.ml.saved.storage import Stages
from worker.ml.training.run import Progress, Run, Skipped
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train

SHORT = QUICK | {"folds": 2, "finetune": QUICK["finetune"] | {"epochs": 2}}
GIVEN = NetworkSettings(16, 1e-3, 0.05, 0.2)


def run(search=None, learning_rate=1e-3, **options):
    given = SHORT | {"search": search or {}, "finetune": SHORT["finetune"] | {"learning_rate": learning_rate}}
    *events, result = train(samples(), read_settings(given), device=CPU, **options)
    return events, result


def prepared(tmp_path=None, **search):
    """A Run with everything that a search needs."""
    some = samples()
    config = read_settings(SHORT | {"search": search})
    soft, n = some.soft(), len(some)
    return Run(some, config, CPU, Stages(tmp_path, "x"), np.zeros((n, 4), np.float32), soft, np.ones(n), np.arange(n))


def found(run, listed, attempt, stage="s"):
    """What search() returns."""
    work = network_search.search(run, stage, np.arange(len(run.x)), listed, attempt)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def answers(run, judge, share):
    """Probabilities of the images `judge` with which that share of them is right."""
    truth = run.soft[judge].argmax(1)
    said = np.where(np.arange(len(judge)) < round(share * len(judge)), truth, (truth + 1) % 3)
    return np.where(np.eye(3)[said] == 1, 0.8, 0.1).astype(np.float32)


def trial(loss, gain=None):
    return {"loss": loss, "accuracy": 0.5, "gain": gain, "error": gain and 0.05, "reason": None if loss else NO_TIME}


# -- the list --------------------------------------------------------------------------------------------


def test_the_given_settings_come_first_and_each_other_differs_in_one_thing():
    listed = settings_to_try(GIVEN, n_stages=18, most=9)
    assert listed[0] == GIVEN and len(set(listed)) == 9
    for other in listed[1:]:
        differ = [name for name in ("first_stage", "learning_rate", "weight_decay", "dropout")
                  if getattr(other, name) != getattr(GIVEN, name)]  # fmt: skip
        assert len(differ) == 1
    assert [one.learning_rate for one in listed[:3]] == [1e-3, 3e-3, 3.3e-4]
    assert {15, 16, 17} == {one.first_stage for one in listed}
    assert settings_to_try(GIVEN, 18, 0) == settings_to_try(GIVEN, 18, 1) == [GIVEN]


def test_what_no_person_could_set_is_not_tried():
    listed = settings_to_try(NetworkSettings(17, 1.0, 0.0, 0.8), n_stages=18, most=9)
    assert {one.first_stage for one in listed} == {16, 17}
    assert max(one.learning_rate for one in listed) == 1.0
    assert max(one.dropout for one in listed) == 0.8
    assert [one.weight_decay for one in listed].count(0.0) == len(listed) - 1


# -- trials ----------------------------------------------------------------------------------------------


def test_a_trial_that_fails_or_ends_late_costs_only_its_own_setting():
    listed = settings_to_try(GIVEN, 18, 4)
    judged_by = []

    def attempt(settings, learn, judge, keeper, ends):
        yield Progress("finetune", "", 0, 1, 0.0)
        judged_by.append((set(learn), set(judge)))
        if settings == listed[1]:
            raise LossNotFinite("The loss is not a number any more.")
        if settings == listed[3]:
            raise Skipped("late")
        return answers(run, judge, 0.4 if settings == listed[0] else 0.9)

    run = prepared()
    trials = found(run, listed, attempt)
    assert [one["loss"] is None for one in trials] == [False, True, False, True]
    assert trials[2]["gain"] == pytest.approx(trials[0]["loss"] - trials[2]["loss"]) and trials[0]["gain"] is None
    assert trials[1]["reason"] == "The loss is not a number any more." and trials[3]["reason"] == NO_TIME
    assert network_search.best_of(trials) == 2
    assert all(learn.isdisjoint(judge) and len(learn | judge) == 60 for learn, judge in judged_by)
    assert judged_by[0] == judged_by[-1]


def test_a_setting_that_is_only_surer_or_hardly_better_is_not_chosen():
    listed = settings_to_try(GIVEN, 18, 2)

    def attempt(settings, learn, judge, keeper, ends):
        yield Progress("finetune", "", 0, 1, 0.0)
        p = answers(run, judge, 0.8)
        return p if settings == listed[0] else (p**1.5 / (p**1.5).sum(1, keepdims=True)).astype(np.float32)

    run = prepared()
    given, surer = found(run, listed, attempt)
    assert surer["loss"] == pytest.approx(given["loss"], abs=1e-4)
    assert network_search.best_of([trial(0.5), trial(0.46, 0.04), trial(0.44, 0.06)]) == 2
    assert network_search.best_of([trial(0.5), trial(0.46, 0.04)]) == 0
    assert network_search.best_of([trial(None), trial(0.9), trial(0.8)]) == 2


def test_what_some_fold_has_not_tried_is_not_chosen_for_all():
    listed = settings_to_try(GIVEN, 18, 3)
    given, better, best, late = trial(0.5), trial(0.4, 0.1), trial(0.1, 0.4), trial(None)
    said = network_search.summary(listed, [[given, better, best], [given, better, late], [given, late, late]])
    assert [row["chosen"] for row in said["search"]] == [False, True, False]  # the third fold compared nothing
    assert [row["chosen_in"] for row in said["search"]] == [1, 1, 1]
    assert [row["folds"] for row in said["search"]] == [3, 2, 1]
    assert (said["tried"], said["search"][2]["reason"]) == (1, NO_TIME)
    assert [choice["learning_rate"] for choice in said["by_fold"]] == [3.3e-4, 3e-3, 1e-3]
    assert network_search.summary(listed, [[late] * 3, [late] * 3])["search"][0]["chosen"]


def test_finished_trials_are_kept_and_the_time_goes_on_where_it_was(tmp_path):
    listed, begun = settings_to_try(GIVEN, 18, 3), []

    def attempt(settings, learn, judge, keeper, ends):
        yield Progress("finetune", "", 0, 1, 0.0)
        begun.append(settings)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return answers(run, judge, 0.2 * len(begun))

    run = prepared(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        found(run, listed, attempt)
    run = prepared(tmp_path)
    trials = found(run, listed, attempt)
    assert begun == [listed[0], listed[1], listed[1], listed[2]]
    losses = [one["loss"] for one in trials]
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[2]
    assert trials[1]["gain"] == pytest.approx(losses[0] - losses[1])  # the first was tried before the kill
    # nothing is left of the time: it was used up before the kill
    run = prepared(tmp_path, time_limit_s=10)
    run.stages.save("late", {}, {"trials": trials[:1], "spent_s": 5.1})
    assert [one["reason"] for one in found(run, listed, attempt, "late")] == [None, NO_TIME, NO_TIME]


# -- runs ------------------------------------------------------------------------------------------------


def test_stages_before_the_first_that_is_trained_stay_as_they_were():
    some = prepared()
    head = finetune.Linear(np.zeros((3, 1280)), np.zeros(3))
    network = finetuned.backbones.load(finetuned.backbones.EFFICIENTNET_LITE0)
    whole, fewer = finetune.Tail(network, 15, head, 0.0), finetune.Tail(network, 15, head, 0.0, first_stage=17)
    assert set(fewer.state()) < set(whole.state())
    assert {key for key in fewer.state() if key.startswith("network.")} == {
        f"network.{name}.{key}"
        for name, module in network.stage_modules(17).items()
        for key in module.state_dict()
    }  # fmt: skip
    shape = finetuned.LiveViews(
        np.zeros((1, 256, 256, 3), np.uint8), finetuned.backbones.frozen(finetuned.backbones.EFFICIENTNET_LITE0, CPU),
        finetuned.backbones.EFFICIENTNET_LITE0, 64, 15, some.config.augmentation,
    ).plain(torch.zeros(1, dtype=torch.long))  # fmt: skip
    whole.eval(), fewer.eval()
    assert torch.equal(whole(shape), fewer(shape))


@pytest.mark.slow
def test_the_better_setting_is_chosen_in_each_fold_by_images_that_do_not_judge_it(monkeypatch):
    given = replace(GIVEN, learning_rate=1e-7)
    monkeypatch.setattr(finetuned, "settings_to_try", lambda *rest: [given, replace(given, learning_rate=1e-3)])
    fits = []
    original = finetune.fit

    def watched(tail, known, images, recipe, *rest):
        learn, validation, _stop = images
        fits.append((recipe.learning_rate, set(learn), set(validation)))
        return original(tail, known, images, recipe, *rest)

    monkeypatch.setattr(finetune, "fit", watched)
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    _, result = run({"network_settings": 2, "time_limit_s": 3600}, learning_rate=1e-7)

    settings = result.comparison[1]["settings"]
    bad, good = settings["search"]
    assert good["loss"] < bad["loss"] and (bad["folds"], good["folds"], settings["tried"]) == (2, 2, 2)
    assert (bad["chosen"], good["chosen"], bad["chosen_in"], good["chosen_in"]) == (False, True, 0, 2)
    assert [choice["learning_rate"] for choice in settings["by_fold"]] == [1e-3, 1e-3]
    json.dumps(result.comparison, allow_nan=False)
    # two trials and the fit of each fold, then the last one
    assert [rate for rate, *_ in fits] == [1e-7, 1e-3, 1e-3] * 2 + [1e-3]
    for fold in range(2):
        *trials, (_, _, judge) = fits[3 * fold : 3 * fold + 3]
        assert all((learn | inner).isdisjoint(judge) and learn.isdisjoint(inner) for _, learn, inner in trials)


@pytest.mark.slow
def test_without_trials_or_without_time_for_them_a_run_gives_what_it_gave(monkeypatch):
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    _, usual = run()
    _, one = run({"network_settings": 1})
    _, late = run({"network_settings": 3, "time_limit_s": 0})
    assert set(usual.comparison[1]["settings"]) == {
        "first_stage", "views", "epochs", "estimate_s", "learning_rate", "batch"
    }  # fmt: skip
    for other in (one, late):
        assert np.array_equal(other.out_of_fold, usual.out_of_fold)
        assert all(torch.equal(tensor, other.weights[name]) for name, tensor in usual.weights.items())
    said = late.comparison[1]["settings"]
    assert said["tried"] == 0 and [row["reason"] for row in said["search"]] == [NO_TIME] * 3
    assert [row["chosen"] for row in said["search"]] == [True, False, False]


@pytest.mark.slow
def test_all_settings_are_tried_and_a_run_that_is_stopped_in_between_ends_the_same(tmp_path, monkeypatch):
    search = {"network_settings": 9, "time_limit_s": 3600}
    events, whole = run(search)
    rows = whole.comparison[1]["settings"]["search"]
    assert [row["folds"] for row in rows] == [2] * 9
    bar = [event.overall for event in events]
    assert bar == sorted(bar)
    assert all(event.done <= event.total for event in events)
    assert {event.epoch["epoch"] for event in events if event.epoch} == {1, 2}  # trials are not part of the curve

    given = SHORT | {"search": search}
    stopped = train(samples(), read_settings(given), device=CPU, state_dir=tmp_path)
    for event in stopped:
        if event.text == "Trying settings of the network, fold 2 of 2" and event.done >= event.total // 2 + 3:
            break
    stopped.close()
    fits = []
    original = finetune.fit
    monkeypatch.setattr(finetune, "fit", lambda *rest: fits.append(1) or original(*rest))
    _, resumed = run(search, state_dir=tmp_path)
    assert 0 < len(fits) <= 9
    assert np.array_equal(resumed.out_of_fold, whole.out_of_fold)
    assert resumed.comparison[1]["settings"]["search"] == rows
