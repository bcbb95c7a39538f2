"""Polars schemas derived from the domain, and the check that a frame keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from reel_driver.domain import TITLE_FIELDS, FieldType
from reel_driver.errors import ColumnsMissing

DTYPES: dict[FieldType, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "list": pl.List(pl.String()),
    "date": pl.Date(),
}

TITLE_SCHEMA = pl.Schema({f.name: DTYPES[f.type] for f in TITLE_FIELDS})
"""The fields of a title, without the store's `title_id`."""

CATALOGUE_SCHEMA = pl.Schema({"title_id": pl.Int64(), **TITLE_SCHEMA})
"""A catalogue as the store gives it."""

LABEL_SCHEMA = pl.Schema(
    {
        "title_id": pl.Int64(),
        "verdict": pl.String(),
        "source": pl.String(),
        "decided_by": pl.String(),
        "is_reviewed": pl.Boolean(),
        "is_anomalous": pl.Boolean(),
        "labelled_at": pl.Datetime("us", "UTC"),
    }
)
"""The latest label of each title of one profile."""

SCORE_SCHEMA = pl.Schema(
    {
        "title_id": pl.Int64(),
        "score": pl.Float64(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
        "is_extrapolated": pl.Boolean(),
    }
)
"""What a bundle says of each title of a catalogue."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with incoming data, as a value: where it is and what to do about it.

    `line` is the line of the file where the record starts (the header is line 1), or the row number of a table;
    `column` is empty when the whole row is meant. `is_rejection` is False where the row was taken without the value.
    """

    source: str
    line: int | None
    column: str
    value: str
    what_to_do: str
    is_rejection: bool = True

    def __str__(self) -> str:
        """One line for a person."""
        where = self.source + (f", line {self.line}" if self.line is not None else "")
        column = f", {self.column}" if self.column else ""
        value = f" = {self.value[:60]!r}" if self.value else ""
        return f"{where}{column}{value}: {self.what_to_do}"


def refused_rows(problems: Iterable[Problem]) -> pl.DataFrame:
    """The rows that were rejected, by `line`, each with what was wrong in the column `problem`."""
    rejected = [(p.line, str(p)) for p in problems if p.is_rejection]
    return pl.DataFrame(rejected, schema={"line": pl.Int64, "problem": pl.String}, orient="row")


def require(frame: pl.DataFrame, columns: Sequence[str], source: object) -> None:
    """Refuse a frame that lacks a column.

    Raises:
        ColumnsMissing: naming what lacks and what is there.
    """
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise ColumnsMissing(source, missing, frame.columns)


def conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The frame with exactly the schema's columns, in its order and types; absent columns come as nulls.

    Raises:
        polars.exceptions.InvalidOperationError: when a value does not fit its type; imports clean values first.
    """
    if frame.schema == schema:
        return frame
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    )
