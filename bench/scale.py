"""How long a large catalogue takes: `python bench/scale.py --titles 1000000`.

Makes a synthetic catalogue from the starter titles, trains the starter profile on it, then times whole processes: scoring every
title, and tonight's row from the stored scores. Then a file of as many titles, each with an overview of its own, is scored
from Parquet to Parquet by 200 trees on one core. Prints seconds and peak memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl


def fill(home: Path, n_titles: int) -> float:
    """Fill a home with the starter and `n_titles` made from it; returns the seconds that the titles took."""
    os.environ["REEL_HOME"] = str(home)
    from reel_driver import starter
    from reel_driver.operations import data, learn
    from reel_driver.operations.workspace import Workspace

    rng = np.random.default_rng(0)
    films = starter.catalogue().filter(pl.col("kind") == "movie")
    with Workspace.default(data.STARTER) as work:
        data.load_starter(work)
        numbers = pl.int_range(pl.len())
        many = films[rng.integers(0, films.height, n_titles)].with_columns(
            imdb_id=pl.format("tt{}", 10_000_000 + numbers),
            tmdb_id=5_000_000 + numbers,
            title=pl.format("{} {}", "title", numbers),
            tmdb_votes=pl.Series(rng.integers(0, 30_000, n_titles)),
            tmdb_rating=pl.Series(rng.uniform(3, 9, n_titles).round(3)),
        )
        many.with_columns(overview=pl.format("{} {}", "overview", numbers)).write_parquet(home / "titles.parquet")
        started = time.perf_counter()
        work.store.upsert_titles(many, source="synthetic")
        took = time.perf_counter() - started
        learn.train(work)
    return took


def train_trees(home: Path) -> None:
    """Make 200 trees the champion."""
    from reel_driver.operations import data, learn
    from reel_driver.operations.workspace import Workspace
    from reel_driver.train import TrainConfig

    os.environ["REEL_HOME"] = str(home)
    with Workspace.default(data.STARTER) as work:
        learn.train(work, "xgboost", TrainConfig(search=False, params={"n_estimators": 200}))


def timed(arguments: list[str], home: Path, *, on_one_core: bool = False) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in MB of a `reel` command."""
    command = [str(Path(sys.executable).with_name("reel")), "--profile", "starter", *arguments]
    own = {**os.environ, "REEL_HOME": str(home)}
    if on_one_core:
        own |= dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=own)
    if on_one_core:
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"reel {' '.join(arguments)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor, used.ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="runs of each command; the median is printed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        print(f"{options.titles:,} titles inserted in {fill(home, options.titles):.1f} s")
        commands = {"score": ["score"], "tonight": ["tonight"], "tonight, filtered": ["tonight", "--genre", "Drama"]}
        for name, command in commands.items():
            show(name, [timed(command, home) for _ in range(options.runs)])
        train_trees(home)
        command = ["predict", "--input", str(home / "titles.parquet"), "--output", str(home / "scored.parquet")]
        runs = [timed(command, home, on_one_core=True) for _ in range(options.runs)]
        show("Parquet to Parquet", runs, f"{options.titles / sorted(runs)[len(runs) // 2][0]:,.0f} titles a second")


def show(name: str, runs: list[tuple[float, float, float]], more: str = "") -> None:
    """Print the median run."""
    wall, processor, memory = sorted(runs)[len(runs) // 2]
    print(f"{name:20} {wall:6.2f} s wall {processor:6.2f} s processor {memory:6.0f} MB {more}".rstrip())


if __name__ == "__main__":
    main()
