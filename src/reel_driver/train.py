"""From labelled titles to a bundle with its honest scorecard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver import __version__
from reel_driver.bundle import Bundle
from reel_driver.domain import VERDICTS, Verdict
from reel_driver.drift import summary
from reel_driver.errors import OneVerdictOnly, TooFewLabels
from reel_driver.evaluate import Judged, Progress, evaluate, search_losses, silent
from reel_driver.models.calibrate import fit_calibration
from reel_driver.tasks import Pipeline


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        cost_missed: cost of a title that would have been watched and was not picked.
        cost_wasted: cost of an evening with a pick that is not liked.
        search: whether the learner's declared grid is searched.
        params: parameters that replace the learner's own.
        seed: same labels, settings and seed give the same bundle.
    """

    cost_missed: float = 2.0
    cost_wasted: float = 1.0
    search: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


def levels_of(verdicts: pl.Series) -> NDArray[np.int64]:
    """Verdicts as 0, 1, 2."""
    return verdicts.replace_strict(
        [v.value for v in VERDICTS], [v.level for v in VERDICTS], return_dtype=pl.Int64
    ).to_numpy()


def fingerprint(frame: pl.DataFrame, pipeline: str, config: TrainConfig) -> str:
    """A name for exactly these labelled titles, this pipeline and these settings: SHA-256 in hexadecimal."""
    settings = json.dumps(
        [
            pipeline,
            __version__,
            config.cost_missed,
            config.cost_wasted,
            config.search,
            dict(config.params),
            config.seed,
        ]
    )
    digest = hashlib.sha256(settings.encode())
    columns = sorted(c for c in frame.columns if c != "title_id")
    listed = frame.select(
        pl.col(c).list.join("\x1f", ignore_nulls=True)
        if isinstance(frame.schema[c], pl.List)
        else pl.col(c).cast(pl.String)
        for c in columns
    )
    digest.update(listed.sort(columns).write_csv(None).encode())
    return digest.hexdigest()


def fit_bundle(
    task: str,
    pipeline: Pipeline,
    labelled: pl.DataFrame,
    config: TrainConfig | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> tuple[Bundle, Judged]:
    """Judge a pipeline out of fold, then fit it on all labels, calibrate it and choose its threshold.

    Args:
        task: "watch".
        pipeline: from the task's menu.
        labelled: titles with a `verdict`, shape (n_labels, ...).
        config: costs, search, seed.
        about: further plain facts for the bundle's manifest.
        progress: told about each step.

    Raises:
        TooFewLabels: fewer labels than the learner needs.
        OneVerdictOnly: nothing to tell apart.
    """
    config = config or TrainConfig()
    learner = pipeline.learner.configured(config.params)
    pipeline = Pipeline(pipeline.recipe, learner, pipeline.about)
    levels = levels_of(labelled["verdict"])
    check_labels(levels, learner.min_labels)
    rng = np.random.default_rng(config.seed)
    search: Sequence[Mapping[str, Any]] = learner.grid if config.search else ()
    steps = 7
    judged = evaluate(
        pipeline,
        labelled,
        levels,
        rng,
        cost_missed=config.cost_missed,
        cost_wasted=config.cost_wasted,
        search=search,
        progress=lambda done, total: progress(done, steps if total == 5 else total + 2),
    )
    spec = pipeline.recipe.fit(labelled)
    encoded = spec.encode_frame(labelled)
    params: Mapping[str, Any] = {}
    if search:
        losses = search_losses(learner, spec, search, encoded, levels, rng)
        params = search[int(np.argmin(losses))]
        tried = [{"params": dict(p), "log_loss": loss} for p, loss in zip(search, losses, strict=True)]
        judged = replace(judged, evaluation=replace(judged.evaluation, search=tried))
        learner = learner.configured(params)
    model = learner.fit(spec, encoded, levels, rng)
    facts = {
        "pipeline": pipeline.name,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_labels": len(levels),
        "verdicts": {v.value: int((levels == v.level).sum()) for v in VERDICTS},
        "params": {**learner.params, **params},
        "evaluation": judged.evaluation.plain(),
        "inputs": summary(spec.names, encoded),
        **(about or {}),
    }
    calibration = fit_calibration(judged.oof.raw, levels > 0)
    bundle = Bundle(task, spec, model, calibration, judged.evaluation.threshold, facts).with_golden(labelled, rng)
    progress(steps, steps)
    return bundle, judged


def check_labels(levels: NDArray[np.int64], needed: int) -> None:
    """Refuse labels that nothing can be learned from.

    Raises:
        TooFewLabels: fewer than needed.
        OneVerdictOnly: all on one side of "would watch", or a single title on the other side.
    """
    if len(levels) < needed:
        raise TooFewLabels(len(levels), needed)
    watch = int((levels > 0).sum())
    if watch < 2 or len(levels) - watch < 2:
        common = Verdict.WOULD_NOT_WATCH if watch < 2 else Verdict.WOULD_WATCH
        raise OneVerdictOnly(common.words, len(levels))
