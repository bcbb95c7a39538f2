"""The inputs of late, kept for whoever asks how far they have drifted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

N_RECENT = 1024
"""Titles that are kept."""


class RecentInputs:
    """The last titles as they came. Adding is cheap; everything else waits until somebody asks."""

    def __init__(self) -> None:
        self._rows: deque[Mapping[str, Any]] = deque(maxlen=N_RECENT)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep these titles; of a big batch its last ones."""
        self._rows.extend(rows)

    def rows(self) -> list[Mapping[str, Any]]:
        """The titles kept, oldest first."""
        return list(self._rows)
