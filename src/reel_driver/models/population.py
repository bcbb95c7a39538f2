"""Learning the population prior from many people's ratings.

1. The mean: a film's facts (ridge), and for rated films how much better they are than their facts.
2. The differences between people: r_ui - mean_i = w_u . [facts_i, v_i] + noise, with w_u ~ N(0, S) and the item
   factors v_i ~ N(0, t), by variational Bayes (Lim and Teh 2007, with facts beside the factors). The factors' own
   uncertainty is carried along, so that people and films may be learned on the same ratings without overfitting.
3. Factors, and what is beyond the facts, of films that nobody rated: kernel ridge from their names and words.
4. Fondness for periods has a variance of its own, which no period's films are needed to learn (`prior.PERIOD_VARIANCE`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import Matrix
from reel_driver.models.prior import NUMBERS, PERIOD_VARIANCE, PERIODS, Scaling, TastePrior, Vector

Progress = Callable[[int, int], None]

QUALITY_HALF = 10.0
"""Ratings at which half of a film's own mean is believed."""
FACTOR_NUGGET = 0.25
"""Variance of a film's factors that its names and words say nothing of, as a share of the likeness's."""
QUALITY_NUGGET = 1.0
"""The same of what a film has beyond its facts."""
PEOPLE_SHARE = 0.57
"""Weight of what these people say of a film against what the crowds say now: tastes and crowds moved on since."""
THRESHOLDS = (3.75, 4.75)
"""Stars between would-not-watch and would-watch, and between that and would-watch-again: on a scale of half stars, 4 and 5
begin a quarter below."""
LOOSER_CONSTANT = 1.2
"""How much more strangers differ in their general mildness than the people learned on, as a factor."""


@dataclass(frozen=True)
class Ratings:
    """Who rated what.

    Attributes:
        person: number of the person from 0, shape (n_ratings,).
        film: row of the titles, shape (n_ratings,).
        stars: 0.5 to 5, shape (n_ratings,).
    """

    person: NDArray[np.int64]
    film: NDArray[np.int64]
    stars: Vector


def scaling_of(encoded: Matrix, ratings_per_film: Vector, year_cap: float) -> Scaling:
    """Means and deviations of the facts, weighted by ratings."""
    numbers = encoded[:, : len(NUMBERS)].astype(np.float64)
    rating, votes = numbers[:, 0], np.nan_to_num(numbers[:, 1])
    known = np.isfinite(rating) & (votes > 0) & (rating > 0)
    crowd = float(np.average(rating[known], weights=votes[known]))
    blank = Scaling(np.zeros(5), np.ones(5), crowd, year_cap)
    facts = blank.facts(encoded, 0)
    # With nothing centred, the features are the raw figures: crowd, log votes, year, runtime; IMDb comes as it is.
    runtime = np.where(numbers[:, 4] > 20, np.clip(numbers[:, 4], 40, 240), np.nan)
    year = np.minimum(numbers[:, 3], year_cap)
    raw = np.column_stack([facts[:, 1], np.log1p(np.where(known, votes, 0.0)), year, runtime, numbers[:, 2]])
    weight = np.isfinite(raw) * ratings_per_film[:, None]
    total = np.maximum(weight.sum(axis=0), 1e-9)
    filled = np.nan_to_num(raw)
    centre = (filled * weight).sum(axis=0) / total
    spread = np.sqrt(((filled - centre) ** 2 * weight).sum(axis=0) / total)
    return Scaling(centre, np.where(spread > 0, spread, 1.0), crowd, year_cap)


def mean_taste(facts: NDArray[np.float64], ratings: Ratings) -> tuple[Vector, Vector]:
    """Weights of the facts in the average person's stars, shape (n_facts,), and what rated films have beyond, (n_films,)."""
    n = np.bincount(ratings.film, minlength=len(facts)).astype(np.float64)
    mean = np.bincount(ratings.film, ratings.stars, len(facts)) / np.maximum(n, 1)
    weight = np.where(n > 0, 1 / (0.08 + 1 / np.maximum(n, 1)), 0.0)
    ridge = np.linalg.solve((facts.T * weight) @ facts + np.eye(facts.shape[1]), facts.T @ (weight * mean))
    own = belief(n) * (mean - facts @ ridge)
    crowds = np.zeros_like(facts)
    crowds[:, [0, 1, 8]] = facts[:, [0, 1, 8]]
    line = np.linalg.lstsq((crowds.T * n) @ crowds, (crowds * n[:, None]).T @ mean, rcond=None)[0]
    return PEOPLE_SHARE * ridge + (1 - PEOPLE_SHARE) * line, PEOPLE_SHARE * own


def belief(n_ratings: Vector) -> Vector:
    """Share of a film's own mean that is believed, by its number of ratings."""
    return n_ratings / (n_ratings + QUALITY_HALF)


