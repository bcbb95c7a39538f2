"""One line of JSON for each request: when, what route, which status, how long. Never a body, a query or a secret."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import TextIO

import msgspec

FLUSH_SECONDS = 0.5


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
        encode = msgspec.json.encode
        self._stream.write(
            "".join(
                encode(
                    {
                        "time": datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds"),
                        "method": method,
                        "route": route,
                        "status": status,
                        "ms": round(seconds * 1000, 3),
                    }
                ).decode()
                + "\n"
                for when, method, route, status, seconds in lines
            )
        )
        self._stream.flush()
