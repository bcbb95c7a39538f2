"""Exact Shapley values of a forest, in numpy: what each column adds to a title's score.

Path-dependent TreeSHAP (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), written leaf by leaf: along the path to a leaf,
column i has a share o_i (1 where the title passes every question on that column, else 0) and z_i (the product of the
shares of training titles that pass). The leaf then adds

    value * (o_i - z_i) * sum over k of  k! (d - 1 - k)! / d!  *  [t^k] product over j != i of (z_j + o_j t)

to column i, where d is the number of different columns on the path. All leaves are computed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix
from reel_driver.models.forest import Forest


@dataclass(frozen=True)
class Paths:
    """Every way from a root to a leaf; arrays of shape (n_leaves, longest path).

    Attributes:
        node: inner node of each step, -1 where the path is shorter.
        goes_left: whether the path takes the left child there.
        slot: which of the path's different columns the step asks, by first use.
        column: the column of each slot, -1 for unused slots.
        share: z of each slot, 1 for unused ones.
        n_columns: different columns on the path, shape (n_leaves,).
        value: of the leaf, shape (n_leaves,).
        constant: the forest's mean over the training titles.
    """

    node: NDArray[np.int64]
    goes_left: NDArray[np.bool_]
    slot: NDArray[np.int64]
    column: NDArray[np.int64]
    share: NDArray[np.float64]
    n_columns: NDArray[np.int64]
    value: NDArray[np.float64]
    constant: float


def paths_of(forest: Forest) -> Paths:
    """Walk every tree once and write its paths down."""
    steps: list[list[tuple[int, bool]]] = []
    leaves: list[int] = []
    left, right = forest.left.tolist(), forest.right.tolist()
    stack: list[tuple[int, list[tuple[int, bool]]]] = [(int(root), []) for root in forest.roots]
    while stack:
        node, way = stack.pop()
        if left[node] == node:
            steps.append(way)
            leaves.append(node)
        else:
            stack.append((left[node], [*way, (node, True)]))
            stack.append((right[node], [*way, (node, False)]))
    depth = max(1, max(len(way) for way in steps))
    shape = (len(steps), depth)
    steps_at = np.full(shape, -1)
    goes_left = np.zeros(shape, dtype=bool)
    slot = np.zeros(shape, dtype=np.int64)
    column, share = np.full(shape, -1), np.ones(shape)
    for i, way in enumerate(steps):
        slots: dict[int, int] = {}
        for step, (at, is_left) in enumerate(way):
            asked = int(forest.feature[at])
            own = slots.setdefault(asked, len(slots))
            child = left[at] if is_left else right[at]
            steps_at[i, step], goes_left[i, step], slot[i, step], column[i, own] = at, is_left, own, asked
            share[i, own] *= forest.cover[child] / forest.cover[at]
    value = forest.value[leaves].astype(np.float64)
    return Paths(
        steps_at,
        goes_left,
        slot,
        column,
        share,
        (column >= 0).sum(axis=1),
        value,
        float((value * share.prod(axis=1)).sum()),
    )


def shapley_values(forest: Forest, paths: Paths, encoded: Matrix) -> NDArray[np.float64]:
    """Shapley values in the forest's units, shape (n_titles, width + 1); the last column is the constant."""
    depth = paths.node.shape[1]
    weights = np.zeros((depth + 1, depth))
    for d in range(1, depth + 1):
        weights[d, :d] = [factorial(k) * factorial(d - 1 - k) / factorial(d) for k in range(d)]
    per_leaf = weights[paths.n_columns].T
    asked = np.where(paths.node >= 0, paths.node, 0)
    columns = np.where(paths.column >= 0, paths.column, encoded.shape[1])
    out = np.zeros((len(encoded), encoded.shape[1] + 1))
    for row, sums in zip(encoded, out, strict=True):
        values = row[forest.feature[asked]]
        left = np.where(np.isnan(values), forest.default_left[asked], values < forest.threshold[asked])
        passes = (left == paths.goes_left) | (paths.node < 0)
        reached = np.ones(paths.share.shape)
        for step in range(depth):
            reached[np.arange(len(reached)), paths.slot[:, step]] *= passes[:, step]
        for i in range(depth):
            polynomial = np.zeros((depth, len(reached)))
            polynomial[0] = 1.0
            for j in range(depth):
                if j != i:
                    # Unused slots have share and reach 1; they must not raise the degree.
                    used = paths.column[:, j] >= 0
                    raised = np.concatenate([np.zeros((1, len(reached))), polynomial[:-1]]) * reached[:, j]
                    polynomial = np.where(used, polynomial * paths.share[:, j] + raised, polynomial)
            added = paths.value * (reached[:, i] - paths.share[:, i]) * (polynomial * per_leaf).sum(axis=0)
            sums += np.bincount(columns[:, i], np.where(paths.column[:, i] >= 0, added, 0.0), minlength=len(sums))
        sums[-1] = paths.constant
    return out