@dataclass
class Differences:
    """How people differ.

    Attributes:
        covariance: of their weights, shape (n_dense, n_dense).
        noise: variance of a rating that nothing explains.
        factors: of each film, 0 where nobody rated it, shape (n_films, n_factors).
        uncertainty: of the factors, shape (n_films, n_factors, n_factors).
        weights: posterior mean of each person's weights, shape (n_people, n_dense).
        seen: mean features of the films each person rated, shape (n_people, n_dense).
    """

    covariance: NDArray[np.float64]
    noise: float
    factors: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    weights: NDArray[np.float64]
    seen: NDArray[np.float64]


def differences(
    facts: NDArray[np.float64],
    mean: Vector,
    ratings: Ratings,
    n_factors: int,
    n_rounds: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Differences:
    """Variational Bayes in rounds over people and films; see the head of this file."""
    try:
        from scipy import sparse
    except ImportError as error:
        raise ExtraMissing("train", "Building a prior") from error
    n_films, n_facts, k = len(facts), facts.shape[1], n_factors
    n_people, n_dense = int(ratings.person.max()) + 1, n_facts + k
    gap = ratings.stars - mean[ratings.film]
    shape = (n_people, n_films)
    rated = sparse.csr_matrix((np.ones(len(gap)), (ratings.person, ratings.film)), shape)
    gaps = sparse.csr_matrix((gap, (ratings.person, ratings.film)), shape)
    by_film, gaps_by_film = rated.T.tocsr(), gaps.T.tocsr()
    known = np.flatnonzero(np.asarray(rated.sum(axis=0)).ravel() > 0)
    squares = np.asarray(gaps.multiply(gaps).sum(axis=1)).ravel()
    factors = np.zeros((n_films, k))
    factors[known] = rng.normal(0, 0.1, (len(known), k))
    uncertainty, size = np.zeros((n_films, k, k)), np.full(k, 0.05)
    covariance, noise = np.eye(n_dense) * 0.1, 0.8
    covariance[n_facts:, n_facts:] = np.eye(k)
    weights = np.empty((n_people, n_dense))
    for turn in range(n_rounds):
        dense = np.column_stack([facts, factors])
        outer = dense[:, :, None] * dense[:, None, :]
        outer[:, n_facts:, n_facts:] += uncertainty
        flat, precision = outer.reshape(n_films, -1), np.linalg.inv(covariance)
        spread, unexplained = np.empty((n_people, n_dense, n_dense)), 0.0
        for start in range(0, n_people, 500):
            part = slice(start, start + 500)
            gram = (rated[part] @ flat).reshape(-1, n_dense, n_dense)
            target = gaps[part] @ dense
            own = np.linalg.inv(precision + gram / noise)
            w = np.einsum("uij,uj->ui", own, target / noise)
            weights[part], spread[part] = w, own
            unexplained += float(
                squares[part].sum()
                - 2 * (w * target).sum()
                + np.einsum("ui,uij,uj->", w, gram, w, optimize=True)
                + np.einsum("uij,uji->", gram, own)
            )
        noise = unexplained / len(gap)
        covariance = (spread.sum(axis=0) + weights.T @ weights) / n_people + 1e-4 * np.eye(n_dense)
        progress(turn + 1, n_rounds)
        if not k or turn < 2:
            continue
        second = spread[:, n_facts:, :] + weights[:, n_facts:, None] * weights[:, None, :]
        moments = np.asarray(by_film @ second.reshape(n_people, -1)).reshape(n_films, k, n_dense)
        target = gaps_by_film @ weights[:, n_facts:] - np.einsum("nkf,nf->nk", moments[:, :, :n_facts], facts)
        own = np.linalg.inv(moments[known][:, :, n_facts:] / noise + np.diag(1 / size))
        factors[known] = np.einsum("nij,nj->ni", own, target[known] / noise)
        uncertainty[known] = own
        size = (factors[known] ** 2 + np.einsum("nii->ni", own)).mean(axis=0)
        # Turn the factors so that people's weights of them are N(0, 1) and the films' spread is along the axes.
        values, vectors = np.linalg.eigh(covariance[n_facts:, n_facts:])
        root = vectors * np.sqrt(values)
        _, axes = np.linalg.eigh(root.T @ (factors[known].T @ factors[known]) @ root)
        turned = root @ axes[:, ::-1]
        factors = factors @ turned
        uncertainty = np.einsum("ia,nij,jb->nab", turned, uncertainty, turned, optimize=True)
        size = np.diag(turned.T @ np.diag(size) @ turned).copy()
        back = np.eye(n_dense)
        back[n_facts:, n_facts:] = axes[:, ::-1].T @ np.linalg.inv(root)
        covariance = back @ covariance @ back.T
        weights = weights @ back.T
    dense = np.column_stack([facts, factors])
    n_rated = np.asarray(rated.sum(axis=1)).ravel()
    return Differences(covariance, noise, factors, uncertainty, weights, (rated @ dense) / n_rated[:, None])


def lean_of(found: Differences) -> tuple[NDArray[np.float64], Vector]:
    """How weights follow from the features of what a person rated (ridge regression), and the mean of those features."""
    centre = found.seen.mean(axis=0)
    seen, weights = found.seen - centre, found.weights - found.weights.mean(axis=0)
    penalty = 10 * np.diag(seen.var(axis=0) + 1e-3)
    return np.linalg.solve(seen.T @ seen + penalty, seen.T @ weights), centre


def of_unrated(
    own: NDArray[np.float64], is_rated: NDArray[np.bool_], doubt: Vector, kernel: NDArray[np.float32]
) -> NDArray[np.float64]:
    """What rated films have, and the others by kernel ridge from their likeness.

    Args:
        own: shape (n_films, n_values), 0 where nobody rated.
        is_rated: shape (n_films,).
        doubt: variance of each rated film's values that is not of the film, as a share of the kernel's, shape (n_rated,).
        kernel: likeness, shape (n_films, n_films).
    """
    rated, others = np.flatnonzero(is_rated), np.flatnonzero(~is_rated)
    out = own.copy()
    if len(others) and own.shape[1]:
        gram = kernel[np.ix_(rated, rated)].astype(np.float64)
        gram[np.diag_indices(len(rated))] += doubt
        out[others] = kernel[np.ix_(others, rated)] @ np.linalg.solve(gram, own[rated])
    return out


def doubt_of_factors(found: Differences, is_rated: NDArray[np.bool_]) -> Vector:
    """Uncertainty of rated films' factors as a share of their variance, mean over factors, shape (n_rated,)."""
    own = found.uncertainty[is_rated]
    size = found.factors[is_rated].var(axis=0) + np.einsum("nii->i", own) / len(own)
    return np.asarray((np.einsum("nii->ni", own) / size).mean(axis=1))


def with_periods(square: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """A square table of facts and factors with periods after them, `variance` on their diagonal."""
    n, n_periods = len(square), len(PERIODS)
    out = np.zeros((n + n_periods, n + n_periods))
    out[:n, :n] = square
    out[np.arange(n, n + n_periods), np.arange(n, n + n_periods)] = variance
    return out


def learn_prior(
    encoded: Matrix,
    genres: tuple[str, ...],
    ids: tuple[NDArray[np.int32], NDArray[np.int32]],
    ratings: Ratings,
    kernel: NDArray[np.float32],
    people: NDArray[np.uint32],
    provenance: Mapping[str, Any],
    rng: np.random.Generator,
    *,
    n_factors: int = 12,
    n_rounds: int = 20,
    year_cap: float = 2000.0,
    thresholds: tuple[float, float] = THRESHOLDS,
    progress: Progress,
) -> TastePrior:
    """All steps; `encoded` holds the columns of `TastePrior.blocks`, `ids` the films' IMDb and TMDB numbers."""
    counts = np.bincount(ratings.film, minlength=len(encoded)).astype(np.float64)
    scaling = scaling_of(encoded, counts, year_cap)
    facts = scaling.facts(encoded, len(genres))
    weights, quality = mean_taste(facts, ratings)
    found = differences(facts, facts @ weights + quality, ratings, n_factors, n_rounds, rng, progress)
    lean, centre = lean_of(found)
    covariance = found.covariance.copy()
    covariance[0] *= LOOSER_CONSTANT
    covariance[:, 0] *= LOOSER_CONSTANT
    is_rated = counts > 0
    factors = of_unrated(found.factors, is_rated, doubt_of_factors(found, is_rated) + FACTOR_NUGGET, kernel)
    # A film's own mean is believed in part already; for those that are like it, it is taken as it was.
    as_it_was = np.divide(quality, belief(counts), out=np.zeros_like(quality), where=is_rated)
    passed_on = of_unrated(as_it_was[:, None], is_rated, QUALITY_HALF / counts[is_rated] + QUALITY_NUGGET, kernel)[:, 0]
    quality = np.where(is_rated, quality, passed_on)
    return TastePrior(
        genres=genres,
        scaling=scaling,
        weights=weights,
        covariance=with_periods(covariance, PERIOD_VARIANCE),
        lean=with_periods(lean, 0.0),
        lean_centre=np.concatenate([centre, np.zeros(len(PERIODS))]),
        thresholds=thresholds,
        noise=float(np.sqrt(3 * found.noise) / np.pi),
        imdb=ids[0],
        tmdb=ids[1],
        quality=quality.astype(np.float32),
        factors=factors.astype(np.float32),
        people=people,
        provenance=provenance,
    )
