"""The verb on the population prior: learn it from MovieLens ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver import __version__
from reel_driver.errors import TooFewRaters
from reel_driver.evaluate import Progress, silent
from reel_driver.features.known import KnownTitle, Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.ingest.movielens import read_rated_titles, read_ratings
from reel_driver.models.likeness import likeness
from reel_driver.models.population import Ratings, learn_prior
from reel_driver.models.prior import TastePrior, spec_blocks
from reel_driver.prior_file import write_prior

MIN_RATINGS = 20
"""People with fewer ratings are left out."""
MIN_PEOPLE = 50
SKETCH = 16
"""Hashes kept of each person learned on."""
SAME = 15 / 16
"""Share of a sketch that makes two people the same one. Of 25 million pairs of people of MovieLens 1M 28 share 13 or 14 of 16,
all of them a person of hundreds of ratings and one of dozens, and none shares more."""
MIN_GENRE_SHARE = 0.002


def build_prior(
    ratings_file: Path,
    titles_file: Path,
    output: Path,
    *,
    n_factors: int = 12,
    n_rounds: int = 20,
    n_people: int | None = None,
    without: Sequence[Path] = (),
    seed: int = 0,
    source: str = "",
    progress: Progress = silent,
) -> TastePrior:
    """Learn a prior and write it to a file.

    Args:
        ratings_file: MovieLens ratings in any of their formats.
        titles_file: facts of the films, with `movieId`.
        output: where the prior goes.
        n_factors: item factors.
        n_rounds: rounds of variational Bayes.
        n_people: learn on so many people only, drawn by `seed`; None for all.
        without: ratings of people that will be judged on: whoever is among them under any number is left out.
        seed: of everything random.
        source: how the ratings are called in the provenance; by default the file's name.
        progress: told about each round.

    Raises:
        TooFewRaters: when too few people have enough ratings of known films.
    """
    rng = np.random.default_rng(seed)
    ratings, titles = read_ratings(ratings_file), read_rated_titles(titles_file)
    if without:
        strangers = _without(ratings, [read_ratings(file) for file in without])
        ratings = ratings.filter(pl.col("userId").is_in(strangers))
    people = chosen_people(ratings, titles, n_people, rng)
    _, marks = sketches(ratings.filter(pl.col("userId").is_in(people.implode())))
    used = ratings.filter(
        pl.col("userId").is_in(people.implode()) & pl.col("movieId").is_in(titles["movieId"].implode())
    )
    films, persons = _places(titles["movieId"]), _places(people)
    found = Ratings(
        used["userId"].replace_strict(persons, return_dtype=pl.Int64).to_numpy(),
        used["movieId"].replace_strict(films, return_dtype=pl.Int64).to_numpy(),
        used["rating"].to_numpy(),
    )
    genres = _genres(titles, found.film)
    ids = (_numeric_imdb(titles["imdb_id"]), titles["tmdb_id"].fill_null(0).cast(pl.Int32).to_numpy())
    blocks = tuple(b for b in spec_blocks(genres, *ids) if not isinstance(b, KnownTitle | Tokens))
    provenance: Mapping[str, Any] = {
        "ratings": source or ratings_file.name,
        "titles": titles_file.name,
        "n_people": len(people),
        "n_ratings": len(found.stars),
        "n_films_rated": int(used["movieId"].n_unique()),
        "n_films": titles.height,
        "n_factors": n_factors,
        "n_rounds": n_rounds,
        "seed": seed,
        "software": __version__,
        "without": [file.name for file in without],
        "people": "sketches of their ratings are kept in this file, to refuse them as test people",
    }
    prior = learn_prior(
        FeatureSpec(blocks).encode_frame(titles),
        genres,
        ids,
        found,
        likeness(titles),
        marks,
        provenance,
        rng,
        n_factors=n_factors,
        n_rounds=n_rounds,
        progress=progress,
    )
    write_prior(prior, output)
    return prior


def _without(ratings: pl.DataFrame, judged: Sequence[pl.DataFrame]) -> list[int]:
    """People of `ratings` whom none of the other files knows."""
    people, marks = sketches(ratings)
    matched: set[int] = set()
    for other in judged:
        for rows in overlapping(other, marks).values():
            matched.update(people[rows].tolist())
    return [p for p in people.tolist() if p not in matched]


def chosen_people(
    ratings: pl.DataFrame, titles: pl.DataFrame, n_people: int | None, rng: np.random.Generator
) -> pl.Series:
    """Numbers of the people that are learned on, sorted.

    Raises:
        TooFewRaters: fewer than `MIN_PEOPLE`.
    """
    known = ratings.filter(pl.col("movieId").is_in(titles["movieId"].implode()))
    counts = known.group_by("userId").len().filter(pl.col("len") >= MIN_RATINGS)
    people = counts["userId"].sort()
    if len(people) < MIN_PEOPLE:
        raise TooFewRaters(len(people), MIN_PEOPLE, MIN_RATINGS)
    if n_people is not None and n_people < len(people):
        drawn = np.sort(rng.choice(len(people), n_people, replace=False))
        people = people[drawn.tolist()]
    return people


def sketches(ratings: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """People, and of each the `SKETCH` smallest hashes of their ratings: a person is known again under any number.

    Returns:
        Person numbers, sorted, and their sketches, shape (n_people, SKETCH); people with fewer ratings are left out.
    """
    person, mark = _hashes(ratings)
    order = np.lexsort((mark, person))
    person, mark = person[order], mark[order]
    people, start, n = np.unique(person, return_index=True, return_counts=True)
    full = n >= SKETCH
    return people[full], mark[start[full][:, None] + np.arange(SKETCH)]


def overlapping(ratings: pl.DataFrame, known: NDArray[np.uint32]) -> dict[int, NDArray[np.int64]]:
    """People who hold at least `SAME` of the sketch of someone known, with the rows of `known` that they match."""
    person, mark = _hashes(ratings)
    out = {}
    for p in np.unique(person).tolist():
        share = np.isin(known, mark[person == p]).mean(axis=1) if known.size else np.empty(0)
        rows = np.flatnonzero(share >= SAME)
        if len(rows):
            out[p] = rows
    return out


def _hashes(ratings: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Person and a 32-bit hash (SplitMix64) of film and stars of each rating."""
    x = ratings["movieId"].to_numpy().astype(np.uint64) * np.uint64(32)
    x = x + np.round(ratings["rating"].to_numpy() * 2).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ratings["userId"].to_numpy(), ((x ^ (x >> np.uint64(31))) >> np.uint64(32)).astype(np.uint32)


def _places(values: pl.Series) -> dict[int, int]:
    return {v: i for i, v in enumerate(values.to_list())}


def _numeric_imdb(ids: pl.Series) -> NDArray[np.int32]:
    return ids.str.extract(r"^tt([0-9]{1,9})$").cast(pl.Int32).fill_null(0).to_numpy()


def _genres(titles: pl.DataFrame, film: NDArray[np.int64]) -> tuple[str, ...]:
    """Genres of at least `MIN_GENRE_SHARE` of the ratings, by name."""
    listed = titles["genre"].gather(film)
    share = listed.explode().value_counts(name="n").drop_nulls()
    name = share.columns[0]
    return tuple(sorted(share.filter(share["n"] >= MIN_GENRE_SHARE * len(film))[name].to_list()))
