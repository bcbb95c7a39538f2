"""Decision trees as flat arrays, walked by numpy: what a tree library learned, scored without it.

For one title all trees step down together, so that the cost is a few array operations per level of depth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix

_CHUNK = 4096


@dataclass(frozen=True)
class Forest:
    """All trees of a model in one set of node arrays; a leaf is its own child.

    Attributes:
        roots: node number of each tree's root, int32.
        feature: column that a node asks, int32; 0 at leaves.
        threshold: a title goes left when its value is below, float32.
        left: node number of the left child, int32.
        right: node number of the right child, int32.
        default_left: whether an unknown value goes left, bool.
        value: what a leaf adds, float32; 0 at inner nodes.
        cover: weight of the training titles that come by, float32.
        depth: longest way from a root to a leaf.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    cover: NDArray[np.float32]
    depth: int

    @cached_property
    def _children(self) -> NDArray[np.int32]:
        """Right and left child of each node at 2 * node and 2 * node + 1, for one lookup a step."""
        return np.column_stack([self.right, self.left]).ravel()

    def scores(self, encoded: Matrix, base: float) -> NDArray[np.float32]:
        """Base and reached leaves of all trees, for each row of float32 `encoded`; shape (n_rows,).

        Added up tree after tree in float32, as XGBoost's own predictor does: the two agree to the last bit.
        """
        if len(encoded) == 1:
            return self._one(encoded[0], base)
        parts = [self._walk(encoded[start : start + _CHUNK], base) for start in range(0, len(encoded), _CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _one(self, row: NDArray[np.float32], base: float) -> NDArray[np.float32]:
        unknown = np.isnan(row)
        has_unknown = bool(unknown.any())
        node, children = self.roots, self._children
        for _ in range(self.depth):
            asked = self.feature[node]
            goes_left = row[asked] < self.threshold[node]
            if has_unknown:
                goes_left |= unknown[asked] & self.default_left[node]
            node = children[2 * node + goes_left]
        leaves = self.value[node]
        leaves[0] += np.float32(base)
        return np.add.accumulate(leaves)[-1:]

    def _walk(self, encoded: Matrix, base: float) -> NDArray[np.float32]:
        total = np.full(len(encoded), base, dtype=np.float32)
        rows = np.arange(len(encoded))
        unknown = np.isnan(encoded)
        for root in self.roots:
            node = np.full(len(encoded), root, dtype=np.int32)
            for _ in range(self.depth):
                asked = self.feature[node]
                goes_left = encoded[rows, asked] < self.threshold[node]
                goes_left |= unknown[rows, asked] & self.default_left[node]
                node = self._children[2 * node + goes_left]
            total += self.value[node]
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The node arrays by name, for a bundle."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], depth: int) -> Forest:
        """The forest of saved node arrays.

        Raises:
            KeyError: when an array is missing.
            ValueError: for arrays that are no trees: walking them might never come to an end.
        """
        forest = cls(**{name: arrays[name] for name in _ARRAYS}, depth=depth)
        n_nodes = len(forest.feature)
        own = np.arange(n_nodes)
        if any(getattr(forest, name).shape != (n_nodes,) for name in _ARRAYS[1:]) or not 0 <= depth <= n_nodes:
            raise ValueError(f"no trees of depth {depth} and {n_nodes} nodes")
        for child in (forest.left, forest.right):
            if not ((child > own) | (forest.left == own)).all() or (child >= n_nodes).any():
                raise ValueError("a tree's child stands before its parent or nowhere")
        return forest


_ARRAYS = ("roots", "feature", "threshold", "left", "right", "default_left", "value", "cover")


def forest_of_xgboost(model: Mapping[str, Any]) -> Forest:
    """Read the trees of an XGBoost model saved as JSON (its documented model schema, version 3).

    The base score is not a part of it; see `base_of_xgboost`.
    """
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    parts: dict[str, list[NDArray[Any]]] = {k: [] for k in _ARRAYS[1:]}
    roots, offset, depth = [], 0, 0
    for tree in trees:
        left = np.asarray(tree["left_children"], dtype=np.int32)
        right = np.asarray(tree["right_children"], dtype=np.int32)
        conditions = np.asarray(tree["split_conditions"], dtype=np.float32)
        leaf = left < 0
        own = np.arange(len(left), dtype=np.int32)
        parts["feature"].append(np.where(leaf, 0, np.asarray(tree["split_indices"], dtype=np.int32)).astype(np.int32))
        parts["threshold"].append(conditions)
        parts["left"].append(np.where(leaf, own, left) + offset)
        parts["right"].append(np.where(leaf, own, right) + offset)
        parts["default_left"].append(np.asarray(tree["default_left"], dtype=bool))
        parts["value"].append(np.where(leaf, conditions, 0.0).astype(np.float32))
        parts["cover"].append(np.asarray(tree["sum_hessian"], dtype=np.float32))
        depth = max(depth, _depth(left, right))
        roots.append(offset)
        offset += len(left)
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    types = {"left": np.int32, "right": np.int32}
    joined = {k: v.astype(types.get(k, v.dtype)) for k, v in joined.items()}
    return Forest.from_arrays({"roots": np.asarray(roots, dtype=np.int32), **joined}, depth)


def base_of_xgboost(model: Mapping[str, Any]) -> float:
    """The constant of a binary:logistic model in log-odds, rounded to float32 as the library does."""
    written = str(model["learner"]["learner_model_param"]["base_score"]).strip("[]")
    edge = np.float32(1e-6)  # where the library cuts, so that titles of one verdict only have finite log-odds
    share = np.clip(np.float32(written), edge, np.float32(1.0) - edge)
    # The logarithm in float64, then rounded: numpy's own in float32 is one bit off on some processors.
    return float(np.float32(-math.log(np.float32(1.0) / share - np.float32(1.0))))


def _depth(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    level, depth = [0], 0
    while True:
        level = [int(child) for node in level if left[node] >= 0 for child in (left[node], right[node])]
        if not level:
            return depth
        depth += 1
