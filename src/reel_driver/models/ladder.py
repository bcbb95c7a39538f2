"""The ladder: the population alone, a person's posterior, trees stacked on it, trees alone.

Which rung a person stands on is a parameter that the search chooses by out-of-fold log loss on their own labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, State
from reel_driver.features.known import Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.models import Vector
from reel_driver.models.prior import TastePrior
from reel_driver.models.taste import TasteModel, features, fit_posterior, width
from reel_driver.models.trees import TreeLearner, TreeModel
from reel_driver.split import n_folds_for, stratified_folds

RUNGS: Mapping[str, str] = {
    "prior": "the population's taste alone",
    "posterior": "the population's taste moved by the labels",
    "stack": "trees on all facts, half of them with the posterior's score too",
    "xgboost": "trees on all facts",
}
"""Every rung with its meaning."""


@dataclass(frozen=True)
class LadderModel:
    """The model of one rung.

    Attributes:
        rung: a key of `RUNGS`.
        taste: reads the first columns of an encoded title.
        trees: read the others, on the rung "stack" with the posterior's log-odds after them; their mean counts.
        has_taste: whether encoded titles begin with what the taste model reads; not where trees alone score.
    """

    kind: ClassVar[str] = "taste"
    rung: str
    taste: TasteModel
    trees: tuple[TreeModel, ...] = ()
    has_taste: bool = True

    def predict(self, encoded: Matrix) -> tuple[Vector, Vector | None]:
        """Raw log-odds; with a spread on the rungs that know it."""
        if not self.trees:
            return self.taste.predict(encoded[:, : self._n_taste])
        facts = self._for_trees(encoded)
        return np.asarray(sum(t.predict(facts)[0] for t in self.trees) / len(self.trees)), None

    def asks(self, width: int) -> NDArray[np.intp]:
        """What the taste model reads, where the rung has one, and what the trees split by."""
        n_taste = self._n_taste
        asked = [n_taste + trees.asks(width) for trees in self.trees]
        if self.rung != "xgboost":
            asked.append(np.arange(n_taste))
        together = np.unique(np.concatenate(asked))
        return together[together < width]  # after the facts stands the score, which nobody encodes

    def on(self, columns: NDArray[np.intp], width: int) -> LadderModel:
        """The same with the trees' columns renumbered."""
        facts = columns[columns >= self._n_taste] - self._n_taste
        n_facts = width - self._n_taste
        trees = tuple(t.on(np.append(facts, n_facts), n_facts + 1) for t in self.trees)
        return LadderModel(self.rung, self.taste, trees, self.rung != "xgboost")

    def variance_of_sum(self, encoded: Matrix, weights: Vector) -> float | None:
        """As the posterior's, on the rungs that know it."""
        return None if self.trees else self.taste.variance_of_sum(encoded[:, : self._n_taste], weights)

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Exact parts; on "stack" the posterior's share is handed on to its columns in proportion to their own parts."""
        n_taste, out = self._n_taste, np.zeros((len(encoded), encoded.shape[1] + 1))
        own = self.taste.contributions(encoded[:, :n_taste]) if self.rung != "xgboost" else None
        if not self.trees:
            assert own is not None
            out[:, :n_taste], out[:, -1] = own[:, :-1], own[:, -1]
            return out
        facts = self._for_trees(encoded)
        parts = np.asarray(sum(t.contributions(facts) for t in self.trees) / len(self.trees))
        out[:, -1] = parts[:, -1]
        out[:, n_taste:-1] = parts[:, : encoded.shape[1] - n_taste]
        if own is not None:
            share, size = parts[:, -2], np.abs(own[:, :-1]).sum(axis=1)
            agree = np.where(share[:, None] * own[:, :-1] > 0, np.abs(own[:, :-1]), 0.0)
            total = agree.sum(axis=1)
            scale = np.divide(share, total, out=np.zeros_like(share), where=(total > 0) & (size > 0))
            out[:, :n_taste] = agree * scale[:, None]
            out[:, -1] += np.where(total > 0, 0.0, share)
        return out

    @cached_property
    def _n_taste(self) -> int:
        return width(self.taste.prior) if self.has_taste else 0

    def _for_trees(self, encoded: Matrix) -> Matrix:
        facts = encoded[:, self._n_taste :]
        if self.rung != "stack":
            return np.ascontiguousarray(facts)
        raw, _ = self.taste.predict(encoded[:, : self._n_taste])
        return np.column_stack([facts, raw.astype(np.float32)])

    def state(self) -> State:
        """Both parts."""
        plain, arrays = self.taste.state()
        out: dict[str, Any] = {"rung": self.rung, "taste": plain}
        found = {f"taste.{k}": v for k, v in arrays.items()}
        out["trees"] = []
        for i, trees in enumerate(self.trees):
            own, more = trees.state()
            out["trees"].append(own)
            found |= {f"trees{i}.{k}": v for k, v in more.items()}
        return out, found

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> LadderModel:
        """Made again."""

        def of(part: str) -> dict[str, NDArray[Any]]:
            return {k.removeprefix(f"{part}."): v for k, v in arrays.items() if k.startswith(f"{part}.")}

        trees = tuple(TreeModel.from_state(own, of(f"trees{i}")) for i, own in enumerate(plain["trees"]))
        return cls(plain["rung"], TasteModel.from_state(plain["taste"], of("taste")), trees)


