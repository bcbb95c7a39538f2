"""The verb that judges every feature pipeline of the first system with every learner, and keeps what is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from reel_driver import __version__, menu, ratings
from reel_driver.errors import NotFound
from reel_driver.evaluate import Progress, silent
from reel_driver.files import digest, write_json
from reel_driver.operations.films import read_films
from reel_driver.operations.workspace import Workspace


@dataclass(frozen=True)
class Experiment:
    """What an experiment found.

    Attributes:
        rows: a combination each, the least error in cross-validation first: its name, `cv` and, where asked, `test`
            with `rmse`, `mae` and `r2`, and the seconds that both took.
        kept_in: the folder of finished combinations; without it everything is judged anew.
    """

    rows: list[dict[str, Any]]
    kept_in: Path


def experiment(
    work: Workspace,
    source: Path,
    *,
    only: str | None = None,
    with_test: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Experiment:
    """Every feature pipeline with every learner, cross-validated on the training part of the first system's split.

    A finished combination is kept and not judged again for the same table, seed and settings, so that an interrupted
    experiment goes on where it was.

    Args:
        work: where finished combinations are kept, under `data/experiments`.
        source: a table of films.
        only: names of combinations must contain this text.
        with_test: judge each on the test part, too.
        seed: of the folds and of learners that have none of their own.
        progress: told about each combination.

    Raises:
        NotFound: when no combination has such a name.
    """
    pairs = [(f, m) for f in menu.EXPERIMENT_FEATURES for m in menu.LEARNERS if (only or "") in f"{f}:{m}"]
    if not pairs:
        raise NotFound("combination", only, f"take a part of a name such as {menu.EXPERIMENT_FEATURES[3]}:lightgbm.")
    frame, _ = read_films(source)
    train, test = ratings.first_parts(frame)
    kept_in = work.data("experiments") / digest(source)
    rows = []
    for done, (features, learner) in enumerate(pairs):
        progress(done, len(pairs))
        pipeline = menu.rating_pipeline(f"{features}:{learner}")
        rows.append(_judged(kept_in / f"{features}.{learner}.json", pipeline, train, test if with_test else None, seed))
    progress(len(pairs), len(pairs))
    return Experiment(sorted(rows, key=lambda r: r["cv"]["rmse"]), kept_in)


def _judged(
    path: Path, pipeline: menu.RatingPipeline, train: pl.DataFrame, test: pl.DataFrame | None, seed: int
) -> dict[str, Any]:
    """One combination, from its file as far as it is there."""
    settings = {"software": __version__, "seed": seed, "params": dict(pipeline.learner.params)}
    row = _kept(path, settings)
    if row is None:
        began = perf_counter()
        predicted = ratings.out_of_fold(pipeline, train, np.random.default_rng(seed))
        errors = ratings.errors_of(ratings.ratings_of(train), predicted)
        row = {"name": pipeline.name, "cv": errors.plain(), "seconds": round(perf_counter() - began, 2)}
        write_json({"settings": settings, **row}, path)
    if test is None:
        return {name: value for name, value in row.items() if not name.startswith("test")}
    if "test" not in row:
        began = perf_counter()
        row |= ratings.judged_on(test, pipeline, train, np.random.default_rng(seed))
        row["test_seconds"] = round(perf_counter() - began, 2)
        write_json({"settings": settings, **row}, path)
    return row


def _kept(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept of the same settings; a file that is damaged or of other settings counts as none."""
    try:
        read = json.loads(path.read_bytes())
        return read if read.pop("settings") == settings and {"name", "cv", "seconds"} <= read.keys() else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
