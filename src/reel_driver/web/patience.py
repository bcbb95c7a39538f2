"""How long the server waits for a request to arrive, and how much of one it holds.

uvicorn waits for ever and keeps headers of any length. A client that sends a byte a second would hold a connection until
it pleases; thousands of those take every one that the system gives. Here the headers must have arrived within some
seconds of the first byte, and a body must have arrived or be coming along well: 408 else, and the connection is closed.
So is one that stays silent, or whose client does not take the answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LATE = "reel.late"
"""Key of a scope whose body did not arrive in time; what the application is given of it is not the whole."""
LARGEST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers; more is 431."""

ENOUGH = 16 * 1024
"""Bytes of a body that must arrive before the time is counted anew."""
LONGEST = 4
"""Times that it is counted at most."""
TOO_LATE = "The request took too long to arrive."

Note = Callable[[int, float], None]
"""Takes note of a request that is refused before the application hears of it: status, and seconds since it began."""


def patient(seconds: float, note: Note) -> type[HttpToolsProtocol]:
    """The protocol of a server whose patience is known.

    Args:
        seconds: for a request to arrive, for a new connection to say something, and for an answer to be taken.
        note: told of each refusal that the application never hears of.
    """

    class Patient(_Patient):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.seconds, self.note = seconds, note

    return Patient


class _Patient(HttpToolsProtocol):
    seconds: float
    note: Note
    scope: MutableMapping[str, Any]  # type: ignore[assignment]
    _late: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _since = 0.0
    _n_arrived = _n_head = 0
    _in_head = True
    """Whether headers are what comes next."""
    _is_whole = False
    """Whether the request that began last has arrived."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.seconds, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        for timer in (self._late, self._untaken):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_whole and not self.cycle.response_complete:
            return
        if self.transport.is_closing():
            return
        if self._late is None:
            self._since, self._n_arrived = self.loop.time(), 0
            self._late = self.loop.call_later(self.seconds, self._look)
        self._n_arrived += len(data)
        if self._in_head:
            self._n_head += len(data)
            if self._n_head > LARGEST_HEAD:
                self._refuse(431, "The headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_whole, self._in_head, self._n_head = False, True, 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_whole = True
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_what_stays()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_what_stays()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _abort_what_stays(self) -> None:
        """A connection closes when its answer has been taken; if that never happens, it closes all the same."""
        if self.transport.get_write_buffer_size() and self._untaken is None:
            self._untaken = self.loop.call_later(self.seconds, self.transport.abort)

    def _look(self) -> None:
        """The time is over; but if it was the service that was busy, what has arrived meanwhile has to be read first."""
        self._late = self.loop.call_later(0.05, self._judge)

    def _judge(self) -> None:
        self._late = None
        is_fast = self._n_arrived >= ENOUGH and self.loop.time() - self._since < LONGEST * self.seconds
        if self.transport.is_closing():
            return
        if self._is_whole or (self.cycle is not None and self.cycle.response_complete and not self._in_head):
            self.transport.close()  # it has its answer, and goes on sending
        elif self._in_head:
            self._refuse(408, TOO_LATE)
        elif is_fast:
            self._n_arrived = 0
            self._late = self.loop.call_later(self.seconds, self._look)
        else:
            self.scope[LATE] = True
            self.cycle.keep_alive = self.cycle.more_body = False
            self.cycle.message_event.set()

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer what the application cannot answer, because there is no request yet, and close."""
        self.note(status, self.loop.time() - self._since)
        body = json.dumps({"message": sentence}).encode()
        head = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()