@dataclass(frozen=True)
class TasteLearner:
    """Learns any rung; the grid is the ladder itself."""

    prior: TastePrior
    name: str = "taste"
    params: Mapping[str, Any] = field(default_factory=lambda: {"rung": "posterior"})
    rungs: tuple[str, ...] = tuple(RUNGS)
    min_labels: int = 5

    @property
    def grid(self) -> tuple[Mapping[str, Any], ...]:
        """The rungs."""
        return tuple({"rung": rung} for rung in self.rungs)

    def configured(self, params: Mapping[str, Any]) -> TasteLearner:
        """The same learner on another rung."""
        return TasteLearner(self.prior, self.name, {**self.params, **params}, self.rungs, self.min_labels)

    def fit(
        self, spec: FeatureSpec, encoded: Matrix, levels: NDArray[np.int64], rng: np.random.Generator
    ) -> LadderModel:
        """Learn the configured rung from encoded titles and verdict levels; no labels leave the population alone."""
        rung, n_taste = str(self.params["rung"]), width(self.prior)
        sizes = tuple(len(b.categories) for b in spec.blocks if isinstance(b, Tokens))
        if rung == "prior" or not len(levels):
            return LadderModel("prior", TasteModel.of_nobody(self.prior, sizes))
        of = features(self.prior, encoded[:, :n_taste], sizes)
        taste = TasteModel.of_posterior(self.prior, sizes, fit_posterior(self.prior, of, levels))
        if rung == "posterior":
            return LadderModel(rung, taste)
        facts, names = encoded[:, n_taste:], spec.names[n_taste:]
        if rung == "xgboost":
            return LadderModel(rung, taste, tuple(_trees(names, facts, levels, rng) for _ in range(2 * N_PAIRS)))
        # Each title's own label must not have made its score, or the trees would trust the score blindly.
        raw = np.empty(len(levels), dtype=np.float32)
        folds = stratified_folds(levels, n_folds_for(levels), rng)
        for fold in np.unique(folds):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            part = TasteModel.of_posterior(self.prior, sizes, fit_posterior(self.prior, of[train], levels[train]))
            raw[test] = part.predict_features(of[test])[0]
        # Half of the trees see a constant in the score's place, so that no title hangs on it alone.
        columns = (raw, np.zeros_like(raw)) * N_PAIRS
        trees = tuple(_trees((*names, "taste"), np.column_stack([facts, c]), levels, rng) for c in columns)
        return LadderModel(rung, taste, trees)


N_PAIRS = 2
"""Tree models with and without the posterior's score whose mean is the stack: +.002 average precision over one of each.
Trees alone are as many, so that the choice between the two rungs is not one between four models and one."""


def _trees(names: tuple[str, ...], facts: Matrix, levels: NDArray[np.int64], rng: np.random.Generator) -> TreeModel:
    return TreeLearner().fit_named(names, np.ascontiguousarray(facts), levels, rng)
