"""Where a judged model is wrong: the parts of the titles that it does worse on, and single titles with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from reel_driver.bundle import Bundle
from reel_driver.evaluate import Judged
from reel_driver.features.names import language_name
from reel_driver.metrics import Truth, roc_auc
from reel_driver.models.calibrate import fit_calibration

N_MISSES = 25
"""Titles wrong in each way that are shown with reasons."""


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
    positives = [int(i) for i in order if picked[i] and not truth[i]][:N_MISSES]
    negatives = [int(i) for i in order[::-1] if not picked[i] and truth[i]][:N_MISSES]
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
