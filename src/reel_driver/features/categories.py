"""Blocks with one column for each category: of a text field, of a list; with rare ones together, or on one scale."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, RowByRow, RowWriter, State
from reel_driver.features.names import country_name, language_name

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class _Hot:
    """What blocks with one column for each category have in common; a block says how it reads its field.

    Attributes:
        field: the field.
        min_count: titles that a category must have to be learned; with 0 the categories are given.
        categories: in the order of the columns.
    """

    field: str
    min_count: int = 10
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`field=category` for each."""
        return tuple(f"{self.field}={c}" for c in self.categories)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def _each_once(self, column: pl.Series) -> pl.Series:
        """The categories of each title, each once, one title after the other."""
        raise NotImplementedError

    def fit(self, frame: pl.DataFrame) -> Self:
        """Learn the categories that at least `min_count` titles have, most frequent first; with 0 they are given."""
        if self.min_count == 0:
            return self
        return replace(self, categories=frequent(self._each_once(frame[self.field]), self.min_count))

    def state(self) -> State:
        """Field and categories."""
        return {"field": self.field, "min_count": self.min_count, "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        return cls(plain["field"], plain["min_count"], tuple(plain["categories"]))


@dataclass(frozen=True, slots=True)
class OneHot(_Hot):
    """One column for each category of a text field; an unknown category is all zeros, null is all NaN."""

    kind: ClassVar[str] = "one_hot"

    def _each_once(self, column: pl.Series) -> pl.Series:
        return column

    def row_writer(self, at: int) -> RowWriter:
        """Write the one that is set."""
        field, places = self.field, {c: at + i for i, c in enumerate(self.categories)}
        end, nan = at + len(self.categories), math.nan

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value = row.get(field)
            if value is None:
                out[at:end] = nan
            elif (place := places.get(value)) is not None:
                out[place] = 1.0

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Scatter the ones."""
        column = frame[self.field]
        set_ones(out, np.arange(len(column)), column, self.categories)
        out[column.is_null().to_numpy(), :] = math.nan

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The category, or that it is not it."""
        return category_phrase(self.field, self.categories[column], has=row.get(self.field) == self.categories[column])


@dataclass(frozen=True, slots=True)
class MultiHot(_Hot):
    """One column for each category of a list field; an empty list is all zeros, null is all NaN."""

    kind: ClassVar[str] = "multi_hot"

    def _each_once(self, column: pl.Series) -> pl.Series:
        return column.list.unique().explode()

    def row_writer(self, at: int) -> RowWriter:
        """Write each one that is set."""
        field, places = self.field, {c: at + i for i, c in enumerate(self.categories)}
        end, nan = at + len(self.categories), math.nan
        find = places.get

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            values = row.get(field)
            if values is None:
                out[at:end] = nan
                return
            for value in values:
                place = find(value)
                if place is not None:
                    out[place] = 1.0

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Explode the lists and scatter the ones."""
        column = frame[self.field]
        lengths = column.list.len().fill_null(0).to_numpy()
        items = column.list.explode(keep_nulls=False, empty_as_null=False)
        set_ones(out, np.repeat(np.arange(len(column)), lengths), items, self.categories)
        out[column.is_null().to_numpy(), :] = math.nan

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The category, or that it is not one of them."""
        category = self.categories[column]
        return category_phrase(self.field, category, has=category in (row.get(self.field) or ()))


@dataclass(frozen=True, eq=False)
class Grouped(RowByRow):
    """One column for each category that at least `min_share` of the titles have, and one for all others.

    A category that training never saw counts as another one; null is all NaN.
    """

    kind: ClassVar[str] = "grouped"
    field: str
    min_share: float = 0.01
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`field=category` for each, the others last."""
        return (*(f"{self.field}={c}" for c in self.categories), f"{self.field}=other")

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> Grouped:
        """Learn the frequent categories."""
        counts = Counter(frame[self.field].drop_nulls().to_list())
        kept = (c for c, n in counts.items() if n >= self.min_share * frame.height)
        return Grouped(self.field, self.min_share, tuple(sorted(kept)))

    def row_writer(self, at: int) -> RowWriter:
        """Write the one that is set."""
        name, places = self.field, {c: at + i for i, c in enumerate(self.categories)}
        other = at + len(self.categories)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value = row.get(name)
            if value is None:
                out[at : other + 1] = math.nan
            else:
                out[places.get(value, other)] = 1.0

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The category."""
        return self.names[column].replace("=", " ").replace("_", " ")

    def state(self) -> State:
        """Field and categories."""
        return {"field": self.field, "min_share": self.min_share, "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Grouped:
        """Made again."""
        return cls(plain["field"], plain["min_share"], tuple(plain["categories"]))


@dataclass(frozen=True, eq=False)
class Scaled(RowByRow):
    """Another block's columns with mean 0 and standard deviation 1 over the training titles.

    Attributes:
        block: the block that fills the columns.
        mean: of each column, shape (width,).
        scale: standard deviation, never 0.
    """

    kind: ClassVar[str] = "scaled"
    block: MultiHot
    mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    scale: NDArray[np.float32] = field(default_factory=lambda: np.ones(0, np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """The block's own."""
        return self.block.names

    @property
    def fields(self) -> tuple[str, ...]:
        """The block's own."""
        return self.block.fields

    def fit(self, frame: pl.DataFrame) -> Scaled:
        """Fit the block, then mean and deviation of its columns."""
        block = self.block.fit(frame)
        block = replace(block, categories=tuple(sorted(block.categories)))
        out = np.zeros((frame.height, len(block.names)), np.float32)
        block.fill(frame, out)
        if not frame.height:
            return Scaled(block, np.zeros(len(block.names), np.float32), np.ones(len(block.names), np.float32))
        filled = np.nan_to_num(out, nan=0.0).astype(np.float64)
        deviation = filled.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0).astype(np.float32)
        return Scaled(block, filled.mean(axis=0).astype(np.float32), scale)

    def row_writer(self, at: int) -> RowWriter:
        """Write the block's columns, then move and stretch them."""
        write_block, end = self.block.row_writer(at), at + len(self.names)
        mean, scale = self.mean, self.scale

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            write_block(row, out)
            out[at:end] = (out[at:end] - mean) / scale

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The block's own."""
        return self.block.phrase(column, row)

    def state(self) -> State:
        """The block's state, mean and scale."""
        return {"block": self.block.state()[0]}, {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Scaled:
        """Made again."""
        return cls(MultiHot.from_state(plain["block"], {}), arrays["mean"], arrays["scale"])


def frequent(values: pl.Series, min_count: int) -> tuple[str, ...]:
    """Values that occur at least `min_count` times, most frequent first, then by name.

    >>> import polars as pl
    >>> frequent(pl.Series(["b", "a", "a", "c", "b", None]), 2)
    ('a', 'b')
    """
    counts = values.drop_nulls().value_counts(name="n")
    name = counts.columns[0]
    kept = counts.filter(counts["n"] >= min_count).sort(["n", name], descending=[True, False])
    return tuple(kept[name].to_list())


FEW = 6
"""Up to so many categories, comparing with each is quicker than looking each value up."""


def set_ones(out: Matrix, rows: NDArray[np.int64], values: pl.Series, categories: Sequence[str]) -> None:
    """Write a 1 where a value is a category: in its row, in the category's column.

    Args:
        out: shape (n_titles, n_categories).
        rows: row of each value, shape (n_values,).
        values: texts, of the same length; what is no category is passed over.
        categories: in the order of the columns.
    """
    if len(categories) <= FEW:
        for place, category in enumerate(categories):
            out[rows[(values == category).fill_null(False).to_numpy()], place] = 1.0
        return
    codes = category_codes(values, categories)
    known = codes >= 0
    out[rows[known], codes[known]] = 1.0


def category_codes(values: pl.Series, categories: Sequence[str]) -> NDArray[np.int64]:
    """Position of each value among the categories, -1 for unknown and null."""
    import polars as pl

    if not categories:
        return np.full(len(values), -1, dtype=np.int64)
    codes = values.replace_strict(list(categories), list(range(len(categories))), default=-1, return_dtype=pl.Int64)
    return codes.fill_null(-1).to_numpy()


CATEGORY_WORDS: Mapping[str, str] = {
    "original_language": "in {}",
    "spoken_languages": "{} spoken",
    "origin_country": "from {}",
    "production_countries": "made in {}",
    "production_companies": "by {}",
    "production_status": "status {}",
    "directors": "directed by {}",
    "cast": "with {}",
    "keywords": "about {}",
}


def category_phrase(field: str, category: str, *, has: bool) -> str:
    """A category of a title in words.

    >>> category_phrase("genre", "Drama", has=True), category_phrase("original_language", "fr", has=False)
    ('Drama', 'not in French')
    """
    shown = category
    if field in ("original_language", "spoken_languages"):
        shown = language_name(category)
    elif field in ("origin_country", "production_countries"):
        shown = country_name(category)
    words = CATEGORY_WORDS.get(field, "{}").format(shown)
    return words if has else f"not {words}"
