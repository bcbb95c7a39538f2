"""Decision trees as flat arrays, walked by numpy: what a tree library learned, scored without it.

Three things make it quick. Both children of a node stand side by side, so that a step is `first + (x >= limit)`. The
child that unknown values go to stands first, because a comparison with NaN is false; where that is the right child the
question is turned round, -x >= next number above -threshold, and the row carries its negatives too. And all trees step
down together, for one title by first asking every question there is and then following the answers. Many titles are
scored by bits, where the trees are shallow (`bits.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix
from reel_driver.models import bits

_CHUNK = 64
"""Titles that walk together: so many that their nodes stay in the cache."""

_MANY = 12
"""From so many titles on bits are quicker than walking, where the trees are shallow."""


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

    def scores(self, encoded: Matrix, base: float) -> NDArray[np.float32]:
        """Base and reached leaves of all trees, for each row of float32 `encoded`; shape (n_rows,).

        Added up tree after tree in float32, as XGBoost's own predictor does: the two agree to the last bit.
        """
        if len(encoded) == 1:
            return self._packed.one(encoded[0], base)
        is_many = len(encoded) >= _MANY and 0 < self.depth <= bits.DEEPEST
        trees, chunk = (self._bits, bits.CHUNK) if is_many else (self._packed, _CHUNK)
        parts = [trees.scores(encoded[start : start + chunk], base) for start in range(0, len(encoded), chunk)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    @cached_property
    def _bits(self) -> bits.BitTrees:
        """The same trees, for many titles at once."""
        p = self._packed
        return bits.BitTrees.of_nodes(p.n_trees, p.depth, p.asked, p.limit, p.first, p.value, p.width)

    @cached_property
    def _packed(self) -> _Packed:
        """The same trees, numbered level by level."""
        width = int(self.feature.max(initial=0)) + 1
        level, n_numbered = self.roots.astype(np.intp), len(self.roots)
        levels: list[tuple[NDArray[Any], ...]] = []
        while len(level):
            is_leaf = self.left[level] == level
            unknown_left = self.default_left[level]
            threshold = self.threshold[level]
            turned = np.nextafter(-threshold, np.float32(np.inf))
            limit = np.where(is_leaf, np.float32(np.nan), np.where(unknown_left, threshold, turned))
            asked = np.where(unknown_left, self.feature[level], width + self.feature[level])
            inner = level[~is_leaf]
            first = np.arange(n_numbered - len(level), n_numbered)  # a leaf stays where it is
            first[~is_leaf] = n_numbered + 2 * np.arange(len(inner))
            levels.append((np.where(is_leaf, 0, asked), limit, first, self.value[level]))
            left, right = self.left[inner], self.right[inner]
            children = np.column_stack([left, right])
            is_turned = ~self.default_left[inner]
            children[is_turned] = np.column_stack([right, left])[is_turned]
            level = children.ravel().astype(np.intp)
            n_numbered += len(level)
        asked, limit, first, value = (np.concatenate(part) for part in zip(*levels, strict=True))
        return _Packed(
            len(self.roots),
            width,
            self.depth,
            asked.astype(np.intp),
            limit.astype(np.float32),
            first.astype(np.intp),
            value,
        )

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


@dataclass(frozen=True, slots=True)
class _Packed:
    """A forest ready to be walked; nodes are numbered level by level, the roots first.

    Attributes:
        n_trees: number of roots.
        width: columns that are asked about; column `width + i` is the negative of column i.
        depth: longest way from a root to a leaf.
        asked: column that a node asks, intp.
        limit: the second child is next when the value is at least this, float32; NaN at leaves, which never move.
        first: node number of the first child, intp; a leaf's own.
        value: what a leaf adds, float32.
    """

    n_trees: int
    width: int
    depth: int
    asked: NDArray[np.intp]
    limit: NDArray[np.float32]
    first: NDArray[np.intp]
    value: NDArray[np.float32]

    def one(self, row: NDArray[np.float32], base: float) -> NDArray[np.float32]:
        """The score of one title, shape (1,)."""
        known = row[: self.width]
        both = np.concatenate((known, -known))
        following = self.first + (both.take(self.asked, mode="clip") >= self.limit)
        node = following[: self.n_trees]
        for _ in range(self.depth - 1):
            node = following.take(node, mode="clip")
        leaves = self.value.take(node, mode="clip")
        leaves[0] += np.float32(base)
        return np.add.accumulate(leaves)[-1:]

    def scores(self, rows: Matrix, base: float) -> NDArray[np.float32]:
        """The scores of a few titles, shape (n_rows,)."""
        known = rows[:, : self.width]
        both = np.concatenate((known, -known), axis=1)
        flat, row_starts = both.ravel(), (np.arange(len(rows)) * both.shape[1])[:, None]
        n = self.n_trees
        node = self.first[:n] + (both.take(self.asked[:n], axis=1, mode="clip") >= self.limit[:n])
        for _ in range(self.depth - 1):
            place = self.asked.take(node, mode="clip")
            place += row_starts
            is_second = flat.take(place, mode="clip") >= self.limit.take(node, mode="clip")
            node = self.first.take(node, mode="clip")
            node += is_second
        leaves = self.value.take(node, mode="clip")
        leaves[:, 0] += np.float32(base)
        return np.add.accumulate(leaves, axis=1)[:, -1]


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


def forest_of_lightgbm(dumped: Mapping[str, Any]) -> Forest:
    """Read the trees of a LightGBM booster's `dump_model()`: numeric splits only.

    LightGBM goes left when value <= threshold, in float64; here it is value < the next float32 above the threshold,
    which is the same for every float32 value.
    """
    trees = []
    for info in dumped["tree_info"]:
        nodes: list[_Node] = []
        waiting = [(info["tree_structure"], -1, True)]
        while waiting:
            node, parent, is_left = waiting.pop()
            own = len(nodes)
            if "split_feature" in node:
                default_left = bool(node["default_left"]) or node["missing_type"] == "None"
                count = float(node["internal_count"])
                nodes.append((int(node["split_feature"]), float(node["threshold"]), own, own, default_left, 0.0, count))
                waiting += [(node["right_child"], own, False), (node["left_child"], own, True)]
            else:
                count = float(node.get("leaf_count", 1.0))
                nodes.append((0, 0.0, own, own, False, float(node["leaf_value"]), count))
            if parent >= 0:
                f, t, left, right, d, v, c = nodes[parent]
                nodes[parent] = (f, t, own if is_left else left, right if is_left else own, d, v, c)
        trees.append(nodes)
    columns = [np.array([n[i] for t in trees for n in t]) for i in range(7)]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in trees])])
    shift = np.repeat(offsets[:-1], np.diff(offsets))
    left, right = columns[2] + shift, columns[3] + shift
    depth = max((_depth_of_nodes(t) for t in trees), default=0)
    return Forest(
        offsets[:-1].astype(np.int32), columns[0].astype(np.int32), above(columns[1]), left.astype(np.int32),
        right.astype(np.int32), columns[4].astype(bool), columns[5].astype(np.float32), columns[6].astype(np.float32), depth,
    )  # fmt: skip


def forest_of_sklearn(estimator: Any) -> tuple[Forest, float]:
    """Trees and constant of scikit-learn's decision tree, random forest or gradient boosting for regression."""
    if hasattr(estimator, "tree_"):
        members, scale, base = [estimator], 1.0, 0.0
    elif hasattr(estimator, "init_"):
        members = list(estimator.estimators_[:, 0])
        scale, base = float(estimator.learning_rate), float(np.ravel(estimator.init_.constant_)[0])
    else:
        members, scale, base = list(estimator.estimators_), 1.0 / len(estimator.estimators_), 0.0
    parts: list[list[NDArray[Any]]] = [[], [], [], [], [], []]
    roots, offset, depth = [], 0, 0
    for member in members:
        tree = member.tree_
        leaf, own = tree.children_left < 0, np.arange(tree.node_count)
        parts[0].append(np.where(leaf, 0, tree.feature))
        parts[1].append(above(tree.threshold))
        parts[2].append(np.where(leaf, own, tree.children_left) + offset)
        parts[3].append(np.where(leaf, own, tree.children_right) + offset)
        parts[4].append(np.where(leaf, scale * tree.value[:, 0, 0], 0.0))
        parts[5].append(tree.weighted_n_node_samples)
        depth = max(depth, int(tree.max_depth))
        roots.append(offset)
        offset += tree.node_count
    joined = [np.concatenate(p) for p in parts]
    return Forest(
        np.array(roots, np.int32), joined[0].astype(np.int32), joined[1].astype(np.float32), joined[2].astype(np.int32),
        joined[3].astype(np.int32), np.zeros(offset, dtype=bool), joined[4].astype(np.float32),
        joined[5].astype(np.float32), depth,
    ), base  # fmt: skip


def above(threshold: NDArray[Any]) -> NDArray[np.float32]:
    """Least float32 that is greater than each float64 threshold: x <= t just when x < it, for every float32 x.

    >>> bool(np.float32(0.5) < above(np.array([0.5]))[0]), bool(np.float32(0.25) < above(np.array([0.2]))[0])
    (True, False)
    """
    near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, near, np.nextafter(near, np.float32(np.inf))).astype(
        np.float32
    )


_Node: TypeAlias = tuple[int, float, int, int, bool, float, float]
"""Column, threshold, left and right child, where unknown goes, value, cover."""


def _depth_of_nodes(nodes: list[_Node]) -> int:
    depths = [0] * len(nodes)
    for own in range(len(nodes)):
        for child in nodes[own][2:4]:
            if child != own:
                depths[child] = depths[own] + 1
    return max(depths)


def _depth(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    level, depth = [0], 0
    while True:
        level = [int(child) for node in level if left[node] >= 0 for child in (left[node], right[node])]
        if not level:
            return depth
        depth += 1
