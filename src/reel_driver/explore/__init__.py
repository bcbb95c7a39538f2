"""Know the data: null, distinct and type analysis, shapes, time, duplicates, outliers, associations and leaks.

Compute only: `report` draws what this finds.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.explore import links as linking
from reel_driver.explore import nulls as null_analysis
from reel_driver.explore import shapes, suspects
from reel_driver.explore.distinct import distinct_decision, n_distinct, odd_neighbours, type_decision
from reel_driver.explore.facts import Column, Exploration, Finding, Link
from reel_driver.explore.kinds import Kind, kind_of
from reel_driver.explore.target import RATING_NAMES, Aim, find_target, plain_name
from reel_driver.schema import Problem

__all__ = ["Exploration", "explore"]

Vector = NDArray[np.float64]

SAMPLE = 100_000
"""Rows that violins, associations and null analysis look at in a larger table; counts are of all rows."""
LEVELS = ("loud", "warn", "note")
TOPICS = ("leak", "record", "time", "zero", "null", "type", "duplicate", "distinct", "link", "outlier")


def explore(
    frame: pl.DataFrame,
    source: str,
    *,
    target: str | None = None,
    problems: Sequence[Problem] = (),
    today: dt.date | None = None,
    rng: np.random.Generator | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exploration:
    """Explore a table as it is.

    Args:
        frame: the table, with its own columns and types.
        source: what to call it.
        target: the column that is to be told; found by name when None.
        problems: what the reader noticed in the file itself.
        today: the day that "future" is after.
        rng: source of the sample and of the halves that associations are judged on.
        progress: told about each column.
    """
    started = time.perf_counter()
    today = today or dt.date.today()
    rng = rng or np.random.default_rng(0)
    kinds: dict[str, Kind] = {}
    zeros: dict[str, int] = {}
    for name in frame.columns:
        kinds[name], zeros[name] = _with_null_zeros(kind_of(frame[name]))
    aim = find_target(kinds, target)
    years, time_column = _years(kinds)
    title = suspects.title_column(frame.columns)

    def named(row: int) -> str:
        text = kinds[title].values[row] if title else None
        words = str(text)[:60] if text is not None else f"row {row + 1}"
        known = years is not None and np.isfinite(years[row]) and text is not None
        return f"{words} ({int(years[row])})" if known and years is not None else words

    pick = np.sort(rng.choice(frame.height, SAMPLE, replace=False)) if frame.height > SAMPLE else None
    small = {n: _taken(k, pick) for n, k in kinds.items()}
    small_aim = _taken_aim(aim, pick)
    rating_column = _rating_column(kinds)
    found_links: list[Link] = []
    if small_aim is not None:
        made = (linking.link(n, k, small_aim, rng) for n, k in small.items())
        found_links = sorted((m for m in made if m is not None), key=lambda m: -m.strength)
    by_name = {m.column: m for m in found_links}
    columns = []
    missing_rows = {n: k.is_missing.to_numpy() for n, k in small.items()}
    numbers = {
        n: a for n, k in small.items() if k.role in ("number", "year") and (a := linking.as_number(k)) is not None
    }
    for done, (name, kind) in enumerate(kinds.items(), start=1):
        own = _column(
            name, kind, small[name], frame[name].null_count(), zeros[name], small_aim, aim, missing_rows, numbers
        )
        columns.append(replace(own, link=by_name.get(name)))
        progress(done, len(kinds))
    findings = [
        Finding(
            "warn" if p.column else "loud", "type" if p.column else "record", p.column, p.value or str(p), p.what_to_do
        )
        for p in problems
    ]
    together = {n: _zero_rows(frame[n]) for n in frame.columns if any(zeros.values()) and frame.schema[n].is_numeric()}
    for column in columns:
        zero = together.get(column.name) if zeros[column.name] else None
        like = [n for n, rows in together.items() if zero is not None and n != column.name and rows.equals(zero)]
        findings += suspects.column_findings(column, frame.height, like)
        kind = kinds[column.name]
        if kind.role == "number":
            outlying = suspects.outlier_finding(column.name, kind.values.to_numpy().astype(np.float64), named)
            findings += [outlying] if outlying else []
    if years is not None:
        titles = kinds[title].values.to_list() if title and frame.height <= SAMPLE else [None] * frame.height
        findings += suspects.time_findings(time_column, years, named, today, titles)
    findings += suspects.duplicate_findings(frame, kinds, title, years, named)
    if aim is not None:
        findings += suspects.link_findings(found_links, aim)
    for name, other, rows in odd_neighbours(kinds, frame):
        values = ", ".join(str(kinds[name].values[r - 1]) for r in rows[:4])
        findings.append(
            Finding(
                "warn", "type", name, f"{len(rows)} values of {name} read like {other}: {values}.",
                f"They stand in the wrong column: move them to {other}.",
                tuple(f"row {r}: {named(r - 1)}" for r in rows[:8]),
            )
        )  # fmt: skip
    findings.sort(key=lambda f: (LEVELS.index(f.level), TOPICS.index(f.topic)))
    rating = linking.as_number(kinds[rating_column]) if rating_column else None
    return Exploration(
        source=source,
        n_rows=frame.height,
        n_columns=frame.width,
        target=aim.facts if aim is not None else None,
        findings=tuple(findings),
        columns=tuple(columns),
        over_time=shapes.over_years(years, rating, aim) if years is not None else (),
        time_column=time_column,
        rating_column=rating_column,
        links=tuple(found_links),
        matrix=linking.matrix(small, {m.column: m.strength for m in found_links}),
        n_sampled=SAMPLE if pick is not None else frame.height,
        seconds=round(time.perf_counter() - started, 2),
    )


def _with_null_zeros(kind: Kind) -> tuple[Kind, int]:
    """The column with zeros that mean unknown made null, and how many there were."""
    if kind.role != "number" or not null_analysis.unknown_zeros(kind.values.name, kind.values):
        return kind, 0
    n = int((kind.values == 0).sum())
    return replace(kind, values=kind.values.set(kind.values == 0, None)), n


def _zero_rows(values: pl.Series) -> pl.Series:
    return (values == 0).fill_null(False).alias("zero")


def _years(kinds: dict[str, Kind]) -> tuple[Vector | None, str]:
    """The release year of each row, from the column that says so: a release date, a year, or any date."""
    dates = [n for n, k in kinds.items() if k.role == "date"]
    years = [n for n, k in kinds.items() if k.role == "year"]
    release = [n for n in (*dates, *years) if "release" in n.lower()]
    for name in (*sorted(release, key=lambda n: "us" in n.lower()), *years, *dates):
        kind = kinds[name]
        if kind.values.null_count() < kind.values.len():
            year = kind.values.dt.year().cast(pl.Float64) if kind.role == "date" else kind.values
            return year.to_numpy().astype(np.float64), name
    return None, ""


def _rating_column(kinds: dict[str, Kind]) -> str:
    by_name = {plain_name(n): n for n, k in kinds.items() if k.role == "number"}
    return next((by_name[n] for n in RATING_NAMES if n in by_name), "")


def _taken(kind: Kind, pick: NDArray[np.int64] | None) -> Kind:
    if pick is None:
        return kind
    return replace(
        kind, values=kind.values.gather(pick), missing=kind.missing.gather(pick) if kind.missing is not None else None
    )


def _taken_aim(aim: Aim | None, pick: NDArray[np.int64] | None) -> Aim | None:
    if aim is None or pick is None:
        return aim
    return Aim(aim.facts, aim.y[pick], {k: m[pick] for k, m in aim.masks.items()})


def _column(
    name: str,
    kind: Kind,
    small: Kind,
    raw_nulls: int,
    n_zero: int,
    small_aim: Aim | None,
    aim: Aim | None,
    missing_rows: dict[str, NDArray[np.bool_]],
    numbers: dict[str, Vector],
) -> Column:
    missing = missing_rows[name]
    facts = null_analysis.null_facts(name, small, raw_nulls, n_zero, missing, small_aim)
    facts = replace(facts, n_blank=kind.n_blank, share=int(kind.is_missing.sum()) / max(1, kind.values.len()))
    if 0.005 <= facts.share < 1:
        others = {n: v for n, v in numbers.items() if n != name}
        same = tuple(n for n, m in missing_rows.items() if n != name and m.any() and np.array_equal(m, missing))
        facts = replace(facts, goes_with=null_analysis.goes_with(missing, others), same_rows_as=same)
    distinct = n_distinct(kind)
    n_there = kind.values.len() - int(kind.is_missing.sum())
    decisions = (
        null_analysis.null_decision(facts, kind.values.len(), aim),
        distinct_decision(kind, distinct, n_there),
        type_decision(kind, n_there),
    )
    column = Column(name, kind.role, distinct, facts, kind.type, decisions)
    masks = aim.masks if aim is not None and aim.masks else {"all": np.ones(kind.values.len(), bool)}
    small_masks = small_aim.masks if small_aim is not None and small_aim.masks else {"all": np.ones(len(missing), bool)}
    whole, part = linking.as_number(kind), linking.as_number(small)
    if kind.role in ("category", "list") or (kind.role == "text" and distinct < 0.8 * max(1, n_there)):
        column = replace(
            column, bars=shapes.bars(kind.values, aim if aim is None or name != aim.facts.column else None)
        )
    if whole is None or part is None or distinct < 2:
        return column
    summary = _summary(whole) if kind.role != "date" else {}
    if kind.role == "date":
        whole = kind.values.dt.year().cast(pl.Float64).to_numpy()
        part = small.values.dt.year().cast(pl.Float64).to_numpy()
    return replace(
        column, summary=summary, histogram=shapes.histogram(whole, masks), violin=shapes.violin(part, small_masks)
    )


def _summary(values: Vector) -> dict[str, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return {}
    low, quarter, middle, three, high = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
    return {
        "mean": float(known.mean()), "sd": float(known.std()), "min": float(low), "q25": float(quarter),
        "median": float(middle), "q75": float(three), "max": float(high),
    }  # fmt: skip
