"""The classical ways to learn from rows of numbers, each as two functions: fit to plain arrays, and arrays to scores.

Knows arrays and scikit-learn, which only fits. What it found is copied into plain arrays, and one NumPy function reads
them, in cross-validation as well as in use: the model that was judged is the model that is kept, a file needs no
pickle, and a new scikit-learn changes no model on disk.

Rows are scaled to length sqrt(d) (logistic.scale_features). Targets are (n, K) probabilities; where a method knows
only hard classes, it takes the likeliest, weighted by its probability. Scores become probabilities by
calibration.fit on images that the fit has not seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import BernoulliRBM
from sklearn.svm import SVC

from worker.ml.candidates import logistic
from worker.ml.candidates.linear_learners import (
    TINY,
    Array,
    Arrays,
    Settings,
    bagging_scores,
    fit_bagging,
    fit_l1,
    fit_logistic,
    hard,
    log_scores,
    logistic_scores,
    yes_or_no,
)


@dataclass(frozen=True, slots=True)
class Learner:
    """One method. `grid`: the settings a search goes through, the most sensible first."""

    title: str
    grid: tuple[Settings, ...]
    fit: Callable[[Array, Array, Array, str, Settings, int], Arrays]  # x, soft, weights, task, settings, seed
    scores: Callable[[Arrays, Array, str], Array]  # arrays, x, task -> (n, K)
    max_labels: int = 100_000


# -- support vector machine ----------------------------------------------------------------------------------


def _squared_distances(a: Array, b: Array) -> NDArray[np.float64]:
    squares = (a.astype(np.float64) ** 2).sum(1)[:, None] + (b.astype(np.float64) ** 2).sum(1)
    return np.maximum(squares - 2 * (a @ b.T).astype(np.float64), 0)


def _fit_svm(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """One machine per category against the rest, all with one RBF kernel whose width is the median distance."""
    distances = _squared_distances(x, x)
    between = distances[np.triu_indices(len(x), 1)]
    typical = np.median(between[between > 0]) if (between > 0).any() else 1.0
    gamma = settings["gamma"] / typical
    kernel = np.exp(-gamma * distances)
    n_categories = soft.shape[1]
    coefficients, offsets = np.zeros((n_categories, len(x))), np.zeros(n_categories)
    for category in range(n_categories):
        yes, trust = yes_or_no(soft[:, category], weights)
        if yes.all() or not yes.any():
            offsets[category] = 1.0 if yes.any() else -1.0
            continue
        machine = SVC(C=settings["C"], kernel="precomputed").fit(kernel, yes, sample_weight=np.maximum(trust, 1e-9))
        coefficients[category, machine.support_] = machine.dual_coef_[0]
        offsets[category] = machine.intercept_[0]
    used = np.flatnonzero(coefficients.any(0))
    return {
        "support": x[used].astype(np.float32),
        "coefficients": coefficients[:, used].astype(np.float32),
        "offsets": offsets.astype(np.float32),
        "gamma": np.array([gamma]),
    }


def _svm_scores(arrays: Arrays, x: Array, task: str) -> Array:
    kernel = np.exp(-arrays["gamma"][0] * _squared_distances(x, arrays["support"]))
    return kernel @ arrays["coefficients"].T.astype(np.float64) + arrays["offsets"]


# -- nearest neighbours --------------------------------------------------------------------------------------


def _fit_knn(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    prior = (weights[:, None] * soft).sum(0) / weights.sum()
    return {
        "images": x.astype(np.float32), "targets": soft.astype(np.float32), "weights": weights.astype(np.float32),
        "prior": prior.astype(np.float32), "k": np.array([min(settings["k"], len(x))]),
    }  # fmt: skip


def _knn_scores(arrays: Arrays, x: Array, task: str) -> Array:
    """Votes of the k most similar by cosine, weighted by it; the prior has one vote, so that nothing is impossible."""
    k = int(arrays["k"][0])
    cosine = x @ arrays["images"].T / x.shape[1]  # all rows have length sqrt(d)
    nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    votes = np.maximum(np.take_along_axis(cosine, nearest, 1), 1e-3) * arrays["weights"][nearest]
    p = (votes[:, :, None] * arrays["targets"][nearest]).sum(1) + arrays["prior"]
    return log_scores(p / (votes.sum(1, keepdims=True) + 1), task)


# -- trees ---------------------------------------------------------------------------------------------------


def _leaves(arrays: Arrays, x: Array) -> NDArray[np.int64]:
    """The leaf in which each row ends, for each tree: (n, trees)."""
    feature, threshold = arrays["feature"], arrays["threshold"]
    node = np.repeat(arrays["roots"][None].astype(np.int64), len(x), 0)
    rows = np.arange(len(x))[:, None]
    while True:
        asks = feature[node]
        inner = asks >= 0
        if not inner.any():
            return node
        goes_left = x[rows, np.maximum(asks, 0)] <= threshold[node]
        node = np.where(inner, np.where(goes_left, arrays["left"][node], arrays["right"][node]), node)


def _joined(trees: list[Arrays]) -> Arrays:
    """Several trees as one: nodes one after the other, children renumbered. Leaves have feature -1."""
    starts = np.cumsum([0] + [len(tree["feature"]) for tree in trees])
    joined = {key: np.concatenate([tree[key] for tree in trees]) for key in ("feature", "threshold", "value")}
    for side in ("left", "right"):
        joined[side] = np.concatenate([tree[side] + start for tree, start in zip(trees, starts, strict=False)])
    joined["roots"] = starts[:-1]
    narrow = {"feature": np.int32, "left": np.int32, "right": np.int32, "roots": np.int32, "value": np.float32}
    return {key: array.astype(narrow.get(key, np.float64)) for key, array in joined.items()}


def _fit_forest(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """Regression trees on the (n, K) targets: the squared error of one-hot rows is Gini's impurity, and soft labels
    and several labels need nothing else."""
    forest = RandomForestRegressor(
        settings["trees"], max_features="sqrt", min_samples_leaf=settings["leaf"], max_leaf_nodes=1024,
        random_state=seed,
    )  # fmt: skip
    forest.fit(x, soft, sample_weight=weights)
    trees = [
        {
            "feature": np.where(tree.children_left < 0, -1, tree.feature),
            "threshold": tree.threshold,
            "left": tree.children_left,
            "right": tree.children_right,
            "value": tree.value[:, :, 0],
        }
        for tree in (each.tree_ for each in forest.estimators_)
    ]
    prior = (weights[:, None] * soft).sum(0) / weights.sum()
    return _joined(trees) | {"prior": prior.astype(np.float32)}


def _forest_scores(arrays: Arrays, x: Array, task: str) -> Array:
    leaves = _leaves(arrays, np.asarray(x, np.float32))
    n_trees = leaves.shape[1]
    total = np.zeros((len(x), len(arrays["prior"])))
    for tree in range(n_trees):  # one at a time: (n, trees, K) would not fit into memory
        total += arrays["value"][leaves[:, tree]]
    return log_scores((total + arrays["prior"]) / (n_trees + 1), task)


def _fit_boosting(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """Gradient boosting on the first principal components: 1,280 features would take twenty times as long."""
    mean = x.mean(0)
    _, _, directions = np.linalg.svd(x - mean, full_matrices=False)
    directions = directions[: settings["components"]].astype(np.float32)
    z = _reduced(x, mean, directions)
    trees: list[Arrays] = []
    output: list[int] = []
    base = np.zeros(soft.shape[1])
    if task == "single":
        targets, trust = hard(soft, weights)
        # A category without any image in this fold stays improbable.
        base[:] = np.log(TINY)
        present = np.unique(targets)
        if len(present) == 1:
            base[present] = 0.0
        else:
            _boost(z, targets, trust, settings, seed, present.tolist(), trees, output, base)
    else:
        for category in range(soft.shape[1]):
            yes, trust = yes_or_no(soft[:, category], weights)
            if yes.all() or not yes.any():
                base[category] = -np.log(TINY) if yes.any() else np.log(TINY)
                continue
            _boost(z, yes.astype(np.int64), trust, settings, seed, [None, category], trees, output, base)
    if not trees:  # a leaf that says nothing, so that the arrays have their shape
        zeros = np.zeros(1)
        trees = [{"feature": zeros - 1, "threshold": zeros, "left": zeros, "right": zeros, "value": zeros[:, None]}]
        output = [0]
    return _joined(trees) | {
        "output": np.array(output, np.int32), "base": base.astype(np.float32),
        "mean": mean.astype(np.float32), "directions": directions,
    }  # fmt: skip


def _reduced(x: Array, mean: Array, directions: Array) -> NDArray[np.float64]:
    return ((x - mean) @ directions.T).astype(np.float64)


def _boost(
    z: Array, targets: Array, trust: Array, settings: Settings, seed: int, columns: list[int | None],
    trees: list[Arrays], output: list[int], base: Array,
) -> None:  # fmt: skip
    """Fit one machine and append its trees; columns: the category of each class, None for "no"."""
    machine = HistGradientBoostingClassifier(
        max_iter=settings["rounds"], learning_rate=settings["rate"], max_leaf_nodes=8, min_samples_leaf=5,
        l2_regularization=1.0, max_bins=64, early_stopping=False, random_state=seed,
    ).fit(z, targets, sample_weight=np.maximum(trust, 1e-9))  # fmt: skip
    # scikit-learn has no public way to its trees, and what keeps them otherwise loses (docs/decisions/0015). A test
    # holds these arrays to its decision_function.
    start = np.ravel(machine._baseline_prediction)
    if len(columns) == 2:  # one score, of the second class
        if columns[0] is not None:
            base[columns[0]] = 0.0
        columns = columns[1:]
    for column, value in zip(columns, start, strict=True):
        assert column is not None
        base[column] = value
    for one_round in machine._predictors:
        for column, predictor in zip(columns, one_round, strict=True):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            trees.append(
                {
                    "feature": np.where(leaf, -1, nodes["feature_idx"]),
                    "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                    "left": nodes["left"].astype(np.int64),
                    "right": nodes["right"].astype(np.int64),
                    "value": np.where(leaf, nodes["value"], 0.0)[:, None],
                }
            )
            assert column is not None
            output.append(column)


def _boosting_scores(arrays: Arrays, x: Array, task: str) -> Array:
    leaves = _leaves(arrays, _reduced(x, arrays["mean"], arrays["directions"]))
    scores = np.repeat(arrays["base"][None].astype(np.float64), len(x), 0)
    for tree, column in enumerate(arrays["output"]):
        scores[:, column] += arrays["value"][leaves[:, tree], 0]
    return scores


# -- deep belief network -------------------------------------------------------------------------------------


def _fit_dbn(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """Two restricted Boltzmann machines learned greedily, a regression on the upper one (Hinton et al. 2006).

    The machines learn what the images have in common and look at no label, so weights count only in the regression.
    """
    low, high = np.percentile(x, [1, 99], axis=0)
    arrays = {"low": low.astype(np.float32), "range": np.maximum(high - low, 1e-6).astype(np.float32)}
    h = _to_unit(arrays, x)
    for layer, width in enumerate(settings["layers"]):
        machine = BernoulliRBM(width, learning_rate=settings["rate"], n_iter=settings["rounds"], random_state=seed)
        machine.fit(h)
        arrays[f"rbm{layer}.weight"] = machine.components_.astype(np.float32)
        arrays[f"rbm{layer}.bias"] = machine.intercept_hidden_.astype(np.float32)
        h = expit(h @ arrays[f"rbm{layer}.weight"].T + arrays[f"rbm{layer}.bias"])
    arrays["centre"] = h.mean(0).astype(np.float32)
    found = logistic.fit_path(_centred(arrays, h), soft, weights, [settings["C"]], task)[0]
    return arrays | {"weight": found.weight.astype(np.float32), "bias": found.bias.astype(np.float32)}


def _to_unit(arrays: Arrays, x: Array) -> NDArray[np.float64]:
    """Each feature to 0..1 by its 1st and 99th percentile: a Bernoulli machine takes probabilities.

    In double precision, and so the layers above: rows differ by 1e-4 there, which _centred stretches. In single
    precision the same row got scores .003 apart, depending on how many rows a processor multiplied at once.
    """
    return np.clip((x - arrays["low"]) / arrays["range"], 0, 1).astype(np.float64)


def _centred(arrays: Arrays, h: Array) -> NDArray[np.float32]:
    return logistic.scale_features(h - arrays["centre"])


def _dbn_scores(arrays: Arrays, x: Array, task: str) -> Array:
    h = _to_unit(arrays, x)
    layer = 0
    while f"rbm{layer}.weight" in arrays:
        h = expit(h @ arrays[f"rbm{layer}.weight"].T + arrays[f"rbm{layer}.bias"])
        layer += 1
    return _centred(arrays, h) @ arrays["weight"].T + arrays["bias"]


LEARNERS: dict[str, Learner] = {
    "logistic": Learner(
        "logistic regression", tuple({"C": c} for c in (0.1, 0.01, 1.0, 0.003, 0.03, 0.3)),
        fit_logistic, logistic_scores,
    ),
    "l1": Learner(
        "logistic regression on few features (L1)", tuple({"C": c} for c in (0.1, 0.03, 0.3, 1.0)),
        fit_l1, logistic_scores,
    ),
    "bagging": Learner(
        "bagging of logistic regressions", tuple({"bags": 20, "C": c} for c in (0.1, 0.01, 1.0)),
        fit_bagging, bagging_scores,
    ),
    "svm": Learner(
        "support vector machine (RBF)",
        tuple({"C": c, "gamma": g} for c, g in ((3.0, 0.5), (10.0, 0.25), (1.0, 1.0), (3.0, 1.0), (30.0, 0.1))),
        _fit_svm, _svm_scores, max_labels=8_000,
    ),
    "knn": Learner(
        "nearest neighbours (cosine)", tuple({"k": k} for k in (10, 5, 20, 3, 40)), _fit_knn, _knn_scores,
    ),
    "forest": Learner(
        "random forest", ({"trees": 150, "leaf": 2}, {"trees": 150, "leaf": 1}, {"trees": 150, "leaf": 5}),
        _fit_forest, _forest_scores,
    ),
    "boosting": Learner(
        "gradient boosting",
        tuple({"components": c, "rounds": n, "rate": r} for c, n, r in ((32, 40, 0.1), (64, 40, 0.1), (32, 80, 0.05))),
        _fit_boosting, _boosting_scores,
    ),
    "dbn": Learner(
        "deep belief network",
        tuple({"layers": [256, 128], "rate": 0.1, "rounds": 40, "C": c} for c in (0.3, 0.03, 3.0)),
        _fit_dbn, _dbn_scores,
    ),
}  # fmt: skip


def fit(name: str, x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """Fit one method; (n, d) rows, (n, K) targets, (n,) weights, "single" or "multi"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # judged by its figures, like everything else
        return LEARNERS[name].fit(x, soft, weights, task, settings, seed)


def scores(name: str, arrays: Arrays, x: Array, task: str, chunk: int = 2048) -> NDArray[np.float64]:
    """Scores (n, K) of any number of rows, a few at a time."""
    parts = [LEARNERS[name].scores(arrays, x[i : i + chunk], task) for i in range(0, len(x), chunk)]
    return np.concatenate(parts) if parts else np.empty((0, 0))
