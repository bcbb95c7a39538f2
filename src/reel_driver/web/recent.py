"""The inputs of late, kept for whoever asks how far they have drifted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reel_driver.features.blocks import Matrix

N_RECENT = 1024
"""Encoded titles that are kept."""


class RecentInputs:
    """The last encoded titles, in a ring. Adding is cheap; everything else waits until somebody asks."""

    def __init__(self) -> None:
        self._ring: Matrix | None = None
        self._rows: deque[Mapping[str, Any]] = deque(maxlen=N_RECENT)
        self.n_seen = 0

    def add(self, encoded: Matrix, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        """Keep these titles, encoded and as they came; of a big batch its last ones."""
        self._rows.extend(rows)
        if self._ring is None:
            self._ring = np.empty((N_RECENT, encoded.shape[1]), np.float32)
        if len(encoded) == 1:
            self._ring[self.n_seen % N_RECENT] = encoded[0]
        else:
            last = encoded[-N_RECENT:]
            start = self.n_seen + len(encoded) - len(last)
            self._ring[np.arange(start, start + len(last)) % N_RECENT] = last
        self.n_seen += len(encoded)

    def rows(self) -> list[Mapping[str, Any]]:
        """The titles kept as they came, oldest first."""
        return list(self._rows)

    def encoded(self) -> Matrix:
        """The titles kept, in no order."""
        if self._ring is None:
            return np.empty((0, 0), np.float32)
        return self._ring[: min(self.n_seen, N_RECENT)].copy()
