"""What looks wrong: records broken in the file, years that cannot be, duplicates, outliers, leaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.explore.facts import Column, Finding, Link
from reel_driver.explore.kinds import Kind
from reel_driver.explore.nulls import percent
from reel_driver.explore.shapes import on_scale
from reel_driver.explore.target import Aim, plain_name

Vector = NDArray[np.float64]
Named = Callable[[int], str]
"""Row number, counted from 0, to the words that a person recognises the row by."""

LOUD_AUC, WARN_AUC, LOUD_CORRELATION = 0.92, 0.85, 0.9


def time_findings(
    name: str, years: Vector, named: Named, today: dt.date, titles: Sequence[str | None]
) -> list[Finding]:
    """Years after a gap that nobody filled, and years to come.

    A catalogue's years run on without a gap until its last one. Rows beyond two empty years or more were given a wrong
    century, as happens when a two-digit year below some pivot is read as 20xx.
    """
    known = np.isfinite(years)
    if known.sum() < 20:
        return []
    counts = np.bincount(years[known].astype(np.int64) - 1000) if years[known].min() >= 1000 else np.zeros(1, np.int64)
    peak = int(counts.argmax()) if counts.any() else 0
    out: list[Finding] = []
    end = len(counts)
    for year in range(peak, len(counts) - 2):
        if counts[year + 1] == 0 and counts[year + 2] == 0:
            end = year + 1
            break
    late = np.flatnonzero(known & (years >= end + 1000)) if counts.any() else np.array([], int)
    if 0 < len(late) <= 0.05 * known.sum():
        back = [int(i) for i in late if titles[i] and str(int(years[i]) - 100) in str(titles[i])]
        proof = f" {named(back[0])} says so itself." if back else ""
        first = int(years[late].min()) - 1
        gap = f"{end + 1000 - 1} is the last year of the unbroken run"
        out.append(
            Finding(
                "loud", "time", name,
                f"{len(late)} rows have a year from {first + 1} to {int(years[late].max())}, but {gap}: "
                f"two-digit years read into the wrong century.{proof}",
                f"Take 100 years off rows later than {end + 1000 - 1}, or null them, before any feature is made of the year.",
                tuple(f"{named(int(i))}: {int(years[i])}, rather {int(years[i]) - 100}" for i in late[np.argsort(years[late], kind='stable')][:30]),
            )
        )  # fmt: skip
    ahead = np.flatnonzero(known & (years > today.year + 1))
    ahead = ahead[~np.isin(ahead, late)]
    if len(ahead):
        out.append(
            Finding(
                "warn", "time", name, f"{len(ahead)} rows lie in the future, up to {int(years[ahead].max())}.",
                "Announced titles have no votes yet; wrong ones want mending.", tuple(named(int(i)) for i in ahead[:8]),
            )
        )  # fmt: skip
    return out


def duplicate_findings(
    frame: pl.DataFrame, kinds: Mapping[str, Kind], title: str, years: Vector | None, named: Named
) -> list[Finding]:
    """Rows that are there twice: wholly, by their key, by title and year, and by nearly the same title."""
    out: list[Finding] = []
    hashed = frame.hash_rows(seed=7)
    n_same = frame.height - hashed.n_unique()
    if n_same:
        rows = hashed.is_duplicated().arg_true().head(8).to_list()
        out.append(
            Finding(
                "warn",
                "duplicate",
                "",
                f"{counted(n_same, 'row')} too many: whole copies of another one.",
                "Drop the copies.",
                tuple(named(i) for i in rows),
            )
        )
    for name, kind in kinds.items():
        if kind.role != "id":
            continue
        there = kind.values.is_not_null()
        again = (kind.values.is_duplicated() & there).arg_true()
        if 0 < again.len() < 0.2 * int(there.sum()):
            shown = tuple(
                f"{named(i)}: {kind.values[i]}"
                for i in again.gather(kind.values.gather(again).arg_sort()).head(8).to_list()
            )
            out.append(
                Finding(
                    "warn",
                    "duplicate",
                    name,
                    f"{again.len():,} rows share a {name} with another row.",
                    "One of each is enough: keep the fuller row.",
                    shown,
                )
            )
    if not title:
        return out
    text = frame[title].cast(pl.String, strict=False).str.strip_chars()
    plain = _plain_title(text)
    year = pl.Series(years) if years is not None else pl.Series(np.full(frame.height, np.nan))
    table = pl.DataFrame(
        {"row": np.arange(frame.height), "exact": text, "plain": plain, "year": year.fill_nan(None)}
    ).drop_nulls("exact")
    same = table.filter(pl.struct("exact", "year").is_duplicated() & pl.col("year").is_not_null()).sort("exact", "year")
    if same.height:
        out.append(
            Finding(
                "warn", "duplicate", title, f"{same.height:,} rows share title and year with another row.",
                "Two cuts, two kinds, or the same title twice: look before training on both.",
                tuple(named(i) for i in same["row"].head(10)),
            )
        )  # fmt: skip
    near = (
        table.filter(pl.col("plain").str.len_chars() > 3)
        .sort("plain", "year")
        .with_columns(
            pl.col("plain").shift(1).alias("last"), pl.col("year").shift(1).alias("last_year"),
            pl.col("row").shift(1).alias("other"), pl.col("exact").shift(1).alias("last_exact"),
        )
        .filter(
            (pl.col("plain") == pl.col("last"))
            & ((pl.col("year") - pl.col("last_year")).abs() <= 1)
            & ~((pl.col("year") == pl.col("last_year")) & (pl.col("exact") == pl.col("last_exact")))
        )
    )  # fmt: skip
    if near.height:
        pairs = tuple(f"{named(b)} and {named(a)}" for a, b in near.select("row", "other").head(10).rows())
        out.append(
            Finding(
                "note", "duplicate", title,
                f"{counted(near.height, 'pair')} of nearly the same title: alike but for case, marks and articles, at most a year apart.",
                "Check whether they are the same title from two sources.", pairs,
            )
        )  # fmt: skip
    return out


def _plain_title(text: pl.Series) -> pl.Series:
    """A title without case, marks, years in brackets, and articles."""
    return (
        text.str.to_lowercase()
        .str.replace(r"\s*\((19|20)\d\d\)\s*$", "")
        .str.replace(r"^(the|a|an)\s+|,\s*(the|a|an)$", "")
        .str.replace_all("&", "and", literal=True)
        .str.replace_all(r"[^\p{L}\p{N}]+", "")
    )


def outlier_finding(name: str, values: Vector, named: Named) -> Finding | None:
    """Values beyond three interquartile ranges of the quartiles (Tukey's outer fence), on the scale that is drawn."""
    known = np.isfinite(values)
    if known.sum() < 50:
        return None
    is_log, usable, shown = on_scale(values, known)
    low, high = np.nanquantile(shown, [0.25, 0.75])
    if not high > low:
        return None
    fence = 3 * (high - low)
    out = np.flatnonzero(usable & ((shown < low - fence) | (shown > high + fence)))
    if not len(out):
        return None
    ends = [10**v if is_log else v for v in (float(low - fence), float(high + fence))]
    extreme = out[np.argsort(-np.abs(shown[out] - (low + high) / 2), kind="stable")][:8]
    return Finding(
        "note", "outlier", name,
        f"{name}: {counted(len(out), 'value')} ({percent(len(out) / int(known.sum()))}) far outside, below {_number(ends[0])} or above {_number(ends[1])}.",
        "Look whether they are real; trees do not mind, linear models want a logarithm or a cap.",
        tuple(f"{named(int(i))}: {_number(values[i])}" for i in extreme),
    )  # fmt: skip


def counted(n: int, what: str) -> str:
    """A count with its noun.

    >>> counted(1, "pair"), counted(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def link_findings(links: Sequence[Link], aim: Aim) -> list[Finding]:
    """Leaks: a column that alone tells the target too well."""
    out = []
    for found in links:
        loud = LOUD_AUC if aim.is_verdict else LOUD_CORRELATION
        warn = WARN_AUC if aim.is_verdict else 0.75
        if found.value < warn:
            continue
        is_loud = found.value >= loud
        told = (
            f"alone ranks {percent(found.value)} of the pairs right (AUC {found.value:.3f})"
            if aim.is_verdict
            else f"alone has a rank correlation of {found.value:.2f} with {aim.facts.column}"
        )
        out.append(
            Finding(
                "loud" if is_loud else "warn", "leak", found.column,
                f"{found.column} {told}" + (f": it nearly decides {aim.facts.column}." if is_loud else "."),
                "Ask whether it is known before the label is, and whether it made the label; judge every model beside sorting by it alone."
                if is_loud
                else "Strong for one column: keep it as a baseline to beat.",
            )
        )  # fmt: skip
    return out


def column_findings(column: Column, n_rows: int, zero_too: Sequence[str] = ()) -> list[Finding]:
    """What a person must decide on a column, from its decisions and counts."""
    out = []
    nulls = column.nulls
    by_step = {d.step: d for d in column.decisions}
    if nulls.n_zero_unknown:
        out.append(
            Finding(
                "warn", "zero", column.name,
                f"{nulls.n_zero_unknown:,} zeros in {column.name} stand for unknown ({percent(nulls.n_zero_unknown / n_rows)} of the rows)"
                + (f"; exactly the rows where {' and '.join(zero_too)} is 0." if zero_too else "."),
                "Make them null before averaging or training.",
            )
        )  # fmt: skip
    if nulls.share >= 0.5 or (nulls.share >= 0.02 and nulls.is_informative):
        word = (
            ""
            if nulls.is_informative is None
            else (" Being missing is informative." if nulls.is_informative else " Being missing tells nothing.")
        )
        out.append(
            Finding(
                "warn",
                "null",
                column.name,
                f"{column.name}: missing in {by_step['nulls'].fact}{word}",
                by_step["nulls"].advice,
            )
        )
    distinct = by_step["distinct"]
    if not distinct.is_fine:
        out.append(Finding("note", "distinct", column.name, f"{column.name}: {distinct.fact}", distinct.advice))
    if column.type.n_failed:
        kept = tuple(f"row {row}: {value}" for row, value in column.type.failed)
        out.append(
            Finding(
                "warn",
                "type",
                column.name,
                f"{column.name}: {column.type.n_failed:,} values would not cast.",
                by_step["type"].advice,
                kept,
            )
        )
    return out


def title_column(names: Sequence[str]) -> str:
    """The column that a person recognises a row by; empty when there is none."""
    by_name = {plain_name(n): n for n in names}
    for name in ("title", "media_title", "name", "series_title", "primary_title", "movie_title"):
        if name in by_name:
            return by_name[name]
    return ""
