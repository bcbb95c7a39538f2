"""Decision trees as flat arrays, walked by numpy: what a tree library learned, scored without it.

For one title all trees step down together, so that the cost is a few array operations per level of depth.
"""

from __future__ import annotations

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
        value: what a leaf adds, float64; 0 at inner nodes.
        depth: longest way from a root to a leaf.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    depth: int

    @cached_property
    def _children(self) -> NDArray[np.int32]:
        """Right and left child of each node at 2 * node and 2 * node + 1, for one lookup a step."""
        return np.column_stack([self.right, self.left]).ravel()

    def sums(self, encoded: Matrix) -> NDArray[np.float64]:
        """Sum of the reached leaves over all trees, for each row of float32 `encoded`; shape (n_rows,)."""
        if len(encoded) == 1:
            return np.array([self._one(encoded[0])])
        out = np.empty(len(encoded))
        for start in range(0, len(encoded), _CHUNK):
            part = encoded[start : start + _CHUNK]
            out[start : start + len(part)] = self._walk(part)
        return out

    def _one(self, row: NDArray[np.float32]) -> float:
        unknown = np.isnan(row)
        has_unknown = bool(unknown.any())
        node, children = self.roots, self._children
        for _ in range(self.depth):
            asked = self.feature[node]
            goes_left = row[asked] < self.threshold[node]
            if has_unknown:
                goes_left |= unknown[asked] & self.default_left[node]
            node = children[2 * node + goes_left]
        return float(self.value[node].sum())

    def _walk(self, encoded: Matrix) -> NDArray[np.float64]:
        total = np.zeros(len(encoded))
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
        return {
            "roots": self.roots, "feature": self.feature, "threshold": self.threshold, "left": self.left,
            "right": self.right, "default_left": self.default_left, "value": self.value,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], depth: int) -> Forest:
        """The forest of saved node arrays.

        Raises:
            ValueError: for a depth that no such trees can have, which would never come to an end.
        """
        if not 0 <= depth <= len(arrays["feature"]):
            raise ValueError(f"trees of {len(arrays['feature'])} nodes are not {depth} deep")
        return cls(
            arrays["roots"], arrays["feature"], arrays["threshold"], arrays["left"], arrays["right"],
            arrays["default_left"], arrays["value"], depth,
        )  # fmt: skip


def forest_of_xgboost(model: Mapping[str, Any]) -> Forest:
    """Read the trees of an XGBoost model saved as JSON (its documented model schema, version 3).

    The learned base score is not a part of it: it is the constant that `sums` lacks.
    """
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    parts: dict[str, list[NDArray[Any]]] = {
        k: [] for k in ("feature", "threshold", "left", "right", "default_left", "value")
    }
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
        parts["value"].append(np.where(leaf, conditions, 0.0).astype(np.float64))
        depth = max(depth, _depth(left, right))
        roots.append(offset)
        offset += len(left)
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    return Forest(
        np.asarray(roots, dtype=np.int32), joined["feature"], joined["threshold"], joined["left"].astype(np.int32),
        joined["right"].astype(np.int32), joined["default_left"], joined["value"], depth,
    )  # fmt: skip


def _depth(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    level, depth = [0], 0
    while True:
        level = [int(child) for node in level if left[node] >= 0 for child in (left[node], right[node])]
        if not level:
            return depth
        depth += 1
