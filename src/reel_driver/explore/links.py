"""What goes with what: each column with the target, and columns with one another. Leaks show here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.explore.facts import Link, Matrix
from reel_driver.explore.kinds import Kind
from reel_driver.explore.target import Aim
from reel_driver.metrics import roc_auc

Vector = NDArray[np.float64]

N_MATRIX = 14
"""Columns in the matrix of associations: more cannot be read."""


def ranks(values: Vector) -> Vector:
    """Average ranks from 0 to 1; NaN stays NaN."""
    out = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if known.any():
        out[known] = pl.Series(values[known]).rank("average").to_numpy() / known.sum()
    return out


def link(name: str, kind: Kind, aim: Aim, rng: np.random.Generator) -> Link | None:
    """How well the column alone ranks the target, missing values included; None where that makes no sense.

    Numbers are judged by their own order and by the mean target in 20 bins of equal count, categories by the mean
    target of each; such means come from the other half of the rows, so that many rare categories do not look good by
    chance.
    """
    if kind.role in ("id",) or name == aim.facts.column:
        return None
    known = np.isfinite(aim.y)
    y = aim.y[known]
    numeric = as_number(kind)
    value, direction = 0.0, ""
    codes: NDArray[np.int64] | None
    if numeric is not None:
        own = numeric[known]
        present = np.isfinite(own)
        if present.sum() >= 10:
            signed = _signed(np.where(present, own, np.nanmin(own) - 1.0), y, aim)
            value, direction = abs(signed), "more" if signed > 0 else "less"
        codes = _bins(own)
    else:
        codes = _codes(kind, known)
    if codes is not None:
        flexible = abs(_signed(_half_means(codes, y, rng), y, aim))
        if flexible > value + 0.05:
            value, direction = flexible, ""
    if aim.is_verdict:
        return Link(name, "AUC", 0.5 + value / 2, value, direction)
    return Link(name, "rank correlation", value, value, direction)


def as_number(kind: Kind) -> Vector | None:
    """Numbers, years and dates as floats; for text its length; None for categories and lists."""
    if kind.role in ("number", "year"):
        return kind.values.to_numpy().astype(np.float64)
    if kind.role == "date":
        return kind.values.cast(pl.Int32).cast(pl.Float64).to_numpy()
    if kind.role == "text" and kind.values.dtype == pl.String:
        return kind.values.str.len_chars().cast(pl.Float64).to_numpy()
    return None


def _signed(score: Vector, y: Vector, aim: Aim) -> float:
    """From -1 to 1: twice the AUC less one for a verdict, Spearman's rank correlation for a number."""
    if aim.is_verdict:
        found = 2 * roc_auc(y == 1, score) - 1
    else:
        a, b = ranks(score), ranks(y)
        if not a.std() or not b.std():
            return 0.0
        found = float(np.corrcoef(a, b)[0, 1])
    return found if np.isfinite(found) else 0.0


def _bins(values: Vector, n_bins: int = 20) -> NDArray[np.int64]:
    known = np.isfinite(values)
    codes = np.zeros(len(values), np.int64)
    if known.any():
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, n_bins + 1)[1:-1]))
        codes[known] = 1 + np.searchsorted(edges, values[known], side="right")
    return codes


def _codes(kind: Kind, known: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """A whole number for each category; a list counts as its most telling common combination: the joined text."""
    values = kind.values.filter(pl.Series(known))
    if kind.role == "list":
        values = values.list.sort().list.join("|")
    if values.dtype != pl.String:
        return None
    return values.fill_null("\x00").cast(pl.Categorical).to_physical().cast(pl.Int64).to_numpy()


def _half_means(codes: NDArray[np.int64], y: Vector, rng: np.random.Generator) -> Vector:
    """The mean target of each row's category in the half of the rows it is not in, drawn towards the overall mean."""
    half = rng.random(len(y)) < 0.5
    overall, out = float(y.mean()), np.empty(len(y))
    size = int(codes.max()) + 1
    for own in (half, ~half):
        other = ~own
        n = np.bincount(codes[other], minlength=size)
        total = np.bincount(codes[other], weights=y[other], minlength=size)
        out[own] = ((total + 5 * overall) / (n + 5))[codes[own]]
    return out


def matrix(kinds: Mapping[str, Kind], strengths: Mapping[str, float]) -> Matrix | None:
    """Associations of the columns with one another, strongest with the target first."""
    usable = {}
    for name, kind in kinds.items():
        if kind.role in ("number", "year", "date"):
            numeric = as_number(kind)
            if numeric is not None and np.isfinite(numeric).sum() >= 30 and np.nanstd(numeric) > 0:
                usable[name] = ("number", ranks(numeric))
        elif kind.role == "category" and 2 <= kind.values.n_unique() <= 60:
            usable[name] = ("category", kind.values.cast(pl.Categorical).to_physical().cast(pl.Float64).to_numpy())
    names = sorted(usable, key=lambda n: -strengths.get(n, 0.0))[:N_MATRIX]
    if len(names) < 2:
        return None
    values: list[list[float | None]] = [[1.0] * len(names) for _ in names]
    for i, a in enumerate(names):
        for j in range(i):
            values[i][j] = values[j][i] = _association(usable[a], usable[names[j]])
    return Matrix(tuple(names), tuple(tuple(row) for row in values))


def _association(a: tuple[str, Vector], b: tuple[str, Vector]) -> float | None:
    known = np.isfinite(a[1]) & np.isfinite(b[1])
    if known.sum() < 30:
        return None
    return round(_strength(a, b, known), 4)


def _strength(a: tuple[str, Vector], b: tuple[str, Vector], known: NDArray[np.bool_]) -> float:
    x, y = a[1][known], b[1][known]
    if a[0] == b[0] == "number":
        if not x.std() or not y.std():
            return 0.0
        return float(np.corrcoef(x, y)[0, 1])
    if a[0] == b[0]:
        return _cramer(x.astype(np.int64), y.astype(np.int64))
    return _ratio(x.astype(np.int64), y) if a[0] == "category" else _ratio(y.astype(np.int64), x)


def _cramer(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Cramér's V with Bergsma's correction for chance (2013)."""
    _, a = np.unique(a, return_inverse=True)
    _, b = np.unique(b, return_inverse=True)
    r, k, n = int(a.max()) + 1, int(b.max()) + 1, len(a)
    table = np.bincount(a * k + b, minlength=r * k).reshape(r, k)
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi = max(0.0, float(((table - expected) ** 2 / expected).sum()) / n - (r - 1) * (k - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    smallest = min(rows, columns) - 1
    return min(1.0, (phi / smallest) ** 0.5) if smallest > 0 else 0.0


def _ratio(groups: NDArray[np.int64], values: Vector) -> float:
    """The correlation ratio: root of the part of the variance that lies between groups."""
    n = np.bincount(groups)
    total = np.bincount(groups, weights=values)
    seen = n > 0
    variance = float(values.var())
    between = float((n[seen] * (total[seen] / n[seen] - values.mean()) ** 2).sum()) / len(values)
    return float(np.sqrt(between / variance)) if variance > 0 else 0.0
