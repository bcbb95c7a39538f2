"""Blocks that read a text.

`Words` says which of the commonest words are there, `Tfidf` weighs the commonest word groups, `Terms` all of them,
`TextShape` says how the text looks, `TextVector` what it means, as 128 numbers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, RowByRow, RowWriter, State
from reel_driver.features.categories import frequent, set_ones
from reel_driver.features.words import STOP_WORDS, clean, joined, with_pairs, word_vectors, words_of

if TYPE_CHECKING:
    import polars as pl

_tokens = re.compile(r"\b\w\w+\b").findall


@dataclass(frozen=True, slots=True)
class Words:
    """Whether each of the commonest words stands in a text: one column a word; null is all NaN.

    A word is a run of at least `min_length` ASCII letters, whatever their case. Short words, which are mostly grammar,
    are left out by their length, so that no list of stop words for each language is needed. In a frame one pattern
    finds them all, in one title its bytes are cut into words; ASCII rules for case and borders hold in both.
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


@dataclass(frozen=True, eq=False)
class Tfidf(RowByRow):
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
class TextShape(RowByRow):
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
class TextVector(RowByRow):
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
class Terms(RowByRow):
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
        return Terms(self.room, *learned_terms(frame, 2))

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


def learned_terms(frame: pl.DataFrame, min_count: int) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The words and pairs of neighbours that stand in at least `min_count` texts of a frame, and how rare each is.

    Returns:
        The terms in alphabetical order, and their idf, shape (n_terms,), rounded to half precision, as bundles keep it.
    """
    counts: Counter[str] = Counter()
    for title, overview in frame.select("title", "overview").iter_rows():
        counts.update(set(with_pairs(words_of(joined(title, overview) or ""))))
    terms = sorted(t for t, n in counts.items() if n >= min_count)
    idf = [math.log((1 + frame.height) / (1 + counts[t])) + 1 for t in terms]
    return tuple(terms), np.array(idf, np.float16).astype(np.float32)
