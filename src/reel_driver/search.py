"""Search over the declared space of a learner: every setting, some by chance, or guided by what was seen so far."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import URL, exc

from reel_driver.errors import ExtraMissing, StoreUnreachable
from reel_driver.evaluate import Progress, silent
from reel_driver.features.blocks import Matrix
from reel_driver.menu import RatingPipeline
from reel_driver.models import Vector
from reel_driver.models.regress import Regressor
from reel_driver.ratings import N_FOLDS, ratings_of, weights_of
from reel_driver.split import plain_folds
from reel_driver.store.connect import read_url, shown
from reel_driver.store.failures import translated

Space = Mapping[str, tuple[Any, ...]]
Pruner = Callable[[int, float], bool]
"""Told the fold and the mean error so far; True stops the setting."""


@dataclass(frozen=True)
class Trial:
    """One setting and its cross-validated RMSE; pruned trials have seen fewer folds."""

    params: Mapping[str, Any]
    rmse: float
    is_pruned: bool = False


@dataclass(frozen=True)
class Fold:
    """One part of the films encoded for a model of the other parts: the same for every setting, so made once.

    Attributes:
        names: of the columns.
        encoded: the other parts, shape (n_titles, width), with their `target` and `weight`, both of shape (n_titles,).
        asked: this part, shape (n_asked, width), with its ratings `truth`, shape (n_asked,).
    """

    names: tuple[str, ...]
    encoded: Matrix
    target: Vector
    weight: Vector
    asked: Matrix
    truth: Vector


def fold_reader(pipeline: RatingPipeline, films: pl.DataFrame, seed: int) -> Callable[[int], Fold]:
    """Makes each fold when it is first asked for, and keeps it."""
    parts = plain_folds(films.height, N_FOLDS, np.random.default_rng(seed))

    @cache
    def fold(number: int) -> Fold:
        train, test = films.filter(parts != number), films.filter(parts == number)
        spec = pipeline.recipe.fit(train)
        return Fold(
            spec.names, spec.encode_frame(train), ratings_of(train), weights_of(train, by_votes=pipeline.by_votes),
            spec.encode_frame(test), ratings_of(test),
        )  # fmt: skip

    return fold


def cross_validated(
    learner: Regressor, fold: Callable[[int], Fold], params: Mapping[str, Any], seed: int, pruned: Pruner
) -> Trial:
    """Judge one setting; every setting sees the same folds."""
    chosen = learner.configured(params)
    squares, seen = 0.0, 0
    for number in range(N_FOLDS):
        own = fold(number)
        model = chosen.fit(own.names, own.encoded, own.target, own.weight, np.random.default_rng(seed))
        squares += float(((model.predict(own.asked)[0] - own.truth) ** 2).sum())
        seen += len(own.truth)
        if number < N_FOLDS - 1 and pruned(number, (squares / seen) ** 0.5):
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
    progress: Progress = silent,
) -> list[Trial]:
    """Try settings; returns the trials, best first.

    Args:
        pipeline: whose learner is tuned.
        frame: films with a rating, as `ratings.rated` leaves them.
        space: parameter to its possible values, the same for all methods.
        method: "grid", "random" or "optuna".
        n_trials: how many different settings; a grid tries all.
        seed: of folds and choices.
        storage: where Optuna keeps its study, an SQLAlchemy URL; an interrupted one goes on, and several processes may
            share one: together they try `n_trials` settings, and each may have one more under way when that is reached.
        study: name of the study.
        progress: told about each setting.

    Raises:
        ExtraMissing: without the search extra.
        StoreError: in one of its kinds, when the study cannot be kept.
    """
    fold = fold_reader(pipeline, frame, seed)
    with stopping_between() as stop_if_asked:
        if method == "optuna":
            return _guided(pipeline.learner, fold, space, n_trials, seed, storage, study, progress, stop_if_asked)

        def never(number: int, error: float) -> bool:
            stop_if_asked()
            return False

        listed = list(settings(space, method, n_trials, seed))
        trials = []
        for done, params in enumerate(listed):
            progress(done, len(listed))
            trials.append(cross_validated(pipeline.learner, fold, params, seed, never))
        progress(len(listed), len(listed))
    return sorted(trials, key=lambda t: t.rmse)


@contextmanager
def stopping_between() -> Iterator[Callable[[], None]]:
    """A block that Ctrl-C stops only where it asks, by the function that is yielded; a second one stops it at once.

    Raised at any place, the interruption is now and then swallowed by a learner's destructor or cuts a commit in two.
    Outside the main thread nothing changes: signals do not arrive there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    is_asked = False
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:
        nonlocal is_asked
        is_asked = True
        signal.signal(signal.SIGINT, before)

    def stop_if_asked() -> None:
        if is_asked:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, before)


