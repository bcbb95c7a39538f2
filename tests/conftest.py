"""What the tests share: where the real data lies, labelled titles, and the command in a home of its own."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from reel_driver.bundle import Bundle


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, beside the project where it is developed; its tests are skipped elsewhere."""
    folder = Path(os.environ.get("REEL_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (folder / "reel-driver" / "training.parquet").is_file():
        if "data" in os.environ.get("REEL_REQUIRE", "").split(","):
            pytest.fail(f"the shared data is required and is not at {folder}")
        pytest.skip("the shared data is not here")
    return folder


@pytest.fixture(scope="session")
def labelled() -> pl.DataFrame:
    """The movies of the starter catalogue that the invented person has labelled, with their `verdict`."""
    from reel_driver import starter

    films = starter.catalogue_with_labels()
    return films.filter(pl.col("verdict").is_not_null() & (pl.col("kind") == "movie"))


@pytest.fixture(scope="session")
def bundle(labelled: pl.DataFrame) -> Bundle:
    """A small bundle of trees, fitted on the starter labels and judged out of fold."""
    from reel_driver.tasks import watch_pipeline
    from reel_driver.train import TrainConfig, fit_bundle

    config = TrainConfig(search=False, params={"n_estimators": 40})
    return fit_bundle("watch", watch_pipeline("xgboost"), labelled, config, about={"profile": "starter"})[0]


def spawn_reel(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in a process of its own and a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "reel_driver.cli", *map(str, arguments)],
        env=reel_environment(home) | environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


def run_reel(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, which spares the second that loading the libraries takes."""
    from reel_driver.cli import main

    out, err = io.StringIO(), io.StringIO()
    before, argv = dict(os.environ), sys.argv
    os.environ.clear()
    os.environ.update(reel_environment(home) | environment)
    sys.argv = ["reel", *map(str, arguments)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(["reel", *map(str, arguments)], code, out.getvalue(), err.getvalue())


def reel_environment(home: Path) -> dict[str, str]:
    """An environment in which `reel` writes under `home` alone."""
    own = ("REEL_", "PG_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(own)} | {"REEL_HOME": str(home)}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A home after `reel demo`, and what that printed. Look, do not touch: `home` is for that."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = spawn_reel(home, "demo")
    assert done.returncode == 0, done.stderr
    return home, done


@pytest.fixture
def home(demo: tuple[Path, object], tmp_path: Path) -> Path:
    """A trained home of the starter profile, a test's own."""
    return Path(shutil.copytree(demo[0], tmp_path / "home"))
