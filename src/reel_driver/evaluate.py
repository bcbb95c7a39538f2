"""Out-of-fold evaluation: every figure of a scorecard comes from titles that the model had not seen, beside baselines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.features.spec import FeatureSpec
from reel_driver.metrics import (
    Confusion,
    Metric,
    ReliabilityBin,
    all_metrics,
    bootstrapped,
    cheapest_threshold,
    confusion,
    log_loss,
    reliability,
)
from reel_driver.models import Learner, Model
from reel_driver.models.calibrate import Vector, cross_calibrated, fit_calibration, sigmoid
from reel_driver.split import n_folds_for, stratified_folds
from reel_driver.tasks import Pipeline

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""

BASELINES: Mapping[str, str] = {  # column to sort by, and what that is called
    "tmdb_rating": "by TMDB rating",
    "tmdb_votes": "by TMDB votes",
    "imdb_rating": "by IMDb rating",
    "imdb_votes": "by IMDb votes",
}


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for each title by models that had not seen it.

    Attributes:
        raw: raw scores, shape (n_titles,).
        spread: their standard deviations where the model knows them.
        folds: the fold each title was predicted in.
        params: the parameters chosen within each fold's training part.
        fitted: spec and model of each fold, to ask them why.
    """

    raw: Vector
    spread: Vector | None
    folds: NDArray[np.int64]
    params: tuple[Mapping[str, Any], ...]
    fitted: tuple[tuple[FeatureSpec, Model], ...] = ()


def out_of_fold(
    pipeline: Pipeline,
    frame: pl.DataFrame,
    levels: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    search: Sequence[Mapping[str, Any]] = (),
    progress: Progress = silent,
) -> OutOfFold:
    """Predict each title by a model fitted on the other folds; spec, parameters and model are fitted inside.

    Args:
        pipeline: recipe and learner.
        frame: the titles, shape (n_titles, ...).
        levels: verdict levels 0, 1, 2, shape (n_titles,).
        rng: source of the folds and of the learner's randomness.
        search: parameter settings to choose from within each training part, by inner folds; empty for none.
        progress: told about each fold.
    """
    folds = stratified_folds(levels, n_folds_for(levels), rng)
    n_folds = int(folds.max()) + 1
    raw, spread = np.empty(len(levels)), np.full(len(levels), np.nan)

    fitted: list[tuple[FeatureSpec, Model]] = []

    def predict(fold: int, own_rng: np.random.Generator) -> tuple[Mapping[str, Any], FeatureSpec, Model]:
        train, test = folds != fold, folds == fold
        spec = pipeline.recipe.fit(frame.filter(train))
        encoded = spec.encode_frame(frame.filter(train))
        params: Mapping[str, Any] = (
            best_params(pipeline.learner, spec, search, encoded, levels[train], own_rng) if search else {}
        )
        model = pipeline.learner.configured(params).fit(spec, encoded, levels[train], own_rng)
        own_raw, own_spread = model.predict(spec.encode_frame(frame.filter(test)))
        raw[test] = own_raw
        if own_spread is not None:
            spread[test] = own_spread
        return params, spec, model

    chosen: list[Mapping[str, Any]] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done, (params, spec, model) in enumerate(pool.map(predict, range(n_folds), rng.spawn(n_folds)), start=1):
            chosen.append(params)
            fitted.append((spec, model))
            progress(done, n_folds)
    return OutOfFold(
        raw, None if np.isnan(spread).any() else spread, folds, tuple(p for p in chosen if p), tuple(fitted)
    )


@dataclass(frozen=True)
class Evaluation:
    """The scorecard of a pipeline on one profile's labels.

    Attributes:
        pipeline: name on the menu.
        n_titles: labelled titles judged.
        n_watch: those that would be watched.
        n_folds: folds.
        costs: cost of a missed title and of a wasted evening.
        threshold: the cheapest threshold at these costs.
        confusion: counts at that threshold.
        metrics: each metric with its interval.
        baselines: the same metrics of plainer ways, by name.
        reliability: said against happened.
        params: parameters chosen within each fold.
        search: out-of-fold log loss of each setting on all labels, which chose the final model; empty without a search.
        seconds: time it took.
    """

    pipeline: str
    n_titles: int
    n_watch: int
    n_folds: int
    costs: Mapping[str, float]
    threshold: float
    confusion: Confusion
    metrics: Mapping[str, Metric]
    baselines: Mapping[str, Mapping[str, float]]
    reliability: Sequence[ReliabilityBin]
    params: Sequence[Mapping[str, Any]]
    seconds: float
    search: Sequence[Mapping[str, Any]] = ()

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """An evaluation with the out-of-fold predictions behind it; `raw` feeds the calibration of the final model."""

    evaluation: Evaluation
    oof: OutOfFold
    probability: Vector
    lower: Vector
    upper: Vector


