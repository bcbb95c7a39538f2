"""A table as it is, with its own columns: what `explore` looks at. Nothing is renamed, dropped or mended."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reel_driver.errors import FileMissing, FileUnreadable, NothingToRead
from reel_driver.schema import Problem

CHUNK = 1 << 24
"""Bytes of a text file looked at in one go."""


def read_plain(path: Path) -> tuple[pl.DataFrame, list[Problem]]:
    """Read CSV, Parquet, JSON or JSON lines with the columns it has.

    Returns:
        The table, and what is wrong with the file itself: records that other readers break, columns of mixed types.

    Raises:
        FileMissing: when there is no such file.
        FileUnreadable: when it is not what its name says.
        NothingToRead: when it has no rows.
    """
    if not path.is_file():
        raise FileMissing(path)
    problems: list[Problem] = []
    try:
        if path.suffix in (".parquet", ".pq"):
            frame = pl.read_parquet(path)
        elif path.suffix in (".jsonl", ".ndjson"):
            frame = pl.read_ndjson(path, infer_schema_length=None)
        elif path.suffix == ".json":
            frame, problems = _json(path)
        else:
            frame, problems = _csv(path)
    except pl.exceptions.NoDataError as error:
        raise NothingToRead(path) from error
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        raise FileUnreadable(path, str(error).splitlines()[0][:200]) from error
    if frame.is_empty():
        raise NothingToRead(path)
    return frame, problems


def _json(path: Path) -> tuple[pl.DataFrame, list[Problem]]:
    rows = json.loads(path.read_bytes())
    if isinstance(rows, dict):
        rows = next((v for v in rows.values() if isinstance(v, list)), [rows])
    if not all(isinstance(r, dict) for r in rows):
        raise ValueError("it is no list of records")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: dict[str, pl.Series] = {}
    problems = []
    for name in names:
        values = [row.get(name) for row in rows]
        types = Counter(type(v).__name__ for v in values if v is not None)
        if len(types) > 1 and "str" in types:
            others = [i for i, v in enumerate(values) if v is not None and not isinstance(v, str)]
            shown = ", ".join(str(values[i]) for i in others[:8])
            problems.append(
                Problem(
                    path.name,
                    others[0] + 1,
                    name,
                    f"{name} holds {len(others)} numbers among {types['str']:,} texts: {shown}.",
                    "Cast them to text, or titles such as 300 are lost to readers that want one type.",
                )
            )
            values = [v if v is None or isinstance(v, str) else _text(v) for v in values]
        columns[name] = pl.Series(name, values, strict=False)
    return pl.DataFrame(columns), problems


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _csv(path: Path) -> tuple[pl.DataFrame, list[Problem]]:
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    first = head.split(b"\n", 1)[0]
    separator = max((",", ";", "\t", "|"), key=lambda s: first.count(s.encode()))
    encoding = "utf8"
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema_length=10_000, try_parse_dates=False)
    except pl.exceptions.ComputeError:
        # A later value does not fit the guessed type, or the text is not UTF-8: read all as text and guess again.
        encoding = "utf8-lossy"
        text = pl.read_csv(
            path, separator=separator, infer_schema=False, encoding="utf8-lossy", truncate_ragged_lines=True
        )
        frame = text.with_columns(_narrowed(text[c]) for c in text.columns)
    problems = _broken_records(path, frame) if encoding == "utf8" else []
    return frame, problems


def _narrowed(text: pl.Series) -> pl.Series:
    """Numbers as numbers where every value is one."""
    for dtype in (pl.Int64, pl.Float64):
        cast = text.cast(dtype, strict=False)
        if cast.null_count() == text.null_count() and cast.len() > cast.null_count():
            return cast
    return text


def _broken_records(path: Path, frame: pl.DataFrame) -> list[Problem]:
    """Records with a bare carriage return outside quotes: readers that take it for a line end see more rows."""
    if not any(frame[c].str.contains("\r", literal=True).any() for c in frame.columns if frame.schema[c] == pl.String):
        return []
    n_bare, lines = 0, []
    inside, line, last = False, 1, 0
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            data = np.frombuffer(block, np.uint8)
            quotes = np.cumsum(data == 34) + inside
            ends = np.cumsum(data == 10)
            returns = np.flatnonzero(data == 13)
            following = data[np.minimum(returns + 1, len(data) - 1)]
            bare = returns[(following != 10) & (quotes[returns] % 2 == 0)]
            n_bare += len(bare)
            for at in bare[:1000]:
                where = line + int(ends[at])
                if where != last:
                    lines.append(where)
                    last = where
            inside, line = bool(quotes[-1] % 2), line + int(ends[-1])
    if not n_bare:
        return []
    columns = [c for c in frame.columns if frame.schema[c] == pl.String]
    holding = frame.filter(pl.any_horizontal(pl.col(columns).str.contains("\r", literal=True)))
    most = holding.select(
        pl.sum_horizontal(pl.col(columns).str.count_matches("\r", literal=True).fill_null(0)).arg_max()
    ).item()
    first = next((str(v)[:60] for c, v in holding.row(int(most), named=True).items() if "title" in c.lower()), "")
    named = f' ("{first}")' if first and len(lines) == 1 else ""
    records = "1 record is" if len(lines) == 1 else f"{len(lines)} records are"
    return [
        Problem(
            path.name,
            lines[0],
            "",
            f"{records} broken{named}, line {', '.join(str(n) for n in lines[:5])}: {n_bare} bare carriage returns outside quotes. "
            f"Readers that take them for line ends see {frame.height + n_bare:,} rows instead of {frame.height:,}.",
            "Replace the carriage returns by spaces, or quote the field; until then read it with a reader that ends lines at \\n only.",
        )
    ]
