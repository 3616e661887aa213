"""Classical candidates: what is measured in pixels, what is learned from rows; what was judged is what is kept."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.svm import SVC

from labeler import train_settings
from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import learners, logistic
from worker.ml.candidates.classical import Classical
from worker.ml.evaluation import calibration
from worker.ml.images import measures
from worker.ml.images.tensors import decode
from worker.ml.networks import backbones, features
from worker.ml.saved import checkpoint, predict
from worker.ml.training.class_weights import balancing_weights, resampled
from worker.ml.training.run import TrainingSet, losses
from worker.ml.training.settings import read_settings
from worker.ml.training.train import CANDIDATES, bar_of, train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
LITE0 = backbones.EFFICIENTNET_LITE0
NAMES = ["disc", "cross", "stripes"]


# -- descriptors -----------------------------------------------------------------------------------------


def groups_of(pixels):
    """The four groups of one image's descriptors, by name."""
    rows = measures.describe(pixels[None])[0]
    ends = np.cumsum([0, *measures.GROUPS.values()])
    assert len(rows) == ends[-1] == measures.N_DESCRIPTORS
    return {name: rows[a:b] for name, a, b in zip(measures.GROUPS, ends, ends[1:], strict=False)}


def plain(*rgb):
    return np.broadcast_to(np.array(rgb, np.uint8), (256, 256, 3)).copy()


def test_a_plain_red_image_is_one_colour_without_edges():
    found = groups_of(plain(255, 0, 0))
    colours = found["colours"].reshape(5, 64)
    # cell of red 3, green 0, blue 0 of four each: 3 * 16; whole image and all four quarters
    assert np.flatnonzero(colours.any(0)).tolist() == [48]
    np.testing.assert_allclose(colours[:, 48], 1 / np.sqrt(5), atol=1e-6)
    assert not found["edges"].any() and not found["hog"].any()
    # equal neighbours are "not darker": all eight bits, the last of the 58 patterns of two changes or none
    assert np.flatnonzero(found["lbp"].reshape(16, 59).any(0)).tolist() == [57]


def test_upright_stripes_and_lying_stripes_differ_in_direction_only():
    upright = plain(0, 0, 0)
    upright[:, ::16] = upright[:, 1::16] = 255
    lying = upright.transpose(1, 0, 2).copy()
    a, b = groups_of(upright), groups_of(lying)
    np.testing.assert_allclose(a["colours"], b["colours"], atol=1e-6)
    # the gradient of upright stripes points sideways, 0 degrees: it lies between the first and the last of 9 bins
    directions = [found["hog"].reshape(49, 4, 9).sum((0, 1)) for found in (a, b)]
    assert set(np.argsort(directions[0])[-2:]) == {0, 8}
    assert np.argmax(directions[1]) == 4
    np.testing.assert_allclose(np.linalg.norm(a["hog"]), 1, atol=1e-5)


def test_texture_and_hog_hardly_notice_that_an_image_is_darker():
    pixels = decode(drawn_images(1)[0][0], size=256)
    bright, dark = groups_of(pixels), groups_of((pixels * 0.6).astype(np.uint8))
    assert bright["lbp"] @ dark["lbp"] > 0.95
    assert bright["hog"] @ dark["hog"] > 0.95
    assert bright["colours"] @ dark["colours"] < 0.95


def test_descriptors_do_not_depend_on_the_images_beside_them():
    pixels = np.stack([decode(image, size=256) for image in drawn_images(20)[0]])
    together = measures.describe(pixels)
    np.testing.assert_allclose(measures.describe(pixels[17:18])[0], together[17], atol=1e-6)
    with pytest.raises(ValueError, match="256"):
        measures.describe(pixels[:, :128])


def test_there_are_58_uniform_patterns():
    places = measures.PATTERN_PLACE
    assert sorted(set(places)) == list(range(59))
    assert (places == 58).sum() == 256 - 58
    assert places[0b00001110] != 58 and places[0b01010000] == 58


