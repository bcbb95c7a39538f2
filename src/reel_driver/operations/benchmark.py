"""The verb that judges a model on new people, from any ratings in MovieLens' formats."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver import protocol
from reel_driver.errors import NotFound, OverlappingPeople, TooFewRaters
from reel_driver.evaluate import Progress, best_params, silent
from reel_driver.features.known import Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.ingest.movielens import read_rated_titles, read_ratings
from reel_driver.models import Learner, Vector
from reel_driver.models.ladder import TasteLearner
from reel_driver.models.prior import CROWD_WEIGHT, TastePrior
from reel_driver.models.taste import Features, features, width
from reel_driver.operations.prior import overlapping
from reel_driver.prior_file import read_prior, shipped_prior
from reel_driver.protocol import Choose, Person, Predict, SumVariance
from reel_driver.tasks import Pipeline, taste_pipeline, watch_pipeline
from reel_driver.teach import Round

N_LABELS = (0, 5, 10, 20, 50, 100, 200)
ORDERS = ("random", "time")
CHOICES = ("first", "teach", "popular")
BASELINES = ("crowd", "votes", "logistic", "xgboost")
LIGHT_TREES = {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3, "subsample": 1.0, "min_child_weight": 0.5}
"""The XGBoost baseline is fitted thousands of times, and has to split a handful of labels."""


@dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured.

    Attributes:
        model: a name on the menu of `reel train`.
        rung: for "taste", the rung; None lets each person's labels choose it, which takes long.
        prior: file of a prior; None for the one that ships.
        baselines: of `BASELINES`.
        orders: of `ORDERS`.
        n_labels: numbers of labels.
        choice: how labels are chosen from the pool, of `CHOICES`: its first ones, what teaches most, most votes.
        pool: titles of each person that may be labelled.
        min_ratings: people with fewer ratings of known titles are left out.
        like: stars from which on a title counts as liked.
        again: stars from which on it counts as "would watch again".
        n_people: so many people only, drawn by `seed`.
        allow_overlap: judge people on whom the prior was learned, too.
        seed: of everything random.
    """

    model: str = "taste"
    rung: str | None = "posterior"
    prior: Path | None = None
    baselines: Sequence[str] = BASELINES
    orders: Sequence[str] = ORDERS
    n_labels: Sequence[int] = N_LABELS
    choice: str = "first"
    pool: int = 100
    min_ratings: int = 180
    like: float = 4.0
    again: float = 5.0
    n_people: int | None = None
    allow_overlap: bool = False
    seed: int = 0


def benchmark_taste(
    ratings_file: Path, titles_file: Path, config: BenchmarkConfig, *, progress: Progress = silent
) -> dict[str, Any]:
    """Judge a model and its baselines on new people; the result as plain JSON.

    Raises:
        OverlappingPeople: when the prior knows a test person and `allow_overlap` is not set.
        TooFewRaters: when nobody has rated enough.
    """
    prior = read_prior(config.prior) if config.prior else shipped_prior()
    pipeline = taste_pipeline(prior) if config.model == "taste" else watch_pipeline(config.model)
    ratings, titles = read_ratings(ratings_file), read_rated_titles(titles_file)
    rng = np.random.default_rng(config.seed)
    chosen, n_overlap = _test_people(ratings, titles, prior, config, rng)
    with_time = chosen["timestamp"].null_count() < chosen.height
    orders = [o for o in config.orders if o != "time" or with_time]
    predictors: dict[str, Predict] = {pipeline.name: _predictor(pipeline, titles, config)}
    for name in config.baselines:
        predictors.setdefault(name, _baseline(name, titles, prior, config))
    choose = _chooser(config.choice, prior, titles)
    results: dict[str, Any] = {}
    total, done = len(orders) * len(predictors) * len(config.n_labels), 0
    for order in orders:
        people = _people(chosen, titles, order, config, rng)
        results[order] = {}
        for name, predict in predictors.items():
            results[order][name] = {}
            for n in config.n_labels:
                found = _judged(people, n, config.pool, predict, choose)
                done += 1
                progress(done, total)
                if found:
                    figures = protocol.summary(found, np.random.default_rng(config.seed))
                    plain = {key: asdict(figure) for key, figure in figures.items()}
                    results[order][name][str(n)] = {"n_people": len(found), **plain}
    return {
        "model": pipeline.name,
        "rung": config.rung if pipeline.name == "taste" else None,
        "choice": config.choice,
        "n_people": int(chosen["userId"].n_unique()),
        "n_overlap": n_overlap,
        "pool": config.pool,
        "like": config.like,
        "left_out": [] if with_time else ["time order: the ratings carry no times"],
        "results": results,
    }


def _test_people(
    ratings: pl.DataFrame, titles: pl.DataFrame, prior: TastePrior, config: BenchmarkConfig, rng: np.random.Generator
) -> tuple[pl.DataFrame, int]:
    known = ratings.filter(pl.col("movieId").is_in(titles["movieId"].implode()))
    counts = known.group_by("userId").len().filter(pl.col("len") >= config.min_ratings)
    people = counts["userId"].sort().to_list()
    if not people:
        raise TooFewRaters(0, 1, config.min_ratings)
    if config.n_people is not None and config.n_people < len(people):
        people = sorted(rng.choice(people, config.n_people, replace=False).tolist())
    n_overlap = len(overlapping(ratings.filter(pl.col("userId").is_in(people)), prior.people))
    if n_overlap and not config.allow_overlap:
        raise OverlappingPeople(len(people), n_overlap)
    return known.filter(pl.col("userId").is_in(people)), n_overlap


