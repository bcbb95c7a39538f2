"""Blocks that read text and dates: the steps of the rating pipelines, each once.

`Tfidf` weighs the commonest word groups of a text, `YearBin` and `Grouped` turn years and rare languages into
categories, `ReleaseDay`, `Newness` and `TextShape` are plain numbers, `TextVector` is what a text means, as 128 numbers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, MultiHot, RowWriter, State
from reel_driver.features.words import clean, joined, with_pairs, word_vectors, words_of

if TYPE_CHECKING:
    import polars as pl

_tokens = re.compile(r"\b\w\w+\b").findall


class _RowByRow:
    """Blocks whose frame encoder is the row encoder, over the rows: what they do is Python's work either way."""

    @property
    def fields(self) -> tuple[str, ...]:
        raise NotImplementedError

    def row_writer(self, at: int) -> RowWriter:
        raise NotImplementedError

    def state(self) -> State:
        raise NotImplementedError

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


@dataclass(frozen=True, eq=False)
class Tfidf(_RowByRow):
    """Term frequency times inverse document frequency of the commonest groups of 1 to `n` words, rows of length 1.

    Words have at least two characters; English function words are left out; a group must stand in two texts and in
    at most 95 % of them. The formula is scikit-learn's default (smoothed idf, l2 norm). Null is all NaN.

    Attributes:
        field: "title" or "overview".
        max_features: groups that are kept, the most frequent ones.
        n: longest group, in words.
        terms: the groups, in alphabetical order.
        idf: their weights, shape (n_terms,).
    """

    kind: ClassVar[str] = "tfidf"
    field: str
    max_features: int
    n: int = 1
    terms: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`field~term` for each."""
        return tuple(f"{self.field}~{t}" for t in self.terms)

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def _groups(self, text: str) -> list[str]:
        words = [w for w in _tokens(clean(text).lower()) if w not in STOP_WORDS]
        groups = list(words)
        for n in range(2, self.n + 1):
            groups += [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
        return groups

    def fit(self, frame: pl.DataFrame) -> Tfidf:
        """Learn the commonest groups and how rare each is."""
        total: Counter[str] = Counter()
        documents: Counter[str] = Counter()
        for text in frame[self.field].fill_null("").to_list():
            groups = self._groups(text)
            total.update(groups)
            documents.update(set(groups))
        most = 0.95 * frame.height
        known = [(t, c) for t, c in sorted(total.items()) if 2 <= documents[t] <= most]
        kept = sorted(t for t, _ in sorted(known, key=lambda tc: -tc[1])[: self.max_features])
        idf = tuple(math.log((1 + frame.height) / (1 + documents[t])) + 1 for t in kept)
        return Tfidf(self.field, self.max_features, self.n, tuple(kept), idf)

    def row_writer(self, at: int) -> RowWriter:
        """Write the weights of the groups that are there."""
        name, groups = self.field, self._groups
        weights = {t: (at + i, w) for i, (t, w) in enumerate(zip(self.terms, self.idf, strict=True))}
        end = at + len(self.terms)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            text = row.get(name)
            if text is None:
                out[at:end] = math.nan
                return
            found: dict[int, float] = {}
            for group in groups(text):
                if group in weights:
                    place, weight = weights[group]
                    found[place] = found.get(place, 0.0) + weight
            length = math.sqrt(sum(w * w for w in found.values()))
            for place, weight in found.items():
                out[place] = weight / length

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The group, or that it is not there."""
        has = self.terms[column] in self._groups(row.get(self.field) or "")
        return f"{self.field} {'speaks' if has else 'does not speak'} of {self.terms[column]}"

    def state(self) -> State:
        """Terms and weights."""
        plain = {"field": self.field, "max_features": self.max_features, "n": self.n, "terms": list(self.terms)}
        return plain, {"idf": np.array(self.idf)}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Tfidf:
        """Made again."""
        idf = tuple(arrays["idf"].tolist())
        return cls(plain["field"], plain["max_features"], plain["n"], tuple(plain["terms"]), idf)