# -- methods ---------------------------------------------------------------------------------------------


def rows(n=90, k=3, d=12, seed=0):
    """Scaled rows of k overlapping groups, and their groups."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    x = rng.standard_normal((n, d)) + 2 * np.eye(k, d)[truth]
    return logistic.scale_features(x), truth


SMALL = {
    "l1": {"C": 0.3}, "bagging": {"bags": 4, "C": 0.1},
    "svm": {"C": 3.0, "gamma": 0.5}, "knn": {"k": 5}, "forest": {"trees": 12, "leaf": 1},
    "boosting": {"components": 12, "rounds": 8, "rate": 0.2},
    "dbn": {"layers": [48, 24], "rate": 0.05, "rounds": 10, "C": 3.0}, "logistic": {"C": 0.1},
}  # fmt: skip


def fitted(name, x, soft, task="single", weights=None, seed=0):
    return learners.fit(name, x, soft, np.ones(len(x)) if weights is None else weights, task, SMALL[name], seed)


@pytest.mark.parametrize("name", list(learners.LEARNERS))
def test_every_method_tells_groups_apart_and_repeats_itself(name):
    x, truth = rows()
    arrays = fitted(name, x[:60], np.eye(3)[truth[:60]])
    scores = learners.scores(name, arrays, x[60:], "single")
    assert (scores.argmax(1) == truth[60:]).mean() > 0.6
    again = fitted(name, x[:60], np.eye(3)[truth[:60]])
    assert arrays.keys() == again.keys() and all(np.array_equal(arrays[key], again[key]) for key in arrays)
    # in parts or at once
    np.testing.assert_allclose(learners.scores(name, arrays, x[60:], "single", chunk=7), scores, atol=1e-5)


@pytest.mark.parametrize("name", list(learners.LEARNERS))
def test_every_method_learns_several_labels(name):
    x, truth = rows(120)
    targets = np.stack([truth == 0, truth != 1], 1).astype(float)
    scores = learners.scores(name, fitted(name, x[:80], targets[:80], "multi"), x[80:], "multi")
    yes = scores > 0
    assert (yes == targets[80:]).mean() > 0.7


@pytest.mark.parametrize("task", ["single", "multi"])
@pytest.mark.parametrize("name", list(learners.LEARNERS))
def test_a_category_without_images_in_a_fold_is_improbable_not_an_error(name, task):
    x, truth = rows(60)
    soft = np.eye(4)[truth]  # the fourth never occurs
    scores = learners.scores(name, fitted(name, x, soft, task), x, task)
    assert scores.shape == (60, 4) and np.isfinite(scores).all()
    assert (scores[:, 3] < scores[:, :3].max(1)).all()


def test_kept_support_vectors_say_what_scikit_learn_says():
    x, truth = rows()
    arrays = fitted("svm", x[:60], np.eye(3)[truth[:60]])
    for category in range(3):
        machine = SVC(C=3.0, gamma=float(arrays["gamma"][0])).fit(x[:60], truth[:60] == category)
        expected = machine.decision_function(x[60:])
        np.testing.assert_allclose(learners.scores("svm", arrays, x[60:], "single")[:, category], expected, atol=2e-3)


def test_kept_trees_say_what_scikit_learn_says():
    x, truth = rows()
    soft = np.eye(3)[truth]
    arrays = fitted("forest", x[:60], soft[:60])
    forest = RandomForestRegressor(12, max_features="sqrt", random_state=0, max_leaf_nodes=1024)
    forest.fit(x[:60], soft[:60], sample_weight=np.ones(60))
    expected = (forest.predict(x[60:]) * 12 + soft[:60].mean(0)) / 13
    np.testing.assert_allclose(np.exp(learners.scores("forest", arrays, x[60:], "single")), expected, atol=1e-4)


@pytest.mark.parametrize("k", [2, 3])
def test_kept_boosting_says_what_scikit_learn_says(k):
    x, truth = rows(k=k)
    arrays = fitted("boosting", x[:60], np.eye(k)[truth[:60]])
    z = learners._reduced(x, arrays["mean"], arrays["directions"])
    machine = HistGradientBoostingClassifier(
        max_iter=8, learning_rate=0.2, max_leaf_nodes=8, min_samples_leaf=5, l2_regularization=1.0, max_bins=64,
        early_stopping=False, random_state=0,
    ).fit(z[:60], truth[:60])  # fmt: skip
    found = logistic.to_probabilities(learners.scores("boosting", arrays, x[60:], "single"), "single")
    np.testing.assert_allclose(found, machine.predict_proba(z[60:]), atol=1e-4)


def test_votes_of_neighbours_by_hand():
    # Two of the three nearest of (1, 0) say 0: cosines 1, .8 and 0.6; the prior (.5, .5) has one vote.
    x = logistic.scale_features(np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [-1.0, 0.0]]))
    arrays = learners.fit("knn", x, np.eye(2)[[0, 0, 1, 1]], np.ones(4), "single", {"k": 3}, 0)
    p = np.exp(learners.scores("knn", arrays, x[:1], "single")[0])
    assert p == pytest.approx([(1.8 + 0.5) / 3.4, (0.6 + 0.5) / 3.4], abs=1e-5)


def test_soft_labels_count_for_those_that_take_them():
    x, truth = rows()
    hard, soft = np.eye(3)[truth], np.eye(3)[truth] * 0.7 + 0.1
    for name in learners.LEARNERS:
        by_hard, by_soft = (learners.scores(name, fitted(name, x, t), x, "single") for t in (hard, soft))
        sure = [logistic.to_probabilities(s, "single").max(1).mean() for s in (by_hard, by_soft)]
        if name not in ("l1", "svm", "boosting"):  # these know hard classes only
            assert sure[1] < sure[0] - 0.02, name


def test_calibration_finds_the_factor_and_never_raises_the_loss():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((4000, 4)) * 2 + np.array([0.5, 0, 0, -0.5])
    p = logistic.to_probabilities(logits, "single")
    soft = np.eye(4)[[rng.choice(4, p=row) for row in p]]
    found = calibration.fit(logits / 5 - np.array([0.1, 0, 0, -0.1]), soft, np.ones(4000), "single")
    assert found.factor == pytest.approx(5, rel=0.08)
    assert np.diff(found.shift[[0, 3]])[0] == pytest.approx(-1.0, abs=0.2)
    for n in (1, 5, 50):
        for task in ("single", "multi"):
            some = calibration.fit(logits[:n], soft[:n], np.ones(n), task)
            before, after = (
                losses(logistic.to_probabilities(z, task), soft[:n], task).mean()
                for z in (logits[:n], some.apply(logits[:n]))
            )
            assert after <= before + 1e-9
    odds = rng.standard_normal((3000, 2)) * 2
    answers = (rng.random((3000, 2)) < expit(odds)).astype(float)
    assert calibration.fit(odds / 3, answers, np.ones(3000), "multi").factor == pytest.approx(3, rel=0.1)


# -- balance ---------------------------------------------------------------------------------------------


def test_over_and_undersampling_even_the_classes_out():
    hot = np.eye(3)[np.repeat([0, 1, 2], [60, 20, 10])]
    over, under = resampled(hot, "oversample", 0), resampled(hot, "undersample", 0)
    assert np.abs(hot[over].sum(0) - 60).max() <= 1
    assert set(over) == set(range(90))  # each at least once
    assert np.abs(hot[under].sum(0) - 10).max() <= 1
    assert len(set(under)) == len(under)  # each at most once
    assert np.array_equal(over, resampled(hot, "oversample", 0))
    assert not np.array_equal(under, resampled(hot, "undersample", 1))


def test_a_class_of_one_image_does_not_become_the_data_set():
    hot = np.eye(2)[[0] * 200 + [1]]
    assert (resampled(hot, "oversample", 0) == 200).sum() == 10
    assert 18 <= len(resampled(hot, "undersample", 0)) <= 23


def test_balancing_gives_each_category_the_same_say():
    soft = np.eye(2)[[0] * 9 + [1] * 3]
    weights = balancing_weights(soft)
    assert weights[:9].sum() == pytest.approx(weights[9:].sum())
    assert weights.mean() == pytest.approx(1)


# -- in a run --------------------------------------------------------------------------------------------


@cache
def samples(n=60):
    images, classes = drawn_images(n)
    found = np.concatenate([part.features for part in features.embed(images, LITE0, CPU, size=64)])
    return TrainingSet(found, classes, NAMES, sources=images, groups=np.arange(n) // 2)


def run(names, given=None, some=None):
    config = read_settings(
        {"candidates": ["frozen", *names], "image_size": 64, "folds": 3, "search": {"settings": 1}} | (given or {})
    )
    return list(train(some or samples(), config, device=CPU))


@pytest.fixture
def short(monkeypatch):
    """Each method with settings that take no time."""
    for name, settings in SMALL.items():
        monkeypatch.setitem(
            learners.LEARNERS, name,
            learners.Learner(**{f: getattr(learners.LEARNERS[name], f) for f in learners.Learner.__slots__}
                             | {"grid": (settings,)}),
        )  # fmt: skip


def test_the_names_that_are_allowed_are_the_candidates_that_there_are():
    assert train_settings.CANDIDATES.keys() == CANDIDATES.keys()
    assert all(CANDIDATES[name]().name == name for name in CANDIDATES)


def test_all_of_them_compete_on_the_same_folds_and_each_leaves_its_opinion(short):
    names = ["svm", "knn", "forest", "boosting", "dbn", "classic.logistic", "classic.svm", "classic.forest"]
    *events, result = run(names)
    assert [row["candidate"] for row in result.comparison] == ["frozen", *names]
    assert all(row["tried"] and row["accuracy"]["n"] == 60 for row in result.comparison)
    assert [row["chosen"] for row in result.comparison].count(True) == 1
    assert result.out_of_fold_of.keys() == {"frozen", *names}
    for opinion in result.out_of_fold_of.values():
        np.testing.assert_allclose(opinion.sum(1), 1, atol=1e-5)
    # each three times out of four right, where chance is one third; the network's features are better
    right = {name: (p.argmax(1) == samples().targets).mean() for name, p in result.out_of_fold_of.items()}
    assert min(right[name] for name in ("frozen", "svm", "knn", "forest")) > 0.7
    assert min(right.values()) > 0.45, right
    bar = [event.overall for event in events]
    assert bar == sorted(bar) and bar[0] >= 0 and bar[-1] <= 1


@pytest.mark.parametrize("name", ["svm", "knn", "forest", "boosting", "dbn", "classic.svm", "classic.logistic"])
def test_a_winner_says_from_disk_what_it_said_when_it_was_fitted(name, short, monkeypatch, tmp_path):
    monkeypatch.setattr("worker.ml.training.train._beats", lambda *rest: True)
    *_, result = run([name])
    assert result.candidate == name
    named = [{"id": k, "name": text} for k, text in enumerate(NAMES)]
    checkpoint.save(tmp_path / "m.json", checkpoint.from_result(result, named, temperature=1.5))
    model = predict.load_model(tmp_path / "m.json", CPU)
    assert model.uses_features == (not name.startswith("classic."))
    images, classes = drawn_images(60)
    by_image = predict.predict(model, sources=[*images[:30], b"broken"])
    assert np.isnan(by_image[30]).all()
    # it learned from these
    assert (by_image[:30].argmax(1) == classes[:30]).mean() > 0.7
    if model.uses_features:
        by_features = predict.predict(model, features=samples().features[:30])
        np.testing.assert_allclose(by_image[:30], by_features, atol=0.06)
        x = logistic.scale_features(samples().features[:30])
    else:
        x = logistic.scale_features(measures.describe(np.stack([decode(i, size=256) for i in images[:30]])))
        by_features = by_image[:30]
    arrays = {k.removeprefix("learned."): v.numpy() for k, v in result.weights.items() if k.startswith("learned.")}
    scores = learners.scores(result.recipe["learner"], arrays, x, "single")
    logits = scores * result.recipe["factor"] + result.weights["calibration.shift"].numpy()
    np.testing.assert_allclose(by_features, logistic.to_probabilities(logits / 1.5, "single"), atol=1e-5)


def test_what_judges_a_fold_takes_no_part_in_search_or_calibration(short, monkeypatch):
    seen = []
    original = learners.fit

    def watched(name, x, *rest):
        seen.append({row.tobytes() for row in x})
        return original(name, x, *rest)

    monkeypatch.setattr(learners, "fit", watched)
    calibrated_on = []
    original_calibration = calibration.fit
    monkeypatch.setattr(
        calibration, "fit", lambda s, soft, w, t: calibrated_on.append(len(s)) or original_calibration(s, soft, w, t)
    )
    run(["knn"])
    x = logistic.scale_features(samples().features)
    # per fold: three inner fits and one on all that may be learned from
    for fold in range(3):
        *inner, whole = seen[4 * fold : 4 * fold + 4]
        inside = np.array([row.tobytes() in whole for row in x])
        assert 0 < inside.sum() < 60
        assert all(part < whole for part in inner)
        assert inside.sum() == calibrated_on[fold]
        # near-duplicates lie on one side
        assert (inside[0::2] == inside[1::2]).all()


def test_balanced_learning_reaches_every_method_and_only_its_training_images(short, monkeypatch):
    some = samples().without(np.flatnonzero(samples().targets == 0)[4:])
    counts = []
    original = learners.fit
    monkeypatch.setattr(
        learners, "fit", lambda name, x, soft, *rest: counts.append(soft.sum(0)) or original(name, x, soft, *rest)
    )
    *_, result = run(["knn"], {"imbalance": "oversample"}, some)
    assert all(c.max() - c.min() <= 3 for c in counts if c.min() > 0)
    assert result.out_of_fold.shape == (44, 3)
    assert result.comparison[1]["accuracy"]["n"] == 44


def test_the_search_keeps_to_its_time_and_tries_the_first_setting_always():
    *_, quick = run(["knn"], {"search": {"settings": 5, "time_limit_s": 0}})
    *_, long = run(["knn"], {"search": {"settings": 5, "time_limit_s": 60}})
    assert quick.comparison[1]["settings"]["tried"] == 1
    assert long.comparison[1]["settings"]["tried"] == 5


def test_classic_descriptors_need_the_images():
    *_, result = run(["classic.svm"], some=replace(samples(), sources=None))
    assert result.comparison[1]["tried"] is False
    assert "not at hand" in result.comparison[1]["reason"]


def test_the_more_candidates_the_more_it_takes_to_be_chosen(monkeypatch):
    levels = []
    monkeypatch.setattr(
        "worker.ml.training.train._beats", lambda run, old, new, row, level: levels.append(level) or False
    )
    run(["knn"])
    run(["knn", "svm"])
    assert levels == pytest.approx([0.05, 0.025, 0.025])


def test_a_bar_begins_at_nothing_and_ends_whole():
    for names in (["frozen"], ["frozen", "finetuned"], ["frozen", "svm", "classic.svm", "classic.knn"]):
        bar = bar_of(read_settings({"candidates": names}), 500, True)
        edges = [edge for pair in bar.values() for edge in pair]
        assert edges == pytest.approx(sorted(edges))
        assert (edges[0], edges[-1]) == (0, 1)


def test_too_many_labels_for_a_method_are_said(monkeypatch):
    candidate = Classical("svm", "deep")

    class Large:
        x = np.empty((8001, 0))

    assert "up to 8,000 labels; there are 8,001" in candidate.why_not(Large())
