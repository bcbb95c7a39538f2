"""What the tests share: where the real data lies, labelled titles, and the command in a home of its own."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest


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
