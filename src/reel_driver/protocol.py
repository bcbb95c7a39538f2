"""The protocol "new people": a person labels n titles, and the model is judged on the rest of what they rated.

Everything after a person's first `pool` titles, in order of time or in a random order, is judged, whatever n is; the
labels are the first n of the pool, or n of it that are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reel_driver.metrics import average_precision, calibration_error, roc_auc
from reel_driver.models import Vector
from reel_driver.models.calibrate import Z90, sigmoid

SumVariance = Callable[[NDArray[np.int64], Vector], "float | None"]
"""From places among the judged films and weights to the variance of the weighted sum of their log-odds."""

Predict = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], tuple[Vector, "SumVariance | None"]]
"""From labelled films, their levels and the films to judge to raw log-odds and, where known, their joint variance."""

Choose = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.int64]]
"""From the pool's films, their levels (to answer with) and n to n places in the pool."""

SHELF = 10
"""Titles of like score that an interval is checked on: as many as a person is shown in a row."""

MIN_JUDGED = 20
"""Titles that must be left to judge a person on."""


@dataclass(frozen=True)
class Person:
    """One test person.

    Attributes:
        films: rows of the titles, in order, shape (n_ratings,).
        levels: verdicts 0, 1, 2 likewise.
    """

    films: NDArray[np.int64]
    levels: NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """One person's figures; NaN where they cannot be computed.

    `probability` and `truth` are of all titles that were judged; `covered` counts the shelves whose number of liked
    titles lies in the 90 % interval, of `n_shelves`.
    """

    roc_auc: float
    average_precision: float
    ndcg: float
    probability: Vector
    truth: NDArray[np.bool_]
    covered: int
    n_shelves: int


def judge(person: Person, n: int, pool: int, predict: Predict, choose: Choose | None) -> Outcome | None:
    """Label n titles and judge the rest; None when the person has rated too little for this n."""
    start = max(pool, n)
    films, levels = person.films[start:], person.levels[start:]
    if len(films) < MIN_JUDGED:
        return None
    at = np.arange(n) if choose is None or n >= pool or not n else choose(person.films[:pool], person.levels[:pool], n)
    raw, joint = predict(person.films[at], person.levels[at], films)
    truth, probability = levels > 0, sigmoid(raw)
    covered, n_shelves = (0, 0) if joint is None else shelves_covered(raw, joint, truth)
    return Outcome(
        roc_auc(truth, raw),
        average_precision(truth, raw),
        ndcg_at_10(levels, raw),
        probability,
        truth,
        covered,
        n_shelves,
    )


def ndcg_at_10(levels: NDArray[np.int64], score: Vector) -> float:
    """Normalised discounted gain of the ten best (Jarvelin and Kekalainen 2002), gains 0, 1, 3.

    >>> ndcg_at_10(np.array([0, 1, 2]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    gains = 2.0**levels - 1
    discounts = 1 / np.log2(np.arange(2, 12))
    ranked = gains[np.argsort(-score, kind="stable")][:10]
    ideal = np.sort(gains)[::-1][:10]
    best = float(ideal @ discounts[: len(ideal)])
    return float(ranked @ discounts[: len(ranked)]) / best if best else float("nan")


def shelves_covered(raw: Vector, joint: SumVariance, truth: NDArray[np.bool_]) -> tuple[int, int]:
    """How many shelves of titles of like score hold a number of liked ones inside the 90 % interval, and of how many.

    A shelf's number varies by the throw of each title, and by what is not known of the person, which its titles share.
    """
    order = np.argsort(raw, kind="stable")
    parts = np.array_split(order, max(1, len(order) // SHELF))
    covered = n_shelves = 0
    for part in parts:
        p = sigmoid(raw[part])
        throw = p * (1 - p)
        shared = joint(part, throw)
        if shared is None:
            continue
        n_shelves += 1
        covered += abs(float(truth[part].sum() - p.sum())) <= Z90 * np.sqrt(throw.sum() + shared)
    return covered, n_shelves


@dataclass(frozen=True)
class Figure:
    """A mean over people with its 95 % bootstrap interval."""

    value: float
    lower: float
    upper: float


def summary(outcomes: Sequence[Outcome], rng: np.random.Generator, n_samples: int = 300) -> Mapping[str, Figure]:
    """Means over people; the calibration error is of all their titles together."""
    tables = {
        "roc_auc": np.array([o.roc_auc for o in outcomes]),
        "average_precision": np.array([o.average_precision for o in outcomes]),
        "ndcg_at_10": np.array([o.ndcg for o in outcomes]),
    }
    out = {}
    drawn = rng.integers(len(outcomes), size=(n_samples, len(outcomes)))
    for name, values in tables.items():
        samples = np.nanmean(values[drawn], axis=1)
        lower, upper = np.percentile(samples, [2.5, 97.5])
        out[name] = Figure(float(np.nanmean(values)), float(lower), float(upper))

    def error(rows: Sequence[int]) -> float:
        picked = [outcomes[i] for i in rows]
        truth = np.concatenate([o.truth for o in picked])
        return calibration_error(truth, np.concatenate([o.probability for o in picked]))

    samples = np.array([error(rows) for rows in drawn[:50].tolist()])
    lower, upper = np.percentile(samples, [2.5, 97.5])
    value = error(range(len(outcomes)))
    # Resampling adds noise of its own to a mean of absolute gaps, so that even the figure itself may lie below.
    out["calibration_error"] = Figure(value, min(value, float(lower)), max(value, float(upper)))
    n_shelves = np.array([o.n_shelves for o in outcomes])
    if n_shelves.sum():
        covered = np.array([o.covered for o in outcomes])
        shares = covered[drawn].sum(axis=1) / n_shelves[drawn].sum(axis=1)
        lower, upper = np.percentile(shares, [2.5, 97.5])
        out["interval_coverage"] = Figure(float(covered.sum() / n_shelves.sum()), float(lower), float(upper))
    return out
