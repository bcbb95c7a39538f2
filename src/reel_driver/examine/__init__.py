"""Where a model is right and where it is wrong: curves, thresholds with their costs, effects, slices, errors with reasons.

Everything is out of fold but the effects, which are of the model trained on all labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.evaluate import Judged, Progress, silent
from reel_driver.examine.curves import (
    Curve,
    LearningPoint,
    ThresholdRow,
    compared,
    learning_curve,
    precision_recall_points,
    roc_points,
    threshold_table,
    worth_of_more,
)
from reel_driver.examine.fields import Effect, effects
from reel_driver.examine.mistakes import Miss, Slice, misses, slices
from reel_driver.tasks import Pipeline


@dataclass(frozen=True, slots=True)
class Examination:
    """The model's page as plain values; `plain()` is the JSON of it."""

    profile: str
    version: str
    evaluation: Mapping[str, Any]
    thresholds: tuple[ThresholdRow, ...]
    roc: tuple[Curve, ...]
    precision_recall: tuple[Curve, ...]
    learning: tuple[LearningPoint, ...]
    twenty_more: float | None
    effects: tuple[Effect, ...]
    slices: tuple[Slice, ...]
    false_positives: tuple[Miss, ...]
    false_negatives: tuple[Miss, ...]
    n_false_positives: int
    n_false_negatives: int

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def examine(
    bundle: Bundle,
    judged: Judged,
    pipeline: Pipeline,
    labelled: pl.DataFrame,
    levels: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    profile: str = "",
    progress: Progress = silent,
) -> Examination:
    """Look at a judged model from all sides.

    Args:
        bundle: the model trained on all labels.
        judged: its pipeline out of fold, with the fold models.
        pipeline: recipe and learner, for the learning curve.
        labelled: the titles, shape (n_labels, ...).
        levels: verdict levels, shape (n_labels,).
        rng: source of the learning curve's subsets.
        profile: whose labels; named in the commands that correct.
        progress: told about each step.
    """
    truth = levels > 0
    progress(0, 4)
    learning = learning_curve(bundle, judged, pipeline, labelled, levels, rng)
    progress(1, 4)
    found_effects = effects(bundle, labelled)
    progress(2, 4)
    positives, negatives = misses(bundle, judged, labelled, truth, profile)
    progress(3, 4)
    picked = judged.probability >= judged.evaluation.threshold
    scored = compared(judged, labelled)
    return Examination(
        profile=profile,
        version=bundle.version,
        evaluation=judged.evaluation.plain(),
        thresholds=tuple(threshold_table(judged, truth)),
        roc=tuple(Curve(name, roc_points(truth, score)) for name, score in scored),
        precision_recall=tuple(Curve(name, precision_recall_points(truth, score)) for name, score in scored),
        learning=learning,
        twenty_more=worth_of_more(learning, 20),
        effects=found_effects,
        slices=tuple(slices(judged, labelled, truth)),
        false_positives=positives,
        false_negatives=negatives,
        n_false_positives=int((picked & ~truth).sum()),
        n_false_negatives=int((~picked & truth).sum()),
    )
