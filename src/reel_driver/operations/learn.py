"""Verbs on models: train, evaluate, and the files they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reel_driver.bundle import Bundle
from reel_driver.errors import BundleError, TooFewLabels
from reel_driver.evaluate import Judged, Progress, errors, silent
from reel_driver.files import write_json, write_parquet
from reel_driver.operations.data import labelled_titles
from reel_driver.operations.workspace import Workspace
from reel_driver.tasks import DEFAULT_WATCH, watch_pipeline
from reel_driver.train import TrainConfig, check_labels, fingerprint, fit_bundle, levels_of

ERROR_FIELDS = (
    "title_id",
    "imdb_id",
    "tmdb_id",
    "title",
    "release_year",
    "verdict",
    "probability",
    "lower",
    "upper",
)


@dataclass(frozen=True)
class Trained:
    """What `train` did.

    Attributes:
        bundle: the champion, freshly trained or as it was.
        is_new: False when nothing had changed.
        left_out: labels that were not trained on, by reason.
        outputs: files written.
    """

    bundle: Bundle
    is_new: bool
    left_out: Mapping[str, int]
    outputs: tuple[Path, ...] = ()

    @property
    def scorecard(self) -> Mapping[str, Any]:
        """The evaluation as plain JSON."""
        evaluation: Mapping[str, Any] = self.bundle.about["evaluation"]
        return evaluation


def train(
    work: Workspace,
    model: str = DEFAULT_WATCH,
    config: TrainConfig | None = None,
    *,
    include_model_labels: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Trained:
    """Train the watch model of the workspace's profile, evaluate it out of fold, and make it the champion.

    With unchanged labels and settings nothing is retrained. The bundle is saved last, so that whatever stops this
    earlier leaves the champion as it was.
    """
    config = config or TrainConfig()
    pipeline = watch_pipeline(model)
    labelled, left_out = labelled_titles(work, include_model_labels=include_model_labels)
    if labelled.is_empty():
        raise TooFewLabels(0, pipeline.learner.min_labels)
    check_labels(levels_of(labelled["verdict"]), pipeline.learner.min_labels)
    mark = fingerprint(labelled, pipeline.name, config)
    if not force and work.registry.about(work.watch_name).get("fingerprint") == mark:
        try:
            return Trained(work.registry.load(work.watch_name), False, left_out)
        except BundleError:
            pass  # a damaged champion is trained again instead of being in the way
    about = {"fingerprint": mark, "profile": work.profile, "left_out": left_out}
    bundle, judged = fit_bundle("watch", pipeline, labelled, config, about=about, progress=progress)
    outputs = write_outputs(work, labelled, judged)
    return Trained(work.registry.add(work.watch_name, bundle), True, left_out, outputs)


def write_outputs(work: Workspace, labelled: pl.DataFrame, judged: Judged) -> tuple[Path, ...]:
    """The training table, the out-of-fold results, and the false positives and negatives, under `data/`."""
    levels = levels_of(labelled["verdict"])
    threshold = judged.evaluation.threshold
    results = labelled.select("title_id", "imdb_id", "tmdb_id", "title", "release_year", "verdict").with_columns(
        fold=pl.Series(judged.oof.folds),
        probability=pl.Series(judged.probability),
        lower=pl.Series(judged.lower),
        upper=pl.Series(judged.upper),
        prediction=pl.Series(judged.probability >= threshold),
    )
    positives, negatives = errors(judged, labelled, levels)
    paths = tuple(
        work.data(n)
        for n in (
            "watch_training.parquet",
            "watch_results.parquet",
            "false_positives.json",
            "false_negatives.json",
        )
    )
    write_parquet(labelled, paths[0])
    write_parquet(results, paths[1])
    write_json(positives.select(ERROR_FIELDS).to_dicts(), paths[2])
    write_json(negatives.select(ERROR_FIELDS).to_dicts(), paths[3])
    return paths


def evaluate(
    work: Workspace,
    model: str | None = None,
    config: TrainConfig | None = None,
    *,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """The scorecard of a pipeline on the labels as they are now; the champion's own when nothing changed since.

    Nothing is saved: this looks, `train` acts.
    """
    about = work.registry.about(work.watch_name)
    name = model or str(about.get("pipeline") or DEFAULT_WATCH)
    config = config or TrainConfig()
    labelled, _ = labelled_titles(work)
    pipeline = watch_pipeline(name)
    if labelled.is_empty():
        raise TooFewLabels(0, pipeline.learner.min_labels)
    if about.get("fingerprint") == fingerprint(labelled, name, config):
        kept: Mapping[str, Any] = about["evaluation"]  # type: ignore[assignment]
        return kept
    bundle, _judged = fit_bundle("watch", pipeline, labelled, config, progress=progress)
    evaluation: Mapping[str, Any] = bundle.about["evaluation"]
    return evaluation
