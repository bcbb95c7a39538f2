"""What is known of taste before a person has said a word: learned on many people, a few numbers per film.

Only numbers are kept: how the average person's liking follows from a title's facts, how much people differ in it, and
for films that those people rated, how much better or worse they are than their facts, with their item factors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Block, Matrix
from reel_driver.features.categories import MultiHot, OneHot
from reel_driver.features.known import KnownTitle, Tokens
from reel_driver.features.numbers import Number

Vector = NDArray[np.float64]

NUMBERS = ("tmdb_rating", "tmdb_votes", "imdb_rating", "release_year", "runtime")
TOKENS: Mapping[str, tuple[int, float]] = {
    "cast": (4, 0.15),
    "keywords": (12, 0.15),
    "title": (5, 0.12),
    "directors": (2, 0.10),
}
"""Names that a person may be fond of: slots, and the prior variance of what all of a title's names add to its appeal."""

CROWD_WEIGHT = 50.0
"""Votes that the mean of all films counts for in a film's shrunk rating."""
N_FACTS = 9
"""Dense features besides genres and factors: constant, crowd, votes, both, year, its square, runtime, foreign, IMDb."""


PERIODS = np.arange(1960.0, 2021.0, 10.0)
"""Years around which a fondness for a period is centred."""
PERIOD_WIDTH = 7.0
"""Years from a period's middle to where its weight has fallen to exp(-1/2)."""
PERIOD_VARIANCE = 0.05
"""Prior variance of a person's fondness for each period, in square stars; learned on MovieLens 1M it is .05 to .07 for
the periods that its films are of."""


def spec_blocks(genres: tuple[str, ...], imdb: NDArray[np.int32], tmdb: NDArray[np.int32]) -> tuple[Block, ...]:
    """Numbers, "is English", genres, known title, names: the columns that a taste model reads, in this order."""
    return (
        *(Number(field) for field in NUMBERS),
        OneHot("original_language", 0, ("en",)),
        MultiHot("genre", 0, genres),
        KnownTitle(imdb, tmdb),
        *(Tokens(field, slots) for field, (slots, _) in TOKENS.items()),
    )


@dataclass(frozen=True)
class Scaling:
    """Means and deviations that facts are measured in, over the ratings the prior was learned on.

    Attributes:
        centre: of crowd rating, log votes, year, runtime and IMDb rating, shape (5,).
        spread: likewise.
        crowd: TMDB's mean vote.
        year_cap: newer films count as of this year: how taste follows the year was not seen beyond.
    """

    centre: Vector
    spread: Vector
    crowd: float
    year_cap: float

    def facts(self, encoded: Matrix, n_genres: int) -> NDArray[np.float64]:
        """Dense features of encoded titles without factors, shape (n_titles, N_FACTS + n_genres).

        `encoded` holds NUMBERS, "is English", genres, in this order. What is unknown counts as average.
        """
        if len(encoded) == 1:
            return self._facts_of_one(encoded[0, : len(NUMBERS) + 1 + n_genres].tolist())
        numbers = encoded[:, : len(NUMBERS)].astype(np.float64)
        rating, votes, imdb, year, runtime = numbers.T
        known = np.isfinite(rating) & (votes > 0) & (rating > 0)
        votes = np.where(known, votes, 0.0)
        shrunk = (votes * np.where(known, rating, 0.0) + CROWD_WEIGHT * self.crowd) / (votes + CROWD_WEIGHT)
        runtime = np.where(runtime > 20, np.clip(runtime, 40, 240), np.nan)
        raw = columns(len(encoded), shrunk, np.log1p(votes), np.minimum(year, self.year_cap), runtime, imdb)
        scaled = (raw - self.centre) / self.spread
        has_imdb = np.isfinite(scaled[:, 4])
        scaled = filled(scaled)
        crowd, attention, age, length, critics = scaled.T
        crowd = np.where(known | ~has_imdb, crowd, critics)
        attention = np.where(known, attention, 0.0)
        foreign = filled(1.0 - encoded[:, len(NUMBERS)].astype(np.float64))
        genres = filled(encoded[:, len(NUMBERS) + 1 :][:, :n_genres].astype(np.float64))
        gap = np.where(has_imdb, critics - crowd, 0.0)
        dense = columns(len(crowd), 1.0, crowd, attention, crowd * attention, age, age**2, length, foreign, gap)
        return np.concatenate([dense, genres], axis=1)

    def _facts_of_one(self, row: list[float]) -> NDArray[np.float64]:
        """The same for a single title, to the last bit, without an array operation for each number."""
        rating, votes, imdb, year, runtime, is_english, *genres = row
        known = votes > 0 and 0 < rating < math.inf
        if not known:
            rating = votes = 0.0
        shrunk = (votes * rating + CROWD_WEIGHT * self.crowd) / (votes + CROWD_WEIGHT)
        runtime = min(max(runtime, 40.0), 240.0) if runtime > 20 else math.nan
        year = self.year_cap if year > self.year_cap else year
        raw = (shrunk, float(np.log1p(votes)), year, runtime, imdb)
        scaled = [(v - c) / s for v, c, s in zip(raw, self.centre.tolist(), self.spread.tolist(), strict=True)]
        has_imdb = math.isfinite(scaled[4])
        crowd, attention, age, length, critics = (v if v == v else 0.0 for v in scaled)
        if not known:
            attention, crowd = 0.0, critics if has_imdb else crowd
        foreign = 1.0 - is_english if is_english == is_english else 0.0
        gap = critics - crowd if has_imdb else 0.0
        listed = [g if g == g else 0.0 for g in genres]
        return np.array([[1.0, crowd, attention, crowd * attention, age, age * age, length, foreign, gap, *listed]])


