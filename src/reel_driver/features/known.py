"""Two blocks for what a model remembers of other films: which known title this is, and whose names it bears.

Both write place numbers, not measurements: a known title's row in a table, a name's place in a vocabulary. A float32
holds them exactly up to 16 million.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from reel_driver.domain import FIELD, Kind
from reel_driver.features.blocks import Matrix, RowWriter, State
from reel_driver.features.categories import category_codes, category_phrase

if TYPE_CHECKING:
    import polars as pl

_IMDB_ID = r"^tt([0-9]{1,9})$"


@dataclass(frozen=True, eq=False)
class KnownTitle:
    """One column: the title's place, counted from 1, in a fixed table of films; 0 for a title that is not in it, NaN without ids.

    The IMDb id decides; without a match the TMDB id does, except for shows, whose TMDB ids are counted apart.

    Attributes:
        imdb: numeric IMDb ids of the table's films, 0 where unknown, shape (n_films,).
        tmdb: TMDB ids likewise.
    """

    kind: ClassVar[str] = "known_title"
    imdb: NDArray[np.int32]
    tmdb: NDArray[np.int32]

    def __eq__(self, other: object) -> bool:
        """Same table."""
        if not isinstance(other, KnownTitle):
            return NotImplemented
        return np.array_equal(self.imdb, other.imdb) and np.array_equal(self.tmdb, other.tmdb)

    def __hash__(self) -> int:
        """Of the table's size."""
        return hash((self.kind, len(self.imdb)))

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("known_title",)

    @property
    def fields(self) -> tuple[str, ...]:
        """Both ids, and whether it is a show."""
        return ("imdb_id", "tmdb_id", "kind")

    def fit(self, frame: pl.DataFrame) -> KnownTitle:
        """Nothing to learn."""
        return self

    @cached_property
    def _places(self) -> tuple[dict[int, int], dict[int, int]]:
        return tuple({int(k): i for i, k in enumerate(ids, start=1) if k} for ids in (self.imdb, self.tmdb))  # type: ignore[return-value]

    def row_writer(self, at: int) -> RowWriter:
        """Look the ids up."""
        by_imdb, by_tmdb = self._places
        match, show = re.compile(_IMDB_ID).match, Kind.SHOW.value

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            imdb, tmdb = row.get("imdb_id"), row.get("tmdb_id")
            if imdb is None and tmdb is None:
                out[at] = math.nan
                return
            found = match(imdb or "")
            place = by_imdb.get(int(found[1]), 0) if found else 0
            if not place and row.get("kind") != show and tmdb is not None:
                place = by_tmdb.get(int(tmdb), 0)
            out[at] = place

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Look all ids up by bisection."""
        import polars as pl

        imdb = frame["imdb_id"].str.extract(_IMDB_ID).cast(pl.Int64).fill_null(0).to_numpy()
        is_show = (frame["kind"] == Kind.SHOW.value).fill_null(False)
        tmdb = frame["tmdb_id"].fill_null(0).to_numpy()
        place = _looked_up(self.imdb, imdb)
        by_tmdb = np.where(is_show.to_numpy(), 0, _looked_up(self.tmdb, tmdb))
        out[:, 0] = np.where(place > 0, place, by_tmdb)
        out[(frame["imdb_id"].is_null() & frame["tmdb_id"].is_null()).to_numpy(), 0] = math.nan

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """What the table adds."""
        return "what people of like taste say of it"

    def state(self) -> State:
        """Both columns of ids."""
        return {}, {"imdb": self.imdb, "tmdb": self.tmdb}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> KnownTitle:
        """Made again."""
        return cls(arrays["imdb"], arrays["tmdb"])


def _looked_up(ids: NDArray[np.int32], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place from 1 of each wanted id among `ids` (the last one where an id stands twice), 0 where it is not there."""
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    at = np.searchsorted(sorted_ids, wanted, side="right") - 1
    hit = (at >= 0) & (wanted > 0)
    if len(ids):
        hit &= sorted_ids[np.maximum(at, 0)] == wanted
        return np.where(hit, order[np.maximum(at, 0)] + 1, 0)
    return np.zeros(len(wanted), dtype=np.int64)


@dataclass(frozen=True)
class Tokens:
    """The first `n_slots` names of a list field, or longer words of a text: a column each, as places in a vocabulary.

    A name of the vocabulary is its place counted from 1, another name 0, an empty slot NaN. The vocabulary is every
    name of the titles it was fitted on: a model weighs names only where a person's labels bear them.
    """

    kind: ClassVar[str] = "tokens"
    field: str
    n_slots: int
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`field[0]` and so on."""
        return tuple(f"{self.field}[{i}]" for i in range(self.n_slots))

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    @property
    def is_text(self) -> bool:
        """Whether words are taken from a text."""
        return FIELD[self.field].type == "text"

    def tokens(self, value: Any) -> list[str]:
        """The names that fill the slots of one title."""
        if value is None:
            return []
        found = _WORD.findall(value.lower()) if self.is_text else [v for v in value if v is not None]
        return cast("list[str]", found[: self.n_slots])

    def _lists(self, column: pl.Series) -> pl.Series:
        if self.is_text:
            return column.str.to_lowercase().str.extract_all(_WORD.pattern).list.head(self.n_slots)
        return column.list.drop_nulls().list.head(self.n_slots)

    def fit(self, frame: pl.DataFrame) -> Tokens:
        """Take the names of these titles for the vocabulary."""
        found = self._lists(frame[self.field]).explode().drop_nulls().unique().sort()
        return Tokens(self.field, self.n_slots, tuple(found.to_list()))

    def row_writer(self, at: int) -> RowWriter:
        """Write the places."""
        places = {c: i for i, c in enumerate(self.categories, start=1)}
        field, end, find, tokens, nan = self.field, at + self.n_slots, places.get, self.tokens, math.nan

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            out[at:end] = nan
            if row.get(field) is None:
                return
            for i, token in enumerate(tokens(row.get(field)), start=at):
                out[i] = find(token, 0)

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Explode the lists and scatter the places."""
        lists = self._lists(frame[self.field])
        lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        codes = category_codes(lists.filter(lengths > 0).explode(), self.categories) + 1
        rows = np.repeat(np.arange(len(lengths)), lengths)
        slots = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        out[:] = math.nan
        out[rows, slots] = codes

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The name in its slot."""
        found = self.tokens(row.get(self.field))
        token = found[column] if column < len(found) else "nobody"
        return f"“{token}” in the {self.field}" if self.is_text else category_phrase(self.field, token, has=True)

    def state(self) -> State:
        """Field and vocabulary."""
        return {"field": self.field, "n_slots": self.n_slots, "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Tokens:
        """Made again."""
        return cls(plain["field"], plain["n_slots"], tuple(plain["categories"]))


_WORD = re.compile("[a-z]{4,}")
