"""Verbs on registered models, in the local folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from command import run_reel
from reel_driver.bundle import Bundle
from reel_driver.errors import NotFound
from reel_driver.operations import models
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_HOST", "REEL_DRIVER_MLFLOW_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_versions_are_listed_shown_and_compared(bundle: Bundle, tmp_path: Path) -> None:
    work = Workspace(tmp_path, "me")
    work.registry.add("watch-me", bundle)
    work.registry.add("watch-me", replace(bundle, threshold=0.9))
    rows = models.list_models(work, "watch-me")
    assert [(r["version"], r["aliases"]) for r in rows] == [("v0001", ["previous"]), ("v0002", ["champion"])]
    assert models.show_model(work, "watch-me")["threshold"] == 0.9
    found = models.diff(work, "watch-me", "previous", "champion")
    assert list(found["facts"]) == ["threshold"]
    assert (found["mean_change"], found["columns_new"]) == (0.0, [])
    assert models.rollback(work, "watch-me") == "v0001"
    shutil.rmtree(work.registry.root)
    with pytest.raises(NotFound):
        models.rollback(work, "watch-me")


def test_what_ships_is_listed_until_there_is_one_of_one_s_own(bundle: Bundle, tmp_path: Path) -> None:
    work = Workspace(tmp_path, "me")
    shipped = [(r["name"], r["version"], r["aliases"]) for r in models.list_models(work)]
    assert shipped == [("genre", "shipped", ["champion"]), ("rating", "shipped", ["champion"])]
    for name in ("genre", "rating"):
        facts = models.show_model(work, name)
        assert facts["version"] == "shipped"
        assert facts["metrics"]
        assert facts["n_features"] > 100
        assert models.diff(work, name, "champion", "champion")["largest_change"] == 0
    work.registry.add("genre", bundle)
    assert [r["version"] for r in models.list_models(work, "genre")] == ["v0001"]


def test_an_unknown_version_is_refused_with_those_there_are(bundle: Bundle, tmp_path: Path) -> None:
    work = Workspace(tmp_path, "me")
    work.registry.add("watch-me", bundle)
    for verb in (models.show_model, models.promote):
        with pytest.raises(NotFound, match=r"'v0007': versions of watch-me: v0001\."):
            verb(work, "watch-me", "v0007")
    with pytest.raises(NotFound, match="'previous'"):
        models.diff(work, "watch-me", "previous", "champion")


def test_the_command_tells_versions_apart_at_a_glance(home: Path) -> None:
    bundle = Registry(home / "models").load("watch-starter")
    Registry(home / "models").add(
        "watch-starter", replace(bundle, threshold=0.9, about={**bundle.about, "pipeline": "other"})
    )

    def said(*arguments: str) -> str:
        done = run_reel(home, "-p", "starter", "models", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = said("list")
    assert [row.split()[:3] for row in listed.splitlines() if row.startswith("  watch")] == [
        ["watch-starter", "v0001", "previous"], ["watch-starter", "v0002", "champion"],
    ]  # fmt: skip
    assert "ROC AUC" in listed
    shown = said("show")
    for words in (
        "watch-starter v0002, champion: verified",
        "130 labels",
        "58 would not watch",
        "ROC AUC 0.",
        "threshold       0.900",
    ):
        assert words in shown, words
    assert "{" not in shown, "nothing is shown as a program would write it"
    different = said("diff")
    assert [row.split() for row in different.splitlines() if row.startswith("  pipeline")] == [
        ["pipeline", "taste", "other"]
    ]
    assert "scores differ by +0.000 on average" in " ".join(different.split())
    assert said("promote", "v0001") == "watch-starter: v0001 is the champion.\n"
    assert said("rollback") == "watch-starter: back to v0002.\n"
    assert said("diff", "champion", "champion") == "champion and champion are the same.\n"
    assert json.loads(said("list", "--json"))[1]["aliases"] == ["champion"]
    assert json.loads(said("diff", "--json"))["facts"]["pipeline"] == ["taste", "other"]
