"""Null analysis: how many, zeros in disguise, and whether being missing tells something about the target."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.explore.facts import Decision, NullFacts
from reel_driver.explore.kinds import Kind
from reel_driver.explore.target import Aim, plain_name
from reel_driver.metrics import roc_auc

HIGH = 0.2
"""From this share on, dropping the rows costs too much: the feature is in question instead."""
MUST_BE_POSITIVE = frozenset({"budget", "revenue", "runtime", "production_budget", "worldwide_gross", "us_gross"})
"""Fields of a title where zero can only mean that nobody knows."""


def unknown_zeros(name: str, values: pl.Series) -> bool:
    """Whether a number's zeros stand for "unknown" instead of nothing.

    They do where zero is impossible by the field's meaning, or where zeros stand far apart from all other values: a
    rating of 0 among ratings of 2 to 9. Counts, where 1 and 2 are common too, may well be 0.

    >>> unknown_zeros("rating", pl.Series([0.0] * 5 + [5.0, 6.0, 6.5, 7.0] * 50))
    True
    >>> unknown_zeros("votes", pl.Series([0.0] * 5 + [1.0, 2.0, 3.0, 400.0] * 50))
    False
    """
    n_zero = int((values == 0).sum())
    if not n_zero:
        return False
    if plain_name(name) in MUST_BE_POSITIVE or plain_name(name).startswith("runtime"):
        return True
    rest = values.filter(values > 0)
    if (values < 0).any() or rest.len() < 20 or n_zero < 3:
        return False
    if 10 * int((rest == 1).sum()) >= n_zero:
        return False
    low, middle = rest.quantile(0.01), rest.median()
    return isinstance(low, float) and isinstance(middle, float) and low > 0.25 * middle


def null_facts(
    name: str, kind: Kind, raw_nulls: int, n_zero: int, missing: NDArray[np.bool_], aim: Aim | None
) -> NullFacts:
    """Counts, and the target where the value is missing against where it is there.

    Args:
        name: the column.
        kind: what it is.
        raw_nulls: nulls as stored.
        n_zero: zeros that stand for unknown.
        missing: which rows are missing in any way, shape (n_rows,).
        aim: the target; None when there is none.
    """
    n, share = len(missing), float(missing.mean()) if len(missing) else 0.0
    facts = NullFacts(raw_nulls, kind.n_blank, n_zero, share)
    if aim is None or name == aim.facts.column or not 0 < missing.sum() < n:
        return facts
    known = np.isfinite(aim.y)
    gone, there = aim.y[known & missing], aim.y[known & ~missing]
    if len(gone) < 5 or len(there) < 5:
        return facts
    mean_gone, mean_there = float(gone.mean()), float(there.mean())
    if aim.is_verdict:
        pooled = float(aim.y[known].mean())
        error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / len(gone) + 1 / len(there)))
        is_large = abs(mean_gone - mean_there) >= 0.02
        ranked = roc_auc(aim.y[known] == 1, (~missing[known]).astype(np.float64))
        auc: float | None = max(ranked, 1 - ranked)
    else:
        error = math.sqrt(max(gone.var() / len(gone) + there.var() / len(there), 1e-12))
        is_large = abs(mean_gone - mean_there) >= 0.2 * float(aim.y[known].std())
        auc = None
    p_value = math.erfc(abs(mean_gone - mean_there) / error / math.sqrt(2))
    return NullFacts(
        raw_nulls, kind.n_blank, n_zero, share, mean_gone, mean_there, auc, p_value, p_value < 0.001 and is_large
    )  # fmt: skip


def goes_with(missing: NDArray[np.bool_], numbers: Mapping[str, NDArray[np.float64]]) -> tuple[str, float] | None:
    """The number that best tells which rows are missing: its name and AUC; None where none does (AUC under 0.7)."""
    best: tuple[str, float] | None = None
    for name, values in numbers.items():
        known = np.isfinite(values)
        if known.sum() < max(50, 0.3 * len(known)) or not 5 <= missing[known].sum() <= known.sum() - 5:
            continue
        ranked = roc_auc(missing[known], values[known])
        auc = max(ranked, 1 - ranked)
        if auc >= 0.7 and (best is None or auc > best[1]):
            best = (f"{'high' if ranked > 0.5 else 'low'} {name}", auc)
    return best


def null_decision(facts: NullFacts, n_rows: int, aim: Aim | None) -> Decision:
    """The flow chart's first diamonds: how many, are they meaningful, and what follows."""
    n_missing = round(facts.share * n_rows)
    question = "How much is missing, and does being missing mean something?"
    if not n_missing:
        return Decision("nulls", question, "Nothing is missing.", "none", "Keep the feature.", True)
    parts = [
        words
        for n, words in (
            (facts.n_null, f"{facts.n_null:,} null"),
            (facts.n_blank, f"{facts.n_blank:,} empty"),
            (facts.n_zero_unknown, f"{facts.n_zero_unknown:,} zeros that mean unknown"),
        )
        if n
    ]
    is_high = facts.share >= HIGH
    fact = f"{percent(facts.share)} of the rows: {', '.join(parts)}."
    if facts.same_rows_as:
        fact += f" The same rows as {', '.join(facts.same_rows_as[:3])}."
    if facts.goes_with:
        fact += f" Missing goes with {facts.goes_with[0]} (AUC {facts.goes_with[1]:.2f})."
    if facts.is_informative is None:
        advice = (
            "No target to ask: drop the feature only where another one says the same."
            if is_high
            else "No target to ask: few enough to leave as null."
        )
        return Decision("nulls", question, fact, "high" if is_high else "low", advice, not is_high)
    said = percent if aim is not None and aim.is_verdict else (lambda v: f"{v:.2f}")
    gone, there = facts.target_missing or 0.0, facts.target_present or 0.0
    what = "watched" if aim is not None and aim.is_verdict else f"mean {aim.facts.column if aim else ''}"
    fact += f" Where missing, {what} {said(gone)}; where there, {said(there)}."
    if facts.is_informative:
        return Decision(
            "nulls", question, fact, f"{'high' if is_high else 'low'}, and meaningful",
            "Keep the feature, and let the model see that it is missing; never fill it with a mean.", True,
        )  # fmt: skip
    advice = "Consider dropping the feature." if is_high else "Consider dropping these rows, or leave them null."
    return Decision("nulls", question, fact, f"{'high' if is_high else 'low'}, not meaningful", advice, not is_high)


def percent(share: float) -> str:
    """A share for a person, never rounded to all or nothing.

    >>> percent(0.0003), percent(0.0213), percent(0.825), percent(0.9999), percent(1.0)
    ('<0.1 %', '2.1 %', '82 %', '>99.9 %', '100 %')
    """
    if share in (0.0, 1.0):
        return f"{share * 100:.0f} %"
    if share < 0.001:
        return "<0.1 %"
    if share > 0.999:
        return ">99.9 %"
    return f"{share * 100:.1f} %" if share < 0.1 or share > 0.99 else f"{share * 100:.0f} %"
