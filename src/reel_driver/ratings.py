"""The rating task: films with ratings -> evaluation and bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.errors import TooFewFilms
from reel_driver.evaluate import Progress, silent
from reel_driver.menu import INVENTED, RatingPipeline
from reel_driver.models.blend import BlendLearner, BlendModel
from reel_driver.models.interval import fit_interval
from reel_driver.models.regress import RatingModel
from reel_driver.split import FIRST_READER_BROKE, first_split, plain_folds

Vector = NDArray[np.float64]

MIN_FILMS = 50
N_FOLDS = 5


@dataclass(frozen=True)
class Errors:
    """How far predictions are from ratings, in points.

    Attributes:
        rmse: root of the mean squared error.
        mae: mean absolute error.
        r2: share of the variance that is explained; 0 is as good as the mean.
        n: films.
    """

    rmse: float
    mae: float
    r2: float
    n: int

    def plain(self) -> dict[str, float]:
        """As plain JSON."""
        return {"rmse": self.rmse, "mae": self.mae, "r2": self.r2, "n": self.n}


def errors_of(rating: Vector, predicted: Vector) -> Errors:
    """Root mean squared error, mean absolute error and R2.

    >>> errors_of(np.array([5.0, 7.0]), np.array([6.0, 6.0]))
    Errors(rmse=1.0, mae=1.0, r2=0.0, n=2)
    """
    gap = rating - predicted
    spread = float(((rating - rating.mean()) ** 2).sum())
    r2 = 1.0 - float((gap**2).sum()) / spread if spread else float("nan")
    return Errors(float(np.sqrt((gap**2).mean())), float(np.abs(gap).mean()), r2, len(rating))


def rated(frame: pl.DataFrame) -> pl.DataFrame:
    """Films that have a rating; 0 means that nobody voted.

    Raises:
        TooFewFilms: when too few are left to learn from.
    """
    kept = frame.filter(pl.col("tmdb_rating").is_not_null() & (pl.col("tmdb_rating") != 0))
    if kept.height < MIN_FILMS:
        raise TooFewFilms(kept.height, MIN_FILMS, "a rating (vote_average, not 0)")
    return kept


def first_parts(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The train and test part of the first system: rated films in file order without the record its reader broke."""
    films = rated(frame.filter(pl.col("title").ne_missing(FIRST_READER_BROKE)))
    train, test = first_split(films.height)
    return films[train.tolist()], films[test.tolist()]


def ratings_of(films: pl.DataFrame) -> Vector:
    """What people gave, shape (n_films,)."""
    return films["tmdb_rating"].cast(pl.Float64).to_numpy()


def weights_of(frame: pl.DataFrame, *, by_votes: bool) -> Vector:
    """Weight of each film: 1 / (0.6 + 3 / votes), as the noise of a mean of votes has it, or 1."""
    if not by_votes or "tmdb_votes" not in frame.columns:
        return np.ones(frame.height) / (0.6 if by_votes else 1.0)
    votes = frame["tmdb_votes"].cast(pl.Float64).fill_null(1.0).to_numpy()
    return np.asarray(1.0 / (0.6 + 3.0 / np.maximum(votes, 1.0)))


def fit(pipeline: RatingPipeline, films: pl.DataFrame, rng: np.random.Generator) -> tuple[Any, RatingModel]:
    """Spec and model of all given films."""
    spec = pipeline.recipe.fit(films)
    target = ratings_of(films)
    weight = weights_of(films, by_votes=pipeline.by_votes)
    return spec, pipeline.learner.fit(spec.names, spec.encode_frame(films), target, weight, rng)


def out_of_fold(
    pipeline: RatingPipeline,
    films: pl.DataFrame,
    rng: np.random.Generator,
    *,
    n_folds: int = N_FOLDS,
    progress: Progress = silent,
) -> Vector:
    """Predict each film by a model of the other folds; shape (n_films,)."""
    folds = plain_folds(films.height, n_folds, rng)
    predicted = np.empty(films.height)
    for fold in range(n_folds):
        spec, model = fit(pipeline, films.filter(folds != fold), rng)
        predicted[folds == fold] = model.predict(spec.encode_frame(films.filter(folds == fold)))[0]
        progress(fold + 1, n_folds)
    return predicted


