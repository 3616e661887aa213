"""What fewer images give a model that draws: nested parts, judged on the same images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from labeler.stats.results import Reason
from labeler.train_settings import TrainConfig
from tests.helpers.drawn_scenes import scenes
from worker.ml.detection import canvas as canvases
from worker.ml.detection import learning_curve, orders
from worker.ml.detection.kept_maps import KeptMaps
from worker.ml.detection.samples import Asked, split
from worker.ml.detection.train import DrawnRun, empty
from worker.ml.evaluation.objects import ap50, ap50_resampled
from worker.ml.segmentation.run import PixelRun

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(learning_curve, "MOST_STEPS", 40)
    monkeypatch.setattr(learning_curve, "FEWEST_STEPS", 20)
    monkeypatch.setattr(canvases, "SMALLEST", 160)
    monkeypatch.setitem(canvases.LARGEST, "cpu", 160)


def curve(samples, *, of=DrawnRun, time_limit_s=3600.0, state_dir=None):
    """What a run makes of its images, without its candidates."""
    run = of(samples, TrainConfig(time_limit_s=time_limit_s), CPU, state_dir)
    steps = run._read()
    (data, _skipped), told = last_of(steps), []
    steps = run._learning(data)
    return last_of(steps, told), told


def last_of(steps, told=None):
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value
        if told is not None:
            told.append(event)


def test_more_images_find_more(tmp_path, monkeypatch):
    found, told = curve(scenes(48), state_dir=tmp_path)

    assert (found.candidate, found.figure, found.n) == ("heatmap", "ap50", 19)  # four in ten judge
    assert found.sizes.tolist() == [4, 9, 14, 22, 29]  # shares of the other 29
    assert found.steps == 40
    assert found.reached[-1] > 0.2 and found.reached[-1] > found.reached[0]
    assert found.again.shape[1] == 5 and len(found.again) > 250
    assert found.again.std(0).max() > 0, "other images, another figure"
    assert np.abs(found.again.mean(0) - found.reached).max() < 0.1
    assert {event.stage for event in told} == {"curve"} and told[-1].done <= 100
    assert [event.done for event in told] == sorted(event.done for event in told)
    # a run that was killed keeps its plan, however busy the machine is by then
    monkeypatch.setattr(learning_curve, "MOST_STEPS", 20)
    again, _ = curve(scenes(48), state_dir=tmp_path)
    assert again.steps == 40 and again.sizes.tolist() == found.sizes.tolist()


def asked_in_turn(samples, *, by_lot):
    """The same images: answered in their order, those at which by_lot is true drawn at random."""
    return replace(samples, asked=Asked(np.arange(len(samples)), np.array(by_lot, bool)))


def test_both_orders_hold_the_first_images_of_each_and_as_many():
    samples = asked_in_turn(scenes(80), by_lot=[k < 10 or k % 2 == 0 for k in range(80)])
    learn, judge = np.array([8, 9, 3, 1, 15, 30, 12, 13, 17, 14]), np.arange(40, 80)

    asked, by_lot = orders.parts(samples, learn, judge)

    assert [part.tolist() for part in by_lot] == [[1, 3, 8, 9], [1, 3, 8, 9, 12, 14, 30]]
    assert [part.tolist() for part in asked] == [[1, 3, 8, 9], [1, 3, 8, 9, 12, 13, 14]]


def test_too_few_images_of_either_kind_cannot_be_compared():
    all_by_lot = asked_in_turn(scenes(44), by_lot=[True] * 44)
    numbers = {"by_lot": 40, "chosen": 20, "n_by_lot": 44, "n_chosen": 0}
    assert orders.why_not(all_by_lot) == Reason("orders_need_images", numbers)
    assert orders.why_not(scenes(44)) == Reason("orders_need_images", numbers | {"n_by_lot": 0})
    mixed = asked_in_turn(scenes(64), by_lot=[k < 40 for k in range(64)])
    assert orders.why_not(mixed) is None
    few = orders.parts(mixed, np.arange(26), np.arange(26, 64))
    assert few == Reason("orders_need_judges", {"n": 15, "n_judged": 14})
    assert learning_curve.time_share(mixed) > learning_curve.time_share(all_by_lot)


def test_what_the_model_chose_is_learned_from_in_one_order_alone():
    """Nothing lies on the images that were drawn at random and come first: only those that were chosen teach."""
    samples = scenes(80)
    by_lot = [k % 3 > 0 for k in range(80)]
    _learn, judge = split(samples, 0, share=learning_curve.JUDGED_SHARE, most=learning_curve.MOST_JUDGED)
    drawn = [
        one if not lot or k in judge else empty()
        for k, (one, lot) in enumerate(zip(samples.drawn, by_lot, strict=True))
    ]
    samples = asked_in_turn(replace(samples, drawn=drawn), by_lot=by_lot)

    found, _told = curve(samples)

    compared = found.orders
    assert compared.n == sum(by_lot[k] for k in judge)
    assert len(compared.sizes) == 2 and compared.sizes[1] == sum(by_lot) - compared.n
    assert compared.asked_again.shape == compared.by_lot_again.shape and compared.asked_again.shape[1] == 2
    assert compared.by_lot[1] < 0.05 < compared.asked[1]


def test_pixels_have_a_curve_too(monkeypatch):
    monkeypatch.setattr(learning_curve, "MOST_STEPS", 20)
    samples = scenes(44, task="masks")
    pixels = type(samples)(samples.sources, samples.sizes, samples.drawn, samples.categories, "semantic")

    found, _told = curve(pixels, of=PixelRun)

    assert (found.candidate, found.figure, len(found.sizes)) == ("unet", "miou", 5)
    assert 0 < found.reached[0] <= 1


def test_too_few_images_and_too_little_time_are_reasons():
    assert curve(scenes(30))[0] == Reason("curve_needs_images", {"n": 40})
    found, told = curve(scenes(44), time_limit_s=0.5)
    assert found == Reason("curve_needs_time", {"seconds": 0})
    assert all("Looking" in event.text for event in told), "nothing was trained"


def test_views_that_are_kept_are_those_of_a_training():
    run = DrawnRun(scenes(20), TrainConfig(), CPU, None)
    data, _skipped = last_of(run._read())
    network, images = run._network(run.plain), np.array([3, 7])
    kept = KeptMaps(images, 2)
    done = list(kept.fill(
        network.maps, data.canvas, data.pixels, data.extents, run.config.augmentation, data.offset, data.scale, CPU, 0
    ))  # fmt: skip

    views, maps = kept.draw(np.array([7, 3, 7]), np.random.default_rng(0), CPU)

    assert done == [4]
    assert len(views) == 3 and all(len(level) == 3 for level in maps)
    assert [level.shape[1] for level in maps] == [channels for _, _, channels in network.levels]
    assert maps[0].shape[-1] == data.canvas.view_width // network.stride
    network.eval()
    assert [part.shape[0] for part in network.look(maps, 0)] == [3, 3, 3], "heads take them as they are"


def test_ap50_of_resampled_images_is_that_of_the_images_themselves():
    samples = scenes(6)
    run = DrawnRun(scenes(20), TrainConfig(), CPU, None)
    data, _skipped = last_of(run._read())
    model = run.finder(run._network(run.plain), run.canvas, run.backbone.name, CPU)
    found = model.on_canvases(data.pixels[:6], samples.sizes[:6])
    twice = np.array([[1, 1, 1, 1, 1, 1], [2, 2, 2, 0, 0, 0]])

    whole, some = ap50_resampled(samples.drawn, found, 2, samples.sizes, twice)

    assert whole == pytest.approx(ap50(samples.drawn, found, 2, samples.sizes) or 0, abs=1e-4)
    assert some == pytest.approx(ap50(samples.drawn[:3], found[:3], 2, samples.sizes[:3]) or 0, abs=1e-4)