@dataclass(frozen=True, eq=False)
class YearBin(_RowByRow):
    """One column for each span of years: before 1960, 1960 to 1979, then every five years.

    A span that training never saw is all zeros; an unknown year is all NaN.
    """

    kind: ClassVar[str] = "year_bin"
    bins: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`release_date=span` for each."""
        return tuple(f"release_date={b}" for b in self.bins)

    @property
    def fields(self) -> tuple[str, ...]:
        """The date, and the year where there is no date."""
        return ("release_date", "release_year")

    def fit(self, frame: pl.DataFrame) -> YearBin:
        """Learn which spans occur."""
        rows = frame.select(self.fields).iter_rows(named=True)
        return YearBin(tuple(sorted({span_of(year) for row in rows if (year := year_of(row)) is not None})))

    def row_writer(self, at: int) -> RowWriter:
        """Write the one that is set."""
        places, end = {b: at + i for i, b in enumerate(self.bins)}, at + len(self.bins)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            year = year_of(row)
            if year is None:
                out[at:end] = math.nan
            elif (place := places.get(span_of(year))) is not None:
                out[place] = 1.0

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The span."""
        year = year_of(row)
        has = year is not None and span_of(year) == self.bins[column]
        return f"{'' if has else 'not '}from {self.bins[column]}"

    def state(self) -> State:
        """The spans."""
        return {"bins": list(self.bins)}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> YearBin:
        """Made again."""
        return cls(tuple(plain["bins"]))


def day_of(row: Mapping[str, Any]) -> date | None:
    """The release date, which may also be given as text (2021-12-15); None when it is unknown or no date."""
    day = row.get("release_date")
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            return None
    return day if isinstance(day, date) else None


def year_of(row: Mapping[str, Any]) -> int | None:
    """The year of the release date, or the release year where there is no date."""
    day = day_of(row)
    return row.get("release_year") if day is None else day.year


def span_of(year: int) -> str:
    """The span of years that a year is in.

    >>> span_of(1950), span_of(1979), span_of(1994)
    ('before 1960', '1960-1979', '1990-1994')
    """
    if year < 1960:
        return "before 1960"
    if year < 1980:
        return "1960-1979"
    start = 1980 + (year - 1980) // 5 * 5
    return f"{start}-{start + 4}"


@dataclass(frozen=True, eq=False)
class Grouped(_RowByRow):
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
class Scaled(_RowByRow):
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


