"""The blocks a feature spec is made of. Each holds both of its encoders side by side, so that they cannot drift apart.

A block reads one field of a title and fills `width` columns. Unknown (null) stays NaN: how to fill it is the
model's own business. Fitting a block returns a new one with its categories learned; blocks never change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from reel_driver.domain import FIELD, ZERO_IS_UNKNOWN

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


@dataclass(frozen=True, slots=True)
class Number:
    """One number as it is; with `log`, log(1 + max(value, 0)), for counts and money."""

    kind: ClassVar[str] = "number"
    field: str
    log: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """One column, named as the field."""
        return (self.field,)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> Number:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the number, or NaN for null."""
        field, log, log1p, nan = self.field, self.log, np.log1p, math.nan
        unknown = (None, 0) if field in ZERO_IS_UNKNOWN else (None,)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value: Any = row.get(field)
            if value in unknown:
                out[at] = nan
            else:
                number = float(value)
                out[at] = log1p(max(number, 0.0) + 0.0) if log else number  # + 0.0: no negative zero

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        self._write(known_numbers(frame, self.field), out)

    def fill_rows(self, rows: Sequence[Mapping[str, Any]], out: Matrix) -> None:
        """Write the column of many titles that are no frame."""
        self._write(known_numbers_of(rows, self.field), out)

    def _write(self, numbers: NDArray[np.float64], out: Matrix) -> None:
        out[:, 0] = np.log1p(np.maximum(numbers, 0.0) + 0.0) if self.log else numbers

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The number with its meaning."""
        value = row.get(self.field)
        if value is None or (value == 0 and self.field in ZERO_IS_UNKNOWN):
            return f"no {NUMBER_WORDS.get(self.field, self.field.replace('_', ' '))} known"
        return number_phrase(self.field, float(cast(float, value)))

    def state(self) -> State:
        """Field and transformation."""
        return asdict(self), {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Number:
        """Made again."""
        return cls(field=plain["field"], log=plain["log"])


@dataclass(frozen=True, slots=True)
class LogRatio:
    """log((1 + a) / (1 + b)) of two numbers; with a field of years as b, per year since then until `reference_year`."""

    kind: ClassVar[str] = "log_ratio"
    field: str
    other: str
    reference_year: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """`a/b`."""
        return (f"{self.field}/{self.other}",)

    @property
    def fields(self) -> tuple[str, ...]:
        """Both fields."""
        return (self.field, self.other)

    def fit(self, frame: pl.DataFrame) -> LogRatio:
        """Take the year after the newest title as the reference, where b is a year."""
        if self.other != "release_year":
            return self
        newest = frame[self.other].max()
        return LogRatio(self.field, self.other, 1 + int(cast(int, newest)) if newest is not None else 2000)

    def row_writer(self, at: int) -> RowWriter:
        """Write the logarithm, NaN when either is null."""
        field, other, reference = self.field, self.other, self.reference_year
        log1p, nan = np.log1p, math.nan
        unknown_a = (None, 0) if field in ZERO_IS_UNKNOWN else (None,)
        unknown_b = (None, 0) if other in ZERO_IS_UNKNOWN else (None,)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            a: Any = row.get(field)
            b: Any = row.get(other)
            if a in unknown_a or b in unknown_b:
                out[at] = nan
                return
            below = float(b) if reference is None else reference - float(b)
            out[at] = log1p(max(float(a), 0.0) + 0.0) - log1p(max(below, 0.0) + 0.0)  # + 0.0: no negative zero

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        self._write(known_numbers(frame, self.field), known_numbers(frame, self.other), out)

    def fill_rows(self, rows: Sequence[Mapping[str, Any]], out: Matrix) -> None:
        """Write the column of many titles that are no frame."""
        self._write(known_numbers_of(rows, self.field), known_numbers_of(rows, self.other), out)

    def _write(self, a: NDArray[np.float64], b: NDArray[np.float64], out: Matrix) -> None:
        below = b if self.reference_year is None else self.reference_year - b
        out[:, 0] = np.log1p(np.maximum(a, 0.0) + 0.0) - np.log1p(np.maximum(below, 0.0) + 0.0)

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The ratio as a person would say it."""
        words = NUMBER_WORDS.get(self.field, self.field)
        other_words = NUMBER_WORDS.get(self.other, self.other)
        a, b = row.get(self.field), row.get(self.other)
        a = None if a == 0 and self.field in ZERO_IS_UNKNOWN else a
        b = None if b == 0 and self.other in ZERO_IS_UNKNOWN else b
        if a is None or b is None:
            return f"no {words if a is None else other_words} known"
        if self.reference_year is not None:
            years = max(1.0, self.reference_year - float(cast(float, b)))
            return f"{float(cast(float, a)) / years:,.0f} {words} a year"
        times = (1 + float(cast(float, a))) / (1 + float(cast(float, b)))
        return (
            f"{words} {times:.1f} times the {other_words}"
            if times >= 1
            else f"{other_words} {1 / times:.1f} times the {words}"
        )

    def state(self) -> State:
        """Both fields and the year."""
        return asdict(self), {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> LogRatio:
        """Made again."""
        return cls(plain["field"], plain["other"], plain["reference_year"])


@dataclass(frozen=True, slots=True)
class OneHot:
    """One column for each category of a text field; an unknown category is all zeros, null is all NaN."""

    kind: ClassVar[str] = "one_hot"
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

    def fit(self, frame: pl.DataFrame) -> OneHot:
        """Learn the categories that at least `min_count` titles have, most frequent first; with 0 they are given."""
        if self.min_count == 0:
            return self
        return OneHot(self.field, self.min_count, frequent(frame[self.field], self.min_count))

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

    def state(self) -> State:
        """Field and categories."""
        return {"field": self.field, "min_count": self.min_count, "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> OneHot:
        """Made again."""
        return cls(plain["field"], plain["min_count"], tuple(plain["categories"]))


@dataclass(frozen=True, slots=True)
class MultiHot:
    """One column for each category of a list field; an empty list is all zeros, null is all NaN."""

    kind: ClassVar[str] = "multi_hot"
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

    def fit(self, frame: pl.DataFrame) -> MultiHot:
        """Learn the categories that at least `min_count` titles have, most frequent first; with 0 they are given."""
        if self.min_count == 0:
            return self
        items = frame[self.field].list.unique().explode()
        return MultiHot(self.field, self.min_count, frequent(items, self.min_count))

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

    def state(self) -> State:
        """Field and categories."""
        return {"field": self.field, "min_count": self.min_count, "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> MultiHot:
        """Made again."""
        return cls(plain["field"], plain["min_count"], tuple(plain["categories"]))


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text (characters) or a list (entries) is; null is NaN."""

    kind: ClassVar[str] = "length"
    field: str

    @property
    def names(self) -> tuple[str, ...]:
        """`field:length`."""
        return (f"{self.field}:length",)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> Length:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the length."""
        field, nan = self.field, math.nan

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            value = row.get(field)
            out[at] = nan if value is None else len(value)

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write the column."""
        import polars as pl

        column = frame[self.field]
        lengths = column.list.len() if FIELD[self.field].type == "list" else column.str.len_chars()
        out[:, 0] = lengths.cast(pl.Float64).to_numpy()

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """How much of it there is."""
        words = self.field.replace("_", " ")
        value = row.get(self.field)
        if not value:
            return f"no {words}"
        return f"a {words} of {len(value)} {'entries' if FIELD[self.field].type == 'list' else 'characters'}"

    def state(self) -> State:
        """The field."""
        return {"field": self.field}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Length:
        """Made again."""
        return cls(plain["field"])


@dataclass(frozen=True, slots=True)
class Words:
    """Whether each of the commonest words stands in a text: one column a word; null is all NaN.

    A word is a run of at least `min_length` ASCII letters, whatever their case. Short words, which are mostly grammar,
    are left out by their length, so that no list of stop words for each language is needed. One pattern finds them
    all, with ASCII rules for case and borders, which Python's and Polars' expressions share.
    """

    kind: ClassVar[str] = "words"
    field: str
    n_words: int = 30
    min_length: int = 5
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`field~word` for each."""
        return tuple(f"{self.field}~{c}" for c in self.categories)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    @property
    def _pattern(self) -> str:
        return rf"\b(?:{'|'.join(self.categories)})\b"

    def fit(self, frame: pl.DataFrame) -> Words:
        """Learn the words that stand in the most titles."""
        words = frame[self.field].str.to_lowercase().str.extract_all(f"[a-z]{{{self.min_length},}}")
        found = words.list.unique().explode()
        return Words(self.field, self.n_words, self.min_length, frequent(found, 2)[: self.n_words])

    def row_writer(self, at: int) -> RowWriter:
        """Write the words that are there."""
        field, end, nan = self.field, at + len(self.categories), math.nan
        places = {c.encode(): at + i for i, c in enumerate(self.categories)}
        known = frozenset(places).intersection

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            text = row.get(field)
            if text is None:
                out[at:end] = nan
            elif places:
                for word in known(text.encode("utf-8", "surrogatepass").translate(_WORD_BYTES).split()):
                    out[places[word]] = 1.0

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Find the words and scatter the ones."""
        column = frame[self.field]
        if not self.categories:
            return
        found = column.str.extract_all(f"(?i-u:{self._pattern})").fill_null([])
        lengths = found.list.len().to_numpy()
        items = found.filter(lengths > 0).explode().str.to_lowercase()
        set_ones(out, np.repeat(np.arange(len(column)), lengths), items, self.categories)
        out[column.is_null().to_numpy(), :] = math.nan

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The word, or that it is not there."""
        word = self.categories[column]
        has = re.search(rf"\b{word}\b", str(row.get(self.field) or ""), re.IGNORECASE | re.ASCII) is not None
        return f"{self.field} {'speaks' if has else 'does not speak'} of {word}"

    def state(self) -> State:
        """Field and words."""
        return {**asdict(self), "categories": list(self.categories)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Words:
        """Made again."""
        return cls(plain["field"], plain["n_words"], plain["min_length"], tuple(plain["categories"]))


_WORD_BYTES = bytes(ord(c.lower()) if (c := chr(i)).isascii() and (c.isalnum() or c == "_") else 32 for i in range(256))
"""Of each byte of a text, what it is of a word: ASCII letters in lower case, digits, "_"; all else parts words."""


def known_numbers(frame: pl.DataFrame, field: str) -> NDArray[np.float64]:
    """A number column as float64, shape (n_titles,), with NaN for what is unknown.

    >>> import polars as pl
    >>> known_numbers(pl.DataFrame({"budget": [0, 5, None]}), "budget").tolist()
    [nan, 5.0, nan]
    """
    import polars as pl

    return _zeros_unknown(frame[field].cast(pl.Float64).to_numpy(), field)


def known_numbers_of(rows: Sequence[Mapping[str, Any]], field: str) -> NDArray[np.float64]:
    """The same of titles that are no frame.

    >>> known_numbers_of([{"budget": 0}, {"budget": 5}, {}], "budget").tolist()
    [nan, 5.0, nan]
    """
    return _zeros_unknown(np.array([row.get(field) for row in rows], dtype=np.float64), field)


def _zeros_unknown(numbers: NDArray[np.float64], field: str) -> NDArray[np.float64]:
    return np.where(numbers == 0, math.nan, numbers) if field in ZERO_IS_UNKNOWN else numbers


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


NUMBER_WORDS: Mapping[str, str] = {
    "tmdb_rating": "TMDB rating",
    "tmdb_votes": "TMDB votes",
    "imdb_rating": "IMDb rating",
    "imdb_votes": "IMDb votes",
    "rt_score": "Rotten Tomatoes score",
    "metascore": "Metascore",
    "release_year": "year",
    "runtime": "running time",
}

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


def number_phrase(field: str, value: float) -> str:
    """A number of a title in words.

    >>> number_phrase("tmdb_votes", 12345), number_phrase("release_year", 1999), number_phrase("tmdb_rating", 7.654)
    ('12,345 TMDB votes', 'from 1999', 'TMDB rating 7.7')
    """
    words = NUMBER_WORDS.get(field, field.replace("_", " "))
    if field == "release_year":
        return f"from {value:.0f}"
    if field == "runtime":
        return f"{value:.0f} minutes"
    if field in ("budget", "revenue"):
        return f"{words} of ${value / 1e6:,.0f} million" if value >= 1e6 else f"{words} under $1 million"
    if field.endswith("votes"):
        return f"{value:,.0f} {words}"
    return f"{words} {value:.1f}" if field.endswith("rating") else f"{words} {value:.0f}"


def category_phrase(field: str, category: str, *, has: bool) -> str:
    """A category of a title in words.

    >>> category_phrase("genre", "Drama", has=True), category_phrase("original_language", "fr", has=False)
    ('Drama', 'not in French')
    """
    from reel_driver.features.names import country_name, language_name

    shown = category
    if field in ("original_language", "spoken_languages"):
        shown = language_name(category)
    elif field in ("origin_country", "production_countries"):
        shown = country_name(category)
    words = CATEGORY_WORDS.get(field, "{}").format(shown)
    return words if has else f"not {words}"
