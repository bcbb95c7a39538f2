"""XGBoost: learned by the library, scored by plain numpy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import Matrix, State
from reel_driver.features.spec import FeatureSpec
from reel_driver.models import Vector
from reel_driver.models.forest import Forest, base_of_xgboost, forest_of_xgboost
from reel_driver.models.treeshap import Paths, paths_of, shapley_values


@dataclass(frozen=True)
class TreeModel:
    """Gradient-boosted trees in log-odds of "would watch".

    Attributes:
        forest: the trees as arrays.
        base: the constant in log-odds.
    """

    kind: ClassVar[str] = "xgboost"
    forest: Forest
    base: float

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Log-odds, shape (n_titles,); trees know no spread of their own."""
        return self.forest.scores(encoded, self.base).astype(np.float64), None

    def asks(self, width: int) -> NDArray[np.intp]:
        """The columns that a tree splits by; the first where no tree splits."""
        forest = self.forest
        splits = forest.feature[forest.left != np.arange(len(forest.left))]
        return np.unique(splits).astype(np.intp) if len(splits) else np.zeros(1, np.intp)

    def on(self, columns: NDArray[np.intp], width: int) -> TreeModel:
        """The same trees, with their columns renumbered."""
        place = np.zeros(width, np.int32)
        place[columns] = np.arange(len(columns))
        return TreeModel(replace(self.forest, feature=place[self.forest.feature]), self.base)

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Exact Shapley values in log-odds, shape (n_titles, width + 1); see `treeshap`."""
        values = shapley_values(self.forest, self._paths, encoded)
        values[:, -1] += self.base
        return values

    @cached_property
    def _paths(self) -> Paths:
        return paths_of(self.forest)

    def state(self) -> State:
        """Trees as arrays, and the constant."""
        return {"base": self.base, "depth": self.forest.depth}, self.forest.arrays()

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TreeModel:
        """Made again."""
        return cls(Forest.from_arrays(arrays, int(plain["depth"])), float(plain["base"]))


@dataclass(frozen=True)
class TreeLearner:
    """XGBoost for binary classification: any kind of "would watch" against "would not watch"."""

    name: str = "xgboost"
    params: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    space: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: dict(SPACE))
    min_labels: int = 5

    @property
    def grid(self) -> tuple[Mapping[str, Any], ...]:
        """Every combination of the declared space."""
        return tuple(dict(zip(self.space, values, strict=True)) for values in product(*self.space.values()))

    def configured(self, params: Mapping[str, Any]) -> TreeLearner:
        """The same learner with other parameters."""
        return TreeLearner(self.name, {**self.params, **params}, self.space, self.min_labels)

    def fit(self, spec: FeatureSpec, encoded: Matrix, levels: NDArray[np.int64], rng: np.random.Generator) -> TreeModel:
        """Learn from encoded titles and verdict levels; the same generator state gives the same model.

        Raises:
            ExtraMissing: without the training extra.
        """
        return self.fit_named(spec.names, encoded, levels, rng)

    def fit_named(
        self, names: Sequence[str], encoded: Matrix, levels: NDArray[np.int64], rng: np.random.Generator
    ) -> TreeModel:
        """The same of any columns with names."""
        xgboost = import_xgboost()
        params = dict(self.params)
        n_trees = int(params.pop("n_estimators"))
        # Words are many and weak: drawn as rarely as this they help a little, drawn like the rest they crowd it out.
        draw = np.array([0.1 if "~" in name else 1.0 for name in names], dtype=np.float32)
        data = xgboost.DMatrix(encoded, label=(levels > 0).astype(np.float32), feature_weights=draw)
        booster = xgboost.train({**params, "seed": int(rng.integers(2**31))}, data, num_boost_round=n_trees)
        described = json.loads(booster.save_raw("json"))
        return TreeModel(forest_of_xgboost(described), base_of_xgboost(described))


DEFAULTS: Mapping[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "nthread": 1,  # folds run side by side instead, which scales better on a few thousand rows
    "n_estimators": 400,
    "max_depth": 5,
    "learning_rate": 0.035,
    "subsample": 0.6,
    "colsample_bytree": 0.3,
    "min_child_weight": 2,
    "reg_lambda": 1.0,
}

SPACE: Mapping[str, tuple[Any, ...]] = {"max_depth": (4, 5), "subsample": (0.6, 0.8)}


def import_xgboost() -> Any:
    """The library, or the sentence that tells how to get it."""
    try:
        import xgboost
    except ImportError as error:
        raise ExtraMissing("train", "XGBoost") from error
    return xgboost
