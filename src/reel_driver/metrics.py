"""Figures of quality for probabilities, each with its definition and a bootstrap interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Truth = NDArray[np.bool_]

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "roc_auc": True,
    "average_precision": True,
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
}
"""The metrics of a scorecard, in the order they are shown."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its 95 % bootstrap interval over titles."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at a threshold: true positives, false positives, false negatives, true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float:
        """Of the titles that were picked, the part that is watched; 0 when none was picked."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def recall(self) -> float:
        """Of the titles that would be watched, the part that was picked."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall.

        >>> round(Confusion(tp=8, fp=2, fn=2, tn=88).f1, 3)
        0.8
        """
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp else 0.0

    @property
    def accuracy(self) -> float:
        """Part of all titles that were judged right."""
        return (self.tp + self.tn) / (self.tp + self.fp + self.fn + self.tn)


def confusion(truth: Truth, probability: Vector, threshold: float) -> Confusion:
    """Counts when titles at or above the threshold are picked."""
    picked = probability >= threshold
    tp = int((truth & picked).sum())
    n_true, n_picked = int(truth.sum()), int(picked.sum())
    return Confusion(tp, n_picked - tp, n_true - tp, len(truth) - n_true - n_picked + tp)


def roc_auc(truth: Truth, score: Vector) -> float:
    """Chance that a watched title is ranked above an unwatched one, ties counting half; NaN with one class only.

    >>> roc_auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    n_true = int(truth.sum())
    n_false = len(truth) - n_true
    if not n_true or not n_false:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((mean_ranks[inverse][truth].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false))


def average_precision(truth: Truth, score: Vector) -> float:
    """Mean of the precision at each watched title, titles with equal scores counted together; NaN without any.

    >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])), 4)
    0.8333
    """
    n_true = int(truth.sum())
    if not n_true:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    last_of_tie = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    gained = np.diff(hits[last_of_tie], prepend=0)
    return float((gained * hits[last_of_tie] / (last_of_tie + 1)).sum() / n_true)


def log_loss(truth: Truth, probability: Vector) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept 1e-6 away from 0 and 1."""
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(truth, np.log(sure), np.log1p(-sure))))


def brier(truth: Truth, probability: Vector) -> float:
    """Mean squared difference between probability and what happened (Brier 1950)."""
    return float(np.mean((probability - truth) ** 2))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Titles of like probability: how many, what was said, what happened."""

    n_titles: int
    predicted: float
    observed: float


def reliability(truth: Truth, probability: Vector, n_bins: int = 10) -> list[ReliabilityBin]:
    """Bins of equal count in order of probability; fewer where there are few titles."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, max(1, min(n_bins, len(order) // 5)))
    return [ReliabilityBin(len(p), float(probability[p].mean()), float(truth[p].mean())) for p in parts if len(p)]


def calibration_error(truth: Truth, probability: Vector, n_bins: int = 10) -> float:
    """Expected calibration error: mean gap between said and happened over bins of equal count, weighted by titles.

    Definition: Naeini, Cooper and Hauskrecht 2015, with equal-count bins.
    """
    bins = reliability(truth, probability, n_bins)
    return sum(b.n_titles * abs(b.predicted - b.observed) for b in bins) / len(truth)


def all_metrics(truth: Truth, probability: Vector, threshold: float, score: Vector | None = None) -> dict[str, float]:
    """Every metric of `HIGHER_IS_BETTER` by name; those of ranking are of `score` where it is given."""
    counts = confusion(truth, probability, threshold)
    ranked = probability if score is None else score
    return {
        "roc_auc": roc_auc(truth, ranked),
        "average_precision": average_precision(truth, ranked),
        "accuracy": counts.accuracy,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "log_loss": log_loss(truth, probability),
        "brier": brier(truth, probability),
        "calibration_error": calibration_error(truth, probability),
    }


def bootstrapped(
    truth: Truth,
    probability: Vector,
    threshold: float,
    rng: np.random.Generator,
    n_samples: int = 200,
    score: Vector | None = None,
) -> dict[str, Metric]:
    """Every metric with its 95 % percentile interval over resampled titles (Efron and Tibshirani 1993)."""
    score = probability if score is None else score
    values = all_metrics(truth, probability, threshold, score)
    samples = np.empty((n_samples, len(values)))
    for i in range(n_samples):
        drawn = rng.integers(len(truth), size=len(truth))
        samples[i] = list(all_metrics(truth[drawn], probability[drawn], threshold, score[drawn]).values())
    # Resampling repeats titles, which makes any binned error look larger: its interval is moved back by that bias.
    biased = list(values).index("calibration_error")
    samples[:, biased] = np.maximum(samples[:, biased] - samples[:, biased].mean() + values["calibration_error"], 0.0)
    lower, upper = np.nanpercentile(samples, [2.5, 97.5], axis=0)
    return {name: Metric(value, float(lower[i]), float(upper[i])) for i, (name, value) in enumerate(values.items())}


def cheapest_threshold(truth: Truth, probability: Vector, cost_missed: float, cost_wasted: float) -> float:
    """The threshold with the least total cost of missed titles and wasted evenings on these titles.

    Candidates lie halfway between neighbouring probabilities, and where several cost the same the one nearest to
    the break-even probability wasted / (wasted + missed) is taken (Elkan 2001).

    >>> truth, probability = np.array([False, False, True, True]), np.array([0.1, 0.3, 0.6, 0.9])
    >>> round(cheapest_threshold(truth, probability, cost_missed=1, cost_wasted=1), 3)
    0.45
    """
    order = np.argsort(probability, kind="stable")
    sorted_p, sorted_truth = probability[order], truth[order]
    missed = np.concatenate([[0], np.cumsum(sorted_truth)])
    wasted = np.concatenate([np.cumsum((~sorted_truth)[::-1])[::-1], [0]])
    # Above each probability lies the middle to the next one, and never the probability itself, not even for 1.0.
    middles = np.maximum((sorted_p + np.append(sorted_p[1:], 1.0)) / 2, np.nextafter(sorted_p, np.inf))
    edges = np.concatenate([[sorted_p[0] / 2], middles])
    possible = np.concatenate([[True], np.diff(sorted_p) > 0, [True]])
    cost = np.where(possible, cost_missed * missed + cost_wasted * wasted, np.inf)
    break_even = cost_wasted / (cost_wasted + cost_missed)
    best = np.flatnonzero(cost <= cost.min() + 1e-12)
    return float(edges[best[np.argmin(np.abs(edges[best] - break_even))]])
