"""A detector learns boxes and masks from a few drawn images, resumes after a kill, and says what it cannot do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from labeler.train_settings import Augmentation, TrainConfig
from labeler.train_settings.settings import Drawing
from tests.helpers.drawn_scenes import fields, only, scenes
from worker.ml.detection import canvas as canvases
from worker.ml.detection import decode, detector, losses
from worker.ml.detection import train as training
from worker.ml.detection.samples import Found
from worker.ml.errors import OneCategoryOnly, TooFewLabels
from worker.ml.evaluation.objects import ap50

CPU = torch.device("cpu")


def settings(**changes):
    """Without a limit of time, so that the steps are the same on any machine: MOST_EPOCHS ends a fit."""
    drawing = Drawing(candidates=changes.pop("candidates", ("heatmap.finetuned",)))
    return TrainConfig(drawing=drawing, time_limit_s=3600.0, **changes)


@pytest.fixture(autouse=True, scope="module")
def small():
    """Small canvases and few steps: these scenes are easy. With 24 images 36 steps, and 20 on all of them."""
    patch = pytest.MonkeyPatch()
    patch.setattr(training, "MOST_EPOCHS", 8)
    patch.setattr(training, "FEWEST_STEPS", 20)
    patch.setattr(canvases, "SMALLEST", 160)
    patch.setitem(canvases.LARGEST, "cpu", 160)
    yield
    patch.undo()


def run(samples, config, state_dir=None):
    for event in training.train(samples, config, device=CPU, state_dir=state_dir):
        last = event
    return last


@pytest.fixture(scope="module")
def with_masks(small):
    return run(scenes(24, task="masks"), settings())


def test_discs_and_squares_are_found_on_new_images_with_their_masks(with_masks):
    test = scenes(12, task="masks", seed=5)

    found = [
        one
        for _, one in detector.from_parts(with_masks.weights, with_masks.recipe, "efficientnet_lite0", CPU).find(
            test.sources, test.sizes
        )
    ]

    assert ap50(test.drawn, found, 2, test.sizes) > 0.8
    assert ap50(test.drawn, found, 2, test.sizes, by_masks=True) > 0.7
    for one in found:
        assert (np.diff(one.probabilities) <= 0).all(), "likeliest first"
        assert one.probabilities.min(initial=1) >= decode.LEAST
        assert len(one) <= decode.MOST
        assert (one.boxes[:, :2] >= 0).all()
        assert (one.boxes[:, :2] + one.boxes[:, 2:] <= np.array([200, 160]) + 1e-3).all()


def test_it_is_judged_by_images_that_it_has_not_learned_from_and_says_what_it_tried(with_masks):
    judged = [k for k, one in enumerate(with_masks.out_of_fold) if one is not None]
    assert len(judged) == 6, "a quarter of 24 images"
    (row,) = with_masks.comparison
    assert (row["tried"], row["chosen"], row["n"]) == (True, True, 6)
    assert row["settings"]["steps"] >= training.FEWEST_STEPS
    assert with_masks.history["heatmap.finetuned"]["points"][-1]["train_loss"] > 0


def test_an_unreadable_image_costs_only_itself():
    samples = scenes(21)
    samples.sources[3] = b"not a picture"
    config = settings(candidates=("heatmap",))

    result = run(samples, config)

    assert result.skipped.keys() == {3}
    assert result.out_of_fold[3] is None
    found = dict(detector.from_parts(result.weights, result.recipe, config.backbone, CPU).find(
        [b"broken", samples.sources[0]], samples.sizes[:2]
    ))  # fmt: skip
    assert found[0] is None
    assert isinstance(found[1], Found)


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(tmp_path, monkeypatch):
    monkeypatch.setattr("worker.ml.detection.fit.KEEP_SECONDS", 0.0)
    samples, config = scenes(20), settings(candidates=("heatmap",))
    steps = []
    events = training.train(samples, config, device=CPU, state_dir=tmp_path)
    for event in events:
        if getattr(event, "epoch", None) is not None:
            steps.append(event.done)
            if len(steps) == 12:
                break
    events.close()

    again = training.train(samples, config, device=CPU, state_dir=tmp_path)
    first = next(event for event in again if getattr(event, "epoch", None) is not None)
    assert first.done > steps[-2], "it does not begin anew"
    for event in again:
        result = event
    whole = run(samples, config, tmp_path)  # finished stages are there: the same plan, the same weights

    assert result.weights.keys() == whole.weights.keys()
    for name, tensor in result.weights.items():
        assert torch.equal(tensor, whole.weights[name]), name


def test_what_cannot_be_learned_is_said():
    with pytest.raises(TooFewLabels, match="19 labeled images"):
        run(scenes(19), settings())
    empty = scenes(20)
    empty = replace(empty, drawn=[training.empty() for _ in range(20)])
    with pytest.raises(OneCategoryOnly, match="Nothing is drawn"):
        run(empty, settings())


def test_views_move_boxes_with_the_pixels():
    canvas = canvases.Canvas(128, 96, 4, 30.0, 128, 96)
    pixels = np.full((1, 96, 128, 3), 127, np.uint8)
    pixels[0, 30:50, 40:70] = 255
    box = np.array([[40, 30, 70, 50]], np.float32)
    how = Augmentation(zoom=0.3, flip=True, flip_vertical=True, brightness=0, contrast=0, saturation=0)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        (view,) = canvases.vary(canvas, np.array([[128, 96]], np.float32), how, rng)
        bright = canvases.see(canvas, torch.from_numpy(pixels), [view], how, rng)[0, 0].numpy() > 191
        left, top, right, bottom = np.clip(view.boxes(box)[0], 0, [128, 96, 128, 96])
        if bright.any():
            rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
            assert columns[0] == pytest.approx(left, abs=1.0)
            assert columns[-1] + 1 == pytest.approx(right, abs=1.0)
            assert rows[0] == pytest.approx(top, abs=1.0)
            assert rows[-1] + 1 == pytest.approx(bottom, abs=1.0)


def test_giou_of_boxes_worked_by_hand():
    # two 2 x 2 boxes, one moved by 1: they share 2, their union is 6, their hull 3 x 2 = 6: GIoU 1/3
    found, wanted = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])
    assert losses.giou_loss(found, wanted).item() == pytest.approx(2 / 3)
    # 1 apart: they share nothing, union 8, hull 5 x 2 = 10: GIoU -2/10
    assert losses.giou_loss(found, wanted + torch.tensor([2.0, 0, 2, 0])).item() == pytest.approx(1.2)


@pytest.mark.parametrize(("task", "candidate"), [("masks", "heatmap.finetuned"), ("boxes", "two_stage")])
def test_a_large_object_and_a_small_one_at_its_centre_are_both_found(task, candidate, monkeypatch):
    monkeypatch.setitem(canvases.LARGEST, "cpu", 192)
    monkeypatch.setattr(canvases, "VIEW", 96)
    monkeypatch.setattr(training, "MOST_EPOCHS", 12)  # two looks to learn: with fewer steps masks are just good enough
    monkeypatch.setattr(training, "FEWEST_STEPS", 40)
    samples, test = fields(24, task=task), fields(8, task=task, seed=5)

    result = run(samples, settings(candidates=(candidate,), augmentation=Augmentation(zoom=0.1)))

    assert (result.recipe["canvas"]["large"], result.recipe["canvas"]["wide"]) == (64, 0.5), "of each class as much"
    finder = detector.from_parts(result.weights, result.recipe, "efficientnet_lite0", CPU)
    found = [one for _, one in finder.find(test.sources, test.sizes)]
    for kind, wanted in ((0, 0.7), (1, 0.7)):
        assert ap50(*(only(side, kind) for side in (test.drawn, found)), 1, test.sizes) > wanted
        if task == "masks":
            assert ap50(*(only(side, kind) for side in (test.drawn, found)), 1, test.sizes, by_masks=True) > wanted


def test_a_large_image_is_brought_to_the_canvas_and_its_boxes_come_back_in_its_own_px(with_masks):
    test = scenes(1, task="masks", seed=9)
    large = np.asarray(Image.fromarray(test.sources[0]).resize((800, 640), Image.Resampling.NEAREST))
    find = detector.from_parts(with_masks.weights, with_masks.recipe, "efficientnet_lite0", CPU).find

    ((_, small_one),) = find(test.sources, test.sizes)
    ((_, large_one),) = find([large], np.array([[800, 640]]))

    likely = small_one.probabilities > 0.5
    np.testing.assert_allclose(large_one.boxes[: likely.sum()], 4 * small_one.boxes[likely], atol=12)
