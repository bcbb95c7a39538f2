"""The service as its clients meet it, over a home folder with a small real bundle."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from reel_driver import starter
from reel_driver.bundle import Bundle
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry
from reel_driver.tasks import watch_pipeline
from reel_driver.train import TrainConfig, fit_bundle
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import ServiceConfig, create_app


@pytest.fixture(scope="session")
def trees() -> Bundle:
    """A small bundle of trees, fitted on the invented labels that ship with the package."""
    films = starter.catalogue_with_labels()
    labelled = films.filter(pl.col("verdict").is_not_null() & (pl.col("kind") == "movie"))
    config = TrainConfig(search=False, params={"n_estimators": 30})
    return fit_bundle("watch", watch_pipeline("xgboost"), labelled, config, about={"profile": "me"})[0]


@pytest.fixture(scope="session")
def home_with_models(trees: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a watch model."""
    home = tmp_path_factory.mktemp("home")
    Registry(home / "models").add("watch-me", replace(trees, threshold=0.5))
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