def periods(year: NDArray[Any]) -> NDArray[np.float64]:
    """How near each title is to the middle of each period, shape (n_titles, n_periods); 0 where the year is unknown.

    >>> periods(np.array([1990.0, np.nan])).round(2)[:, 2:5].tolist()
    [[0.36, 1.0, 0.36], [0.0, 0.0, 0.0]]
    """
    place = np.minimum(np.maximum(year - _YEARS[0], 0), len(_YEARS) - 1)  # for one title quicker than numpy.clip
    return np.asarray(_NEARNESS[np.where(year == year, place, len(_YEARS)).astype(np.int64)])


_YEARS = np.arange(1880.0, 2101.0)
_NEARNESS = np.exp(-0.5 * ((_YEARS[:, None] - PERIODS) / PERIOD_WIDTH) ** 2)
_NEARNESS = np.concatenate([_NEARNESS, np.zeros((1, len(PERIODS)))])
"""Of each year and, last, of none: a table, so that a title alone and one among many get the same to the last bit."""


def filled(values: NDArray[Any]) -> NDArray[Any]:
    """The values with 0 for NaN; for a single title several times quicker than `numpy.nan_to_num`."""
    return np.where(values == values, values, 0)


def columns(n_rows: int, *values: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The values side by side, shape (n_rows, n_values); for a single title quicker than `numpy.column_stack`."""
    out = np.empty((n_rows, len(values)))
    for i, value in enumerate(values):
        out[:, i] = value
    return out


@dataclass(frozen=True)
class TastePrior:
    """The population's taste.

    Attributes:
        genres: genre names in the order of the features.
        scaling: how facts are measured.
        weights: liking, in stars, of the average person for a title of these facts, shape (n_facts,).
        covariance: of people's own weights around that, of facts, factors, periods, shape (n_dense, n_dense).
        lean: how the weights follow from which titles a person has labelled, shape (n_dense, n_dense).
        lean_centre: mean features of the titles that the average person has labelled, shape (n_dense,).
        thresholds: stars between would-not-watch and would-watch, and between that and would-watch-again.
        noise: scale of the logistic noise, in stars.
        imdb: numeric IMDb ids of known films, 0 where unknown.
        tmdb: their TMDB ids likewise.
        quality: stars by which a known film is better than its facts, shape (n_films,).
        factors: item factors of known films, shape (n_films, n_factors).
        people: sketches of the ratings of the people it was learned on, shape (n_people, n_hashes).
        provenance: where it comes from, in plain JSON.
    """

    genres: tuple[str, ...]
    scaling: Scaling
    weights: Vector
    covariance: NDArray[np.float64]
    lean: NDArray[np.float64]
    lean_centre: Vector
    thresholds: tuple[float, float]
    noise: float
    imdb: NDArray[np.int32]
    tmdb: NDArray[np.int32]
    quality: NDArray[np.float32]
    factors: NDArray[np.float32]
    people: NDArray[np.uint32]
    provenance: Mapping[str, Any]

    @property
    def n_facts(self) -> int:
        """Dense features that come from facts; factors follow, then periods."""
        return N_FACTS + len(self.genres)

    @property
    def of_factors(self) -> slice:
        """The dense features that are item factors."""
        return slice(self.n_facts, self.n_facts + self.factors.shape[1])

    def blocks(self) -> tuple[Block, ...]:
        """The part of a feature spec that the taste model reads, in its order."""
        return spec_blocks(self.genres, self.imdb, self.tmdb)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain JSON and arrays; large tables in half precision."""
        plain = {
            "genres": list(self.genres),
            "crowd": self.scaling.crowd,
            "year_cap": self.scaling.year_cap,
            "thresholds": list(self.thresholds),
            "noise": self.noise,
            "provenance": dict(self.provenance),
        }
        arrays: dict[str, NDArray[Any]] = {"centre": self.scaling.centre, "spread": self.scaling.spread}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                arrays[f.name] = value.astype(np.float16) if f.name in ("quality", "factors") else value
        return plain, arrays

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TastePrior:
        """Made again.

        Raises:
            ValueError: when the parts do not fit together, as in a prior of an earlier making.
        """
        n_dense = N_FACTS + len(plain["genres"]) + arrays["factors"].shape[1] + len(PERIODS)
        if len(arrays["covariance"]) != n_dense:
            raise ValueError(f"it weighs {len(arrays['covariance'])} features of a title, not {n_dense}")
        scaling = Scaling(arrays["centre"], arrays["spread"], float(plain["crowd"]), float(plain["year_cap"]))
        low, high = plain["thresholds"]
        return cls(
            genres=tuple(plain["genres"]),
            scaling=scaling,
            weights=arrays["weights"],
            covariance=arrays["covariance"],
            lean=arrays["lean"],
            lean_centre=arrays["lean_centre"],
            thresholds=(float(low), float(high)),
            noise=float(plain["noise"]),
            imdb=arrays["imdb"],
            tmdb=arrays["tmdb"],
            quality=arrays["quality"].astype(np.float32),
            factors=arrays["factors"].astype(np.float32),
            people=arrays["people"],
            provenance=plain["provenance"],
        )

    def to_bytes(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays, for one npz file: the plain part as UTF-8 JSON in `plain`."""
        plain, arrays = self.state()
        return {"plain": np.frombuffer(json.dumps(plain, ensure_ascii=False).encode(), dtype=np.uint8), **arrays}

    @classmethod
    def from_bytes(cls, arrays: Mapping[str, NDArray[Any]]) -> TastePrior:
        """What `to_bytes` gave."""
        return cls.from_state(json.loads(arrays["plain"].tobytes()), arrays)