def evaluate(
    pipeline: Pipeline,
    frame: pl.DataFrame,
    levels: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    cost_missed: float = 2.0,
    cost_wasted: float = 1.0,
    search: Sequence[Mapping[str, Any]] = (),
    progress: Progress = silent,
) -> Judged:
    """Judge a pipeline out of fold, beside its baselines; arguments as `out_of_fold`, costs as `cheapest_threshold`."""
    started = time.perf_counter()
    truth = levels > 0
    oof = out_of_fold(pipeline, frame, levels, rng, search=search, progress=progress)
    probability = cross_calibrated(oof.raw, truth, oof.folds)
    _, lower, upper = fit_calibration(oof.raw, truth)(oof.raw, oof.spread)
    threshold = cheapest_threshold(truth, probability, cost_missed, cost_wasted)
    evaluation = Evaluation(
        pipeline=pipeline.name,
        n_titles=len(truth),
        n_watch=int(truth.sum()),
        n_folds=int(oof.folds.max()) + 1,
        costs={"missed": cost_missed, "wasted": cost_wasted},
        threshold=threshold,
        confusion=confusion(truth, probability, threshold),
        # Ranking is judged on raw scores, as the baselines' is: folds with maps of their own would reshuffle it a little.
        metrics=bootstrapped(truth, probability, threshold, rng, score=oof.raw),
        baselines=baselines(frame, truth, oof.folds, cost_missed, cost_wasted),
        reliability=reliability(truth, probability),
        params=oof.params,
        seconds=round(time.perf_counter() - started, 2),
    )
    return Judged(evaluation, oof, probability, np.minimum(lower, probability), np.maximum(upper, probability))


def baselines(
    frame: pl.DataFrame,
    truth: NDArray[np.bool_],
    folds: NDArray[np.int64],
    cost_missed: float,
    cost_wasted: float,
) -> dict[str, dict[str, float]]:
    """Metrics of the majority and of sorting by one public figure.

    A figure becomes a probability by a logistic curve over its rank, fitted on the other folds; a title without the
    figure counts as the lowest. So every metric, not only the ranking ones, is there for comparison.
    """
    share = np.array([truth[folds != f].mean() for f in folds])
    out = {"majority": all_metrics(truth, share, 0.5)}
    for column, name in BASELINES.items():
        if column not in frame.columns or frame[column].null_count() == frame.height:
            continue
        rank = frame[column].cast(pl.Float64).fill_null(-1.0).rank("average").to_numpy() / frame.height
        probability = cross_calibrated(4.0 * (rank - 0.5), truth, folds)
        metrics = all_metrics(truth, probability, cheapest_threshold(truth, probability, cost_missed, cost_wasted))
        # Ranking metrics on the figure itself: folds with curves of their own would reshuffle it a little.
        ranked = all_metrics(truth, rank, 0.5)
        out[name] = {**metrics, **{m: ranked[m] for m in ("roc_auc", "average_precision")}}
    return out


def search_losses(
    learner: Learner,
    spec: FeatureSpec,
    search: Sequence[Mapping[str, Any]],
    encoded: NDArray[np.float32],
    levels: NDArray[np.int64],
    rng: np.random.Generator,
    n_folds: int = 3,
) -> list[float]:
    """Out-of-fold log loss of each parameter setting over inner folds; every setting sees the same folds."""
    folds = stratified_folds(levels, min(n_folds, n_folds_for(levels)), rng)
    seed = int(rng.integers(2**31))

    def loss(params: Mapping[str, Any]) -> float:
        raw = np.empty(len(levels))
        for fold in np.unique(folds):
            train = folds != fold
            model = learner.configured(params).fit(spec, encoded[train], levels[train], np.random.default_rng(seed))
            raw[~train] = model.predict(encoded[~train])[0]
        return log_loss(levels > 0, sigmoid(raw))

    return [loss(params) for params in search]


def best_params(
    learner: Learner,
    spec: FeatureSpec,
    search: Sequence[Mapping[str, Any]],
    encoded: NDArray[np.float32],
    levels: NDArray[np.int64],
    rng: np.random.Generator,
) -> Mapping[str, Any]:
    """The parameter setting with the least of `search_losses`."""
    return search[int(np.argmin(search_losses(learner, spec, search, encoded, levels, rng)))]


def errors(judged: Judged, frame: pl.DataFrame, levels: NDArray[np.int64]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """False positives and false negatives with their out-of-fold probability, most surprising first."""
    truth = pl.Series(levels > 0)
    scored = frame.with_columns(
        truth=truth,
        probability=pl.Series(judged.probability),
        lower=pl.Series(judged.lower),
        upper=pl.Series(judged.upper),
    )
    threshold = judged.evaluation.threshold
    positives = scored.filter(~pl.col("truth") & (pl.col("probability") >= threshold)).sort(
        "probability", descending=True
    )
    negatives = scored.filter(pl.col("truth") & (pl.col("probability") < threshold)).sort("probability")
    return positives.drop("truth"), negatives.drop("truth")
