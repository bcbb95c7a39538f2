"""Clients that are slow with their requests, or with taking their answers, are let go and take nothing from others."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from running import BODY, Running, Start

PREDICT = b"POST /reel-driver/api/predict HTTP/1.1\r\nHost: localhost\r\n"
ONE = b'{"imdb_id": "tt0078748"}'
WHOLE = PREDICT + b"Content-Length: %d\r\n\r\n" % len(ONE) + ONE
TOO_LATE = {"message": "The request took too long to arrive."}


@pytest.fixture
def impatient(start: Start) -> Running:
    """A service that waits a second for a request."""
    return start(REEL_API_TIMEOUT="1", REEL_API_KEEP_ALIVE="1")


@contextmanager
def connected(service: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as s:
        yield s


def all_of(s: socket.socket) -> bytes:
    """Everything that comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            parts.append(part)
    return b"".join(parts)


def status_and_body(answer: bytes) -> tuple[int, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    "sent",
    [b"P", PREDICT, PREDICT + b"X-Slow: ", PREDICT + b"Content-Length: 30\r\n\r\n", PREDICT + b"Content-Length: 30\r\n\r\n{",
     PREDICT + b"Transfer-Encoding: chunked\r\n\r\n5\r\n"],
    ids=["first letter", "headers", "within a header", "no body", "half a body", "chunks"],
)  # fmt: skip
def test_a_request_that_does_not_arrive_is_408_and_the_connection_closes(impatient: Running, sent: bytes) -> None:
    with connected(impatient) as s:
        s.sendall(sent)
        answer = all_of(s)
    assert status_and_body(answer) == (408, TOO_LATE)
    assert b"connection: close" in answer


def test_the_second_request_of_a_connection_must_arrive_in_time_too(impatient: Running) -> None:
    with connected(impatient) as s:
        s.sendall(WHOLE)
        assert s.recv(12) == b"HTTP/1.1 200"
        s.sendall(PREDICT)
        assert b"HTTP/1.1 408" in all_of(s)


def test_who_says_nothing_or_nothing_of_use_is_let_go(impatient: Running) -> None:
    with connected(impatient) as s:
        assert all_of(s) == b""
    with connected(impatient) as s:
        s.sendall(b"\r\n\r\n")
        assert status_and_body(all_of(s)) == (408, TOO_LATE)
    with connected(impatient) as s:
        s.sendall(WHOLE + b"\r\n")
        assert all_of(s).count(b"HTTP/1.1") == 1


def test_a_large_body_that_is_coming_along_is_waited_for(impatient: Running) -> None:
    body = BODY.ljust(200_000)
    with connected(impatient) as s:
        s.sendall(PREDICT.replace(b"predict", b"predict_batch") + b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 50_000):
            time.sleep(0.5)
            s.sendall(body[start : start + 50_000])
        assert s.recv(12) == b"HTTP/1.1 200"


def test_headers_without_end_are_431(impatient: Running) -> None:
    with connected(impatient) as s:
        s.sendall(PREDICT + b"X-Long: " + b"x" * 100_000)
        assert status_and_body(all_of(s)) == (431, {"message": "The headers are too large."})


def test_who_does_not_take_the_answers_is_let_go(impatient: Running) -> None:
    head = b"POST /reel-driver/api/predict_batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    with connected(impatient) as s, pytest.raises((ConnectionResetError, BrokenPipeError)):
        s.sendall((head % len(BODY) + BODY) * 3000)
    assert impatient.ask() == 200


def test_a_crowd_of_slow_clients_takes_nothing_from_others(start: Start) -> None:
    service = start(REEL_API_TIMEOUT="5", REEL_API_MAX_CONCURRENT="2")
    crowd = []
    for i in range(100):
        s = socket.create_connection(("127.0.0.1", service.port), timeout=30)
        s.sendall(PREDICT + (b"Content-Length: 30\r\n\r\n{" if i % 2 else b""))
        crowd.append(s)
    assert [service.ask() for _ in range(30)] == [200] * 30
    assert {all_of(s)[:12] for s in crowd} == {b"HTTP/1.1 408"}
    for s in crowd:
        s.close()
    assert service.ask("GET", "/metrics", None) == 200
    text = service.answer.decode()
    late = re.findall(r'reel_requests_total\{method="(.*)",route="(.*)",status="408"\} (\d+)', text)
    assert sorted(late) == [("-", "refused", "50"), ("POST", "/reel-driver/api/predict", "50")]
    assert "reel_requests_in_flight 1\n" in text
