"""Frames into and out of a database, quickly: the driver's own bulk ways, columns built in Polars.

One million titles pass through here: rows as Python objects live only a few thousand at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select

_FETCH = 5_000
"""Rows fetched at once; more is slower, because they fall out of the processor's cache."""


def put(connection: Connection, table: str, frame: pl.DataFrame) -> None:
    """Insert a frame whose columns are those of the table; lists as JSON text (see `encoded`)."""
    names = ", ".join(f'"{name}"' for name in frame.columns)
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        ready = frame.with_columns(
            pl.col(pl.Date).dt.to_string("iso"), pl.col(pl.Datetime).dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
        )
        marks = ", ".join("?" * frame.width)
        insert = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
        for piece in ready.iter_slices(_FETCH):
            raw.executemany(insert, zip(*(column.to_list() for column in piece), strict=True))
        return
    with raw.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv)') as copy:
        for piece in frame.iter_slices(20_000):
            copy.write(piece.write_csv(include_header=False, quote_style="non_numeric"))


def stream(connection: Connection, query: Select[Any], schema: pl.Schema, batch_size: int) -> Iterator[pl.DataFrame]:
    """The rows of a query as frames of `schema`, at most `batch_size` rows each."""
    is_sqlite = connection.dialect.name == "sqlite"
    result = connection.execute(query, execution_options={"stream_results": not is_sqlite})
    source: Any = result.cursor if is_sqlite else result  # SQLite's own cursor is lazy already, and twice as fast
    stored = {name: _stored(dtype) for name, dtype in schema.items()}
    pieces: list[pl.DataFrame] = []
    n_rows = 0
    try:
        while rows := source.fetchmany(min(_FETCH, batch_size)):
            pieces.append(_columns(rows, stored))
            n_rows += len(rows)
            if n_rows + _FETCH > batch_size:
                yield decoded(pl.concat(pieces), schema)
                pieces, n_rows = [], 0
        if pieces:
            yield decoded(pl.concat(pieces), schema)
    finally:
        result.close()


def collect(connection: Connection, query: Select[Any], schema: pl.Schema) -> pl.DataFrame:
    """All rows of a query as one frame of `schema`."""
    frames = list(stream(connection, query, schema, 100_000))
    return pl.concat(frames) if frames else schema.to_frame()


def encoded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as it is stored: lists as JSON text, empty text and empty lists as nulls, no NUL characters."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        *(
            pl.when(pl.col(name).list.len() > 0)
            # {"name":[...]} without what stands around the list
            .then(pl.struct(name).struct.json_encode().str.slice(len(name) + 4).str.head(-1))
            .alias(name)
            for name in lists
        ),
        *(pl.col(name).str.replace_all("\0", "", literal=True).replace("", None) for name in texts),
    )


def decoded(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The opposite of `encoded`, in the types of `schema`."""
    return frame.select(
        pl.col(name).str.json_decode(dtype) if isinstance(dtype, pl.List) else pl.col(name)
        for name, dtype in schema.items()
    )


def _stored(dtype: pl.DataType) -> pl.DataType:
    return pl.String() if isinstance(dtype, pl.List) else dtype


def _columns(rows: Sequence[Sequence[object]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            _series(name, values, dtype)
            for (name, dtype), values in zip(schema.items(), zip(*rows, strict=True), strict=True)
        ]
    )


def _series(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    if isinstance(dtype, pl.Datetime | pl.Date):
        first = next((v for v in values if v is not None), None)
        if isinstance(first, str):
            text = pl.Series(name, values, dtype=pl.String)
            return (
                text.str.to_datetime(time_unit="us", time_zone="UTC")
                if isinstance(dtype, pl.Datetime)
                else text.str.to_date()
            )
        if isinstance(dtype, pl.Datetime):
            return pl.Series(name, values, dtype=pl.Datetime("us", "UTC"))
    if isinstance(dtype, pl.Boolean):
        return pl.Series(name, [None if v is None else bool(v) for v in values], dtype=dtype)
    return pl.Series(name, values, dtype=dtype)
