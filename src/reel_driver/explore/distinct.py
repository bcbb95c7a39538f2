"""Distinct analysis and type analysis: the second and third row of the flow chart's diamonds."""

from __future__ import annotations

import polars as pl

from reel_driver.explore.facts import Decision, Role, TypeFacts
from reel_driver.explore.kinds import Kind
from reel_driver.explore.nulls import percent


def n_distinct(kind: Kind) -> int:
    """Different values that are there; for lists, different elements."""
    values = kind.values.explode() if kind.role == "list" else kind.values
    return values.drop_nulls().n_unique()


def distinct_decision(kind: Kind, distinct: int, n_there: int) -> Decision:
    """High or low, should it be, and what follows."""
    question = "How many distinct values, and should it be that many?"
    if not n_there:
        return Decision("distinct", question, "No values at all.", "none", "Drop the feature: it says nothing.", False)
    what = "distinct elements" if kind.role == "list" else "distinct values"
    fact = f"{distinct:,} {what} in {n_there:,} rows."
    if distinct == 1:
        only = str(kind.values.drop_nulls()[0])[:40]
        return Decision(
            "distinct",
            question,
            f"One value in all rows: {only}.",
            "constant",
            "Drop the feature: it says nothing.",
            False,
        )
    top = _top_share(kind)
    if top and top[1] >= 0.98:
        return Decision(
            "distinct", question, f"{fact} {percent(top[1])} are {top[0]}.", "nearly constant",
            "Consider dropping the feature: it can tell few rows apart.", False,
        )  # fmt: skip
    share = distinct / n_there
    if kind.role == "id":
        if distinct == n_there:
            return Decision(
                "distinct", question, fact, "high, as it should be", "Keep it as a key; never train on it.", True
            )
        return Decision(
            "distinct", question, f"{fact} {n_there - distinct:,} repeated.", "lower than a key should be",
            "Look at the rows that share a value before joining on it.", False,
        )  # fmt: skip
    if kind.role == "category" and distinct > 50:
        return Decision(
            "distinct", question, fact, "high, should be low", "Group the rare values, or drop the feature.", False
        )
    if kind.role == "list" and distinct > 200:
        return Decision(
            "distinct", question, fact, "high, as names are",
            "Keep the common names as features of their own and leave the rare ones out.", True,
        )  # fmt: skip
    if kind.role == "text":
        if share > 0.5:
            return Decision(
                "distinct", question, fact, "high, as texts are", "Keep it as text: words, or an embedding.", True
            )
        return Decision(
            "distinct", question, fact, "lower than texts are",
            "Values come again: treat the common ones as categories.", True,
        )  # fmt: skip
    answer = "low, as it should be" if kind.role in ("category", "list") else "as numbers and dates are"
    return Decision("distinct", question, fact, answer, "Keep the feature.", True)


def type_decision(kind: Kind, n_there: int) -> Decision:
    """Is the type right, how to cast, and what would not cast."""
    question = "Is it stored as what it is?"
    facts: TypeFacts = kind.type
    right: dict[Role, str] = {
        "category": "a category", "list": "a list", "text": "text", "id": "a key", "number": "a number",
        "year": "a year", "date": "a date",
    }  # fmt: skip
    if not facts.how:
        return Decision(
            "type", question, f"Stored as {facts.stored}; it is {right[kind.role]}.", "correct", "Keep the type.", True
        )
    fact = f"Stored as {facts.stored}; it is {right[kind.role]}."
    if not facts.n_failed:
        return Decision(
            "type", question, f"{fact} All {n_there:,} values cast.", "incorrect, casts", f"Cast: {facts.how}.", True
        )
    rows = "; ".join(f"row {row}: {value!r}" for row, value in facts.failed[:3])
    return Decision(
        "type", question, f"{fact} {facts.n_failed:,} values would not cast ({rows}).", "incorrect, some do not cast",
        f"Cast: {facts.how}; mend or null the rest.", False,
    )  # fmt: skip


def _top_share(kind: Kind) -> tuple[str, float] | None:
    values = kind.values.drop_nulls()
    if kind.role not in ("category", "number", "text") or values.is_empty():
        return None
    value, n = values.value_counts(sort=True, name="n").row(0)
    return str(value)[:40], n / values.len()


def odd_neighbours(kinds: dict[str, Kind], frame: pl.DataFrame) -> list[tuple[str, str, list[int]]]:
    """Values that stand one column off: a category that reads like another column's number with its unit.

    Returns:
        (column, the column they belong to, row numbers counted from 1) of each.
    """
    out = []
    for other, kind in kinds.items():
        if not kind.unit:
            continue
        for name, own in kinds.items():
            if name == other or own.role != "category":
                continue
            rows = own.values.str.contains(kind.unit).fill_null(False).arg_true()
            if 0 < rows.len() < 0.05 * frame.height:
                out.append((name, other, [int(r) + 1 for r in rows.to_list()]))
    return out
