"""What a genre model sees of a text: which words and pairs of neighbouring words stand in it, and its text vector.

A dense row would have 60,000 columns, so this spec encodes to a `TextBatch` instead; otherwise it is used as a
`FeatureSpec` is: fitted once, saved with the model, one encoder for one text and for many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State
from reel_driver.features.text import TextVector, learned_terms
from reel_driver.features.words import joined, word_vectors, words_of

if TYPE_CHECKING:
    import polars as pl


_BITS = 8
_CHUNK = 1 << _BITS
"""Texts encoded at once: enough that numpy's calls are cheap, few enough that their words' vectors stay near."""
_LOGS = np.log(np.arange(1, 258)).astype(np.float32) + np.float32(1)
"""1 + log(count); a word that is said more often counts as said 257 times."""


@dataclass(frozen=True)
class TextBatch:
    """Encoded texts.

    Attributes:
        terms: term numbers of all texts one after the other, int32.
        values: their weights, float32, of the same shape.
        starts: where each text begins in `terms`, with the end as the last entry, shape (n_texts + 1,).
        vectors: text vectors, float32, shape (n_texts, 128); zeros where nothing is known.
        logits: log-odds of each genre where the encoder of the texts says them, shape (n_texts, n_genres).
    """

    terms: NDArray[np.int32]
    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    vectors: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1


class ReadsTitles:
    """Titles read as texts: what every spec of texts has in common. A spec says `fields` and `encode_texts`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that are read."""
        raise NotImplementedError

    def encode_texts(self, texts: Sequence[str]) -> TextBatch:
        """Several texts."""
        raise NotImplementedError

    def encode_row(self, row: Mapping[str, Any]) -> TextBatch:
        """One title."""
        return self.encode_rows([row])

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> TextBatch:
        """Several titles."""
        return self.encode_texts([joined(r.get("title"), r.get("overview")) or "" for r in rows])

    def encode_frame(self, frame: pl.DataFrame) -> TextBatch:
        """A frame of titles; absent columns count as null."""
        columns = [c for c in self.fields if c in frame.columns]
        return self.encode_rows(list(frame.select(columns).iter_rows(named=True)))


@dataclass(frozen=True)
class _Lookup:
    """Where each word and each pair of words stands.

    Attributes:
        words: number of each word that is a term or has a vector.
        term_of: its place among the terms, shape (n_words + 1,); -1 for none, and in the last place for unknown words.
        vector_of: its place among the word vectors, likewise.
        keys: first number * n_words + second number of each pair that is a term, in rising order.
        pair_of: the pair's place among the terms, in the same order.
    """

    words: dict[str, int]
    term_of: NDArray[np.int64]
    vector_of: NDArray[np.int64]
    keys: NDArray[np.int64]
    pair_of: NDArray[np.int64]

    @classmethod
    def of(cls, terms: Sequence[str]) -> _Lookup:
        """Of a list of terms, and of the word vectors."""
        words = dict(word_vectors().places)
        n_vectors = len(words)
        places, lefts, rights = [], [], []
        singles: list[tuple[int, int]] = []
        for place, term in enumerate(terms):
            left, _, right = term.partition(" ")
            number = words.setdefault(left, len(words))
            if right:
                places.append(place)
                lefts.append(number)
                rights.append(words.setdefault(right, len(words)))
            else:
                singles.append((number, place))
        term_of, vector_of = np.full((2, len(words) + 1), -1)
        vector_of[:n_vectors] = np.arange(n_vectors)
        if singles:
            numbers, own = np.array(singles).T
            term_of[numbers] = own
        keys = np.array(lefts, np.int64) * len(words) + np.array(rights, np.int64)
        order = np.argsort(keys)
        return cls(words, term_of, vector_of, keys[order], np.array(places, np.int64)[order])

    def pairs(
        self, left: NDArray[np.int64], right: NDArray[np.int64], owner: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of pairs of numbers those that are terms: the text (below `_CHUNK`) that each is of, and its place among the terms.

        They are looked up in rising order, which the processor's cache rewards threefold.
        """
        wanted = ((left * len(self.words) + right) << _BITS) | owner
        wanted.sort()
        owner, wanted = wanted & (_CHUNK - 1), wanted >> _BITS
        at = np.searchsorted(self.keys, wanted)
        at[at == len(self.keys)] = 0
        is_known = self.keys[at] == wanted if len(self.keys) else np.zeros(len(at), bool)
        return owner[is_known], self.pair_of[at[is_known]]


