"""Bags of visual words: keypoints and their descriptors, a vocabulary of training images alone, histograms, a run."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch

from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import inputs
from worker.ml.errors import CheckpointDamaged
from worker.ml.images import visual_words
from worker.ml.images.tensors import decode
from worker.ml.networks import backbones
from worker.ml.saved import checkpoint, predict, scorers
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import bar_of, train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
NAMES = ["disc", "cross", "stripes"]


@cache
def drawn(n=36):
    images, classes = drawn_images(n)
    return images, classes, np.stack([decode(image, size=256) for image in images])


def corners(*places, side=256, size=24):
    """A black image with white squares; places: their upper left corners."""
    image = np.zeros((side, side, 3), np.uint8)
    for row, column in places:
        image[row : row + size, column : column + size] = 255
    return image


# -- keypoints -------------------------------------------------------------------------------------------


def test_a_plain_image_has_no_keypoints_and_costs_the_others_nothing():
    plain = np.full((256, 256, 3), 90, np.uint8)
    descriptors, counts = visual_words.keypoints(np.stack([plain, corners((100, 100)), plain]))
    assert counts[0] == counts[2] == 0 and counts[1] > 0
    assert descriptors.shape == (counts[1], 128) and descriptors.dtype == np.uint8


def test_a_shape_has_the_same_descriptors_wherever_it_lies_and_however_it_is_turned():
    here, there = corners((96, 96)), corners((128, 112))
    tall = corners((96, 96))
    tall[120:160, 96:120] = 255
    descriptors, counts = visual_words.keypoints(np.stack([here, there, tall, np.rot90(tall).copy()]))
    parts = np.split(visual_words._rooted(descriptors), np.cumsum(counts)[:-1])
    for one, other in ((parts[0], parts[1]), (parts[2], parts[3])):
        # the cosine of each descriptor with the most similar one of the other image
        assert (one @ other.T).max(1).min() > 0.9


def test_of_an_image_of_noise_no_more_than_the_most_are_kept(monkeypatch):
    monkeypatch.setattr(visual_words, "MOST", 20)
    noise = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    _, counts = visual_words.keypoints(noise)
    assert counts.tolist() == [20]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="256"):
        visual_words.keypoints(np.zeros((1, 128, 128, 3), np.uint8))


def test_what_looks_for_no_keypoints_loads_neither_scikit_image_nor_clustering():
    code = "import sys, worker.ml.images.visual_words; print({'skimage', 'sklearn'} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


# -- words -----------------------------------------------------------------------------------------------


def axis(*places):
    """Descriptors that have one number other than 0 each: rooted, they are the axes themselves."""
    rows = np.zeros((len(places), 128), np.uint8)
    rows[np.arange(len(places)), places] = 200
    return rows


def test_a_histogram_by_hand():
    # First image: word 0 three times, word 1 once: sqrt(3/4), sqrt(1/4). Second: none. Third: word 1 twice.
    centres = np.eye(2, 128, dtype=np.float32)
    rows = visual_words.histograms(axis(0, 1, 0, 0, 1, 1), np.array([4, 0, 2]), centres)
    np.testing.assert_allclose(rows, [[0.75**0.5, 0.5], [0, 0], [0, 1]], atol=1e-6)


def test_a_vocabulary_finds_the_groups_and_repeats_itself():
    rng = np.random.default_rng(0)
    rows = axis(*rng.integers(0, 5, 400))
    rows[:, 100] = rng.integers(0, 10, 400)  # a little noise
    centres = visual_words.vocabulary(rows, seed=3, words=5)
    assert sorted(centres[:, :5].argmax(1)) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(centres, visual_words.vocabulary(rows, seed=3, words=5))


def test_few_keypoints_make_a_small_vocabulary_and_none_at_all_one_word():
    assert visual_words.vocabulary(axis(0, 0, 1), seed=0).shape == (2, 128)
    nothing = np.empty((0, 128), np.uint8)
    centres = visual_words.vocabulary(nothing, seed=0)
    assert centres.shape == (1, 128)
    assert visual_words.histograms(nothing, np.array([0, 0]), centres).tolist() == [[0], [0]]


def test_chunks_change_nothing(monkeypatch):
    descriptors, counts = visual_words.keypoints(drawn()[2][:6])
    centres = visual_words.vocabulary(descriptors, seed=0, words=16)
    whole = visual_words.histograms(descriptors, counts, centres)
    np.testing.assert_allclose((whole**2).sum(1), 1, atol=1e-5)
    monkeypatch.setattr(visual_words, "CHUNK", 7)
    np.testing.assert_array_equal(visual_words.histograms(descriptors, counts, centres), whole)


# -- in a run --------------------------------------------------------------------------------------------


def run(names, state_dir=None):
    images, classes, _ = drawn()
    features = np.random.default_rng(0).standard_normal((len(images), 1280)).astype(np.float32)
    config = read_settings({"candidates": ["frozen", *names], "image_size": 64, "folds": 3, "search": {"settings": 1}})
    samples = TrainingSet(features, classes, NAMES, sources=images, groups=np.arange(len(images)) // 2)
    return list(train(samples, config, device=CPU, state_dir=state_dir))


def test_each_vocabulary_is_learned_without_the_images_that_judge(monkeypatch):
    asked, counts = [], visual_words.keypoints(drawn()[2])[1]
    original = visual_words.vocabulary
    monkeypatch.setattr(visual_words, "vocabulary", lambda d, seed: asked.append(d) or original(d, seed, 24))
    *_, result = run(["sift.knn", "sift.logistic"])
    # a method more asks for no vocabulary more: three folds and the fit to all labels
    assert len(asked) == 4
    # features are random here, so the words win
    assert result.candidate.startswith("sift.")
    *folds, everything = [len(descriptors) for descriptors in asked]
    assert everything == counts.sum()
    # each image judges once, so what was left out of the folds adds up to all of them
    assert sum(everything - fold for fold in folds) == everything and all(fold < everything for fold in folds)
    # three kinds of drawings, known by their parts alone
    row = result.comparison[1]
    assert row["accuracy"]["value"] > 0.6 and row["settings"]["input"] == "sift"


def test_a_model_of_words_says_from_disk_what_it_said_when_it_was_fitted(monkeypatch, tmp_path):
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    *_, result = run(["sift.knn", "sift.svm"], tmp_path / "state")
    assert result.candidate == "sift.svm"
    named = [{"id": k, "name": text} for k, text in enumerate(NAMES)]
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result, named, temperature=1.0))
    model = predict.load_model(tmp_path / "m.json", CPU)
    assert not model.uses_features
    images, classes, pixels = drawn()
    said = predict.predict(model, sources=[*images[:9], b"broken"])
    assert np.isnan(said[9]).all()
    assert (said[:9].argmax(1) == classes[:9]).mean() > 0.7  # it learned from these
    # the same, step by step from the tensors
    how = inputs.INPUTS["sift"]
    rows = how.rows(how.measure(pixels[:9]), {"vocabulary": result.weights["input.vocabulary"].numpy()})
    weights = {key.removeprefix("learned."): value.numpy() for key, value in result.weights.items()}
    scores = scorers.learners.scores("svm", weights, rows, "single") * result.recipe["factor"]
    logits = scores + result.weights["calibration.shift"].numpy()
    np.testing.assert_allclose(said[:9], scorers.logistic.to_probabilities(logits, "single"), atol=1e-5)


def test_keypoints_are_looked_for_once_for_all_methods_and_folds_and_after_a_restart(monkeypatch, tmp_path):
    looked = []
    original = visual_words.keypoints
    monkeypatch.setattr(visual_words, "keypoints", lambda pixels: looked.append(len(pixels)) or original(pixels))
    first = run(["sift.knn", "sift.logistic"], tmp_path)[-1]
    assert sum(looked) == 36
    again = run(["sift.knn", "sift.logistic"], tmp_path)[-1]
    assert sum(looked) == 36
    np.testing.assert_array_equal(first.out_of_fold_of["sift.knn"], again.out_of_fold_of["sift.knn"])


def test_a_model_of_an_unknown_input_is_refused():
    recipe = {"kind": "learned", "learner": "knn", "input": "smell", "factor": 1.0}
    with pytest.raises(CheckpointDamaged, match="smell"):
        scorers.build(
            recipe, {}, backbone=backbones.EFFICIENTNET_LITE0, first_stage=None, n_categories=2, task="single",
            device=CPU,
        )  # fmt: skip


def test_looking_for_keypoints_has_its_part_of_the_bar():
    config = read_settings({"candidates": ["frozen", "classic.svm", "sift.svm", "sift.knn"]})
    assert list(bar_of(config, 50, True)) == [
        "decode", "frozen", "classic", "classic.svm", "sift", "sift.svm", "sift.knn", "refit",
    ]  # fmt: skip
