"""Where a model is right and where it is wrong: curves, thresholds with their costs, effects, slices, errors with reasons.

Everything is out of fold but the effects, which are of the model trained on all labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.domain import FIELD
from reel_driver.evaluate import BASELINES, Judged, Progress, silent
from reel_driver.features.names import language_name
from reel_driver.metrics import average_precision, confusion, roc_auc
from reel_driver.models.calibrate import fit_calibration
from reel_driver.split import stratified_folds
from reel_driver.tasks import Pipeline

Vector = NDArray[np.float64]
Truth = NDArray[np.bool_]

N_ERRORS = 25
"""Errors of each kind that are shown with reasons."""
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


@dataclass(frozen=True, slots=True)
class Effect:
    """What one field does to the scores of the trained model.

    Attributes:
        field: the field.
        weight: mean absolute part in log-odds.
        share: that, as a part of all fields' sum.
        levels: for numbers the mean part at each of up to 8 quantile ranges, for categories of each category:
            (words, mean part, titles).
    """

    field: str
    weight: float
    share: float
    levels: tuple[tuple[str, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the labelled titles, judged on its own.

    Attributes:
        by: decade, genre, language, kind, labelled by.
        name: which one.
        n: titles.
        n_watch: would be watched.
        n_missed: missed at the threshold.
        n_wasted: wasted evenings at the threshold.
        log_loss: mean over the titles.
        roc_auc: ranking inside the slice; None with one side only.
        is_worse: the log loss is above the other titles' by more than two standard errors, and by a tenth at least.
    """

    by: str
    name: str
    n: int
    n_watch: int
    n_missed: int
    n_wasted: int
    log_loss: float
    roc_auc: float | None
    is_worse: bool


@dataclass(frozen=True, slots=True)
class Miss:
    """One wrong title: what was said of it, why, and the command that corrects the label if the label is what is wrong."""

    title: str
    year: int | None
    ref: str
    verdict: str
    probability: float
    reasons_for: tuple[str, ...]
    reasons_against: tuple[str, ...]
    correct: str
    keep_out: str


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
    compared = _compared(judged, labelled)
    return Examination(
        profile=profile,
        version=bundle.version,
        evaluation=judged.evaluation.plain(),
        thresholds=tuple(threshold_table(judged, truth)),
        roc=tuple(Curve(name, roc_points(truth, score)) for name, score in compared),
        precision_recall=tuple(Curve(name, precision_recall_points(truth, score)) for name, score in compared),
        learning=learning,
        twenty_more=worth_of_more(learning, 20),
        effects=found_effects,
        slices=tuple(slices(judged, labelled, truth)),
        false_positives=positives,
        false_negatives=negatives,
        n_false_positives=int((picked & ~truth).sum()),
        n_false_negatives=int((~picked & truth).sum()),
    )


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


def _compared(judged: Judged, labelled: pl.DataFrame) -> list[tuple[str, Vector]]:
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
            scores.append((average_precision(truth[test], raw), roc_auc(truth[test], raw)))
            n_used = len(used)
        if len(scores) > 1:
            points.append(_learning_point(n_used, scores))
    whole = [
        (
            average_precision(truth[folds == f], judged.oof.raw[folds == f]),
            roc_auc(truth[folds == f], judged.oof.raw[folds == f]),
        )
        for f in np.unique(folds)
    ]
    n_all = round(len(levels) * (1 - 1 / len(whole)))
    return (*points, _learning_point(n_all, whole))


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


def effects(bundle: Bundle, labelled: pl.DataFrame, n_fields: int = 14) -> tuple[Effect, ...]:
    """The strongest fields of the trained model by mean absolute part, with what each range or category does."""
    encoded = bundle.spec.encode_frame(labelled)
    parts = bundle.model.contributions(encoded)[:, :-1] * bundle.calibration.slope
    by_field: dict[str, Vector] = {}
    at = 0
    for block in bundle.spec.blocks:
        width = len(block.names)
        own = parts[:, at : at + width].sum(axis=1)
        by_field[block.fields[0]] = by_field.get(block.fields[0], np.zeros(len(own))) + own
        at += width
    weights = {name: float(np.abs(own).mean()) for name, own in by_field.items()}
    total = sum(weights.values()) or 1.0
    ranked = sorted(weights, key=lambda n: -weights[n])[:n_fields]
    return tuple(
        Effect(n, weights[n], weights[n] / total, _levels(labelled, n, by_field[n])) for n in ranked if weights[n]
    )


def _levels(labelled: pl.DataFrame, name: str, parts: Vector) -> tuple[tuple[str, float, int], ...]:
    if name not in labelled.columns:
        return ()
    kind = FIELD[name].type
    frame = pl.DataFrame({"value": labelled[name], "part": parts})
    out: list[tuple[str, float, int]] = []
    if kind in ("int", "float"):
        there = frame.drop_nulls("value").with_columns(pl.col("value").cast(pl.Float64))
        if there.is_empty():
            return ()
        edges = np.unique(np.quantile(there["value"].to_numpy(), np.linspace(0, 1, 9)))
        codes = np.clip(np.searchsorted(edges, there["value"].to_numpy(), side="right") - 1, 0, max(0, len(edges) - 2))
        for code in np.unique(codes):
            own = there.filter(pl.Series(codes == code))
            low, high = edges[code], edges[min(code + 1, len(edges) - 1)]
            words = (
                _short_number(low, name)
                if low == high
                else f"{_short_number(low, name)} to {_short_number(high, name)}"
            )
            out.append((words, float(own["part"].to_numpy().mean()), own.height))
    elif kind == "list" or name in ("original_language", "production_status", "kind"):
        counted = frame.explode("value") if kind == "list" else frame
        grouped = (
            counted.drop_nulls("value")
            .group_by("value", maintain_order=True)
            .agg(pl.col("part").mean(), pl.len().alias("n"))
            .filter(pl.col("n") >= 10)
            .sort(["n", "value"], descending=True)
            .head(8)
            .sort(["part", "value"], descending=True)
        )
        out = [(str(v), float(p), int(n)) for v, p, n in grouped.rows()]
    missing = frame.filter(pl.col("value").is_null())
    if missing.height and out:
        out.append(("unknown", float(missing["part"].to_numpy().mean()), missing.height))
    return tuple(out)


