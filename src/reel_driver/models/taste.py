"""One person's taste: the population prior, moved by their own labels, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, State
from reel_driver.models import Vector
from reel_driver.models.ordinal import Posterior, TokenRows, posterior
from reel_driver.models.prior import NUMBERS, TOKENS, TastePrior, filled, periods

LEAN_HALF = 15.0
"""Labels at which half of what the choice of labelled titles tells of a person is believed."""

_YEAR = NUMBERS.index("release_year")

_CHUNK = 256
"""Titles scored at once: so many that what is computed in between stays in the cache."""

DRIFT = 0.19
"""Standard deviation, in stars, of how much milder or stricter a person is later than while labelling."""

DOUBT = 0.55
"""Share of the posterior's variance that is doubt about what the person will say: with all of it, intervals at few labels
are too wide and probabilities too close to a half."""


@dataclass(frozen=True)
class Features:
    """What the model computes of encoded titles once, whoever the person is.

    Attributes:
        dense: facts, factors and periods, shape (n_titles, n_dense).
        mean: liking of the average person, in stars, shape (n_titles,).
        tokens: names.
    """

    dense: NDArray[np.float64]
    mean: Vector
    tokens: TokenRows

    def __getitem__(self, rows: NDArray[Any]) -> Features:
        """The same of some titles."""
        tokens = TokenRows(self.tokens.place[rows], self.tokens.value[rows], self.tokens.n_places)
        return Features(self.dense[rows], self.mean[rows], tokens)

    def joined(self, other: Features) -> Features:
        """These titles and then others."""
        tokens = TokenRows(
            np.concatenate([self.tokens.place, other.tokens.place]),
            np.concatenate([self.tokens.value, other.tokens.value]),
            self.tokens.n_places,
        )
        return Features(np.concatenate([self.dense, other.dense]), np.concatenate([self.mean, other.mean]), tokens)


def width(prior: TastePrior) -> int:
    """Encoded columns that the taste model reads."""
    return len(NUMBERS) + 2 + len(prior.genres) + sum(slots for slots, _ in TOKENS.values())


def features(prior: TastePrior, encoded: Matrix, sizes: tuple[int, ...]) -> Features:
    """Dense features, the average person's liking and names of encoded titles.

    Args:
        prior: the population.
        encoded: columns of `prior.blocks()`, shape (n_titles, width).
        sizes: size of each vocabulary of names.
    """
    facts = prior.scaling.facts(encoded, len(prior.genres))
    at = len(NUMBERS) + 1 + len(prior.genres)
    place = filled(encoded[:, at]).astype(np.int64) - 1
    known = place >= 0
    factors = np.where(known[:, None], prior.factors[place], 0.0) if len(prior.factors) else np.zeros((len(facts), 0))
    quality = np.where(known, prior.quality[place], 0.0) if len(prior.quality) else 0.0
    firsts, group, shift, variances, n_tokens = _layout(sizes)
    own = encoded[:, at + 1 : at + 1 + len(group)]
    there = own == own
    n_names = np.maximum(np.add.reduceat(there, firsts, axis=1, dtype=np.int64), 1)
    values = np.where(there, np.sqrt(variances / n_names)[:, group], 0.0)
    listed = filled(own).astype(np.int64)
    tokens = TokenRows(np.where(listed > 0, listed + shift, 0), values, n_tokens)
    dense = np.concatenate([facts, factors, periods(encoded[:, _YEAR])], axis=1)
    return Features(dense, facts @ prior.weights + quality, tokens)


@cache
def _layout(sizes: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Vector, int]:
    """How the columns of names lie: first column of each kind, kind and shift of each column, variances, number of tokens."""
    slots = np.array([slots for slots, _ in TOKENS.values()])
    variances = np.array([variance for _, variance in TOKENS.values()])
    group = np.repeat(np.arange(len(slots)), slots)
    shifts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return np.cumsum(slots) - slots, group, shifts[group], variances, 1 + sum(sizes)


def fit_posterior(
    prior: TastePrior,
    of: Features,
    levels: NDArray[np.int64],
    *,
    known: NDArray[np.float64] | None = None,
    start: Vector | None = None,
) -> Posterior:
    """A person's weights from their labels.

    Args:
        prior: the population.
        of: features of the labelled titles.
        levels: verdicts 0, 1, 2, shape (n_labels,); without any 2 a 1 means "or more".
        known: dense features of the titles that the person is known to know; by default the labelled ones.
        start: `dual` of the posterior of the first of these labels, to start from.
    """
    low, high = prior.thresholds
    top = high if (levels == 2).any() else np.inf
    lower = np.choose(levels, [-np.inf, low, high])
    upper = np.choose(levels, [low, top, np.inf])
    seen = of.dense if known is None else known
    lean = np.zeros(of.dense.shape[1])
    if len(seen):
        trust = len(seen) / (len(seen) + LEAN_HALF)
        lean = trust * (seen.mean(axis=0) - prior.lean_centre) @ prior.lean
    return posterior(of.dense, of.tokens, of.mean, lean, prior.covariance, lower, upper, prior.noise, start=start)


@dataclass(frozen=True)
class TasteModel:
    """The posterior of one person, or with no labels the population itself.

    Attributes:
        prior: the population, without the list of its people.
        sizes: size of each vocabulary of names.
        dense: the person's weights around the average, shape (n_dense,).
        covariance: their uncertainty.
        names: weights of names, shape (n_places,).
    """

    kind: ClassVar[str] = "posterior"
    prior: TastePrior
    sizes: tuple[int, ...]
    dense: Vector
    covariance: NDArray[np.float64]
    names: Vector

    @classmethod
    def of_posterior(cls, prior: TastePrior, sizes: tuple[int, ...], found: Posterior) -> TasteModel:
        """The model of a fitted posterior."""
        bare = replace(prior, people=np.empty((0, 0), dtype=np.uint32))
        return cls(bare, sizes, found.dense, found.covariance, found.tokens)

    @classmethod
    def of_nobody(cls, prior: TastePrior, sizes: tuple[int, ...]) -> TasteModel:
        """The average person."""
        return cls.of_posterior(
            prior,
            sizes,
            Posterior(np.zeros(len(prior.covariance)), prior.covariance, np.zeros(1 + sum(sizes)), np.empty(0)),
        )

    def predict(self, encoded: Matrix) -> tuple[Vector, Vector]:
        """Log-odds of "would watch" averaged over what is not known of the person, and their standard deviation."""
        if len(encoded) <= _CHUNK:
            return self.predict_features(features(self.prior, encoded, self.sizes))
        parts = [self.predict(encoded[start : start + _CHUNK]) for start in range(0, len(encoded), _CHUNK)]
        raw, spread = zip(*parts, strict=True)
        return np.concatenate(raw), np.concatenate(spread)

    def predict_features(self, of: Features) -> tuple[Vector, Vector]:
        """The same of features that are computed already.

        The average of a logistic curve over a normal spread is MacKay's (1992): log-odds / sqrt(1 + pi variance / 8).
        """
        appeal = of.mean + of.dense @ self.dense + of.tokens.times(self.names)
        variance = self.variance(of) / self.prior.noise**2
        shrink = 1.0 / np.sqrt(1.0 + np.pi / 8.0 * variance)
        centred = (appeal - self.prior.thresholds[0]) / self.prior.noise
        return centred * shrink, np.sqrt(variance) * shrink

    def variance(self, of: Features) -> Vector:
        """Variance of the appeal, in square stars.

        That of the dense weights by `DOUBT`, and `DRIFT`; what names add is as much noise as doubt, and measured to be
        better left out.
        """
        return np.asarray(DOUBT * np.einsum("ij,ij->i", of.dense @ self.covariance, of.dense) + DRIFT**2)

    def variance_of_sum(self, encoded: Matrix, weights: Vector) -> float:
        """Variance of a weighted sum of the log-odds of several titles, which share what is not known of the person."""
        of = features(self.prior, encoded, self.sizes)
        weights = weights / np.sqrt(self.prior.noise**2 + np.pi / 8.0 * self.variance(of))
        along = weights @ of.dense
        return float(DOUBT * along @ self.covariance @ along + (DRIFT * weights.sum()) ** 2)

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Each column's part of the log-odds: exact, the model being linear in features of single columns."""
        of = features(self.prior, encoded, self.sizes)
        weights = self.dense.copy()
        weights[: self.prior.n_facts] += self.prior.weights
        parts = of.dense * weights
        out = np.zeros((len(encoded), width(self.prior) + 1))
        for column, own in enumerate(_FACTS_OF_COLUMN):
            out[:, column] = parts[:, own].sum(axis=1)
        of_factors = self.prior.of_factors
        out[:, _YEAR] += parts[:, of_factors.stop :].sum(axis=1)
        at, n_genres = len(_FACTS_OF_COLUMN), len(self.prior.genres)
        out[:, at : at + n_genres] = parts[:, self.prior.n_facts - n_genres : self.prior.n_facts]
        at += n_genres
        known = of.mean - of.dense[:, : self.prior.n_facts] @ self.prior.weights
        out[:, at] = parts[:, of_factors].sum(axis=1) + known
        out[:, at + 1 : -1] = self.names[of.tokens.place] * of.tokens.value
        out[:, -1] = parts[:, 0] - self.prior.thresholds[0]
        raw, _ = self.predict_features(of)
        appeal = out.sum(axis=1)
        scale = np.where(appeal != 0, raw / np.where(appeal != 0, appeal, 1.0), 1.0)
        return np.asarray(out * scale[:, None])

    def state(self) -> State:
        """The prior with it, so that a bundle stands alone."""
        plain, arrays = self.prior.state()
        own = {"dense": self.dense, "posterior_covariance": self.covariance, "names": self.names}
        return {**plain, "sizes": list(self.sizes)}, {**arrays, **own}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TasteModel:
        """Made again."""
        prior = TastePrior.from_state(plain, arrays)
        return cls(prior, tuple(plain["sizes"]), arrays["dense"], arrays["posterior_covariance"], arrays["names"])


_FACTS_OF_COLUMN: tuple[list[int], ...] = ([1, 3], [2], [8], [4, 5], [6], [7])
"""Dense features that come of each number, and of "is English"."""