@dataclass(frozen=True, eq=False)
class ReleaseDay(_RowByRow):
    """When it came out: years since 2005 over 15, whether on New Year's Day (often: day unknown), and the season."""

    kind: ClassVar[str] = "release_day"

    @property
    def names(self) -> tuple[str, ...]:
        """Four columns."""
        return ("release_date:year", "release_date:new_year", "release_date:sin", "release_date:cos")

    @property
    def fields(self) -> tuple[str, ...]:
        """The date, and the year where there is no date."""
        return ("release_date", "release_year")

    def fit(self, frame: pl.DataFrame) -> ReleaseDay:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the four; of a year without a date only the first is known."""

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            day, year = day_of(row), row.get("release_year")
            if day is not None:
                turn = 2 * math.pi * day.month / 12
                out[at] = (day.year + (day.month - 1) / 12 - 2005) / 15
                out[at + 1] = day.month == 1 and day.day == 1
                out[at + 2], out[at + 3] = math.sin(turn), math.cos(turn)
            else:
                out[at] = math.nan if year is None else (year + 0.5 - 2005) / 15
                out[at + 1 : at + 4] = math.nan

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """The year, or the season."""
        year = year_of(row)
        return (f"from {year}" if year is not None else "no year known") if column == 0 else "the day of its release"

    def state(self) -> State:
        """Nothing."""
        return {}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ReleaseDay:
        """Made again."""
        return cls()


@dataclass(frozen=True, eq=False)
class Newness(_RowByRow):
    """How new a title was when the table was made: 1 on the newest release date, a third of that a quarter before.

    The newest titles of a table have few votes yet. A title that came out over a month after all of them is unknown:
    what a young table says of young titles is nothing about it.

    Attributes:
        newest: the latest release date of the training titles, None when none is known.
    """

    kind: ClassVar[str] = "newness"
    newest: date | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("release_date:newness",)

    @property
    def fields(self) -> tuple[str, ...]:
        """The date."""
        return ("release_date",)

    def fit(self, frame: pl.DataFrame) -> Newness:
        """Find the newest."""
        return Newness(max((d for d in frame["release_date"].to_list() if d is not None), default=None))

    def row_writer(self, at: int) -> RowWriter:
        """Write the one."""
        newest = self.newest

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            day = day_of(row)
            age = (newest - day).days if newest is not None and day is not None else None
            out[at] = math.nan if age is None or age < -31 else math.exp(-max(age, 0) / 91.3125)

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """How new it is."""
        return "how new it is"

    def state(self) -> State:
        """The date."""
        return {"newest": self.newest.isoformat() if self.newest else None}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Newness:
        """Made again."""
        return cls(date.fromisoformat(plain["newest"]) if plain["newest"] else None)


@dataclass(frozen=True, eq=False)
class TextShape(_RowByRow):
    """The look of a text: the logarithm of its length, and whether it holds a digit and a colon; null is NaN."""

    kind: ClassVar[str] = "text_shape"
    field: str

    @property
    def names(self) -> tuple[str, ...]:
        """Three columns."""
        return (f"{self.field}:log_length", f"{self.field}:digit", f"{self.field}:colon")

    @property
    def fields(self) -> tuple[str, ...]:
        """The one field."""
        return (self.field,)

    def fit(self, frame: pl.DataFrame) -> TextShape:
        """Nothing to learn."""
        return self

    def row_writer(self, at: int) -> RowWriter:
        """Write the three."""
        name = self.field

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            text = row.get(name)
            if text is None:
                out[at : at + 3] = math.nan
                return
            text = text[:20_000]
            out[at] = math.log1p(len(text))
            out[at + 1] = any(c.isdigit() for c in text)
            out[at + 2] = ":" in text

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """Its length, digits or colon."""
        return f"the {('length', 'digits', 'colon')[column]} of the {self.field}"

    def state(self) -> State:
        """The field."""
        return {"field": self.field}, {}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextShape:
        """Made again."""
        return cls(plain["field"])


@dataclass(frozen=True, eq=False)
class TextVector(_RowByRow):
    """What title and overview mean: the idf-weighted sum of word vectors, centred, of length 1, principal axes first.

    No known word gives zeros; neither title nor overview gives NaN.

    Attributes:
        idf: weight of each word of the packaged vectors, shape (n_words,).
        centre: mean over the training titles, shape (128,).
        axes: rotation to principal axes, shape (128, 128).
    """

    kind: ClassVar[str] = "text_vector"
    idf: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    centre: NDArray[np.float32] = field(default_factory=lambda: np.zeros(128, np.float32))
    axes: NDArray[np.float32] = field(default_factory=lambda: np.eye(128, dtype=np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """`text:0` to `text:127`."""
        return tuple(f"text:{i}" for i in range(self.axes.shape[1]))

    @property
    def fields(self) -> tuple[str, ...]:
        """Title and overview."""
        return ("title", "overview")

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """Each word's own part of the sum, on the principal axes."""
        weighted = np.asarray(word_vectors().vectors * self.idf[:, None], np.float32)
        table: NDArray[np.float32] = np.asarray(weighted @ self.axes, np.float32)
        return table

    @cached_property
    def shift(self) -> NDArray[np.float32]:
        """The centre on the principal axes, shape (128,)."""
        shift: NDArray[np.float32] = self.centre @ self.axes
        return shift

    def fit(self, frame: pl.DataFrame) -> TextVector:
        """Learn how rare each word is, the centre and the principal axes."""
        known = word_vectors()
        texts = (joined(t, o) for t, o in frame.select(self.fields).iter_rows())
        places = [known.places_of(text or "") for text in texts]
        counts = np.zeros(len(known.vectors))
        for found in places:
            counts[list(set(found))] += 1
        idf = np.log((frame.height + 1) / (counts + 1)).astype(np.float16).astype(np.float32)
        table = known.vectors.astype(np.float32) * idf[:, None]
        sums = np.stack([table[p].sum(axis=0) for p in places if p] or [np.zeros(128, np.float32)])
        centre = sums.mean(axis=0)
        lengths = np.linalg.norm(sums - centre, axis=1, keepdims=True)
        _, _, axes = np.linalg.svd((sums - centre) / np.maximum(lengths, 1e-9), full_matrices=False)
        whole = axes.T if axes.shape[0] == axes.shape[1] else np.eye(128, dtype=np.float32)
        return TextVector(idf, centre.astype(np.float32), np.ascontiguousarray(whole, dtype=np.float32))

    def row_writer(self, at: int) -> RowWriter:
        """Write the vector."""
        table, centre, end = self.table, self.shift, at + self.axes.shape[1]
        places_of = word_vectors().places_of

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            text = joined(row.get("title"), row.get("overview"))
            if text is None:
                out[at:end] = math.nan
                return
            places = places_of(text)
            if places:
                vector = table[places].sum(axis=0) - centre
                out[at:end] = vector / max(math.sqrt(float(vector @ vector)), 1e-9)

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """All columns are one thing to a person."""
        return "what it is about"

    def state(self) -> State:
        """Three arrays."""
        return {}, {"idf": self.idf.astype(np.float16), "centre": self.centre, "axes": self.axes}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextVector:
        """Made again."""
        return cls(arrays["idf"].astype(np.float32), arrays["centre"], arrays["axes"])


