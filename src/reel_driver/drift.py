"""How far the inputs of late are from what a model was trained on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix

FEWEST = 30
"""With fewer than these nothing is said."""


def drift(reference: Mapping[str, Any], recent: Matrix) -> dict[str, tuple[float, float]]:
    """Of each column, how many training standard deviations its mean has moved, and how much its known share has.

    Args:
        reference: `bundle.about["inputs"]`: names, known, mean and std of the training titles' columns.
        recent: encoded titles of late, shape (n_titles, width).

    Returns:
        Column to (shift of the mean, change of the known share); empty when there is too little to compare.

    >>> reference = {"names": ["runtime"], "known": [1.0], "mean": [100.0], "std": [20.0]}
    >>> drift(reference, np.full((50, 1), 110, np.float32))
    {'runtime': (0.5, 0.0)}
    """
    names = reference.get("names", [])
    if len(recent) < FEWEST or recent.shape[1] != len(names):
        return {}
    known = np.isfinite(recent).mean(axis=0) - np.asarray(reference["known"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column that nobody knows has no mean
        moved: NDArray[Any] = (np.nanmean(recent, axis=0) - np.asarray(reference["mean"])) / np.asarray(
            reference["std"]
        )
    moved = np.nan_to_num(moved, nan=0.0)
    return {n: (round(float(m), 4), round(float(k), 4)) for n, m, k in zip(names, moved, known, strict=True)}


def summary(names: tuple[str, ...], encoded: Matrix) -> dict[str, Any]:
    """What `drift` compares with: known share, mean and standard deviation of each column."""
    known = np.isfinite(encoded)
    n_known = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, encoded, 0.0).astype(np.float64)
    mean = filled.sum(axis=0) / n_known
    std = np.sqrt((np.where(known, filled - mean, 0.0) ** 2).sum(axis=0) / n_known)
    return {
        "names": list(names),
        "known": np.round(known.mean(axis=0), 4).tolist(),
        "mean": np.round(mean, 6).tolist(),
        "std": np.round(np.maximum(std, 1e-6), 6).tolist(),
    }
