"""Counts of each image sum to the figures of the report."""

import numpy as np
import pytest

from labeler.geometry import masks
from labeler.stats.objects.shared import figures
from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation import drawn_slices, objects, pixel_figures

SIZE = np.array([64, 48])


def boxes(rng, n):
    return np.concatenate([rng.integers(0, 30, (n, 2)), rng.integers(8, 18, (n, 2))], 1).astype(np.float32)


def scenes(n, *, by_masks=False):
    """Truth, found and sizes: most boxes are found where they are, some of another class, some invented."""
    rng = np.random.default_rng(3)
    truth, found = [], []
    for _ in range(n):
        there, kinds = boxes(rng, int(rng.integers(0, 4))), rng.integers(0, 2, 4)
        seen = rng.random(len(there)) < 0.7
        said = np.concatenate([there[seen], boxes(rng, int(rng.integers(0, 2)))])
        called = np.concatenate([kinds[: len(there)][seen], rng.integers(0, 2, len(said) - seen.sum())])
        score = np.sort(rng.uniform(0.1, 1, len(said)).astype(np.float32))[::-1]
        kinds = kinds[: len(there)]
        shapes = [tuple(rectangle(box) for box in side) if by_masks else None for side in (there, said)]
        truth.append(Drawn(there, kinds, np.ones(len(there), np.float32), shapes[0]))
        found.append(Found(said, called, score, shapes[1]))
    return truth, found, np.tile(SIZE, (n, 1))


def rectangle(box):
    x, y, width, height = (int(v) for v in box)
    return masks.encode(np.ones((height, width), bool), x, y)


@pytest.mark.parametrize("by_masks", [False, True])
def test_counts_of_each_image_sum_to_the_figures_of_the_report(by_masks):
    scene, from_ = scenes(40, by_masks=by_masks), np.array([0.3, 0.5])

    counts = drawn_slices.counts_of_objects(*scene, 2, by_masks=by_masks, shown_from=from_)
    told = objects.report(*scene, ["a", "b"], by_masks=by_masks, shown_from=from_)

    assert counts.shape == (40, 2, 3)
    for name, stat in figures(counts, pixels=False).items():
        assert stat.as_dict() == pytest.approx(told[name], abs=1e-12), name
    assert counts[:, :, 2].sum() == told["n_objects"]


def test_pixels_of_each_image_sum_to_the_figures_of_the_report():
    def halves(at):
        """An image whose left part, up to column `at`, is of class 0 and whose rest is of class 1."""
        left, right = np.ones((48, at), bool), np.ones((48, 64 - at), bool)
        return (masks.encode(left, 0, 0), masks.encode(right, at, 0))

    kinds, box = np.array([0, 1]), np.zeros((2, 4), np.float32)
    truth = [Drawn(box, kinds, np.ones(2, np.float32), halves(at)) for at in (10, 20, 30)]
    found = [Found(box, kinds, np.ones(2, np.float32), halves(at)) for at in (10, 30, 20)]
    sizes = np.tile(SIZE, (3, 1))

    counts = drawn_slices.counts_of_pixels(truth, found, sizes, 2)

    assert counts[1].tolist() == [[20 * 48, 30 * 48, 20 * 48], [34 * 48, 34 * 48, 44 * 48]]
    told = pixel_figures.report(truth, found, sizes, ["a", "b"])
    stat = figures(counts, pixels=True)["miou"]
    assert (stat.value, stat.low, stat.high) == pytest.approx([told["miou"][key] for key in ("value", "low", "high")])
