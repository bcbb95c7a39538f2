"""Regression: the menu of learners for a number such as a rating, and the two shapes their models have.

Whatever library learns it, what is kept is a weighted sum of columns or trees as arrays, scored by numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import Matrix, State
from reel_driver.models import Vector
from reel_driver.models.forest import Forest, forest_of_lightgbm, forest_of_sklearn, forest_of_xgboost


class RatingModel(Protocol):
    """A fitted regression. Immutable; `predict` may be called from several threads."""

    kind: ClassVar[str]

    def predict(self, encoded: Matrix) -> tuple[Vector, Vector | None]:
        """Predicted values, shape (n_titles,), and their standard deviations where the model knows them."""

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Additive parts, shape (n_titles, width + 1), the constant last."""

    def state(self) -> State:
        """What `from_state` needs to make this model again."""


class Regressor(Protocol):
    """How a regression is learned: its name on the menu, its parameters, and `fit`."""

    @property
    def name(self) -> str:
        """The name on the menu."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that `configured` changes, as plain JSON."""

    def configured(self, params: Mapping[str, Any]) -> Regressor:
        """The same learner with other parameters."""

    def fit(
        self, names: tuple[str, ...], encoded: Matrix, target: Vector, weight: Vector, rng: np.random.Generator
    ) -> RatingModel:
        """Learn from encoded titles, shape (n_titles, width), their targets and weights, both of shape (n_titles,)."""


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of columns; an unknown value counts as the column's mean.

    Attributes:
        mean: of each column, shape (width,).
        weights: points per unit, shape (width,).
        intercept: value of a title that is average in everything.
    """

    kind: ClassVar[str] = "weighted_sum"
    mean: Vector
    weights: Vector
    intercept: float

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Points, shape (n_titles,)."""
        return np.nan_to_num(encoded.astype(np.float64) - self.mean, nan=0.0) @ self.weights + self.intercept, None

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Weight times value: exact."""
        parts = np.nan_to_num(encoded.astype(np.float64) - self.mean, nan=0.0) * self.weights
        return np.column_stack([parts, np.full(len(parts), self.intercept)])

    def state(self) -> State:
        """Three things."""
        return {"intercept": self.intercept}, {"mean": self.mean, "weights": self.weights}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> WeightedSum:
        """Made again."""
        return cls(arrays["mean"], arrays["weights"], float(plain["intercept"]))


@dataclass(frozen=True)
class TreeSum:
    """Trees added up over the first columns; an unknown value counts as the column's mean where the library needs it.

    Attributes:
        forest: the trees.
        base: the constant.
        columns: the columns the trees look at, as positions, shape (n_columns,).
    """

    kind: ClassVar[str] = "tree_sum"
    forest: Forest
    base: float
    columns: NDArray[np.int32]

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Points, shape (n_titles,)."""
        return self.forest.scores(np.ascontiguousarray(encoded[:, self.columns]), self.base).astype(np.float64), None

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Not split by column: the whole prediction stands in the last place."""
        out = np.zeros((len(encoded), encoded.shape[1] + 1))
        out[:, -1] = self.predict(encoded)[0]
        return out

    def state(self) -> State:
        """Trees, constant and columns."""
        plain = {"base": self.base, "depth": self.forest.depth}
        return plain, {**self.forest.arrays(), "columns": self.columns}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TreeSum:
        """Made again."""
        return cls(Forest.from_arrays(arrays, int(plain["depth"])), float(plain["base"]), arrays["columns"])


@dataclass(frozen=True)
class LibraryRegressor:
    """One entry of the menu that a library learns.

    Attributes:
        name: "linear", "ridge", "lasso", "elastic_net", "decision_tree", "random_forest", "gradient_boosting",
            "xgboost" or "lightgbm".
        params: the library's own parameters by their own names; `n_text` limits how many text columns are seen.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def configured(self, params: Mapping[str, Any]) -> LibraryRegressor:
        """The same learner with other parameters."""
        return LibraryRegressor(self.name, {**self.params, **params})

    def fit(
        self, names: tuple[str, ...], encoded: Matrix, target: Vector, weight: Vector, rng: np.random.Generator
    ) -> RatingModel:
        """Learn from encoded titles.

        Raises:
            ExtraMissing: without the training extra.
        """
        params = dict(self.params)
        n_text = int(params.pop("n_text", len(names)))
        columns = np.array(
            [i for i, n in enumerate(names) if not n.startswith("term") and (n[:5] != "text:" or int(n[5:]) < n_text)],
            dtype=np.int32,
        )
        estimator = make_estimator(self.name, params, int(rng.integers(2**31)))
        seen = np.ascontiguousarray(encoded[:, columns])
        known = ~np.isnan(seen)
        mean = np.where(known, seen, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
        if self.name == "lightgbm":
            estimator.fit(seen, target, sample_weight=weight)
            return TreeSum(forest_of_lightgbm(estimator.booster_.dump_model()), 0.0, columns)
        if self.name == "xgboost":
            import json

            estimator.fit(seen, target, sample_weight=weight)
            forest = forest_of_xgboost(json.loads(estimator.get_booster().save_raw("json")))
            return TreeSum(forest, float(estimator.predict(seen[:1])[0] - forest.scores(seen[:1], 0.0)[0]), columns)
        filled = np.where(known, seen, mean.astype(np.float32))
        if self.name in ("linear", "ridge", "lasso", "elastic_net"):
            estimator.fit(filled.astype(np.float64), target, sample_weight=weight)
            whole, means = np.zeros(len(names)), np.zeros(len(names))
            whole[columns], means[columns] = estimator.coef_, mean
            return WeightedSum(means, whole, float(estimator.intercept_ + mean @ estimator.coef_))
        estimator.fit(filled, target, sample_weight=weight)
        forest, base = forest_of_sklearn(estimator)
        return TreeSum(forest, base, columns)


SKLEARN = {
    "linear": ("linear_model", "LinearRegression", False),
    "ridge": ("linear_model", "Ridge", True),
    "lasso": ("linear_model", "Lasso", True),
    "elastic_net": ("linear_model", "ElasticNet", True),
    "decision_tree": ("tree", "DecisionTreeRegressor", True),
    "random_forest": ("ensemble", "RandomForestRegressor", True),
    "gradient_boosting": ("ensemble", "GradientBoostingRegressor", True),
}
"""Module and class in scikit-learn, and whether it takes a random state."""


def make_estimator(name: str, params: Mapping[str, Any], seed: int) -> Any:
    """The library's own estimator, on one core.

    Raises:
        ExtraMissing: without the training extra.
    """
    try:
        if name == "lightgbm":
            import lightgbm

            return lightgbm.LGBMRegressor(**{"random_state": seed, "n_jobs": 1, "verbose": -1, **params})
        if name == "xgboost":
            import xgboost

            return xgboost.XGBRegressor(**{"random_state": seed, "n_jobs": 1, **params})
        import importlib

        module, class_name, is_random = SKLEARN[name]
        own = {"random_state": seed, **params} if is_random else dict(params)
        return getattr(importlib.import_module(f"sklearn.{module}"), class_name)(**own)
    except ImportError as error:
        raise ExtraMissing("train", f"The model {name}") from error
