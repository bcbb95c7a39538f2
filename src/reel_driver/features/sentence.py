"""What a sentence encoder makes of a film's text, as columns: a block like any other, for models with the encoder extra."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, RowWriter, State
from reel_driver.features.encoder import Encoder, base_encoder, encoder_folder
from reel_driver.features.words import clean, joined

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class SentenceVector:
    """Title and overview as the vector of an encoder as published, centred and of length 1; NaN where neither is known.

    The principal axes of the vector, before it is brought to length 1, can be columns too, each with a meaning of its own.

    One title and many agree to about 1e-6 only: the encoder reads many padded to the same length.

    Attributes:
        n_axes: principal axes that are columns too, each for itself.
        encoder: the network; None before the block is fitted.
        centre: mean over the training titles, shape (width,).
        axes: principal axes of the centred vectors, the first with standard deviation 2, shape (width, n_axes).
    """

    kind: ClassVar[str] = "sentence_vector"
    n_axes: int = 0
    encoder: Encoder | None = None
    centre: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    axes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """`sentence:0` and so on, then `sentence_axis:0` and so on."""
        vector = tuple(f"sentence:{i}" for i in range(len(self.centre)))
        return (*vector, *(f"sentence_axis:{i}" for i in range(self.axes.shape[1])))

    @property
    def fields(self) -> tuple[str, ...]:
        """Title and overview."""
        return ("title", "overview")

    def fit(self, frame: pl.DataFrame) -> SentenceVector:
        """Take the encoder of this machine and learn the centre and the axes.

        Raises:
            EncoderMissing: when there is none.
            ExtraMissing: without the encoder extra.
        """
        encoder = base_encoder(encoder_folder())
        texts = [joined(*row) for row in frame.select(self.fields).iter_rows()]
        vectors = encoder.encode([clean(t) for t in texts if t is not None] or [""])
        centre = vectors.mean(axis=0)
        _, sizes, axes = np.linalg.svd(vectors - centre, full_matrices=False)
        deviation = float(sizes[0]) / math.sqrt(len(vectors))
        kept = axes[: self.n_axes].T * (2 / deviation if deviation > 1e-6 else 0.0)
        return SentenceVector(self.n_axes, encoder, centre, np.ascontiguousarray(kept, dtype=np.float32))

    def _columns(self, texts: Sequence[str | None]) -> Matrix:
        """Shape (n_texts, width + n_axes)."""
        width = len(self.centre)
        out = np.full((len(texts), width + self.axes.shape[1]), math.nan, np.float32)
        known = [i for i, t in enumerate(texts) if t is not None]
        if self.encoder is not None and known:
            vectors = self.encoder.encode([clean(texts[i] or "") for i in known]) - self.centre
            out[known, :width] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
            out[known, width:] = vectors @ self.axes
        return out

    def row_writer(self, at: int) -> RowWriter:
        """Write the vector and its axes."""
        end = at + len(self.names)

        def write(row: Mapping[str, Any], out: Matrix) -> None:
            out[at:end] = self._columns([joined(row.get("title"), row.get("overview"))])[0]

        return write

    def fill(self, frame: pl.DataFrame, out: Matrix) -> None:
        """Write each title's vector and its axes."""
        out[:] = self._columns([joined(*row) for row in frame.select(self.fields).iter_rows()])

    def phrase(self, column: int, row: Mapping[str, Any]) -> str:
        """All columns are one thing to a person."""
        return "what it is about"

    def state(self) -> State:
        """The network, the centre and the axes."""
        if self.encoder is None:
            return {"n_axes": self.n_axes}, {}
        plain, arrays = self.encoder.state()
        return {**plain, "n_axes": self.n_axes}, {**arrays, "centre": self.centre, "axes": self.axes}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SentenceVector:
        """Made again.

        Raises:
            ExtraMissing: without the encoder extra.
        """
        if not arrays:
            return cls(plain["n_axes"])
        return cls(plain["n_axes"], Encoder.from_state(plain, arrays), arrays["centre"], arrays["axes"])
