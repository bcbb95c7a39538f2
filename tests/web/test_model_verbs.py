"""Verbs on registered models, in the local folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reel_driver.bundle import Bundle
from reel_driver.errors import NotFound
from reel_driver.operations import models
from reel_driver.operations.workspace import Workspace


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_HOST", "REEL_DRIVER_MLFLOW_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_versions_are_listed_shown_and_compared(bundle: Bundle, tmp_path: Path) -> None:
    work = Workspace(tmp_path, "me")
    work.registry.add("watch-me", bundle)
    work.registry.add("watch-me", replace(bundle, threshold=0.9))
    rows = models.list_models(work)
    assert [(r["version"], r["aliases"]) for r in rows] == [("v0001", ["previous"]), ("v0002", ["champion"])]
    assert models.show_model(work, "watch-me")["threshold"] == 0.9
    found = models.diff(work, "watch-me", "previous", "champion")
    assert list(found["facts"]) == ["threshold"]
    assert (found["mean_change"], found["columns_new"]) == (0.0, [])
    assert models.rollback(work, "watch-me") == "v0001"
    shutil.rmtree(work.registry.root)
    with pytest.raises(NotFound):
        models.rollback(work, "watch-me")
