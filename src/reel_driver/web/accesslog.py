"""One line of JSON for each request: when, what route, which status, how long. Never a body, a query or a secret."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import msgspec

FLUSH_SECONDS = 0.5

_encoder = msgspec.json.Encoder()


class AccessLog:
    """Lines are gathered and written together, because a write for each costs more than an ordinary answer."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines: list[tuple[float, str, str, int, float]] = []

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._lines.append((time.time(), method, route, status, seconds))

    def flush(self) -> None:
        """Write what has been gathered."""
        lines, self._lines = self._lines, []
        entries = [
            {"time": moment(when), "method": method, "route": route, "status": status, "ms": round(seconds * 1000, 3)}
            for when, method, route, status, seconds in lines
        ]
        self._stream.write(_encoder.encode_lines(entries).decode())
        self._stream.flush()


def moment(when: float) -> str:
    """A Unix time in UTC, to the millisecond.

    >>> moment(1e9 + 0.25)
    '2001-09-09T01:46:40.250+00:00'
    """
    second, part = divmod(when, 1)
    return f"{_second(second)}.{int(1000 * part):03}+00:00"


@lru_cache(maxsize=16)
def _second(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