def lengths_of(values: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Euclidean length of each text's weights, shape (n_texts,); 1 where there are none."""
    filled = starts[1:] > starts[:-1]
    lengths = np.ones(len(filled), np.float32)
    if len(values):
        lengths[filled] = np.sqrt(np.add.reduceat(values * values, starts[:-1][filled]))
    return lengths


@dataclass(frozen=True)
class TextSpec(ReadsTitles):
    """Words and pairs that at least two training texts have, weighted by 1 + log(count) and idf, rows of length 1.

    Attributes:
        terms: words, and pairs joined by a space.
        idf: their weights, float32, shape (n_terms,).
        vector: the dense part.
        min_count: texts a term must stand in.
    """

    kind: ClassVar[str] = "text"
    terms: tuple[str, ...] = ()
    idf: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    vector: TextVector = field(default_factory=TextVector)
    min_count: int = 2

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that are read."""
        return ("title", "overview")

    def fit(self, frame: pl.DataFrame) -> TextSpec:
        """Learn the terms and how rare each is."""
        return TextSpec(*learned_terms(frame, self.min_count), self.vector.fit(frame), self.min_count)

    @cached_property
    def _lookup(self) -> _Lookup:
        return _Lookup.of(self.terms)

    def encode_texts(self, texts: Sequence[str]) -> TextBatch:
        """Several texts; an empty one has no terms and a vector of zeros."""
        parts = [self._encoded(texts[start : start + _CHUNK]) for start in range(0, max(len(texts), 1), _CHUNK)]
        if len(parts) == 1:
            return parts[0]
        sizes = np.concatenate([np.diff(p.starts) for p in parts])
        return TextBatch(
            np.concatenate([p.terms for p in parts]),
            np.concatenate([p.values for p in parts]),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.concatenate([p.vectors for p in parts]),
        )

    def _encoded(self, texts: Sequence[str]) -> TextBatch:
        """A few texts, all words of them at once: what is looked up one by one is each word, and only once."""
        look, n_terms = self._lookup, len(self.terms)
        words = [words_of(text) for text in texts]
        owner = np.repeat(np.arange(len(texts)), np.fromiter(map(len, words), np.int64, len(texts)))
        ids = np.fromiter(map(look.words.get, chain.from_iterable(words), repeat(-1)), np.int64, len(owner))
        terms = look.term_of[ids]
        is_term = terms >= 0
        left, right = ids[:-1], ids[1:]
        is_pair = (left >= 0) & (right >= 0) & (owner[:-1] == owner[1:])
        owner_of_pair, pairs = look.pairs(left[is_pair], right[is_pair], owner[:-1][is_pair])
        found = np.concatenate([owner[is_term] * n_terms + terms[is_term], owner_of_pair * n_terms + pairs])
        found.sort()
        ends = (found[1:] != found[:-1]).nonzero()[0] + 1
        edges = np.concatenate(([0], ends, [len(found)])) if len(found) else np.zeros(1, np.int64)
        counts = edges[1:] - edges[:-1]
        text, term = np.divmod(found[edges[:-1]], max(n_terms, 1))
        values = _LOGS[np.minimum(counts, len(_LOGS)) - 1] * self.idf[term]
        starts = text.searchsorted(np.arange(len(texts) + 1))
        values /= lengths_of(values, starts)[text]
        return TextBatch(term.astype(np.int32), values, starts, self._vectors(look.vector_of[ids], owner, len(texts)))

    def _vectors(self, places: NDArray[np.int64], owner: NDArray[np.int64], n: int) -> NDArray[np.float32]:
        """The text vectors, from where each word stands among the word vectors (-1: nowhere) and its text."""
        table = self.vector.table
        vectors = np.zeros((n, table.shape[1]), np.float32)
        known = places >= 0
        own, starts = places[known], owner[known].searchsorted(np.arange(n + 1)).tolist()
        # One sum a text is faster than np.add.reduceat over rows.
        for vector, (start, stop) in zip(vectors, pairwise(starts), strict=True):
            if stop > start:
                np.subtract(table[own[start:stop]].sum(axis=0), self.vector.shift, out=vector)
        vectors /= np.maximum(np.sqrt((vectors * vectors).sum(axis=1)), 1e-9)[:, None]
        return vectors

    def state(self) -> State:
        """Terms, weights and the vector's state."""
        plain, arrays = self.vector.state()
        own: dict[str, NDArray[Any]] = {
            "terms": np.frombuffer("\n".join(self.terms).encode(), np.uint8),
            "term_idf": self.idf.astype(np.float16),
        }
        return {"kind": self.kind, "min_count": self.min_count, **plain}, {**own, **arrays}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextSpec:
        """Made again."""
        terms = arrays["terms"].tobytes().decode()
        return cls(
            tuple(terms.split("\n")) if terms else (),
            arrays["term_idf"].astype(np.float32),
            TextVector.from_state(plain, arrays),
            int(plain["min_count"]),
        )
