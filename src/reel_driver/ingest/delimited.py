"""CSV and its kin as they are in life: any usual separator and encoding, quoted line breaks, broken rows set aside."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import polars as pl

from reel_driver.errors import FileUnreadable, NothingToRead
from reel_driver.ingest.lines import Lines
from reel_driver.ingest.raw import Raw
from reel_driver.ingest.recognise import fields_of
from reel_driver.schema import Problem

_PIECE = 20_000
_NOTHING_CHANGED = "nothing was changed."


def read_delimited(path: Path) -> Raw:
    """Read a table of text.

    Raises:
        NothingToRead: no rows.
        FileUnreadable: not a table, a value of more than 128 KB, or a quote that is never closed.
    """
    with path.open("rb") as file:
        lines = Lines(path, file)
        first = next((line for line in lines if line.strip()), "")
        if first.strip().lower().startswith("sep="):
            first = next(lines, "")
        if not first.strip():
            raise NothingToRead(path)
        skipped = lines.n_read - 1
        lines.start_record()
        lines.record = first
        delimiter = _separator(first)
        reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter)
        try:
            header = _unique([name.strip() for name in next(reader)])
        except csv.Error as error:
            raise FileUnreadable(path, f"its first line is no header ({error}); {_NOTHING_CHANGED}") from None
        table = _Table(path.name, header)
        is_open = False
        while True:
            lines.start_record()
            start = reader.line_num + skipped + 1
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if "field limit" in str(error) or "field larger" in str(error):
                    why = "holds a value of more than 128 KB, or a quote opens there that is never closed"
                    raise FileUnreadable(path, f"the row at line {start} {why}; {_NOTHING_CHANGED}") from None
                table.refuse(start, "", "a line break stands outside of quotes; put the value into quotes.")
                continue
            is_open = lines.n_quotes % 2 == 1 and _opens(lines.record, delimiter)
            table.add(start, row)
        if is_open:
            why = f"a quote that opens in the row at line {table.last_start} is never closed"
            raise FileUnreadable(path, f"{why}; {_NOTHING_CHANGED}")
    return table.finished(path)


class _Table:
    """Rows gathered into columns piece by piece, so that a million rows never stand as Python lists at once."""

    def __init__(self, source: str, header: list[str]) -> None:
        self.source = source
        self.header = header
        self.problems: list[Problem] = []
        self.last_start = 1
        self._pieces: list[pl.DataFrame] = []
        self._rows: list[list[str]] = []
        self._starts: list[int] = []

    def add(self, start: int, row: list[str]) -> None:
        if not any(row):
            return
        self.last_start = start
        width = len(self.header)
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if len(row) != width:
            advice = "put values that hold the separator or a line break into quotes"
            self.refuse(start, row[0], f"{len(row)} values stand in {width} columns; {advice}.")
            return
        self._rows.append(row)
        self._starts.append(start)
        if len(self._rows) >= _PIECE:
            self._flush()

    def refuse(self, start: int, value: str, advice: str) -> None:
        self.problems.append(Problem(self.source, start, "", value, advice))

    def finished(self, path: Path) -> Raw:
        self._flush()
        if not self._pieces and not self.problems:
            raise NothingToRead(path)
        empty = pl.DataFrame(schema={**dict.fromkeys(self.header, pl.String), "__line": pl.Int64})
        frame = pl.concat([empty, *self._pieces])
        return Raw(self.source, frame.drop("__line"), frame["__line"], self.problems)

    def _flush(self) -> None:
        if self._rows:
            columns = zip(self.header, zip(*self._rows, strict=True), strict=True)
            series = [pl.Series(name, values, dtype=pl.String) for name, values in columns]
            self._pieces.append(pl.DataFrame([*series, pl.Series("__line", self._starts, dtype=pl.Int64)]))
            self._rows, self._starts = [], []


def _separator(header: str) -> str:
    """The separator under which the most columns are known; of equals, the one that parts the most."""

    def worth(separator: str) -> tuple[int, int]:
        try:
            names = next(csv.reader([header], delimiter=separator))
        except csv.Error:
            return (0, 0)
        return len(fields_of(names)), len(names)

    return max(",;\t|", key=worth)


def _opens(line: str, separator: str) -> bool:
    """Whether a value of the line begins with a quote, so that the quote means something."""
    return line.startswith('"') or f'{separator}"' in line


def _unique(header: list[str]) -> list[str]:
    """The names with empty and repeated ones told apart."""
    counts: dict[str, int] = {}
    names = []
    for at, name in enumerate(header):
        plain = name or f"column_{at + 1}"
        counts[plain] = counts.get(plain, 0) + 1
        names.append(plain if counts[plain] == 1 else f"{plain} ({counts[plain]})")
    return names
