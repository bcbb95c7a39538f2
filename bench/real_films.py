"""Labelled films for the benchmarks: the real ones where they lie beside the project, else the invented ones."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from reel_driver import starter
from reel_driver.schema import TITLE_SCHEMA, conform


def labelled_films(path: Path | None = None) -> pl.DataFrame:
    """Titles with their `verdict`, of a Parquet file as `atp.training` has them.

    Args:
        path: the file; by default the one of the folder REEL_SHARED_DATA, or of the data beside the project.
    """
    shared = Path(os.environ.get("REEL_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    path = path or shared / "reel-driver" / "training.parquet"
    if not path.is_file():
        return starter.catalogue_with_labels().filter(pl.col("verdict").is_not_null() & (pl.col("kind") == "movie"))
    frame = pl.read_parquet(path).filter(pl.col("media_type") == "movie")
    frame = frame.rename({"media_type": "kind", "media_title": "title", "label": "verdict"})
    return conform(frame, TITLE_SCHEMA).with_columns(frame["verdict"].cast(pl.String))
