"""Logistic regression: the plain model that a fancier one has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import Matrix, State
from reel_driver.features.spec import FeatureSpec
from reel_driver.models import Vector


@dataclass(frozen=True)
class LinearModel:
    """Log-odds as a weighted sum of standardised columns; an unknown value counts as the column's mean.

    Attributes:
        mean: of each column over the training titles that know it, shape (width,).
        scale: standard deviation likewise, never 0.
        weights: log-odds per standard deviation, shape (width,).
        intercept: log-odds of a title that is average in everything.
    """

    kind: ClassVar[str] = "logistic"
    mean: Vector
    scale: Vector
    weights: Vector
    intercept: float

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Log-odds, shape (n_titles,)."""
        return self._standardised(encoded) @ self.weights + self.intercept, None

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Weight times standardised value: exact for a linear model; the constant comes last."""
        parts = self._standardised(encoded) * self.weights
        return np.column_stack([parts, np.full(len(parts), self.intercept)])

    def _standardised(self, encoded: Matrix) -> NDArray[np.float64]:
        centred = (encoded.astype(np.float64) - self.mean) / self.scale
        return np.nan_to_num(centred, copy=False, nan=0.0)

    def state(self) -> State:
        """Four things."""
        return {"intercept": self.intercept}, {
            "mean": self.mean,
            "scale": self.scale,
            "weights": self.weights,
        }

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> LinearModel:
        """Made again."""
        return cls(arrays["mean"], arrays["scale"], arrays["weights"], float(plain["intercept"]))


@dataclass(frozen=True)
class LogisticLearner:
    """Ridge-penalised logistic regression; `C` is scikit-learn's inverse strength of the penalty."""

    name: str = "logistic"
    params: Mapping[str, Any] = field(default_factory=lambda: {"C": 0.03})
    min_labels: int = 5

    @property
    def grid(self) -> tuple[Mapping[str, Any], ...]:
        """Strengths of the penalty."""
        return tuple({"C": c} for c in (0.003, 0.03, 0.3))

    def configured(self, params: Mapping[str, Any]) -> LogisticLearner:
        """The same learner with other parameters."""
        return LogisticLearner(self.name, {**self.params, **params}, self.min_labels)

    def fit(
        self, spec: FeatureSpec, encoded: Matrix, levels: NDArray[np.int64], rng: np.random.Generator
    ) -> LinearModel:
        """Learn from encoded titles and verdict levels.

        Raises:
            ExtraMissing: without the training extra.
        """
        try:
            from sklearn.linear_model import LogisticRegression
        except ImportError as error:
            raise ExtraMissing("train", "Logistic regression") from error
        known = ~np.isnan(encoded)
        n_known = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, encoded, 0.0).astype(np.float64)
        mean = filled.sum(axis=0) / n_known
        scale = np.sqrt((np.where(known, filled - mean, 0.0) ** 2).sum(axis=0) / n_known)
        scale[scale == 0] = 1.0
        shell = LinearModel(mean, scale, np.zeros(spec.width), 0.0)
        fitted = LogisticRegression(C=float(self.params["C"]), max_iter=500).fit(
            shell._standardised(encoded), levels > 0
        )
        return LinearModel(mean, scale, fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0]))
