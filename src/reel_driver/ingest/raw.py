"""A table as it was read, before anything in it is understood."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from reel_driver.schema import Problem


@dataclass(frozen=True, slots=True)
class Raw:
    """A table as it was read.

    Attributes:
        source: its name in messages.
        frame: its columns, as text where the file has only text.
        lines: the line where each row starts, or its number.
        problems: rows that could not even be taken apart.
    """

    source: str
    frame: pl.DataFrame
    lines: pl.Series
    problems: list[Problem] = field(default_factory=list)
