"""How long a store takes over a million titles: `python bench/store_million.py [URL] [N]`.

Prints wall and processor seconds, and the peak of memory, of each step; the default is an SQLite file in a temporary folder.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl

from reel_driver.store import Store

PIECE = 100_000
GENRES = ["Action", "Drama", "Comedy", "Horror", "Thriller", "Romance", "Animation"]
rng = np.random.default_rng(0)


@contextmanager
def timed(name: str) -> Iterator[None]:
    wall, used = time.perf_counter(), time.process_time()
    yield
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name:42} {time.perf_counter() - wall:7.2f} s {time.process_time() - used:7.2f} s cpu {megabytes:6} MB",
        flush=True,
    )


def titles(first: int, n: int) -> pl.DataFrame:
    numbers = np.arange(first, first + n)
    return pl.DataFrame(
        {
            "imdb_id": [f"tt{k:07}" for k in numbers],
            "tmdb_id": numbers,
            "kind": ["movie"] * n,
            "title": [f"Synthetic Story {k} of the North" for k in numbers],
            "release_year": rng.integers(1920, 2026, n),
            "runtime": rng.integers(60, 200, n),
            "original_language": rng.choice(["en", "fr", "ja"], n, p=[0.8, 0.1, 0.1]),
            "genre": [[GENRES[a], GENRES[b]] for a, b in rng.integers(0, 7, (n, 2))],
            "origin_country": [["US"]] * n,
            "keywords": [[f"k{a}", f"k{b}"] for a, b in rng.integers(0, 1000, (n, 2))],
            "overview": [f"Words of overview number {k} " * 8 for k in numbers],
            "tmdb_rating": rng.random(n) * 10,
            "tmdb_votes": rng.integers(0, 10_000, n),
            "imdb_votes": rng.integers(0, 10_000, n),
            "popularity": rng.random(n),
        }
    )


def scores(n: int) -> Iterator[pl.DataFrame]:
    for first in range(1, n + 1, PIECE):
        numbers = np.arange(first, min(first + PIECE, n + 1))
        p = rng.random(len(numbers))
        yield pl.DataFrame({"title_id": numbers, "score": p, "lower": p, "upper": p}).with_columns(
            is_extrapolated=False
        )


def main() -> None:
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/reel.sqlite"
        with Store.open(url) as store:
            for first in range(1, n + 1, PIECE):
                made = titles(first, min(PIECE, n + 1 - first))
                with timed(f"insert {len(made)} titles from {first}"):
                    store.upsert_titles(made, source="bench")
            columns = ["title_id", *made.columns, "budget", "revenue", "rt_score", "metascore", "production_companies"]
            with timed(f"read {len(columns)} columns of {n} titles"):
                assert sum(len(batch) for batch in store.iter_titles(columns, batch_size=50_000)) == n
            for again in ("", " again"):
                with timed(f"write {n} scores{again}"):
                    store.write_scores("me", "bench", scores(n))
            for asked in ({}, {"genre": "Horror"}, {"language": "xx"}, {"kind": "show"}, {"genre": "Nonesuch"}):
                with timed(f"top 400 {asked}"):
                    store.top_scores("me", limit=400, **asked)  # type: ignore[arg-type]
            with timed("find a title by name"):
                store.find_title(f"synthetic story {n // 2} of the north")
            with timed("back up"):
                store.backup(f"{folder}/all.zip")
            with timed("restore"):
                store.restore(f"{folder}/all.zip")


if __name__ == "__main__":
    main()
