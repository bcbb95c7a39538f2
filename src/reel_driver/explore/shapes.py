"""Pictures as numbers: histograms, violins, bars and years. Nothing is drawn here."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.explore.facts import Bar, Bars, Histogram, Violin, YearPoint
from reel_driver.explore.target import Aim

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Masks = Mapping[str, Mask]

N_BARS = 12


def wants_log(values: Vector) -> bool:
    """Whether a number is told better in orders of magnitude: never negative, and with a long tail."""
    positive = values[values > 0]
    if len(positive) < 20 or (values < 0).any():
        return False
    low, middle, high = np.quantile(positive, [0.05, 0.5, 0.99])
    return bool(high > 8 * middle or (high > 6 * middle and middle > 3 * low))


def on_scale(values: Vector, known: Mask) -> tuple[bool, Mask, Vector]:
    """Values as they are drawn: whether in orders of magnitude, which of them can be, and they themselves, NaN elsewhere."""
    is_log = wants_log(values[known])
    usable = known & (values > 0) if is_log else known
    return is_log, usable, np.where(usable, np.log10(np.where(usable, values, 1.0)) if is_log else values, np.nan)


def histogram(values: Vector, masks: Masks, n_bins: int = 30) -> Histogram | None:
    """Counts per bin for each group; values outside the central 99.8 % count in the outermost bins.

    >>> drawn = histogram(np.array([1.0, 2.0, 2.0, 3.0]), {"all": np.ones(4, bool)}, n_bins=2)
    >>> drawn.counts["all"]
    (1, 3)
    """
    known = np.isfinite(values)
    if known.sum() < 2:
        return None
    is_log, usable, scaled = on_scale(values, known)
    shown = scaled[usable]
    low, high = np.quantile(shown, [0.001, 0.999])
    if not high > low:
        low, high = low - 0.5, high + 0.5
    distinct = np.unique(shown)
    if is_log:
        edges = np.linspace(low, high, n_bins + 1)
    elif len(distinct) <= n_bins and np.allclose(distinct, distinct.round()) and high - low <= 2 * n_bins:
        edges = np.arange(math.floor(low), math.ceil(high) + 2) - 0.5
    else:
        edges = _round_edges(low, high, n_bins)
    counts, zeros = {}, {}
    for key, mask in masks.items():
        own = np.clip(scaled[usable & mask], edges[0], edges[-1])
        counts[key] = tuple(int(c) for c in np.histogram(own, edges)[0])
        if is_log:
            zeros[key] = int((values[known & mask] == 0).sum())
    return Histogram(tuple(float(e) for e in (10**edges if is_log else edges)), counts, is_log, zeros)


def _round_edges(low: float, high: float, n_bins: int) -> Vector:
    """Edges at round numbers."""
    rough = (high - low) / n_bins
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    return np.asarray(np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step, dtype=np.float64)


def violin(values: Vector, masks: Masks, n_points: int = 60) -> Violin | None:
    """Densities of each group by a Gaussian kernel of Silverman's width, each scaled to a highest point of 1."""
    known = np.isfinite(values)
    if known.sum() < 10:
        return None
    is_log, usable, shown = on_scale(values, known)
    low, high = np.nanquantile(shown, [0.002, 0.998])
    if not high > low:
        return None
    grid = np.linspace(low, high, n_points)
    fine = np.linspace(low, high, 512)
    density, quartiles = {}, {}
    for key, mask in masks.items():
        own = shown[usable & mask]
        own = own[(own >= low) & (own <= high)]
        if len(own) < 10:
            continue
        spread = min(float(own.std()), float(np.subtract(*np.quantile(own, [0.75, 0.25]))) / 1.34) or float(own.std())
        width = max(0.9 * (spread or 1.0) * len(own) ** -0.2, (high - low) / 100)
        counts, _ = np.histogram(own, bins=512, range=(low, high))
        reach = np.arange(-256, 257) * (fine[1] - fine[0])
        smooth = np.convolve(counts, np.exp(-0.5 * (reach / width) ** 2), mode="same")[:512]
        at = np.interp(grid, fine, smooth)
        density[key] = tuple(round(float(d), 4) for d in at / at.max())
        q = np.quantile(own, [0.25, 0.5, 0.75])
        quartiles[key] = tuple(float(v) for v in (10**q if is_log else q))
    if not density:
        return None
    return Violin(tuple(float(g) for g in (10**grid if is_log else grid)), density, quartiles, is_log)  # type: ignore[arg-type]


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927).

    >>> tuple(round(v, 3) for v in wilson(0.5, 100))
    (0.404, 0.596)
    """
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def bars(values: pl.Series, aim: Aim | None, n_bars: int = N_BARS) -> Bars | None:
    """The most common categories (or list elements) with the target in each."""
    frame = pl.DataFrame({"name": values, "y": aim.y if aim is not None else np.full(values.len(), np.nan)})
    if isinstance(values.dtype, pl.List):
        frame = frame.explode("name")
    counted = (
        frame.drop_nulls("name")
        .with_columns(pl.col("y").fill_nan(None))
        .group_by("name", maintain_order=True)
        .agg(
            pl.len().alias("n"),
            pl.col("y").mean().alias("mean"),
            pl.col("y").std().alias("sd"),
            pl.col("y").count().alias("k"),
        )
        .sort(["n", "name"], descending=[True, False])
    )
    if counted.is_empty():
        return None
    out = []
    for row in counted.head(n_bars).to_dicts():
        lower = upper = None
        if row["k"] and aim is not None:
            if aim.is_verdict:
                lower, upper = wilson(row["mean"], row["k"])
            else:
                half = 1.96 * (row["sd"] or 0.0) / math.sqrt(row["k"])
                lower, upper = row["mean"] - half, row["mean"] + half
        out.append(Bar(str(row["name"])[:60], row["n"], row["mean"], lower, upper))
    return Bars(tuple(out), int(counted["n"][n_bars:].sum()), counted.height)


def over_years(years: Vector, rating: Vector | None, aim: Aim | None) -> tuple[YearPoint, ...]:
    """Rows, mean rating and mean target of each year; means only of years with 5 rows or more."""
    frame = pl.DataFrame(
        {
            "year": years,
            "rating": rating if rating is not None else np.full(len(years), np.nan),
            "y": aim.y if aim is not None else np.full(len(years), np.nan),
        }
    ).fill_nan(None)
    grouped = (
        frame.drop_nulls("year")
        .group_by(pl.col("year").cast(pl.Int64), maintain_order=True)
        .agg(
            pl.len().alias("n"),
            pl.when(pl.col("rating").count() >= 5).then(pl.col("rating").mean()).alias("rating"),
            pl.when(pl.col("y").count() >= 5).then(pl.col("y").mean()).alias("y"),
        )
        .sort("year")
    )
    return tuple(YearPoint(*row) for row in grouped.rows())
