"""Blocks that read when a title came out: its span of years, its day, and how new it was to the table it stands in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, RowByRow, RowWriter, State

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class YearBin(RowByRow):
    """One column for each span of years: before 1960, 1960 to 1979, then every five years.

    A span that training never saw is all zeros; an unknown year is all NaN.
    """

    kind: ClassVar[str] = "year_bin"
    bins: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`release_date=span` for each."""
        return tuple(f"release_date={b}" for b in self.bins)

    @property
    def fields(self) -> tuple[str, ...]:
        """The date, and the year where there is no date."""
        return ("release_date", "release_year")

    def fit(self, frame: pl.DataFrame) -> YearBin:
        """Learn which spans occur."""
        rows = frame.select(self.fields).iter_rows(named=True)
        return YearBin(tuple(sorted({span_of(year) for row in rows if (year := year_of(row)) is not None})))

    def row_writer(self, at: int) -> RowWriter:
        """Write the one that is set."""
        places, end = {b: at + i for i, b in enumerate(self.bins)}, at + len(self.bins)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            year = year_of(row)
            if year is None:
                out[at:end] = math.nan
            elif (place := places.get(span_of(year))) is not None:
                out[place] = 1.0

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The span."""
        year = year_of(row)
        has = year is not None and span_of(year) == self.bins[column]
        return f"{'' if has else 'not '}from {self.bins[column]}"

    def state(self) -> State:
        """The spans."""
        return {"bins": list(self.bins)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> YearBin:
        """Made again."""
        return cls(tuple(plain["bins"]))


@dataclass(frozen=True, eq=False)
class ReleaseDay(RowByRow):
    """When it came out: years since 2005 over 15, whether on New Year's Day (often: day unknown), and the season."""

    kind: ClassVar[str] = "release_day"

    @property
    def names(self) -> tuple[str, ...]:
        """Four columns."""
        return ("release_date:year", "release_date:new_year", "release_date:sin", "release_date:cos")

    @property
    def fields(self) -> tuple[str, ...]:
        """The date, and the year where there is no date."""
        return ("release_date", "release_year")

    def fit(self, frame: pl.DataFrame) -> ReleaseDay:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the four; of a year without a date only the first is known."""

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            day, year = day_of(row), row.get("release_year")
            if day is not None:
                turn = 2 * math.pi * day.month / 12
                out[at] = (day.year + (day.month - 1) / 12 - 2005) / 15
                out[at + 1] = day.month == 1 and day.day == 1
                out[at + 2], out[at + 3] = math.sin(turn), math.cos(turn)
            else:
                out[at] = math.nan if year is None else (year + 0.5 - 2005) / 15
                out[at + 1 : at + 4] = math.nan

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The year, or the season."""
        year = year_of(row)
        return (f"from {year}" if year is not None else "no year known") if column == 0 else "the day of its release"

    def state(self) -> State:
        """Nothing."""
        return {}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ReleaseDay:
        """Made again."""
        return cls()


@dataclass(frozen=True, eq=False)
class Newness(RowByRow):
    """How new a title was when the table was made: 1 on the newest release date, a third of that a quarter before.

    The newest titles of a table have few votes yet. A title that came out over a month after all of them is unknown:
    what a young table says of young titles is nothing about it.

    Attributes:
        newest: the latest release date of the training titles, None when none is known.
    """

    kind: ClassVar[str] = "newness"
    newest: date | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("release_date:newness",)

    @property
    def fields(self) -> tuple[str, ...]:
        """The date."""
        return ("release_date",)

    def fit(self, frame: pl.DataFrame) -> Newness:
        """Find the newest."""
        return Newness(max((d for d in frame["release_date"].to_list() if d is not None), default=None))

    def row_writer(self, at: int) -> RowWriter:
        """Write the one."""
        newest = self.newest

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            day = day_of(row)
            age = (newest - day).days if newest is not None and day is not None else None
            out[at] = math.nan if age is None or age < -31 else math.exp(-max(age, 0) / 91.3125)

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """How new it is."""
        return "how new it is"

    def state(self) -> State:
        """The date."""
        return {"newest": self.newest.isoformat() if self.newest else None}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Newness:
        """Made again."""
        return cls(date.fromisoformat(plain["newest"]) if plain["newest"] else None)


def day_of(row: Mapping[str, Any]) -> date | None:
    """The release date, which may also be given as text (2021-12-15); None when it is unknown or no date."""
    day = row.get("release_date")
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            return None
    return day if isinstance(day, date) else None


def year_of(row: Mapping[str, Any]) -> int | None:
    """The year of the release date, or the release year where there is no date."""
    day = day_of(row)
    return row.get("release_year") if day is None else day.year


def span_of(year: int) -> str:
    """The span of years that a year is in.

    >>> span_of(1950), span_of(1979), span_of(1994)
    ('before 1960', '1960-1979', '1990-1994')
    """
    if year < 1960:
        return "before 1960"
    if year < 1980:
        return "1960-1979"
    start = 1980 + (year - 1980) // 5 * 5
    return f"{start}-{start + 4}"