@dataclass(frozen=True, eq=False)
class Terms(_RowByRow):
    """Which words and pairs of neighbours stand in title and overview: the numbers of the rarest, and their weights.

    A dense row cannot have a column for each of 50,000 terms, so the first half of its columns holds the numbers of
    the terms that are there and the second half their weights (as `Tfidf`, with 1 + log(count)), of length 1 together.
    Places that are left over hold 0 and weigh 0. Neither title nor overview gives NaN.

    Attributes:
        room: how many terms of a text are kept.
        terms: all terms that at least two training texts have.
        idf: their weights, shape (n_terms,).
    """

    kind: ClassVar[str] = "terms"
    room: int = 192
    terms: tuple[str, ...] = ()
    idf: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """`term:0` ... and `term_weight:0` ..."""
        return (*(f"term:{i}" for i in range(self.room)), *(f"term_weight:{i}" for i in range(self.room)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Title and overview."""
        return ("title", "overview")

    def fit(self, frame: pl.DataFrame) -> Terms:
        """Learn the terms and how rare each is."""
        counts: Counter[str] = Counter()
        for title, overview in frame.select(self.fields).iter_rows():
            counts.update(set(with_pairs(words_of(joined(title, overview) or ""))))
        terms = sorted(t for t, n in counts.items() if n >= 2)
        idf = [math.log((1 + frame.height) / (1 + counts[t])) + 1 for t in terms]
        return Terms(self.room, tuple(terms), np.array(idf, np.float16).astype(np.float32))

    def row_writer(self, at: int) -> RowWriter:
        """Write numbers and weights."""
        places, idf, room = {t: i for i, t in enumerate(self.terms)}, self.idf.tolist(), self.room
        middle, end = at + self.room, at + 2 * self.room

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            text = joined(row.get("title"), row.get("overview"))
            if text is None:
                out[at:end] = math.nan
                return
            counted = Counter(with_pairs(words_of(text)))
            found = [(p, (1 + math.log(n)) * idf[p]) for t, n in counted.items() if (p := places.get(t)) is not None]
            if len(found) > room:
                found = sorted(found, key=lambda pw: (-pw[1], pw[0]))[:room]
            length = math.sqrt(sum(w * w for _, w in found))
            for i, (place, weight) in enumerate(found):
                out[at + i] = place
                out[middle + i] = weight / length

        return write

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """All columns are one thing to a person."""
        return "its words"

    def state(self) -> State:
        """Terms and weights."""
        whole = np.frombuffer("\n".join(self.terms).encode(), np.uint8)
        return {"room": self.room}, {"terms": whole, "idf": self.idf.astype(np.float16)}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Terms:
        """Made again."""
        whole = arrays["terms"].tobytes().decode()
        return cls(plain["room"], tuple(whole.split("\n")) if whole else (), arrays["idf"].astype(np.float32))


STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "across",
        "after",
        "afterwards",
        "again",
        "against",
        "all",
        "almost",
        "alone",
        "along",
        "already",
        "also",
        "although",
        "always",
        "am",
        "among",
        "amongst",
        "amoungst",
        "amount",
        "an",
        "and",
        "another",
        "any",
        "anyhow",
        "anyone",
        "anything",
        "anyway",
        "anywhere",
        "are",
        "around",
        "as",
        "at",
        "back",
        "be",
        "became",
        "because",
        "become",
        "becomes",
        "becoming",
        "been",
        "before",
        "beforehand",
        "behind",
        "being",
        "below",
        "beside",
        "besides",
        "between",
        "beyond",
        "bill",
        "both",
        "bottom",
        "but",
        "by",
        "call",
        "can",
        "cannot",
        "cant",
        "co",
        "con",
        "could",
        "couldnt",
        "cry",
        "de",
        "describe",
        "detail",
        "do",
        "done",
        "down",
        "due",
        "during",
        "each",
        "eg",
        "eight",
        "either",
        "eleven",
        "else",
        "elsewhere",
        "empty",
        "enough",
        "etc",
        "even",
        "ever",
        "every",
        "everyone",
        "everything",
        "everywhere",
        "except",
        "few",
        "fifteen",
        "fifty",
        "fill",
        "find",
        "fire",
        "first",
        "five",
        "for",
        "former",
        "formerly",
        "forty",
        "found",
        "four",
        "from",
        "front",
        "full",
        "further",
        "get",
        "give",
        "go",
        "had",
        "has",
        "hasnt",
        "have",
        "he",
        "hence",
        "her",
        "here",
        "hereafter",
        "hereby",
        "herein",
        "hereupon",
        "hers",
        "herself",
        "him",
        "himself",
        "his",
        "how",
        "however",
        "hundred",
        "i",
        "ie",
        "if",
        "in",
        "inc",
        "indeed",
        "interest",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "keep",
        "last",
        "latter",
        "latterly",
        "least",
        "less",
        "ltd",
        "made",
        "many",
        "may",
        "me",
        "meanwhile",
        "might",
        "mill",
        "mine",
        "more",
        "moreover",
        "most",
        "mostly",
        "move",
        "much",
        "must",
        "my",
        "myself",
        "name",
        "namely",
        "neither",
        "never",
        "nevertheless",
        "next",
        "nine",
        "no",
        "nobody",
        "none",
        "noone",
        "nor",
        "not",
        "nothing",
        "now",
        "nowhere",
        "of",
        "off",
        "often",
        "on",
        "once",
        "one",
        "only",
        "onto",
        "or",
        "other",
        "others",
        "otherwise",
        "our",
        "ours",
        "ourselves",
        "out",
        "over",
        "own",
        "part",
        "per",
        "perhaps",
        "please",
        "put",
        "rather",
        "re",
        "same",
        "see",
        "seem",
        "seemed",
        "seeming",
        "seems",
        "serious",
        "several",
        "she",
        "should",
        "show",
        "side",
        "since",
        "sincere",
        "six",
        "sixty",
        "so",
        "some",
        "somehow",
        "someone",
        "something",
        "sometime",
        "sometimes",
        "somewhere",
        "still",
        "such",
        "system",
        "take",
        "ten",
        "than",
        "that",
        "the",
        "their",
        "them",
        "themselves",
        "then",
        "thence",
        "there",
        "thereafter",
        "thereby",
        "therefore",
        "therein",
        "thereupon",
        "these",
        "they",
        "thick",
        "thin",
        "third",
        "this",
        "those",
        "though",
        "three",
        "through",
        "throughout",
        "thru",
        "thus",
        "to",
        "together",
        "too",
        "top",
        "toward",
        "towards",
        "twelve",
        "twenty",
        "two",
        "un",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "via",
        "was",
        "we",
        "well",
        "were",
        "what",
        "whatever",
        "when",
        "whence",
        "whenever",
        "where",
        "whereafter",
        "whereas",
        "whereby",
        "wherein",
        "whereupon",
        "wherever",
        "whether",
        "which",
        "while",
        "whither",
        "who",
        "whoever",
        "whole",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "would",
        "yet",
        "you",
        "your",
        "yours",
        "yourself",
        "yourselves",
    ]
)
"""English function words that `Tfidf` leaves out: scikit-learn's list (BSD-3-Clause), which the first pipelines used."""
