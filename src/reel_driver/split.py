"""How titles are split for honest evaluation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_FOLDS = 5


def stratified_folds(levels: NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold number of each title, shape (n,), every verdict spread as evenly as it goes.

    Titles of each verdict are shuffled and dealt to the folds in turn, going on where the last verdict stopped, so
    that the folds' sizes differ by at most one.

    >>> folds = stratified_folds(np.array([0] * 6 + [1] * 3), 3, np.random.default_rng(0))
    >>> np.bincount(folds[:6]).tolist(), np.bincount(folds[6:]).tolist()
    ([2, 2, 2], [1, 1, 1])
    """
    folds = np.empty(len(levels), dtype=np.int64)
    dealt = 0
    for level in np.unique(levels):
        members = rng.permutation(np.flatnonzero(levels == level))
        folds[members] = (dealt + np.arange(len(members))) % n_folds
        dealt += len(members)
    return folds


def n_folds_for(levels: NDArray[np.int64], wanted: int = N_FOLDS) -> int:
    """As many folds as wanted, fewer when "would watch" or "would not watch" is rarer than that; at least 2."""
    rarest = int(np.bincount((levels > 0).astype(np.int64), minlength=2).min())
    return max(2, min(wanted, rarest))


FIRST_READER_BROKE = "Pixie Hollow Bake Off"
"""The one record of the public table that the first system's reader took apart; its splits have it left out."""


def first_split(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Train and test positions of the first rating system: 80/20, shuffled by seed 42.

    The same as scikit-learn's `train_test_split(test_size=0.2, random_state=42)`.

    >>> [len(part) for part in first_split(9726)]
    [7780, 1946]
    """
    order = np.random.RandomState(42).permutation(n)
    n_test = -(-n // 5)
    return order[n_test:], order[:n_test]


def first_genre_split(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Train and test positions of the first genre system among its n English films: a tenth is the test part.

    >>> [len(part) for part in first_genre_split(7569)]
    [6813, 756]
    """
    test = np.random.RandomState(1245737).choice(n, int(n * 0.1), replace=False)
    return np.setdiff1d(np.arange(n), test), test


def plain_folds(n: int, n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold number of each row, shape (n,), by chance and of equal size.

    >>> sorted(np.bincount(plain_folds(7, 3, np.random.default_rng(0))).tolist())
    [2, 2, 3]
    """
    return rng.permutation(n) % n_folds
