"""A judged model in curves: what each threshold would do, ROC, precision and recall, and what more labels would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.evaluate import BASELINES, Judged
from reel_driver.metrics import Truth, average_precision, confusion, roc_auc
from reel_driver.models import Vector
from reel_driver.split import stratified_folds
from reel_driver.tasks import Pipeline

PARTS = (0.125, 0.25, 0.5)
"""Parts of the labels that the learning curve is measured at, besides all of them."""


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """What a threshold would do: counts, precision, recall, and the total cost in wasted evenings' worth."""

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    precision: float
    recall: float
    cost: float
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A named curve of points."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """Quality with that many labels: mean over folds and its standard error."""

    n_labels: int
    average_precision: float
    roc_auc: float
    error: float


def threshold_table(judged: Judged, truth: Truth) -> list[ThresholdRow]:
    """The chosen threshold among others, each with what it would do and cost."""
    chosen = judged.evaluation.threshold
    costs = judged.evaluation.costs
    out = []
    for t in sorted({0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, chosen}):
        c = confusion(truth, judged.probability, t)
        cost = costs["missed"] * c.fn + costs["wasted"] * c.fp
        out.append(ThresholdRow(t, c.tp, c.fp, c.fn, c.tn, c.precision, c.recall, cost, t == chosen))
    return out


def compared(judged: Judged, labelled: pl.DataFrame) -> list[tuple[str, Vector]]:
    """The model and the public figures it is compared with, as scores."""
    out: list[tuple[str, Vector]] = [("model", judged.probability)]
    for column, name in BASELINES.items():
        if name in judged.evaluation.baselines:
            out.append((name, labelled[column].cast(pl.Float64).fill_null(-1.0).to_numpy()))
    return out


def roc_points(truth: Truth, score: Vector) -> tuple[tuple[float, float], ...]:
    """False alarms against hits, from the strictest threshold to none; at most 150 points.

    >>> roc_points(np.array([True, False]), np.array([0.9, 0.1]))
    ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    """
    hits, alarms = _cumulated(truth, score)
    return _thinned([(0.0, 0.0), *zip(alarms / alarms[-1], hits / hits[-1], strict=True)])


def precision_recall_points(truth: Truth, score: Vector) -> tuple[tuple[float, float], ...]:
    """Recall against precision; at most 150 points."""
    hits, alarms = _cumulated(truth, score)
    kept = hits > 0
    return _thinned(list(zip((hits / hits[-1])[kept], (hits / (hits + alarms))[kept], strict=True)))


def _cumulated(truth: Truth, score: Vector) -> tuple[Vector, Vector]:
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(truth[order])[last].astype(float)
    return hits, last + 1.0 - hits


def _thinned(points: Sequence[tuple[float, float]], n: int = 150) -> tuple[tuple[float, float], ...]:
    at = np.unique(np.linspace(0, len(points) - 1, min(n, len(points))).round().astype(int))
    return tuple((round(float(points[i][0]), 4), round(float(points[i][1]), 4)) for i in at)


def learning_curve(
    bundle: Bundle,
    judged: Judged,
    pipeline: Pipeline,
    labelled: pl.DataFrame,
    levels: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[LearningPoint, ...]:
    """Quality on each fold's titles after learning from a part of the other folds' labels, parameters as in the bundle."""
    truth, folds = levels > 0, judged.oof.folds
    known = {k: v for k, v in bundle.about.get("params", {}).items() if k in pipeline.learner.params}
    learner = pipeline.learner.configured(known)
    points = []
    for part in PARTS:
        scores: list[tuple[float, float]] = []
        n_used = 0
        for fold in np.unique(folds):
            train, test = np.flatnonzero(folds != fold), folds == fold
            dealt = stratified_folds(levels[train], round(1 / part), rng)
            used = train[dealt == 0]
            n_watch = int(truth[used].sum())
            if (
                len(used) < learner.min_labels
                or n_watch < 2
                or len(used) - n_watch < 2
                or not 0 < truth[test].sum() < test.sum()
            ):
                continue
            spec = pipeline.recipe.fit(labelled[used.tolist()])
            model = learner.fit(spec, spec.encode_frame(labelled[used.tolist()]), levels[used], rng)
            raw = model.predict(spec.encode_frame(labelled.filter(test)))[0]
            scores.append(_quality(truth[test], raw))
            n_used = len(used)
        if len(scores) > 1:
            points.append(_learning_point(n_used, scores))
    whole = [_quality(truth[folds == f], judged.oof.raw[folds == f]) for f in np.unique(folds)]
    n_all = round(len(levels) * (1 - 1 / len(whole)))
    return (*points, _learning_point(n_all, whole))


def _quality(truth: Truth, raw: Vector) -> tuple[float, float]:
    return average_precision(truth, raw), roc_auc(truth, raw)


def _learning_point(n: int, scores: Sequence[tuple[float, float]]) -> LearningPoint:
    values = np.array(scores)
    error = float(values[:, 0].std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return LearningPoint(n, float(np.nanmean(values[:, 0])), float(np.nanmean(values[:, 1])), error)


def worth_of_more(curve: Sequence[LearningPoint], more: int) -> float | None:
    """What `more` labels would add to average precision, by the curve a - b / sqrt(n); None with too few points.

    >>> point = lambda n, ap: LearningPoint(n, ap, 0.9, 0.01)
    >>> round(worth_of_more([point(100, 0.7), point(400, 0.8)], 20), 4)
    0.0024
    """
    if len(curve) < 2:
        return None
    n = np.array([p.n_labels for p in curve], float)
    y = np.array([p.average_precision for p in curve])
    slope, _ = np.polyfit(n**-0.5, y, 1, w=np.sqrt(n))
    return float(slope * ((n[-1] + more) ** -0.5 - n[-1] ** -0.5))
