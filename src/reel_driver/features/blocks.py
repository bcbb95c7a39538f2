"""What a block is, of which a feature spec is made; the blocks themselves stand in rooms by what they read.

A block reads one or a few fields of a title and fills a run of columns. It holds both of its encoders side by side, so
that they cannot drift apart. Unknown (null) stays NaN: how to fill it is the model's own business. Fitting a block
returns a new one with what it learned; blocks never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

Matrix: TypeAlias = NDArray[np.float32]
RowWriter: TypeAlias = Callable[[Mapping[str, Any], Matrix], None]
"""Writes one title's numbers into its place of a float32 row that was filled with zeros."""

State: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What is saved of a part: plain JSON, and arrays by name."""


class Block(Protocol):
    """A run of columns computed from one title."""

    kind: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, `field` or `field=category`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that it reads."""

    def fit(self, frame: pl.DataFrame) -> Block:
        """The same block with what it learns from a catalogue."""

    def row_writer(self, at: int) -> RowWriter:
        """The one-row encoder, writing from column `at` on."""

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """The frame encoder: fills `out`, zeros of shape (n_titles, width)."""

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """What a column says of a title, in words for a person."""

    def state(self) -> State:
        """What `from_state` needs to make this block again."""

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Block:
        """The block that `state` described."""


class RowByRow(Block, Protocol):
    """Blocks whose frame encoder is the row encoder, over the rows: what they do is Python's work either way."""

    def __eq__(self, other: object) -> bool:
        """Two blocks are the same when they save the same."""
        if not isinstance(other, type(self)):
            return NotImplemented
        (plain, arrays), (others_plain, others_arrays) = self.state(), other.state()
        same = arrays.keys() == others_arrays.keys()
        return plain == others_plain and same and all(np.array_equal(a, others_arrays[n]) for n, a in arrays.items())

    def __hash__(self) -> int:
        return hash((type(self), self.fields))

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write each title's numbers."""
        write = self.row_writer(0)
        for i, row in enumerate(frame.select(self.fields).iter_rows(named=True)):
            write(row, out[i])
