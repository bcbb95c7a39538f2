"""Models: numbers in, log-odds (or a rating) out, with their parts. Inference is plain numpy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, State
from reel_driver.features.spec import FeatureSpec

Vector: TypeAlias = NDArray[np.float64]


class Model(Protocol):
    """A fitted model. Immutable; `predict` may be called from several threads."""

    kind: ClassVar[str]

    def predict(self, encoded: Matrix) -> tuple[Vector, Vector | None]:
        """Raw scores of encoded titles, shape (n_titles,), and their standard deviations where the model knows them.

        For watch both are in log-odds, for rating in points.
        """

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Exact additive parts of the raw scores, shape (n_titles, width + 1); the last column is the constant."""

    def state(self) -> State:
        """What `from_state` needs to make this model again: plain JSON and arrays."""

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Model:
        """The model that `state` described."""


@runtime_checkable
class AsksFew(Protocol):
    """A model that says which columns its scores hang on, so that no others need to be encoded for them."""

    def asks(self, width: int) -> NDArray[np.intp]:
        """The columns, of `width` that a title is encoded to, at least one."""

    def on(self, columns: NDArray[np.intp], width: int) -> Model:
        """The model that gives the same scores for titles encoded to `columns` only, which hold all that it asks."""


class Learner(Protocol):
    """How a model is learned: its name on the menu, its parameters, and `fit`."""

    @property
    def name(self) -> str:
        """The name on the menu."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that `configured` changes, as plain JSON."""

    @property
    def grid(self) -> tuple[Mapping[str, Any], ...]:
        """The declared parameter settings that a grid search tries; empty when there is nothing to search."""

    @property
    def min_labels(self) -> int:
        """Fewest labels it can learn from."""

    def configured(self, params: Mapping[str, Any]) -> Learner:
        """The same learner with other parameters."""

    def fit(self, spec: FeatureSpec, encoded: Matrix, levels: NDArray[np.int64], rng: np.random.Generator) -> Model:
        """Learn from encoded titles, shape (n_titles, spec.width), and verdict levels 0, 1, 2."""


_MODULES = {
    "xgboost": "trees:TreeModel",
    "logistic": "linear:LinearModel",
    "taste": "ladder:LadderModel",
    "weighted_sum": "regress:WeightedSum",
    "tree_sum": "regress:TreeSum",
    "kernel": "kernel:KernelModel",
    "blend": "blend:BlendModel",
    "genre": "genre:GenreModel",
    "tuned_genre": "genre:TunedGenreModel",
    "neighbours": "genre:NeighbourModel",
}


def model_class(kind: str) -> type[Model]:
    """The class that reads a saved model of this kind.

    Raises:
        KeyError: for a kind that this version does not know.
    """
    module, name = _MODULES[kind].split(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)  # type: ignore[no-any-return]
