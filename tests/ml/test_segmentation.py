"""A segmenter learns which class every pixel is, leaves out pixels nobody labeled, and gives disjoint masks."""

import numpy as np
import pytest
import torch

from labeler.geometry import masks
from labeler.train_settings import Augmentation, TrainConfig
from labeler.train_settings.settings import Drawing
from tests.helpers.drawn_scenes import landscapes
from worker.ml.detection import canvas as canvases
from worker.ml.detection import train as detection
from worker.ml.detection.samples import Drawn, DrawnSet, Found
from worker.ml.errors import OneCategoryOnly
from worker.ml.evaluation import pixel_figures
from worker.ml.segmentation import run as segmentation
from worker.ml.segmentation import segmenter

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def small():
    patch = pytest.MonkeyPatch()
    patch.setattr(detection, "MOST_EPOCHS", 12)
    patch.setattr(detection, "FEWEST_STEPS", 12)
    patch.setattr(segmentation, "SIDE", 192)
    yield
    patch.undo()


def run(samples, candidates):
    config = TrainConfig(drawing=Drawing(pixel_candidates=candidates), time_limit_s=3600.0)
    for event in segmentation.train(samples, config, device=CPU):
        last = event
    return last


@pytest.fixture(scope="module")
def learned(small):
    return run(landscapes(20), ("fcn", "unet"))


def test_sky_grass_and_house_are_told_on_new_images(learned):
    test = landscapes(6, seed=5)

    found = [
        one
        for _, one in segmenter.from_parts(learned.weights, learned.recipe, "efficientnet_lite0", CPU).find(
            test.sources, test.sizes
        )
    ]

    assert pixel_figures.miou(test.drawn, found, test.sizes, 3) > 0.8
    whole = sum(masks.decode(shape).bits.sum() for shape in found[0].masks)
    assert whole == 160 * 128, "every pixel is in one mask alone"
    assert {row["candidate"] for row in learned.comparison if row["tried"]} == {"fcn", "unet"}
    assert all(0 < row["miou"] <= 1 for row in learned.comparison)


def test_a_mirrored_image_is_told_the_same_mirrored(learned):
    """Exactly so only because the network looks at both and tells their mean."""
    model = segmenter.from_parts(learned.weights, learned.recipe, "efficientnet_lite0", CPU)
    pixels = torch.from_numpy(canvases.filled(model.canvas, landscapes(1, seed=9).sources[0], (160, 128))[None])

    p, mirrored = model.probabilities(pixels), model.probabilities(pixels.flip(2))

    torch.testing.assert_close(mirrored.flip(-1), p)
    torch.testing.assert_close(p.sum(1), torch.ones_like(p[:, 0]))
    once = segmenter.from_parts(learned.weights, learned.recipe | {"mirrored": False}, "efficientnet_lite0", CPU)
    assert not torch.allclose(once.probabilities(pixels.flip(2)).flip(-1), once.probabilities(pixels), atol=1e-3)


def test_it_learns_from_whole_images_that_are_smaller_than_those_it_is_asked_about(small):
    canvas = segmentation.canvas_of(landscapes(4), "cpu", 0)

    assert (canvas.width, canvas.height, canvas.view_width, canvas.view_height) == (192, 160, 160, 128)
    still = Augmentation(flip=False, zoom=0.0, stretch=0.0)
    (view,) = canvases.vary(canvas, np.array([[192, 154]], np.float32), still, np.random.default_rng(0))
    assert view.factor == (1.2, 1.2)
    corners = view.points(np.array([[0.0, 0.0], [192.0, 153.6]]))
    assert (corners >= -1).all() and (corners <= [161, 129]).all(), "all of the image is in sight"


def test_one_class_alone_is_refused():
    samples = landscapes(20)
    alone = [Drawn(d.boxes[:1], d.classes[:1], d.weights[:1], d.masks[:1]) for d in samples.drawn]
    with pytest.raises(OneCategoryOnly, match="one class"):
        run(DrawnSet(samples.sources, samples.sizes, alone, samples.categories, "semantic"), ("fcn",))


def test_figures_of_pixels_worked_by_hand():
    # 4 x 2 px; people: two columns of class 0, one of class 1, one that nobody labeled.
    # The model: one column of class 0, three of class 1.
    def columns(first, last):
        bits = np.zeros((2, 4), bool)
        bits[:, first:last] = True
        return masks.encode(bits)

    ones = np.ones(2, np.float32)
    truth = Drawn(np.zeros((2, 4), np.float32), np.array([0, 1]), ones, (columns(0, 2), columns(2, 3)))
    found = Found(np.zeros((2, 4), np.float32), np.array([0, 1]), ones, (columns(0, 1), columns(1, 4)))

    figures = pixel_figures.report([truth], [found], np.array([[4, 2]]), ["a", "b"])

    # a: 2 px of 4 in either; b: 2 px of 4, as the fourth column counts nowhere
    assert [row["iou"]["value"] for row in figures["per_class"]] == [0.5, 0.5]
    assert figures["miou"]["value"] == 0.5
    assert figures["pixel_accuracy"]["value"] == pytest.approx(4 / 6)
    assert figures["dice"]["value"] == pytest.approx(2 / 3)
    assert figures["confusion"]["counts"] == [[2, 2], [0, 2]]