def evaluate(
    pipeline: RatingPipeline,
    frame: pl.DataFrame,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The scorecard on the first system's split: cross-validated on the training part, then the test part once.

    Args:
        pipeline: from the menu.
        frame: films in file order.
        seed: of the folds and the learner.
        progress: told about each fold.
    """
    started = perf_counter()
    train, test = first_parts(frame)
    rng = np.random.default_rng(seed)
    rating = ratings_of(train)
    predicted = out_of_fold(pipeline, train, rng, progress=lambda done, _: progress(done, N_FOLDS + 1))
    tested = judged_on(test, pipeline, train, rng)
    progress(N_FOLDS + 1, N_FOLDS + 1)
    truth = ratings_of(test)
    card = {
        "task": "rating",
        "pipeline": pipeline.name,
        "n_train": train.height,
        "cv": errors_of(rating, predicted).plain(),
        **tested,
        "baselines": {"mean": errors_of(truth, np.full(len(truth), rating.mean())).plain()},
    }
    return {**card, "seconds": round(perf_counter() - started, 2)}


def judged_on(
    test: pl.DataFrame, pipeline: RatingPipeline, train: pl.DataFrame, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Errors on films that the model never saw: of all, and of those with 100 votes or more where votes are known."""
    spec, model = fit(pipeline, train, rng)
    predicted = np.clip(model.predict(spec.encode_frame(test))[0], 0, 10)
    truth = ratings_of(test)
    found = {"test": errors_of(truth, predicted).plain()}
    if "tmdb_votes" in test.columns:
        sure = (test["tmdb_votes"] >= 100).fill_null(False).to_numpy()
        if sure.any():
            found["test_100_votes"] = errors_of(truth[sure], predicted[sure]).plain()
    return found


def beside_rivals(
    pipelines: Sequence[RatingPipeline],
    frame: pl.DataFrame,
    *,
    repeats: int,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Several pipelines, the members of those that are blends, and the mean, in repeated cross-validation on the same folds.

    Only the training part of the first system's split is looked at. How far one is behind the first comes with the 95 %
    interval of the paired difference over films, the squared errors averaged over repeats.

    Args:
        pipelines: the one in question first.
        frame: films in file order.
        repeats: how often, with other folds each time.
        seed: of the folds and learners; the first repeat has the folds of `evaluate`.
        progress: told about each fold.
    """
    started = perf_counter()
    train, _ = first_parts(frame)
    rating = ratings_of(train)
    predicted: dict[str, NDArray[np.float64]] = {}

    def note(name: str, repeat: int, rows: NDArray[np.bool_], values: Vector | float) -> None:
        predicted.setdefault(name, np.empty((repeats, len(rating))))[repeat, rows] = values

    for repeat in range(repeats):
        folds = plain_folds(train.height, N_FOLDS, np.random.default_rng(seed + repeat))
        for fold in range(N_FOLDS):
            asked = folds == fold
            for pipeline in pipelines:
                rng = np.random.default_rng((seed, repeat, fold))
                spec, model = fit(pipeline, train.filter(~asked), rng)
                encoded = spec.encode_frame(train.filter(asked))
                if isinstance(model, BlendModel) and isinstance(pipeline.learner, BlendLearner):
                    parts = [member.predict(encoded)[0] for member in model.members]
                    for learner, part in zip(pipeline.learner.members, parts, strict=True):
                        note(f"{pipeline.name}: {learner.name} alone", repeat, asked, part)
                    note(pipeline.name, repeat, asked, np.asarray(np.array(model.shares) @ np.array(parts)))
                else:
                    note(pipeline.name, repeat, asked, model.predict(encoded)[0])
            note("mean", repeat, asked, float(rating[~asked].mean()))
            progress(repeat * N_FOLDS + fold + 1, repeats * N_FOLDS)
    first = (predicted[pipelines[0].name] - rating) ** 2
    rows = [{"name": name, **_standing(values, rating, first)} for name, values in predicted.items()]
    return {
        "task": "rating",
        "n_train": train.height,
        "repeats": repeats,
        "rivals": sorted(rows, key=lambda r: r["rmse"]),
        "seconds": round(perf_counter() - started, 2),
    }


def _standing(predicted: Vector, rating: Vector, first: Vector) -> dict[str, float]:
    """Errors over repeats, and how far they are behind the first's, whose squared errors are given; shape (repeats, n_films)."""
    errors = [errors_of(rating, row) for row in predicted]
    rmse = float(np.mean([e.rmse for e in errors]))
    gaps = (((predicted - rating) ** 2 - first).mean(axis=0)) / (rmse + float(np.sqrt(first.mean(axis=1)).mean()))
    half = 1.96 * float(gaps.std(ddof=1)) / len(gaps) ** 0.5
    return {
        "rmse": rmse,
        "spread": float(np.std([e.rmse for e in errors])),
        "mae": float(np.mean([e.mae for e in errors])),
        "r2": float(np.mean([e.r2 for e in errors])),
        "behind": float(gaps.mean()),
        "behind_lower": float(gaps.mean()) - half,
        "behind_upper": float(gaps.mean()) + half,
    }


def fit_bundle(
    pipeline: RatingPipeline,
    frame: pl.DataFrame,
    *,
    about: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Bundle:
    """Judge a pipeline out of fold, then fit it on every rated film, with its interval.

    Raises:
        TooFewFilms: when too few films have a rating.
    """
    films = rated(frame)
    rng = np.random.default_rng(seed)
    total = N_FOLDS + 1
    predicted = out_of_fold(pipeline, films, rng, progress=lambda done, _: progress(done, total))
    rating = ratings_of(films)
    interval = fit_interval(predicted, rating)
    _, lower, upper = interval(predicted, None)
    spec, model = fit(pipeline, films, rng)
    facts = {
        "pipeline": pipeline.name,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_films": films.height,
        "evaluation": {
            "out_of_fold": errors_of(rating, predicted).plain(),
            "mean": errors_of(rating, np.full(len(rating), rating.mean())).plain(),
            "inside_interval": float(((rating >= lower) & (rating <= upper)).mean()),
        },
        **(about or {}),
    }
    bundle = Bundle("rating", spec, model, interval, 0.0, facts)
    progress(total, total)
    return replace(bundle, golden=golden(bundle))


def golden(bundle: Bundle) -> tuple[tuple[Mapping[str, Any], Any], ...]:
    """Invented titles with the scores they get, in several genres and years."""
    genres = ("Drama", "Comedy", "Horror", "Documentary", "Action")
    spun = [{**t, "genre": [g], "release_year": 1950 + 15 * i} for i, g in enumerate(genres) for t in INVENTED[:4]]
    rows = [*INVENTED, *({k: v for k, v in t.items() if k != "release_date"} for t in spun)]
    scores = bundle.score_rows(rows)[0].tolist()
    return tuple(zip(rows, scores, strict=True))
