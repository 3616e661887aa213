"""Do more labels still help? A learning curve with a band ahead of it, and when to stop.

Knows how often models trained on subsets were right on images they had not seen. Does not know models or labels.

The curve is error = a n^-b + c (Cortes et al. 1994; Hestness et al. 2017), what is left at last and how fast the rest
goes. Five sizes cannot fix three numbers, nor tell a power law from one that ends sooner (a exp(-n / t) + c, Frey and
Fisher 1999) or falls on (c - a log n). So the band keeps every shape that the points allow: images are resampled (the
same ones judge every size, so sizes share their luck), and for each resample a shape is drawn by its likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import SEED, FloatArray
from labeler.stats.results import Reason, Stat, undefined
from labeler.stats.special import logsumexp

FEWEST_SIZES = 4
FEWEST_IMAGES = 50  # that judge: below, the band is all there is
FEWEST_DRAWN = 20  # the same where each image holds several objects, or thousands of pixels
RESAMPLES = 400
EXPONENTS = np.geomspace(0.05, 2.0, 40)  # b; published ones lie between .07 and .5, saturating curves above
SPANS = np.geomspace(0.25, 4.0, 20)  # t of an exponential, as a share of the largest size
PRIOR = (0.5, 0.3, 0.2)  # of power law, exponential, logarithm, before any point is seen
# Two trainings on different labels of one number differ, beyond which images judge them. As a share of the error;
# clothing photographs, 100 to 1,000 labels: .03 to .06. The residuals say more where there are enough points.
RETRAINED = 0.04
RETRAINED_DRAWN = 0.12  # of models that draw: heads of some hundred steps; chess pieces .1 to .2, blood cells .05
WORTH = 0.01  # a gain of accuracy below which more labels are not worth asking for
SAME = 0.99  # kappa of two successive models from which they count as the same (Bloodgood and Vijay-Shanker 2009)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Curve:
    """Measured points and what they foresee. All shares of right answers."""

    sizes: NDArray[np.int64]  # labels trained on, ascending, shape (S,)
    accuracy: FloatArray  # measured, shape (S,)
    ahead: NDArray[np.int64]  # sizes foreseen, shape (A,)
    expected: FloatArray  # shape (A,)
    low: FloatArray  # 95 % band of the accuracy a training at that size will have, shape (A,)
    high: FloatArray
    courses: FloatArray  # accuracy by each resample's curve, shape (resamples, A)
    n: int  # images that judged
    reason: Reason | None = None  # why nothing is foreseen; the arrays ahead are empty then

    def between(self, since: int, size: int) -> Stat:
        """What the labels from one of the sizes ahead to another bring; which images judge moves both alike, so this is
        known better than either. Raises KeyError for a size that is not ahead.
        """
        if self.reason is not None:
            return undefined(self.reason, self.n)
        at = [self._place(one) for one in (since, size)]
        low, middle, high = np.quantile(self.courses[:, at[1]] - self.courses[:, at[0]], (0.025, 0.5, 0.975))
        return Stat(float(middle), float(low), float(high), self.n)

    def at(self, size: int) -> Stat:
        """What is foreseen for one of the sizes ahead. Raises KeyError for another."""
        if self.reason is not None:
            return undefined(self.reason, self.n)
        at = self._place(size)
        return Stat(float(self.expected[at]), float(self.low[at]), float(self.high[at]), self.n)

    def _place(self, size: int) -> int:
        found = np.flatnonzero(self.ahead == size)
        if not found.size:
            raise KeyError(size)
        return int(found[0])


def forecast(sizes: Sequence[int], right: ArrayLike, ahead: Sequence[int]) -> Curve:
    """Fit the curve and look ahead.

    sizes: labels trained on, distinct, shape (S,). right: (S, n), for each of the same n images the share of trainings
    of that size (on subsets that do not hold it) which got it right; 0 and 1 for one training. ahead: sizes to foresee.
    Fewer than FEWEST_SIZES sizes or FEWEST_IMAGES images: a Curve with its points and a reason.
    Raises ValueError for shapes that do not fit.
    """
    x, hit = np.asarray(sizes, dtype=np.int64), np.asarray(right, dtype=np.float64)
    if hit.ndim != 2 or x.shape != (hit.shape[0],) or np.unique(x).size != x.size or (x <= 0).any():
        raise ValueError("right needs one row for each of the sizes, which must be positive and distinct")
    order = np.argsort(x)
    x, hit = x[order], hit[order]
    n = hit.shape[1]
    accuracy = hit.mean(axis=1) if n else np.full(x.size, np.nan)
    to = np.asarray(ahead, dtype=np.int64)
    if x.size < FEWEST_SIZES or n < FEWEST_IMAGES:
        return _unforeseen(x, accuracy, n, FEWEST_IMAGES)
    rng = np.random.default_rng(SEED)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    # Images on which only one of two neighbouring sizes was right: luck that does not move all points together.
    apart = np.diff(hit, axis=0).var(axis=1).mean() / (2 * n)
    return _foreseen(x, accuracy, weights @ hit.T, to, n, apart, RETRAINED, rng)


def forecast_figure(
    sizes: Sequence[int], reached: ArrayLike, again: ArrayLike, ahead: Sequence[int], *, n: int
) -> Curve:
    """The same of a figure that is no mean over images, as AP or mIoU: 1 minus it is what is left to learn.

    sizes: images learned from, rising, shape (S,). reached: the figure, 0 to 1, shape (S,). again: the same with the n
    images that judge resampled, the same ones for every size, shape (B, S). Fewer than FEWEST_SIZES sizes or
    FEWEST_DRAWN images: a Curve with its points and a reason.
    """
    x, values, others = np.asarray(sizes, np.int64), np.asarray(reached, float), np.asarray(again, float)
    if x.size < FEWEST_SIZES or n < FEWEST_DRAWN or not others.size:
        return _unforeseen(x, values, n, FEWEST_DRAWN)
    apart = np.diff(others, axis=1).var(axis=0).mean() / 2
    to, rng = np.asarray(ahead, dtype=np.int64), np.random.default_rng(SEED)
    return _foreseen(x, values, others, to, n, apart, RETRAINED_DRAWN, rng)


def _unforeseen(x: NDArray[np.int64], values: FloatArray, n: int, fewest: int) -> Curve:
    reason, nothing = Reason("too_few_for_forecast", {"sizes": FEWEST_SIZES, "images": fewest}), np.empty(0)
    return Curve(x, values, np.empty(0, np.int64), nothing, nothing, nothing, np.empty((0, 0)), n, reason)


def _foreseen(
    x: NDArray[np.int64], values: FloatArray, again: FloatArray, to: NDArray[np.int64], n: int, apart: float,
    retrained: float, rng: np.random.Generator,
) -> Curve:  # fmt: skip
    """again: (B, S), values with the images resampled. apart: variance of what does not move all points together."""
    errors = 1 - np.vstack((values, again))  # the sample itself first
    # A point's own noise: another draw of labels. The images' luck is in the resamples and moves all points together.
    noise = np.maximum(retrained * errors[0], 0.5 / n)
    errors[1:] += rng.standard_normal(again.shape) * noise
    shapes, beforehand = _shapes(x, x[-1])
    a, c, misfit = _fits(shapes, errors, np.sqrt(noise**2 + apart))
    log = np.log(beforehand) - 0.5 * misfit
    likely = np.exp(log - logsumexp(log, axis=1, keepdims=True))
    chosen = (likely.cumsum(axis=1) < rng.random((len(errors), 1))).sum(axis=1).clip(0, len(shapes) - 1)
    row = np.arange(len(errors))
    course = a[row, chosen][:, None] * _shapes(to, x[-1])[0][chosen] + c[row, chosen][:, None]
    # A logarithm falls below nothing at last.
    course = np.maximum(course, 0.0)
    course = 1 - course[1:]
    middle = np.median(course, axis=0)
    later = course + rng.standard_normal(course.shape) * retrained * np.maximum(1 - course, 0)
    low, high = np.quantile(later, (0.025, 0.975), axis=0).clip(0, 1)
    return Curve(x, values, to, middle.clip(0, 1), np.minimum(low, middle), np.maximum(high, middle), course, n)


def _shapes(x: NDArray[np.int64], largest: int) -> tuple[FloatArray, FloatArray]:
    """What falls with the labels, by shape and size (E, S), and each shape's chance beforehand (E,)."""
    n = x[None, :].astype(float)
    power, exponential = n ** -EXPONENTS[:, None], np.exp(-n / (SPANS[:, None] * largest))
    beforehand = np.repeat(np.array(PRIOR) / (EXPONENTS.size, SPANS.size, 1), (EXPONENTS.size, SPANS.size, 1))
    return np.vstack((power, exponential, -np.log(n / largest))), beforehand


