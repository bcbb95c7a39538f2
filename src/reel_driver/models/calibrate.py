"""From raw log-odds to a probability that means what it says, with an honest interval.

The map is Platt's (1999): probability = sigmoid(slope * raw + shift), fitted on out-of-fold raw scores, with a
slope that may not turn the order round. The interval is the model's own where it knows its spread; otherwise it
is what the out-of-fold titles of like score allow: the 90 % Jeffreys interval of their watched share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State

Vector = NDArray[np.float64]
Z90 = 1.6448536269514722
"""Half-width of a normal 90 % interval in standard deviations."""


def sigmoid(x: Vector) -> Vector:
    """1 / (1 + exp(-x)), safe for large values."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def logit(p: Vector) -> Vector:
    """Log-odds of a probability, kept finite."""
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class Calibration:
    """Platt's map and the interval's knots.

    Attributes:
        slope: positive factor on raw scores.
        shift: added in log-odds.
        knots: raw scores in rising order, shape (k,), k may be 0.
        below: how far the interval reaches below the probability at each knot, in log-odds, shape (k,).
        above: likewise above.
    """

    slope: float = 1.0
    shift: float = 0.0
    knots: Vector = field(default_factory=lambda: np.empty(0))
    below: Vector = field(default_factory=lambda: np.empty(0))
    above: Vector = field(default_factory=lambda: np.empty(0))

    def probability(self, raw: Vector) -> Vector:
        """The probability alone, of the shape of `raw`."""
        return sigmoid(self.slope * raw + self.shift)

    def __call__(self, raw: Vector, spread: Vector | None) -> tuple[Vector, Vector, Vector]:
        """Probability, lower and upper end of the 90 % interval, each of the shape of `raw`."""
        centre = self.slope * raw + self.shift
        if spread is not None:
            below = above = Z90 * self.slope * spread
        elif len(self.knots):
            below, above = np.interp(raw, self.knots, self.below), np.interp(raw, self.knots, self.above)
        else:
            below = above = np.zeros_like(centre)
        return sigmoid(centre), sigmoid(centre - below), sigmoid(centre + above)

    def state(self) -> State:
        """For a bundle."""
        return {"slope": self.slope, "shift": self.shift}, {
            "knots": self.knots,
            "below": self.below,
            "above": self.above,
        }

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Calibration:
        """Made again."""
        return cls(float(plain["slope"]), float(plain["shift"]), arrays["knots"], arrays["below"], arrays["above"])


def fit_calibration(raw: Vector, truth: NDArray[np.bool_]) -> Calibration:
    """Learn the map from out-of-fold raw scores and what was true.

    Newton's method on Platt's smoothed targets with a weak prior around the identity, so that a handful of labels
    cannot bend it.
    """
    n_true = int(truth.sum())
    n_false = len(truth) - n_true
    target = np.where(truth, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    design = np.column_stack([raw, np.ones(len(raw))])
    prior_precision = np.diag([4.0, 0.25])
    weights = np.array([1.0, 0.0])
    centre = np.array([1.0, 0.0])
    for _ in range(50):
        p = sigmoid(design @ weights)
        gradient = design.T @ (p - target) + prior_precision @ (weights - centre)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + prior_precision
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    slope, shift = max(float(weights[0]), 0.05), float(weights[1])
    knots, below, above = _interval_knots(raw, truth, slope, shift)
    return Calibration(slope, shift, knots, below, above)


def _interval_knots(raw: Vector, truth: NDArray[np.bool_], slope: float, shift: float) -> tuple[Vector, Vector, Vector]:
    """Half-widths of the Jeffreys interval in bins of about equal count, placed around the map's own probability."""
    from scipy.stats import beta

    order = np.argsort(raw, kind="stable")
    parts = [p for p in np.array_split(order, int(np.clip(len(raw) // 25, 1, 20))) if len(p)]
    knots = np.array([raw[p].mean() for p in parts])
    n = np.array([len(p) for p in parts])
    centre = slope * knots + shift
    expected = sigmoid(centre) * n
    lower = beta.ppf(0.05, expected + 0.5, n - expected + 0.5)
    upper = beta.ppf(0.95, expected + 0.5, n - expected + 0.5)
    strictly = np.concatenate([[True], np.diff(knots) > 0])
    below = np.maximum(centre - logit(lower), 0.0)
    above = np.maximum(logit(upper) - centre, 0.0)
    return knots[strictly], below[strictly], above[strictly]


def cross_calibrated(raw: Vector, truth: NDArray[np.bool_], folds: NDArray[np.int64]) -> Vector:
    """Probabilities of out-of-fold raw scores, each fold calibrated on the others: nothing judges itself."""
    out = np.empty(len(raw))
    for fold in np.unique(folds):
        inside = folds == fold
        out[inside] = fit_calibration(raw[~inside], truth[~inside])(raw[inside], None)[0]
    return out
