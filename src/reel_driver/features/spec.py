"""The feature spec: an ordered list of blocks, fitted once, saved with the model, compiled into two encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.domain import FIELD
from reel_driver.features.blocks import Block, Matrix, RowWriter, State
from reel_driver.features.categories import Grouped, MultiHot, OneHot, Scaled
from reel_driver.features.dates import Newness, ReleaseDay, YearBin
from reel_driver.features.known import KnownTitle, Tokens
from reel_driver.features.numbers import Length, LogRatio, Number
from reel_driver.features.sentence import SentenceVector
from reel_driver.features.text import Terms, TextShape, TextVector, Tfidf, Words

if TYPE_CHECKING:
    import polars as pl

MANY = 16
"""From so many titles on numbers are written column by column."""

_KINDS: tuple[type[Block], ...] = (
    Number,
    LogRatio,
    OneHot,
    MultiHot,
    Length,
    Words,
    KnownTitle,
    Tokens,
    Tfidf,
    YearBin,
    Grouped,
    Scaled,
    ReleaseDay,
    Newness,
    TextShape,
    TextVector,
    Terms,
    SentenceVector,
)
BLOCK_KINDS: dict[str, type[Block]] = {b.kind: b for b in _KINDS}
"""Every kind of block that a saved spec may name."""


@dataclass(frozen=True)
class FeatureSpec:
    """What a model sees of a title.

    >>> import polars as pl
    >>> films = pl.DataFrame({"runtime": [90, None], "genre": [["Drama"], ["Drama", "War"]]})
    >>> spec = FeatureSpec((Number("runtime"), MultiHot("genre", min_count=1))).fit(films)
    >>> spec.names
    ('runtime', 'genre=Drama', 'genre=War')
    >>> spec.encode_row({"genre": ["War", "Noir"], "runtime": 100}).tolist()
    [100.0, 0.0, 1.0]
    >>> spec.encode_frame(films).tolist()
    [[90.0, 1.0, 0.0], [nan, 1.0, 1.0]]
    """

    blocks: tuple[Block, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(name for block in self.blocks for name in block.names)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that are read, each once."""
        return tuple(dict.fromkeys(f for block in self.blocks for f in block.fields))

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names)

    def narrowed(self, columns: NDArray[np.intp]) -> tuple[FeatureSpec, NDArray[np.intp]]:
        """A spec without what nobody asks about: blocks are left out, and categories, which stand for themselves.

        Args:
            columns: those that are asked about.

        Returns:
            The spec, and the columns that it has: those and perhaps others of the same blocks, in their order.
        """
        asked, blocks, kept, at = set(columns.tolist()), list[Block](), list[int](), 0
        for block in self.blocks:
            width = len(block.names)
            wanted = [i for i in range(width) if at + i in asked]
            if wanted and isinstance(block, OneHot | MultiHot | Words):
                blocks.append(replace(block, categories=tuple(block.categories[i] for i in wanted)))
                kept += [at + i for i in wanted]
            elif wanted:
                blocks.append(block)
                kept += range(at, at + width)
            at += width
        return FeatureSpec(tuple(blocks)), np.array(kept, dtype=np.intp)

    def fit(self, frame: pl.DataFrame) -> FeatureSpec:
        """Learn categories and vocabularies from the titles that will be trained on."""
        whole = self._complete(frame)
        return FeatureSpec(tuple(block.fit(whole) for block in self.blocks))

    @cached_property
    def encode_row(self) -> Callable[[Mapping[str, Any]], Matrix]:
        """The one-row encoder: mapping -> float32 array of shape (width,). Compiled at first use, thread-safe."""
        writers, width, zeros, float32 = self._writers, self.width, np.zeros, np.float32

        def encode(row: Mapping[str, Any]) -> Matrix:
            out = zeros(width, float32)
            for write in writers:
                write(row, out)
            return out

        return encode

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> Matrix:
        """Several titles that are no frame: float32 of shape (n_titles, width)."""
        out = np.zeros((len(rows), self.width), np.float32)
        writers = self._writers
        if len(rows) >= MANY:
            writers = self._other_writers
            for at, block in self._numbers:
                block.fill_rows(rows, out[:, at : at + 1])
        for row, place in zip(rows, out, strict=True):
            for write in writers:
                write(row, place)
        return out

    @cached_property
    def _starts(self) -> list[int]:
        """The first column of each block."""
        return np.cumsum([0, *(len(block.names) for block in self.blocks)]).tolist()  # type: ignore[no-any-return]

    @cached_property
    def _numbers(self) -> tuple[tuple[int, Number | LogRatio], ...]:
        """Blocks that write many titles in one step, with their columns."""
        blocks = zip(self._starts, self.blocks, strict=False)
        return tuple((at, block) for at, block in blocks if isinstance(block, Number | LogRatio))

    @cached_property
    def _other_writers(self) -> tuple[RowWriter, ...]:
        """The one-row encoders of the other blocks."""
        both = zip(self._writers, self.blocks, strict=True)
        return tuple(write for write, block in both if not isinstance(block, Number | LogRatio))

    @cached_property
    def _writers(self) -> tuple[RowWriter, ...]:
        """The one-row encoder of each block."""
        return tuple(block.row_writer(at) for block, at in zip(self.blocks, self._starts, strict=False))

    def encode_frame(self, frame: pl.DataFrame) -> Matrix:
        """The frame encoder: float32 of shape (n_titles, width). Absent columns count as null."""
        whole = self._complete(frame)
        out = np.zeros((frame.height, self.width), np.float32)
        at = 0
        for block in self.blocks:
            width = len(block.names)
            block.fill(whole, out[:, at : at + width])
            at += width
        return out

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """What column number `column` says of a title, in words."""
        for block in self.blocks:
            if column < len(block.names):
                return block.phrase(column, row)
            column -= len(block.names)
        raise IndexError(column)

    def state(self) -> State:
        """Plain JSON and arrays, for a bundle."""
        plain: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[Any]] = {}
        for i, block in enumerate(self.blocks):
            block_plain, block_arrays = block.state()
            plain.append({"kind": block.kind, **block_plain})
            arrays |= {f"{i}.{name}": array for name, array in block_arrays.items()}
        return {"blocks": plain}, arrays

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FeatureSpec:
        """The spec that `state` described.

        Raises:
            KeyError: when a block's kind is unknown or a part is missing.
        """
        blocks = []
        for i, described in enumerate(plain["blocks"]):
            own = {name.removeprefix(f"{i}."): a for name, a in arrays.items() if name.startswith(f"{i}.")}
            blocks.append(BLOCK_KINDS[described["kind"]].from_state(described, own))
        return cls(tuple(blocks))

    def _complete(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame's columns that are read, in the catalogue's types; those it lacks as nulls."""
        import polars as pl

        from reel_driver.schema import DTYPES, conform

        return conform(frame, pl.Schema({f: DTYPES[FIELD[f].type] for f in self.fields}))