def _people(
    chosen: pl.DataFrame, titles: pl.DataFrame, order: str, config: BenchmarkConfig, rng: np.random.Generator
) -> list[Person]:
    films = {m: i for i, m in enumerate(titles["movieId"].to_list())}
    frame = chosen.with_columns(film=pl.col("movieId").replace_strict(films, return_dtype=pl.Int64))
    if order == "time":
        frame = frame.sort("userId", "timestamp", maintain_order=True)
    out = []
    for _, own in sorted(frame.group_by("userId", maintain_order=True), key=lambda pair: pair[0]):
        stars = own["rating"].to_numpy()
        levels = (stars >= config.like).astype(np.int64) + (stars >= config.again)
        place = rng.permutation(len(stars)) if order == "random" else np.arange(len(stars))
        out.append(Person(own["film"].to_numpy()[place], levels[place]))
    return out


def _judged(
    people: Sequence[Person], n: int, pool: int, predict: Predict, choose: Choose | None
) -> list[protocol.Outcome]:
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        found = workers.map(lambda person: protocol.judge(person, n, pool, predict, choose), people)
        return [outcome for outcome in found if outcome is not None]


def _predictor(pipeline: Pipeline, titles: pl.DataFrame, config: BenchmarkConfig) -> Predict:
    """A pipeline as a predictor: its spec is fitted on the titles' facts once, its learner on each person's labels."""
    spec = pipeline.recipe.fit(titles)
    encoded = spec.encode_frame(titles)
    learner = pipeline.learner
    if isinstance(learner, TasteLearner):
        return _taste_predictor(learner, spec, encoded, config)
    return _plain_predictor(learner, spec, encoded)


def _plain_predictor(learner: Learner, spec: FeatureSpec, encoded: NDArray[np.float32]) -> Predict:
    def predict(
        films: NDArray[np.int64], levels: NDArray[np.int64], judged: NDArray[np.int64]
    ) -> tuple[Vector, SumVariance | None]:
        if len(films) < learner.min_labels or len(np.unique(levels > 0)) < 2:
            return np.zeros(len(judged)), None
        model = learner.fit(spec, encoded[films], levels, np.random.default_rng(0))
        return model.predict(encoded[judged])[0], None

    return predict


def _taste_predictor(
    learner: TasteLearner, spec: FeatureSpec, encoded: NDArray[np.float32], config: BenchmarkConfig
) -> Predict:
    def predict(
        films: NDArray[np.int64], levels: NDArray[np.int64], judged: NDArray[np.int64]
    ) -> tuple[Vector, SumVariance | None]:
        rng = np.random.default_rng(0)
        params: Mapping[str, Any] = {"rung": config.rung}
        if config.rung is None:
            both = len(films) >= learner.min_labels and 2 <= int((levels > 0).sum()) <= len(levels) - 2
            params = best_params(learner, spec, learner.grid, encoded[films], levels, rng) if both else {}
        model, of = learner.configured(params).fit(spec, encoded[films], levels, rng), encoded[judged]
        return model.predict(of)[0], lambda rows, weights: model.variance_of_sum(of[rows], weights)

    return predict


def _baseline(name: str, titles: pl.DataFrame, prior: TastePrior, config: BenchmarkConfig) -> Predict:
    if name in ("crowd", "votes"):
        votes = titles["tmdb_votes"].fill_null(0).to_numpy().astype(np.float64)
        rating = titles["tmdb_rating"].fill_null(0).to_numpy().astype(np.float64)
        votes = np.where(rating > 0, votes, 0.0)
        mean = float(np.average(rating, weights=votes)) if votes.sum() else 0.0
        score = (votes * rating + CROWD_WEIGHT * mean) / (votes + CROWD_WEIGHT) if name == "crowd" else votes
        return lambda films, levels, judged: (score[judged], None)
    if name not in BASELINES:
        raise NotFound("baseline", name, f"choose from {', '.join(BASELINES)}.")
    pipeline = watch_pipeline(name)
    if name == "xgboost":
        pipeline = Pipeline(pipeline.recipe, pipeline.learner.configured(LIGHT_TREES), pipeline.about)
    return _predictor(pipeline, titles, config)


def _chooser(choice: str, prior: TastePrior, titles: pl.DataFrame) -> Choose | None:
    if choice == "first":
        return None
    if choice == "popular":
        votes = titles["tmdb_votes"].fill_null(0).to_numpy()
        return lambda films, levels, n: np.argsort(-votes[films], kind="stable")[:n]
    spec = FeatureSpec(prior.blocks()).fit(titles)
    sizes = tuple(len(b.categories) for b in spec.blocks if isinstance(b, Tokens))
    of: Features = features(prior, spec.encode_frame(titles)[:, : width(prior)], sizes)

    def choose(films: NDArray[np.int64], levels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        round_ = Round(prior, sizes, of[films], knows_pool=True)
        for _ in range(n):
            place = round_.next()
            assert place is not None
            round_.answer(place, int(levels[place]))
        return np.array(round_.asked)

    return choose
