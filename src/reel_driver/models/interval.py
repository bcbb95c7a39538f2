"""What stands around a raw score of a rating: bounds, and an interval from out-of-fold errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State
from reel_driver.models import Vector


@dataclass(frozen=True)
class RatingInterval:
    """Keeps ratings within 0 and 10 and adds the interval that held 90 % of out-of-fold titles of like prediction.

    Attributes:
        knots: predictions in rising order, shape (k,).
        below: 5 % quantile of (rating - prediction) at each knot, shape (k,).
        above: 95 % quantile likewise.
    """

    kind: ClassVar[str] = "rating_interval"
    knots: Vector
    below: Vector
    above: Vector

    @property
    def slope(self) -> float:
        """Parts of a raw score are points already."""
        return 1.0

    def __call__(self, raw: Vector, spread: Vector | None) -> tuple[Vector, Vector, Vector]:
        """Rating, lower and upper end of the 90 % interval, each of the shape of `raw`."""
        value = np.clip(raw, 0.0, 10.0)
        lower = np.clip(value + np.interp(value, self.knots, self.below), 0.0, 10.0)
        return value, lower, np.clip(value + np.interp(value, self.knots, self.above), 0.0, 10.0)

    def probability(self, raw: Vector) -> Vector:
        """The rating alone."""
        return np.clip(raw, 0.0, 10.0)

    def state(self) -> State:
        """Three arrays."""
        return {"kind": self.kind}, {"knots": self.knots, "below": self.below, "above": self.above}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> RatingInterval:
        """Made again."""
        return cls(arrays["knots"], arrays["below"], arrays["above"])


def fit_interval(predicted: Vector, rating: Vector, share: float = 0.9) -> RatingInterval:
    """Learn the interval from out-of-fold predictions, in bins of about equal count."""
    order = np.argsort(predicted, kind="stable")
    parts = [p for p in np.array_split(order, int(np.clip(len(order) // 150, 1, 12))) if len(p)]
    tail = (1 - share) / 2
    error = rating - predicted
    return RatingInterval(
        np.array([predicted[p].mean() for p in parts]),
        np.array([np.quantile(error[p], tail) for p in parts]),
        np.array([np.quantile(error[p], 1 - tail) for p in parts]),
    )
