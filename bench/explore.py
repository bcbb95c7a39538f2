"""How long `reel explore` takes on a million rows, and how much memory: `python bench/explore.py [ROWS]`."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from reel_driver.explore import explore
from reel_driver.ingest.plain import read_plain
from reel_driver.report import explore_page


def invented(n: int, rng: np.random.Generator) -> pl.DataFrame:
    """A catalogue with labels: numbers, categories, lists, texts, dates and nulls."""
    votes = np.exp(rng.normal(5, 2.5, n)).astype(np.int64)
    watch = np.log(votes + 1) + rng.normal(0, 1, n) > 8
    genres = np.array(["Drama", "Comedy", "Action", "Thriller", "Horror", "Family", "Western"])
    words = np.array(
        [
            "night",
            "the",
            "last",
            "house",
            "of",
            "a",
            "woman",
            "river",
            "man",
            "and",
            "city",
            "dark",
            "love",
            "long",
            "way",
            "home",
        ]
    )
    drawn = rng.integers(len(words), size=(n, 24))
    overview = pl.DataFrame(words[drawn]).select(pl.concat_str(pl.all(), separator=" ")).to_series()
    return pl.DataFrame(
        {
            "imdb_id": "tt" + pl.Series(np.arange(n)).cast(pl.String),
            "title": overview.str.head(30) + pl.Series(np.arange(n) % 400_000).cast(pl.String),
            "overview": overview,
            "label": np.where(watch, "would_watch", "would_not_watch"),
            "release_date": pl.Series(rng.integers(0, 19_000, n)).cast(pl.Date).cast(pl.String),
            "runtime": rng.normal(100, 20, n).round(),
            "tmdb_rating": np.where(votes > 0, rng.normal(6, 1, n).clip(0.5, 10).round(1), 0),
            "tmdb_votes": votes,
            "budget": np.where(rng.random(n) < 0.7, 0, np.exp(rng.normal(16, 2, n)).astype(np.int64)),
            "metascore": pl.Series(np.where(rng.random(n) < 0.8, np.nan, rng.integers(10, 99, n))).fill_nan(None),
            "original_language": rng.choice(["en", "fr", "ja", "ko", "hi"], n, p=[0.6, 0.1, 0.1, 0.1, 0.1]),
            "genre": pl.Series(genres[rng.integers(7, size=n)]) + ", " + pl.Series(genres[rng.integers(7, size=n)]),
        }
    )


def measure(n: int, ending: str) -> dict[str, float]:
    """Seconds to read, explore and draw, the page's size, and the peak of this process's memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"titles{ending}"
        frame = invented(n, np.random.default_rng(0))
        frame.write_csv(path) if ending == ".csv" else frame.write_parquet(path)
        del frame
        started = time.perf_counter()
        table, problems = read_plain(path)
        read = time.perf_counter()
        found = explore(table, path.name, problems=problems)
        explored = time.perf_counter()
        page = explore_page(found)
        return {
            "rows": table.height,
            "read_s": round(read - started, 2),
            "explore_s": round(explored - read, 2),
            "draw_s": round(time.perf_counter() - explored, 2),
            "page_kb": len(page.encode()) // 1000,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        }


if __name__ == "__main__":
    for kind in (".parquet", ".csv"):
        print(kind, measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, kind))
