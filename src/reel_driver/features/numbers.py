"""Blocks that are numbers: one as it is, the ratio of two, the length of a text or list; and how they are said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from reel_driver.domain import FIELD, ZERO_IS_UNKNOWN
from reel_driver.features.blocks import Matrix, RowWriter, State

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Number:
    """One number as it is; with `log`, log(1 + max(value, 0)), for counts and money."""

    kind: ClassVar[str] = "number"
    field: str
    log: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """One column, named as the field."""
        return (self.field,)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> Number:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the number, or NaN for null."""
        field, log, log1p, nan = self.field, self.log, np.log1p, math.nan
        unknown = (None, 0) if field in ZERO_IS_UNKNOWN else (None,)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value: Any = row.get(field)
            if value in unknown:
                out[at] = nan
            else:
                number = float(value)
                out[at] = log1p(max(number, 0.0) + 0.0) if log else number  # + 0.0: no negative zero

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        self._write(known_numbers(frame, self.field), out)

    def fill_rows(self, rows: Sequence[Mapping[str, Any]], out: Matrix) -> None:
        """Write the column of many titles that are no frame."""
        self._write(known_numbers_of(rows, self.field), out)

    def _write(self, numbers: NDArray[np.float64], out: Matrix) -> None:
        out[:, 0] = np.log1p(np.maximum(numbers, 0.0) + 0.0) if self.log else numbers

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The number with its meaning."""
        value = row.get(self.field)
        if value is None or (value == 0 and self.field in ZERO_IS_UNKNOWN):
            return f"no {NUMBER_WORDS.get(self.field, self.field.replace('_', ' '))} known"
        return number_phrase(self.field, float(cast(float, value)))

    def state(self) -> State:
        """Field and transformation."""
        return asdict(self), {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Number:
        """Made again."""
        return cls(field=plain["field"], log=plain["log"])


@dataclass(frozen=True, slots=True)
class LogRatio:
    """log((1 + a) / (1 + b)) of two numbers; with a field of years as b, per year since then until `reference_year`."""

    kind: ClassVar[str] = "log_ratio"
    field: str
    other: str
    reference_year: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """`a/b`."""
        return (f"{self.field}/{self.other}",)

    @property
    def fields(self) -> tuple[str, ...]:
        """Both fields."""
        return (self.field, self.other)

    def fit(self, frame: pl.DataFrame) -> LogRatio:
        """Take the year after the newest title as the reference, where b is a year."""
        if self.other != "release_year":
            return self
        newest = frame[self.other].max()
        return LogRatio(self.field, self.other, 1 + int(cast(int, newest)) if newest is not None else 2000)

    def row_writer(self, at: int) -> RowWriter:
        """Write the logarithm, NaN when either is null."""
        field, other, reference = self.field, self.other, self.reference_year
        log1p, nan = np.log1p, math.nan
        unknown_a = (None, 0) if field in ZERO_IS_UNKNOWN else (None,)
        unknown_b = (None, 0) if other in ZERO_IS_UNKNOWN else (None,)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            a: Any = row.get(field)
            b: Any = row.get(other)
            if a in unknown_a or b in unknown_b:
                out[at] = nan
                return
            below = float(b) if reference is None else reference - float(b)
            out[at] = log1p(max(float(a), 0.0) + 0.0) - log1p(max(below, 0.0) + 0.0)  # + 0.0: no negative zero

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        self._write(known_numbers(frame, self.field), known_numbers(frame, self.other), out)

    def fill_rows(self, rows: Sequence[Mapping[str, Any]], out: Matrix) -> None:
        """Write the column of many titles that are no frame."""
        self._write(known_numbers_of(rows, self.field), known_numbers_of(rows, self.other), out)

    def _write(self, a: NDArray[np.float64], b: NDArray[np.float64], out: Matrix) -> None:
        below = b if self.reference_year is None else self.reference_year - b
        out[:, 0] = np.log1p(np.maximum(a, 0.0) + 0.0) - np.log1p(np.maximum(below, 0.0) + 0.0)

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The ratio as a person would say it."""
        words = NUMBER_WORDS.get(self.field, self.field)
        other_words = NUMBER_WORDS.get(self.other, self.other)
        a, b = row.get(self.field), row.get(self.other)
        a = None if a == 0 and self.field in ZERO_IS_UNKNOWN else a
        b = None if b == 0 and self.other in ZERO_IS_UNKNOWN else b
        if a is None or b is None:
            return f"no {words if a is None else other_words} known"
        if self.reference_year is not None:
            years = max(1.0, self.reference_year - float(cast(float, b)))
            return f"{float(cast(float, a)) / years:,.0f} {words} a year"
        times = (1 + float(cast(float, a))) / (1 + float(cast(float, b)))
        return (
            f"{words} {times:.1f} times the {other_words}"
            if times >= 1
            else f"{other_words} {1 / times:.1f} times the {words}"
        )

    def state(self) -> State:
        """Both fields and the year."""
        return asdict(self), {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> LogRatio:
        """Made again."""
        return cls(plain["field"], plain["other"], plain["reference_year"])


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text (characters) or a list (entries) is; null is NaN."""

    kind: ClassVar[str] = "length"
    field: str

    @property
    def names(self) -> tuple[str, ...]:
        """`field:length`."""
        return (f"{self.field}:length",)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> Length:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the length."""
        field, nan = self.field, math.nan

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value = row.get(field)
            out[at] = nan if value is None else len(value)

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        import polars as pl

        column = frame[self.field]
        lengths = column.list.len() if FIELD[self.field].type == "list" else column.str.len_chars()
        out[:, 0] = lengths.cast(pl.Float64).to_numpy()

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """How much of it there is, as a person would say it.

        >>> Length("genre").phrase(0, {"genre": ["Drama", "Crime"]})
        '2 genres'
        >>> Length("overview").phrase(0, {"overview": "Two men wait."})
        'an overview of 13 characters'
        """
        words = self.field.replace("_", " ")
        value = row.get(self.field)
        if not value:
            return f"no {words}"
        if FIELD[self.field].type == "text":
            return f"{'an' if words[0] in 'aeiou' else 'a'} {words} of {len(value)} characters"
        one, many = LIST_WORDS.get(self.field, (f"entry in {words}", f"entries in {words}"))
        return f"only one {one}" if len(value) == 1 else f"{len(value)} {many}"

    def state(self) -> State:
        """The field."""
        return {"field": self.field}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Length:
        """Made again."""
        return cls(plain["field"])


def known_numbers(frame: pl.DataFrame, field: str) -> NDArray[np.float64]:
    """A number column as float64, shape (n_titles,), with NaN for what is unknown.

    >>> import polars as pl
    >>> known_numbers(pl.DataFrame({"budget": [0, 5, None]}), "budget").tolist()
    [nan, 5.0, nan]
    """
    import polars as pl

    return _zeros_unknown(frame[field].cast(pl.Float64).to_numpy(), field)


def known_numbers_of(rows: Sequence[Mapping[str, Any]], field: str) -> NDArray[np.float64]:
    """The same of titles that are no frame.

    >>> known_numbers_of([{"budget": 0}, {"budget": 5}, {}], "budget").tolist()
    [nan, 5.0, nan]
    """
    return _zeros_unknown(np.array([row.get(field) for row in rows], dtype=np.float64), field)


def _zeros_unknown(numbers: NDArray[np.float64], field: str) -> NDArray[np.float64]:
    return np.where(numbers == 0, math.nan, numbers) if field in ZERO_IS_UNKNOWN else numbers


LIST_WORDS: Mapping[str, tuple[str, str]] = {
    "genre": ("genre", "genres"),
    "keywords": ("keyword", "keywords"),
    "directors": ("director", "directors"),
    "cast": ("leading actor", "leading actors"),
}
"""Entries of lists, one and many."""

NUMBER_WORDS: Mapping[str, str] = {
    "tmdb_rating": "TMDB rating",
    "tmdb_votes": "TMDB votes",
    "imdb_rating": "IMDb rating",
    "imdb_votes": "IMDb votes",
    "rt_score": "Rotten Tomatoes score",
    "metascore": "Metascore",
    "release_year": "year",
    "runtime": "running time",
}


def number_phrase(field: str, value: float) -> str:
    """A number of a title in words.

    >>> number_phrase("tmdb_votes", 12345), number_phrase("release_year", 1999), number_phrase("tmdb_rating", 7.654)
    ('12,345 TMDB votes', 'from 1999', 'TMDB rating 7.7')
    """
    words = NUMBER_WORDS.get(field, field.replace("_", " "))
    if field == "release_year":
        return f"from {value:.0f}"
    if field == "runtime":
        return f"{value:.0f} minutes"
    if field in ("budget", "revenue"):
        return f"{words} of ${value / 1e6:,.0f} million" if value >= 1e6 else f"{words} under $1 million"
    if field.endswith("votes"):
        return f"{value:,.0f} {words}"
    return f"{words} {value:.1f}" if field.endswith("rating") else f"{words} {value:.0f}"
