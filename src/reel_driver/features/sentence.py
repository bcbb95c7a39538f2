"""What a sentence encoder makes of a film's text, as columns: a block like any other, for models with the encoder extra."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, RowWriter, State
from reel_driver.features.encoder import TOLERANCE, Encoder, base_encoder, encoder_folder
from reel_driver.features.words import clean, joined

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class SentenceVector:
    """Title and overview as the vector of an encoder as published, centred and of length 1; NaN where neither is known.

    One title and many agree to about 1e-6 only: the encoder reads many padded to the same length.

    Attributes:
        encoder: the network; None before the block is fitted.
        centre: mean over the training titles, shape (width,).
    """

    kind: ClassVar[str] = "sentence_vector"
    tolerance: ClassVar[float] = TOLERANCE
    encoder: Encoder | None = None
    centre: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """`sentence:0` and so on."""
        return tuple(f"sentence:{i}" for i in range(len(self.centre)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Title and overview."""
        return ("title", "overview")

    def fit(self, frame: pl.DataFrame) -> SentenceVector:
        """Take the encoder of this machine and learn the centre.

        Raises:
            EncoderMissing: when there is none.
            ExtraMissing: without the encoder extra.
        """
        encoder = base_encoder(encoder_folder())
        texts = [joined(*row) for row in frame.select(self.fields).iter_rows()]
        known = [clean(t) for t in texts if t is not None]
        centre = encoder.encode(known).mean(axis=0) if known else np.zeros(encoder.width, np.float32)
        return SentenceVector(encoder, centre)

    def _vectors(self, texts: Sequence[str | None]) -> Matrix:
        """Shape (n_texts, width)."""
        out = np.full((len(texts), len(self.centre)), math.nan, np.float32)
        known = [i for i, t in enumerate(texts) if t is not None]
        if self.encoder is not None and known:
            vectors = self.encoder.encode([clean(texts[i] or "") for i in known]) - self.centre
            out[known] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return out

    def row_writer(self, at: int) -> RowWriter:
        """Write the vector."""
        end = at + len(self.centre)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            out[at:end] = self._vectors([joined(row.get("title"), row.get("overview"))])[0]

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write each title's vector."""
        out[:] = self._vectors([joined(*row) for row in frame.select(self.fields).iter_rows()])

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """All columns are one thing to a person."""
        return "what it is about"

    def state(self) -> State:
        """The network and the centre."""
        if self.encoder is None:
            return {}, {}
        plain, arrays = self.encoder.state()
        return plain, {**arrays, "centre": self.centre}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SentenceVector:
        """Made again.

        Raises:
            ExtraMissing: without the encoder extra.
        """
        return cls(Encoder.from_state(plain, arrays), arrays["centre"]) if arrays else cls()
