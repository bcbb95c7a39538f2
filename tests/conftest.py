"""What the tests share: where the real data lies, labelled titles, and the command in a home of its own."""

from __future__ import annotations

import os
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
