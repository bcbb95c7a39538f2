"""The outermost part of the service: who may come in, how much at once, and the short way to the hot routes.

Every request passes here first. Predictions, which come thousands at a time, are answered right here by a function of
the body; everything else goes on to the FastAPI application.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any, TypeAlias

from reel_driver.errors import ReelError
from reel_driver.web import refusals
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.measure import Measures
from reel_driver.web.patience import LATE, TOO_LATE
from reel_driver.web.refusals import Refusal

log = logging.getLogger("reel_driver.web")

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler: TypeAlias = Callable[[bytes], Awaitable[bytes]]
"""A hot route: the body of a request -> the body of a 200. It raises `Refusal` for anything else."""

DESCRIBED = "/{text}"
"""The route of descriptions, which are a path of one part with white space in it."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
"""Names under which a service without a token may be asked, so that no web page can rename itself into it."""

TOO_LONG = "This took too long: try again, or ask for less."
BODIES_HELD = 16
"""Largest bodies that may be on their way at once, all clients together."""


@dataclass(frozen=True)
class Limits:
    """What one client, and all together, may ask.

    Attributes:
        body: bytes of one request; more is 413.
        batch: items of one request; more is 413.
        concurrent: requests being answered at once; more is 503. Single predictions and health are never too many.
        seconds: time for a request to arrive, longer is 408; and again for its answer, longer is 503.
        rate: requests a second of one client; more is 429; 0 for no limit.
    """

    body: int = 16 * 2**20
    batch: int = 10_000
    concurrent: int = 256
    seconds: float = 30.0
    rate: float = 0.0


