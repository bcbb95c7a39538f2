"""What each column is, whatever it is stored as: the type analysis of the flow chart."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from reel_driver.explore.facts import Role, TypeFacts

BLANKS = ("", "n/a", "na", "nan", "null", "none", "unknown", "-", "?", "\\n", "#n/a")
"""Texts that mean "nothing", in lower case. Among titles, where few values come again, only the empty one does."""

DATE_FORMATS = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%b %d %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%y", "%d-%b-%Y",
    "%m/%d/%y", "%d/%m/%y", "%Y/%m/%d", "%Y%m%d", "%B %d %Y", "%d.%m.%Y",
)  # fmt: skip
STAMP_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f")
SEPARATORS = ("|", ", ", ";", ",")
UNIT = re.compile(r"^\s*([\d.,]+)\s*([A-Za-z%]+)\s*$")
ID_NAME = re.compile(r"(^|_)(id|uuid|guid|key|const|tconst)$|(movie|show|user|imdb|tmdb)id$|(^|_)(url|link)$", re.I)
ONE_TEXT = re.compile(r"title|(^|_)name$|overview|description|plot|synopsis|tagline|review", re.I)
"""Columns that hold one text each, whatever marks are in it."""
PROBE = 20_000
"""Rows looked at to tell what a column is; the cast itself is tried on all of them."""


@dataclass(frozen=True)
class Kind:
    """What a column is, with its values in the right type (float, date, text or list; missing is null).

    Attributes:
        role: what it is.
        values: the values, cast; shape (n_rows,).
        type: stored and right type.
        n_blank: texts and lists that mean "nothing", now null.
        unit: for numbers written with their unit, the pattern of the unit.
        missing: rows without a value, where `values` lacks more than that (numbers of another unit).
    """

    role: Role
    values: pl.Series
    type: TypeFacts
    n_blank: int = 0
    unit: str = ""
    missing: pl.Series | None = None

    @property
    def is_missing(self) -> pl.Series:
        """Rows without a value, shape (n_rows,)."""
        return self.values.is_null() if self.missing is None else self.missing


def kind_of(series: pl.Series) -> Kind:
    """Tell what a column is and cast it.

    >>> found = kind_of(pl.Series("when", ["Jun 12 1998", "Aug 07 1998", "soon"] + ["Aug 28 1998"] * 60))
    >>> found.role, found.type.how, found.type.failed
    ('date', '%b %d %Y', ((3, 'soon'),))
    """
    stored = str(series.dtype)
    dtype = series.dtype
    if dtype == pl.Boolean:
        return Kind("category", series.cast(pl.String), TypeFacts(stored, "yes or no"))
    if isinstance(dtype, pl.List | pl.Array):
        return _list(series.cast(pl.List(pl.String), strict=False), TypeFacts(stored, "list of text"))
    if isinstance(dtype, pl.Struct | pl.Object | pl.Binary | pl.Null):
        as_text = series.cast(pl.String, strict=False) if dtype != pl.Struct else series.struct.json_encode()
        return Kind("text", as_text, TypeFacts(stored, "text"))
    if dtype.is_temporal():
        if isinstance(dtype, pl.Duration):
            return _number(series.dt.total_seconds().alias(series.name), TypeFacts(stored, "number"))
        if isinstance(dtype, pl.Time):
            return Kind("text", series.dt.to_string("%H:%M:%S"), TypeFacts(stored, "text"))
        return Kind("date", series.cast(pl.Date), TypeFacts(stored, "date"))
    if dtype.is_numeric():
        return _number(series, TypeFacts(stored, "number"))
    return _text(series.cast(pl.String), stored)


def _number(series: pl.Series, facts: TypeFacts) -> Kind:
    values = series.cast(pl.Float64, strict=False).fill_nan(None)
    if ID_NAME.search(series.name.replace(" ", "_")):
        return Kind("id", series.cast(pl.String), TypeFacts(facts.stored, "id"))
    low, high = values.min(), values.max()
    is_whole = series.dtype.is_integer() or bool((values == values.round()).all())
    if (
        "year" in series.name.lower()
        and is_whole
        and isinstance(low, float)
        and isinstance(high, float)
        and low > 1800
        and high < 2200
    ):
        return Kind("year", values, TypeFacts(facts.stored, "year", facts.how, facts.n_failed, facts.failed))
    if series.drop_nulls().n_unique() <= 2 and series.len() > 10:
        return Kind("category", series.cast(pl.String), TypeFacts(facts.stored, "category"))
    return Kind("number", values, facts)


def _text(series: pl.Series, stored: str) -> Kind:
    is_padded = bool((series != series.str.strip_chars()).any())
    cleaned = series.str.strip_chars() if is_padded else series
    low = cleaned.str.len_chars() <= 7
    is_varied = cleaned.head(PROBE).n_unique() > 0.5 * min(PROBE, cleaned.len())
    blank = (low & cleaned.str.to_lowercase().is_in([""] if is_varied else list(BLANKS))).fill_null(False)
    n_blank = int(blank.sum())
    text = cleaned.set(blank, None) if n_blank else cleaned
    probe = text.drop_nulls().head(PROBE)
    if probe.is_empty():
        return Kind("text", text, TypeFacts(stored, "text"), n_blank)
    how_padded = "strip spaces, then " if is_padded else ""
    if _share(probe.str.contains(r"^[-+]?[\d.,]+$")) > 0.95:
        return _numeric_text(series, text, stored, n_blank)
    for formats, is_stamp in ((DATE_FORMATS, False), (STAMP_FORMATS, True)):
        for style in formats:
            parsed = _dates(probe, style, is_stamp)
            if parsed.null_count() < 0.05 * probe.len():
                whole = _dates(text, style, is_stamp)
                right = TypeFacts(stored, "date", how_padded + style, *_failures(series, text, whole))
                return Kind("date", whole, right, n_blank)
    units = probe.str.extract(UNIT.pattern, 2)
    if units.null_count() < 0.05 * probe.len() and units.n_unique() <= 6:
        values = text.str.extract(UNIT.pattern, 1).str.replace_all(",", "").cast(pl.Float64, strict=False)
        counts = units.drop_nulls().value_counts(sort=True, name="n").rows()
        total = sum(n for _, n in counts)
        mix = ", ".join(f"{name} {n / total:.0%}".replace("%", " %") for name, n in counts)
        commonest = text.str.extract(UNIT.pattern, 2) == counts[0][0]
        kept = pl.select(pl.when(commonest).then(values)).to_series().alias(series.name)
        right = TypeFacts(stored, "number", f"number apart from its unit ({mix})", *_failures(series, text, values))
        pattern = rf"^\s*\d+\s*({'|'.join(name for name, _ in counts)})\s*$"
        return Kind("number", kept, right, n_blank, pattern, text.is_null())
    if ID_NAME.search(series.name.replace(" ", "_")) or _share(probe.str.starts_with("http")) > 0.9:
        return Kind("id", text, TypeFacts(stored, "id"), n_blank)
    separator = "" if ONE_TEXT.search(series.name) else _separator(probe)
    if separator:
        split = text.str.split(separator).list.eval(pl.element().str.strip_chars())
        return _list(split, TypeFacts(stored, "list of text", f'split at "{separator.strip()}"'), n_blank)
    n_distinct = probe.n_unique()
    lengths = probe.str.len_chars().mean()
    is_short = isinstance(lengths, float) and lengths < 60
    if is_short and (n_distinct <= 60 or n_distinct < 0.02 * probe.len()) and n_distinct < 0.6 * probe.len():
        return Kind("category", text, TypeFacts(stored, "category"), n_blank)
    return Kind("text", text, TypeFacts(stored, "text"), n_blank)


def _numeric_text(series: pl.Series, text: pl.Series, stored: str, n_blank: int) -> Kind:
    """Numbers stored as text: thousands commas are dropped."""
    values = text.str.replace_all(r",(\d{3})", "$1").cast(pl.Float64, strict=False)
    facts = TypeFacts(stored, "number", "cast to a number", *_failures(series, text, values))
    found = _number(values.rename(series.name), facts)
    return Kind(found.role, found.values, facts, n_blank)


def _share(rule: pl.Series) -> float:
    """The part of the rows where a rule holds; nulls do not count."""
    known = rule.len() - rule.null_count()
    return int(rule.sum()) / known if known else 0.0


def _dates(text: pl.Series, style: str, is_stamp: bool) -> pl.Series:
    if is_stamp:
        return text.str.to_datetime(style, strict=False, time_unit="us").cast(pl.Date)
    return text.str.to_date(style, strict=False)


def _separator(probe: pl.Series) -> str:
    """What a list of names is joined by; empty when the values are no lists.

    Lists share their elements between rows; the clauses of prose do not.
    """
    for separator in SEPARATORS:
        if _share(probe.str.contains(separator, literal=True)) < 0.1:
            continue
        parts = probe.str.split(separator).explode()
        mean_length = parts.str.len_chars().mean()
        if parts.n_unique() < 0.8 * parts.len() and isinstance(mean_length, float) and mean_length < 35:
            return separator
    return ""


def _list(values: pl.Series, facts: TypeFacts, n_blank: int = 0) -> Kind:
    empty = (values.list.len() == 0).fill_null(False)
    n_empty = int(empty.sum())
    kept = pl.select(pl.when(~empty).then(values)).to_series().alias(values.name) if n_empty else values
    return Kind("list", kept, facts, n_blank + n_empty)


def _failures(series: pl.Series, text: pl.Series, cast: pl.Series) -> tuple[int, tuple[tuple[int, str], ...]]:
    failed = (text.is_not_null() & cast.is_null()).arg_true()
    shown = tuple((int(i) + 1, str(series[int(i)])[:60]) for i in failed.head(8).to_list())
    return failed.len(), shown
