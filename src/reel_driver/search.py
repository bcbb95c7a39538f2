"""Search over the declared space of a learner: every setting, some by chance, or guided by what was seen so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from reel_driver.errors import ExtraMissing
from reel_driver.menu import RatingPipeline
from reel_driver.ratings import N_FOLDS, Progress, fit, rated
from reel_driver.split import plain_folds

Space = Mapping[str, tuple[Any, ...]]
Pruner = Callable[[int, float], bool]
"""Told the fold and the mean error so far; True stops the setting."""


@dataclass(frozen=True)
class Trial:
    """One setting and its cross-validated RMSE; pruned trials have seen fewer folds."""

    params: Mapping[str, Any]
    rmse: float
    is_pruned: bool = False


def cross_validated(
    pipeline: RatingPipeline, films: pl.DataFrame, params: Mapping[str, Any], seed: int, pruned: Pruner
) -> Trial:
    """Judge one setting; every setting sees the same folds."""
    folds = plain_folds(films.height, N_FOLDS, np.random.default_rng(seed))
    chosen = RatingPipeline(pipeline.name, pipeline.recipe, pipeline.learner.configured(params), pipeline.by_votes)
    squares, seen = 0.0, 0
    for fold in range(N_FOLDS):
        test = films.filter(folds == fold)
        spec, model = fit(chosen, films.filter(folds != fold), np.random.default_rng(seed))
        error = model.predict(spec.encode_frame(test))[0] - test["tmdb_rating"].to_numpy()
        squares, seen = squares + float((error**2).sum()), seen + test.height
        if fold < N_FOLDS - 1 and pruned(fold, (squares / seen) ** 0.5):
            return Trial(params, (squares / seen) ** 0.5, is_pruned=True)
    return Trial(params, (squares / seen) ** 0.5)


def settings(space: Space, method: str, n_trials: int, seed: int) -> Iterator[Mapping[str, Any]]:
    """All settings in order ("grid"), or `n_trials` different ones by chance ("random").

    >>> [dict(s) for s in settings({"a": (1, 2), "b": (3,)}, "grid", 9, 0)]
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    whole = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
    if method == "random":
        order = np.random.default_rng(seed).permutation(len(whole))[:n_trials]
        yield from (whole[i] for i in order)
    else:
        yield from whole


def tune(
    pipeline: RatingPipeline,
    frame: pl.DataFrame,
    space: Space,
    *,
    method: str = "optuna",
    n_trials: int = 30,
    seed: int = 0,
    storage: str | None = None,
    study: str = "rating",
    progress: Progress = lambda done, total: None,
) -> list[Trial]:
    """Try settings; returns the trials, best first.

    Args:
        pipeline: whose learner is tuned.
        frame: films; those without a rating are left out.
        space: parameter to its possible values, the same for all methods.
        method: "grid", "random" or "optuna".
        n_trials: how many settings; a grid tries all.
        seed: of folds and choices.
        storage: where Optuna keeps its study; an interrupted one goes on, and several processes may share one.
        study: name of the study.
        progress: told about each setting.

    Raises:
        ExtraMissing: without the search extra.
    """
    films = rated(frame)
    if method == "optuna":
        return _guided(pipeline, films, space, n_trials, seed, storage, study, progress)
    listed = list(settings(space, method, n_trials, seed))
    trials = []
    for done, params in enumerate(listed, start=1):
        trials.append(cross_validated(pipeline, films, params, seed, lambda fold, error: False))
        progress(done, len(listed))
    return sorted(trials, key=lambda t: t.rmse)


def _guided(
    pipeline: RatingPipeline,
    films: pl.DataFrame,
    space: Space,
    n_trials: int,
    seed: int,
    storage: str | None,
    study: str,
    progress: Progress,
) -> list[Trial]:
    try:
        import optuna
    except ImportError as error:
        raise ExtraMissing("search", "Guided search") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kept = optuna.create_study(
        study_name=study,
        storage=storage,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    complete = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)

    def judge(trial: Any) -> float:
        params = {name: trial.suggest_categorical(name, values) for name, values in space.items()}

        def pruned(fold: int, error: float) -> bool:
            trial.report(error, fold)
            return bool(trial.should_prune())

        result = cross_validated(pipeline, films, params, seed, pruned)
        if result.is_pruned:
            raise optuna.TrialPruned
        return result.rmse

    # Asked one by one, so that processes that share a study stop together when it has its trials.
    while (n_done := len(kept.get_trials(deepcopy=False, states=complete))) < n_trials:
        progress(n_done, n_trials)
        kept.optimize(judge, n_trials=1)
    progress(n_trials, n_trials)
    trials = [
        Trial(t.params, t.value, is_pruned=t.state == optuna.trial.TrialState.PRUNED)
        for t in kept.get_trials(deepcopy=False, states=complete)
        if t.value is not None
    ]
    return sorted(trials, key=lambda t: (t.is_pruned, t.rmse))