def _fits(z: FloatArray, errors: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Best a >= 0 and c >= 0 for each curve (rows of errors) and shape, and the misfit in units of the noise.

    With the shape fixed the curve is a straight line in it: weighted least squares in closed form. (B, shapes) each.
    """
    w = 1 / noise**2
    total = w.sum()
    z_mean = z @ w / total
    y_mean = errors @ w / total
    spread = ((z - z_mean[:, None]) ** 2) @ w
    a = (errors * w) @ (z - z_mean[:, None]).T / spread
    c = y_mean[:, None] - a * z_mean
    # Outside of what is possible the best lies on the border: all is learned at last, or nothing is.
    no_floor = (errors * w) @ z.T / ((z**2) @ w)
    a, c = np.where(c < 0, no_floor, a), np.maximum(c, 0.0)
    a, c = np.where(a < 0, 0.0, a), np.where(a < 0, y_mean[:, None], c)
    left = errors[:, None, :] - (a[:, :, None] * z[None, :, :] + c[:, :, None])
    return a, c, (left**2) @ w


# ---------------------------------------------------------------- when to stop


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether more labels are worth asking for, for the model's sake, with what it rests on."""

    stop: bool
    gain: Stat  # accuracy that the next labels bring; undefined where nothing is foreseen
    agreement: float | None  # the smallest kappa of the last successive models on the stop set; None: too few models
    told: Reason | None  # what the advice says


def advise(
    curve: Curve, size: int, kappas: Sequence[float | None] = (), *, since: int | None = None, worth: float = WORTH,
    figure: str | None = None,
) -> Advice:  # fmt: skip
    """Stop when the band says that the labels up to `size` bring less than `worth`, or when the model has settled.

    size: one of curve.ahead. since: the labels there are, another of them: the gain counts from what is foreseen there;
    without it from the last point, the largest subset. kappas: of successive models on the unlabeled stop set,
    oldest first. figure: what the curve is of, where it is not the share of right labels. The two are different
    questions (will it get better? does it still change?), and either is reason enough; the labels themselves may be
    wanted all the same.
    """
    last = [kappa for kappa in kappas[-ROUNDS:] if kappa is not None]
    settled = min(last) if len(last) == ROUNDS else None
    foreseen = curve.at(size)
    if foreseen.value is None or foreseen.low is None or foreseen.high is None:
        gain = foreseen
    elif since is not None:
        gain = curve.between(since, size)
    else:
        now = float(curve.accuracy[-1])
        gain = Stat(foreseen.value - now, foreseen.low - now, foreseen.high - now, curve.n)
    if gain.high is not None and gain.high < worth:
        told = Reason("more_not_worth_it", {"n": size, "worth": worth})
        if figure is not None:
            told = Reason("more_images_not_worth_it", {"n": size, "worth": worth, "figure": figure})
        return Advice(True, gain, settled, told)
    if settled is not None and settled >= SAME:
        return Advice(True, gain, settled, Reason("models_settled", {"models": ROUNDS + 1}))
    if gain.value is None or gain.low is None or gain.high is None:
        return Advice(False, gain, settled, gain.reason)
    expected = {"n": size, "gain": gain.value, "low": gain.low, "high": gain.high}
    if figure is not None:
        return Advice(False, gain, settled, Reason("gain_of_images", expected | {"figure": figure}))
    return Advice(False, gain, settled, Reason("gain_expected", expected))


def images_for(curve: Curve, since: int, points: float, figure: str) -> Reason | None:
    """How many more images than `since` bring so much more of a figure, by the middle of the courses.

    points: as a share, .05 for five points. Looked for among curve.ahead, which holds `since`; None where nothing is
    foreseen.
    """
    if curve.reason is not None:
        return None
    for size in np.sort(curve.ahead[curve.ahead > since]).tolist():
        gain = curve.between(since, size)
        if gain.value is not None and gain.value >= points:
            return Reason("images_for_points", {"n": size - since, "points": points, "figure": figure})
    most = int(curve.ahead.max())
    return Reason("points_out_of_reach", {"n": most - since, "points": points, "figure": figure})