@dataclass
class Gate:
    """The ASGI application that the server runs.

    Attributes:
        app: everything that is not hot.
        hot: (method, path) to handler.
        token: the secret that is asked for; empty when the service is bound to this machine only.
        open_paths: paths that need no token.
        cors: web origins that may ask.
        described: answers a description that is asked for as a path, as it answers bodies.
        light: hot routes whose answer costs no more than a refusal; they do not count as being answered at once.
    """

    app: App
    hot: Mapping[tuple[str, str], Handler]
    limits: Limits
    measures: Measures
    access: AccessLog
    token: str = ""
    open_paths: frozenset[str] = frozenset()
    cors: frozenset[str] = frozenset()
    described: Handler | None = None
    light: frozenset[str] = frozenset()
    _n_held: int = 0
    _n_working: int = 0
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        method, route, status = scope["method"], "refused", 500
        try:
            self._admit(scope)
            handler = self.hot.get((method, scope["path"]))
            if handler is not None:
                route = scope["path"]
            body = b"" if method in ("GET", "HEAD") else await self._body(scope, receive)
            if handler is None and method == "GET" and self.described and _is_description(scope["path"]):
                route, handler, body = DESCRIBED, self.described, scope["path"][1:].encode()
            # Whoever is still sending takes no place from those who have asked, nor does who is slow to take the answer.
            is_counted = route not in self.light and scope["path"] not in self.open_paths
            self._enter(is_counted)
            if handler is not None:
                try:
                    content = await (self._in_time(handler, body) if is_counted else handler(body))
                finally:
                    self._leave(is_counted)
                status = 200
                await _send(send, 200, content)
            else:
                route, status = await self._onward(scope, body, is_counted, receive, send)
        except Refusal as refusal:
            status = refusal.status
            await _send(send, status, refusal.content, refusal.headers)
        except ReelError as error:
            said = refusals.translated(error)
            status = said.status
            await _send(send, status, said.content, said.headers)
        except ClientGone:
            status = 499
        except Exception:
            log.exception("a request to %s failed", route)
            await _send(send, 500, refusals.message(500, refusals.UNEXPECTED).content)
        finally:
            self.note(status, perf_counter() - started, method, route)

    def _enter(self, is_counted: bool) -> None:
        if is_counted:
            if self._n_working >= self.limits.concurrent:
                raise refusals.message(503, "Too many requests are being answered right now: try again in a moment.")
            self._n_working += 1
        self.measures.in_flight += 1

    def _leave(self, is_counted: bool) -> None:
        self._n_working -= is_counted
        self.measures.in_flight -= 1

    async def _in_time(self, handler: Handler, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await handler(body)
        except TimeoutError:
            raise refusals.message(503, TOO_LONG) from None

    def note(self, status: int, seconds: float, method: str = "-", route: str = "refused") -> None:
        """Count an answer and log it; the server itself notes those to what never became a request."""
        self.measures.observe(method, route, status, seconds)
        self.access.add(method, route, status, seconds)

    def _admit(self, scope: Scope) -> None:
        """Refuse what is too much, or not allowed; takes a token out of the path."""
        limits = self.limits
        headers = dict(scope["headers"])
        if self.token:
            if self.cors and scope["method"] == "OPTIONS":
                return  # a browser asks without its token whether it may ask with it
            self._check_token(scope, headers)
        else:
            host = headers.get(b"host", b"localhost").decode("latin-1")
            name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
            if name.lower() not in LOOPBACK:
                raise refusals.detail(403, "This service answers to localhost only; bind it elsewhere with a token.")
            origin = headers.get(b"origin")
            asking = (origin or b"").decode("latin-1")
            is_foreign = asking != "" and asking.partition("://")[2] != host and not self.cors & {asking, "*"}
            if is_foreign and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                raise refusals.detail(403, "Requests from other web pages are refused.")
        if limits.rate and scope["path"] not in self.open_paths:
            self._check_rate((scope.get("client") or ("",))[0])
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limits.body:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return refusals.detail(413, f"The body is larger than {self.limits.body} bytes: send less at once.")

    def _check_token(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        token = self.token.encode()
        given = headers.get(b"authorization", b"")
        if given[:7].lower() == b"bearer " and hmac.compare_digest(given[7:].strip(), token):
            return
        first, _, rest = scope["path"].lstrip("/").partition("/")
        if hmac.compare_digest(first.encode(), token):
            scope["path"], scope["root_path"] = "/" + rest, f"/{first}"
            scope["raw_path"] = scope["path"].encode()
            return
        if scope["path"] not in self.open_paths:
            raise Unauthorized(401, {"detail": "A token is needed: send it as a bearer header, or first in the path."})

    def _check_rate(self, client: str) -> None:
        """A bucket for each client that fills with `rate` and holds two seconds' worth."""
        now, rate = monotonic(), self.limits.rate
        left, at = self._buckets.pop(client, (2 * rate, now))
        left = min(2 * rate, left + (now - at) * rate)
        self._buckets[client] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > 10_000:
            self._buckets.popitem(last=False)
        if left < 1:
            raise refusals.message(429, "Too many requests from one client: try again in a moment.")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, which mostly comes in one part; how long it may take is the server's to say."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            body = await self._rest(body, receive)
        if LATE in scope:
            raise refusals.message(408, TOO_LATE)
        if len(body) > self.limits.body:
            raise self._too_large()
        return body

    async def _rest(self, first: bytes, receive: Receive) -> bytes:
        """A body that comes in parts, as long as there is room for it beside all the others that are coming."""
        parts, n = [first], len(first)
        self._n_held += n
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part: bytes = message.get("body", b"")
                parts.append(part)
                n += len(part)
                self._n_held += len(part)
                if not message.get("more_body") or n > self.limits.body:
                    return b"".join(parts)
                if self._n_held > BODIES_HELD * self.limits.body:
                    raise refusals.message(503, "Too much is being sent right now: try again in a moment.")
        finally:
            self._n_held -= n

    async def _onward(
        self, scope: Scope, given: bytes, is_counted: bool, receive: Receive, send: Send
    ) -> tuple[str, int]:
        """Let the application answer; returns the route's template and the status."""
        status = 0
        body = given if scope["method"] not in ("GET", "HEAD") else None

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._leave(is_counted)
                limit.reschedule(None)
            await send(message)

        async def whole() -> Message:
            nonlocal body
            if body is None:
                return await receive()
            content, body = body, None
            return {"type": "http.request", "body": content, "more_body": False}

        try:
            async with asyncio.timeout(self.limits.seconds) as limit:
                await self.app(scope, whole, watching)
        except TimeoutError:
            raise refusals.message(503, TOO_LONG) from None
        except Exception:
            if not status:
                raise
            # The application has answered, be it 500, and then raised what went wrong.
            log.exception("a request to %s failed", _template(scope))
        finally:
            if not status:
                self._leave(is_counted)
        return _template(scope), status


def _template(scope: Scope) -> str:
    """The route that the application found, without what a person wrote into it."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _is_description(path: str) -> bool:
    """Whether a path is one part with words in it. Other white space than blanks is left to the application."""
    return " " in path and path.rfind("/") == 0 and not path[1:].isspace()


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Unauthorized(Refusal):
    """No token, or not the right one."""

    @property
    def headers(self) -> dict[str, str]:
        """How to ask rightly."""
        return {"www-authenticate": "Bearer"}


async def _send(send: Send, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
    listed = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if headers:
        listed += [(k.encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": content})
