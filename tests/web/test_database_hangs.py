"""A database that hangs: routes that need it say so in time, and nothing else notices."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from running import Start

from reel_driver.operations.data import load_starter
from reel_driver.operations.workspace import Workspace


@contextmanager
def stopped(server: Any) -> Iterator[None]:
    """Every process of a PostgreSQL server stands still."""
    postmaster = int((Path(server.folder) / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)  # first of all, so that there are no new ones
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    pids = [postmaster, *map(int, children)]
    send(signal.SIGSTOP, pids)
    try:
        yield
    finally:
        send(signal.SIGCONT, pids)


def send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # some come and go by themselves
            os.kill(pid, number)


def test_a_database_that_hangs_is_503_there_and_nothing_elsewhere(
    new_postgres: Callable[[], Any], start: Start, tmp_path: Path, monkeypatch: Any
) -> None:
    server = new_postgres()
    url = server.new_database()
    monkeypatch.setenv("DATABASE_URL", url)
    with Workspace(tmp_path, "me") as work:
        load_starter(work)
    service = start(DATABASE_URL=url, REEL_API_TIMEOUT="4")
    service.wait("/api/v1/titles")
    paths = ["/api/v1/titles", "/api/v1/labels", "/api/v1/titles/tt0078748", "/api/v1/tonight"] * 15

    def asked(path: str) -> tuple[int, str]:
        status, _, headers = service.exchange("GET", path)
        return status, headers.get("retry-after", "")

    with stopped(server), ThreadPoolExecutor(len(paths)) as crowd:
        waiting = [crowd.submit(asked, path) for path in paths]
        for path in ("/reel-driver/health", "/health", "/models", "/metrics", "/api/v1/models"):
            assert service.ask("GET", path, None) == 200
        assert [service.ask() for _ in range(20)] == [200] * 20
        assert {w.result() for w in waiting} == {(503, "5")}
    assert service.ask("GET", "/api/v1/titles", None) == 200

    with stopped(server):
        assert asked("/api/v1/labels") == (503, "5")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0, "a thread that hangs does not keep the process"
