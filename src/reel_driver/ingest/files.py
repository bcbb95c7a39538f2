"""A file of titles, of whatever kind: told by its content, read into a frame, and understood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from reel_driver.errors import FileMissing, FileUnreadable, InputError, NothingToRead
from reel_driver.ingest.delimited import read_delimited
from reel_driver.ingest.lines import Lines
from reel_driver.ingest.raw import Raw
from reel_driver.ingest.recognise import NAMING, columns_for, fields_of
from reel_driver.ingest.tidy import understood
from reel_driver.schema import Problem

_LONGEST_VALUE = 131_072
_LARGEST_JSON = 2_000_000_000
_NOT_TABLES = {
    b"PK\x03\x04": "it is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV.",
    b"\x1f\x8b": "it is compressed; unpack it first.",
    b"SQLite format 3": "it is an SQLite database; export the table as CSV.",
    b"%PDF": "it is a PDF.",
}


def read_table(
    path: Path | str, *, needs_labels: bool = False, fields: frozenset[str] | None = None
) -> tuple[pl.DataFrame, list[Problem]]:
    """Read a table of titles, with labels where it has them: CSV, Parquet, JSON lines or a JSON array.

    Args:
        path: the file.
        needs_labels: refuse a table without a label column.
        fields: read these fields of a title and those that name it, and no labels; by default everything.

    Returns:
        A frame of TITLE_SCHEMA, or of the fields that were asked for, and `line`, and, where the file has labels, of
        `verdict`, `decided_by`, `is_reviewed`, `is_anomalous`, `labelled_at` and perhaps `profile`; and what was wrong
        with rows and values.

    Raises:
        InputError: in one of its kinds, when nothing can be read; the message says why.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise FileUnreadable(path, "it is a folder; name a file in it.")
        if not path.exists():
            raise FileMissing(path)
        wanted = None if fields is None else fields | {*NAMING}
        return understood(_raw(path, wanted), needs_labels=needs_labels, name=path, fields=wanted)
    except PermissionError:
        raise FileUnreadable(path, "this user may not read it; mend its permissions.") from None
    except OSError as error:
        raise FileUnreadable(path, f"{error.strerror or error}.") from None


class NeedsWhole(Exception):
    """A table has to be read whole: rows tell how others are read, or something is wrong in some."""


def read_in_parts(path: Path, fields: frozenset[str], n_rows: int = 100_000) -> Iterator[pl.DataFrame]:
    """The frame of `read_table` in parts that need little memory, of Parquet files that are clean and typed.

    Args:
        path: the file.
        fields: read these fields of a title and those that name it.
        n_rows: about so many rows a part.

    Raises:
        NeedsWhole: at any part, when `read_table` has to be asked instead; it says what is wrong, too.
    """
    wanted = fields | {*NAMING}
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                raise NeedsWhole
        table = pl.scan_parquet(path)
        schema = table.collect_schema()
        columns = columns_for(wanted, list(schema))
        held = fields_of(columns)
        date, rating = held.get("release_date"), held.get("imdb_rating")
        # How texts write dates, and whether ratings go to 10 or to 100, is told by a whole column.
        if date is not None and not schema[date].is_temporal():
            raise NeedsWhole
        if rating is not None and (
            not schema[rating].is_numeric() or (table.select(pl.col(rating).max()).collect().item() or 0) > 10
        ):
            raise NeedsWhole
        first = 1
        for frame in table.select(columns).collect_batches(chunk_size=n_rows, maintain_order=True):
            lines = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("line")
            part, problems = understood(Raw(path.name, frame, lines), name=path, fields=wanted)
            if problems:
                raise NeedsWhole
            first += frame.height
            yield part
        if first == 1:
            raise NeedsWhole
    except (OSError, InputError, pl.exceptions.PolarsError) as error:
        raise NeedsWhole from error


def _raw(path: Path, fields: frozenset[str] | None) -> Raw:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip():
        raise NothingToRead(path)
    for magic, why in _NOT_TABLES.items():
        if head.startswith(magic):
            raise FileUnreadable(path, why)
    if head.startswith(b"PAR1"):
        return _parquet(path, fields)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{"):
        return _json_lines(path)
    if start.startswith(b"["):
        return _json_array(path)
    return read_delimited(path)


def _parquet(path: Path, fields: frozenset[str] | None) -> Raw:
    try:
        columns = None if fields is None else columns_for(fields, list(pl.read_parquet_schema(path)))
        frame = pl.read_parquet(path, columns=columns)
    except pl.exceptions.PolarsError as error:
        raise FileUnreadable(path, f"it is a damaged Parquet file ({str(error).splitlines()[0][:80]}).") from None
    if frame.is_empty():
        raise NothingToRead(path)
    return Raw(path.name, frame, pl.Series("line", range(1, len(frame) + 1), dtype=pl.Int64))


def _json_lines(path: Path) -> Raw:
    problems: list[Problem] = []

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        with path.open("rb") as file:
            lines = Lines(path, file)
            for line in lines:
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if isinstance(row, dict):
                    yield lines.n_read, row
                else:
                    advice = "it is not one JSON object; write one object per line."
                    problems.append(Problem(path.name, lines.n_read, "", line.strip()[:60], advice))

    return _from_objects(path, rows(), problems)


def _json_array(path: Path) -> Raw:
    if path.stat().st_size > _LARGEST_JSON:
        raise FileUnreadable(path, "a JSON array of this size is too large; write JSON lines, one object per line.")
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise FileUnreadable(path, f"it begins as a JSON array but is none ({str(error)[:60]}).") from None
    problems = [
        Problem(path.name, n, "", str(row)[:60], "it is not a JSON object; an array of titles holds objects.")
        for n, row in enumerate(found, start=1)
        if not isinstance(row, dict)
    ]
    rows = ((n, row) for n, row in enumerate(found, start=1) if isinstance(row, dict))
    return _from_objects(path, rows, problems)


def _from_objects(path: Path, rows: Iterator[tuple[int, dict[str, Any]]], problems: list[Problem]) -> Raw:
    columns: dict[str, list[str | None]] = {}
    numbers: list[int] = []
    for line, row in rows:
        for key, value in row.items():
            text = _text(value)
            if text is not None and len(text) > _LONGEST_VALUE:
                raise FileUnreadable(path, f"row {line} holds a value of more than 128 KB; nothing was changed.")
            columns.setdefault(key, []).extend([None] * (len(numbers) - len(columns[key])))
            columns[key].append(text)
        numbers.append(line)
    if not numbers and not problems:
        raise NothingToRead(path)
    for values in columns.values():
        values.extend([None] * (len(numbers) - len(values)))
    frame = pl.DataFrame([pl.Series(name, values, dtype=pl.String) for name, values in columns.items()])
    return Raw(path.name, frame, pl.Series("line", numbers, dtype=pl.Int64), problems)


def _text(value: object) -> str | None:
    """A JSON value as the text that a CSV file would hold."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
