"""The service as its clients meet it, over a home folder with a small real bundle."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import Running, Start
from starlette.testclient import TestClient

from reel_driver.bundle import Bundle
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import ServiceConfig, create_app


@pytest.fixture(scope="session")
def home_with_models(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a watch model."""
    home = tmp_path_factory.mktemp("home")
    Registry(home / "models").add("watch-me", replace(bundle, threshold=0.5))
    return home


@pytest.fixture(scope="session")
def log() -> io.StringIO:
    """What the service of `client` has logged."""
    return io.StringIO()


@pytest.fixture(scope="session")
def client(home_with_models: Path, log: io.StringIO) -> Iterator[TestClient]:
    """A client of a service with a watch model."""
    app = create_app(Workspace(home_with_models, "me"), access=AccessLog(log))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service without any model."""
    app = create_app(Workspace(tmp_path, "me"), access=AccessLog(io.StringIO()))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client_of(home_with_models: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes a client of a service that is run in another way."""
    opened: list[TestClient] = []

    def make(config: ServiceConfig, **more: Any) -> TestClient:
        app = create_app(Workspace(home_with_models, "me"), config, access=AccessLog(io.StringIO()), **more)
        client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def start(home_with_models: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts services, all stopped at the end."""
    started: list[Running] = []

    def new(**environment: str) -> Running:
        running = Running(home_with_models, tmp_path / f"log{len(started)}", **environment)
        started.append(running)
        running.wait()
        return running

    yield new
    for running in started:
        running.process.kill()
        running.process.wait()
