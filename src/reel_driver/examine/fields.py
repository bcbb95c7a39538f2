"""What each field does to the scores of the model that is trained on all labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reel_driver.bundle import Bundle
from reel_driver.domain import FIELD
from reel_driver.models import Vector


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
