"""What a genre model sees of a text: which words and pairs of neighbouring words stand in it, and its text vector.

A dense row would have 60,000 columns, so this spec encodes to a `TextBatch` instead; otherwise it is used as a
`FeatureSpec` is: fitted once, saved with the model, one encoder for one text and for many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State
from reel_driver.features.text import TextVector
from reel_driver.features.words import joined, with_pairs, word_vectors, words_of

if TYPE_CHECKING:
    import polars as pl


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

    @cached_property
    def places(self) -> dict[str, int]:
        """Term to number."""
        return {t: i for i, t in enumerate(self.terms)}

    def fit(self, frame: pl.DataFrame) -> TextSpec:
        """Learn the terms and how rare each is."""
        counts: Counter[str] = Counter()
        for title, overview in frame.select(self.fields).iter_rows():
            counts.update(set(with_pairs(words_of(joined(title, overview) or ""))))
        terms = sorted(t for t, n in counts.items() if n >= self.min_count)
        idf = [math.log((1 + frame.height) / (1 + counts[t])) + 1 for t in terms]
        rounded = np.array(idf, np.float16).astype(np.float32)
        return TextSpec(tuple(terms), rounded, self.vector.fit(frame), self.min_count)

    @cached_property
    def _encode_text(self) -> Any:
        find, idf = self.places.get, self.idf
        logs = np.log(np.arange(1, 258)).astype(np.float32) + np.float32(1)
        word_places, table = word_vectors().places.get, self.vector.table
        centre = self.vector.centre @ self.vector.axes
        zeros = np.zeros(table.shape[1], np.float32)

        def encode(text: str) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
            words = words_of(text)
            counted = Counter(words)
            counted.update(map(" ".join, pairwise(words)))
            terms, counts = [], []
            for term, count in counted.items():
                place = find(term)
                if place is not None:
                    terms.append(place)
                    counts.append(count if count < 257 else 257)
            ids = np.array(terms, np.int32)
            values = logs[np.array(counts, np.int32) - 1] * idf[ids]
            values /= max(math.sqrt(float(values @ values)), 1e-9)
            known = [p for w in words if (p := word_places(w)) is not None]
            if not known:
                return ids, values, zeros
            vector = table[known].sum(axis=0) - centre
            return ids, values, vector / max(math.sqrt(float(vector @ vector)), 1e-9)

        return encode

    def encode_texts(self, texts: Sequence[str]) -> TextBatch:
        """Several texts; an empty one has no terms and a vector of zeros."""
        parts = [self._encode_text(text) for text in texts]
        starts = np.zeros(len(parts) + 1, np.int64)
        if not parts:
            none = np.empty(0, np.float32)
            return TextBatch(none.astype(np.int32), none, starts, np.empty((0, self.vector.axes.shape[1]), np.float32))
        starts[1:] = np.cumsum([len(p[0]) for p in parts])
        terms, values, vectors = zip(*parts, strict=True)
        return TextBatch(np.concatenate(terms), np.concatenate(values), starts, np.stack(vectors))

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