def _guided(
    learner: Regressor,
    fold: Callable[[int], Fold],
    space: Space,
    n_trials: int,
    seed: int,
    storage: str | None,
    study: str,
    progress: Progress,
    stop_if_asked: Callable[[], None],
) -> list[Trial]:
    try:
        import optuna
    except ImportError as error:
        raise ExtraMissing("search", "Guided search") from error
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    states = optuna.trial.TrialState
    finished = (states.COMPLETE, states.PRUNED)
    with _kept_study(storage, study) as kept:
        n_wanted = min(n_trials, math.prod(len(values) for values in space.values()))
        is_repeat = False
        # Asked one by one, so that processes that share a study stop together when it has its settings.
        while len(tried := {_key(t.params) for t in kept.get_trials(deepcopy=False, states=finished)}) < n_wanted:
            progress(len(tried), n_wanted)
            trial = kept.ask()
            # A seed for each trial: the choices are the same after an interruption, and no process repeats another's.
            sampler = optuna.samplers.RandomSampler if is_repeat else optuna.samplers.TPESampler
            kept.sampler = sampler(seed=seed + trial.number)
            params = {name: trial.suggest_categorical(name, values) for name, values in space.items()}
            if is_repeat := _key(params) in tried:  # nothing new to learn: draw the next by chance
                kept.tell(trial, state=states.FAIL)
                continue

            def pruned(number: int, error: float, trial: Any = trial) -> bool:
                stop_if_asked()
                trial.report(error, number)
                return bool(trial.should_prune())

            found = cross_validated(learner, fold, params, seed, pruned)
            if found.is_pruned:
                kept.tell(trial, state=states.PRUNED)
            else:
                kept.tell(trial, found.rmse)
        progress(n_wanted, n_wanted)
        trials = [
            Trial(t.params, t.value, is_pruned=t.state == states.PRUNED)
            for t in kept.get_trials(deepcopy=False, states=finished)
            if t.value is not None
        ]
    return sorted(trials, key=lambda t: (t.is_pruned, t.rmse))


def _key(params: Mapping[str, Any]) -> str:
    """A setting as text, the same in every process."""
    return json.dumps(params, sort_keys=True)


@contextmanager
def _kept_study(storage: str | None, name: str) -> Iterator[Any]:
    """A study in a database, made when it is not there yet; or in memory alone."""
    import optuna

    wishes: dict[str, Any] = {"study_name": name, "pruner": optuna.pruners.MedianPruner(n_startup_trials=5)}
    if storage is None:
        yield optuna.create_study(**wishes)
        return
    url = read_url(storage, "--storage")
    try:
        with translated(shown(url), str(url.password) if url.password else None):
            try:
                opened = _study_tables(url)
            except ModuleNotFoundError:
                raise ExtraMissing("postgres", "A PostgreSQL database") from None
            try:
                yield optuna.create_study(storage=opened, load_if_exists=True, **wishes)
            finally:
                opened.engine.dispose()
    except optuna.exceptions.StorageInternalError as error:
        raise StoreUnreachable(shown(url), " ".join(str(error.__cause__ or error).split())[:200]) from None


def _study_tables(url: URL) -> Any:
    """Optuna's tables in a database; processes that start together may all want to make them, and one succeeds."""
    import optuna

    text = url.render_as_string(hide_password=False)
    waits = {"timeout": 30} if url.get_backend_name() == "sqlite" else {"connect_timeout": 10}
    for seconds in (0.2, 0.5, 1.0):
        try:
            return optuna.storages.RDBStorage(text, engine_kwargs={"connect_args": waits})
        except (exc.IntegrityError, exc.ProgrammingError, exc.OperationalError) as error:
            if "already exists" not in str(error) and not isinstance(error, exc.IntegrityError):
                raise
        time.sleep(seconds)
    return optuna.storages.RDBStorage(text, engine_kwargs={"connect_args": waits})