def _short_number(value: float, name: str) -> str:
    if name.endswith("year"):
        return f"{value:.0f}"
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            return f"{value / {' G': 1e9, ' M': 1e6, ' k': 1e3}[unit]:.3g}{unit}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def slices(judged: Judged, labelled: pl.DataFrame, truth: Truth, smallest: int = 20) -> Iterator[Slice]:
    """Every decade, genre, language, kind and labeller with titles enough, worst first within each."""
    p = np.clip(judged.probability, 1e-6, 1 - 1e-6)
    loss = np.where(truth, -np.log(p), -np.log1p(-p))
    picked = judged.probability >= judged.evaluation.threshold
    for by, masks in _memberships(labelled).items():
        found = []
        for name, mask in masks.items():
            n = int(mask.sum())
            if n < smallest or n == len(truth):
                continue
            own, other = loss[mask], loss[~mask]
            error = np.sqrt(own.var() / n + other.var() / len(other)) or 1.0
            gap = float(own.mean() - other.mean())
            auc = roc_auc(truth[mask], judged.probability[mask])
            found.append(
                Slice(
                    by, name, n, int(truth[mask].sum()), int((mask & truth & ~picked).sum()),
                    int((mask & ~truth & picked).sum()), float(own.mean()), auc if np.isfinite(auc) else None,
                    bool(gap > 2 * error and gap > 0.1 * float(other.mean())),
                )
            )  # fmt: skip
        yield from sorted(found, key=lambda s: (not s.is_worse, -s.log_loss))


def _memberships(labelled: pl.DataFrame) -> dict[str, dict[str, Truth]]:
    out: dict[str, dict[str, Truth]] = {}
    if "release_year" in labelled.columns:
        decade = (labelled["release_year"] // 10 * 10).cast(pl.String) + "s"
        out["decade"] = _masks(decade)
    if "genre" in labelled.columns:
        names = labelled["genre"].explode().drop_nulls().unique().sort().to_list()
        out["genre"] = {g: labelled["genre"].list.contains(g).fill_null(False).to_numpy() for g in names}
    for column, by in (("original_language", "language"), ("kind", "kind"), ("decided_by", "labelled by")):
        if column in labelled.columns:
            masks = _masks(labelled[column])
            out[by] = {language_name(k) if by == "language" else k: m for k, m in masks.items()}
    return out


def _masks(values: pl.Series) -> dict[str, Truth]:
    return {str(v): (values == v).fill_null(False).to_numpy() for v in values.drop_nulls().unique().sort().to_list()}


def misses(
    bundle: Bundle, judged: Judged, labelled: pl.DataFrame, truth: Truth, profile: str
) -> tuple[tuple[Miss, ...], tuple[Miss, ...]]:
    """False positives and false negatives, most surprising first, with the reasons of the model that had not seen them."""
    picked = judged.probability >= judged.evaluation.threshold
    order = np.argsort(-judged.probability, kind="stable")
    positives = [int(i) for i in order if picked[i] and not truth[i]][:N_ERRORS]
    negatives = [int(i) for i in order[::-1] if not picked[i] and truth[i]][:N_ERRORS]
    calibration = fit_calibration(judged.oof.raw, truth)
    rows = {i: labelled.row(i, named=True) for i in (*positives, *negatives)}
    why: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for fold, (spec, model) in enumerate(judged.oof.fitted):
        own = [i for i in rows if judged.oof.folds[i] == fold]
        if own:
            asked = replace(bundle, spec=spec, model=model, calibration=calibration, golden=())
            for i, (pro, contra) in zip(own, asked.reasons([rows[i] for i in own]), strict=True):
                why[i] = (tuple(r.phrase for r in pro), tuple(r.phrase for r in contra))
    named = "" if profile in ("", "me") else f"-p {profile} "

    def miss(i: int) -> Miss:
        row = rows[i]
        ref = str(row.get("imdb_id") or f"#{row.get('title_id')}")
        shell_ref = f"'{ref}'" if ref.startswith("#") else ref
        other = "would_watch" if not truth[i] else "would_not_watch"
        pro, contra = why.get(i, ((), ()))
        return Miss(
            str(row.get("title")), row.get("release_year"), ref, str(row.get("verdict")), float(judged.probability[i]),
            pro, contra, f"reel {named}labels set {shell_ref} {other}", f"reel {named}labels anomalous {shell_ref}",
        )  # fmt: skip

    return tuple(miss(i) for i in positives), tuple(miss(i) for i in negatives)
