"""The starter catalogue and the starter profile: what a newcomer meets before bringing data of their own.

The facts are public figures; every overview was written for this project. The labels belong to an invented person.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def catalogue() -> pl.DataFrame:
    """Titles of the starter catalogue, as `TITLE_SCHEMA`."""
    import polars as pl

    from reel_driver.domain import TITLE_FIELDS
    from reel_driver.schema import TITLE_SCHEMA, conform

    lines = (files("reel_driver.data") / "starter_titles.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    read_as = {f.name: pl.String() if f.type == "date" else TITLE_SCHEMA[f.name] for f in TITLE_FIELDS}
    read = pl.DataFrame(rows, schema=read_as)
    return conform(read.with_columns(pl.col("release_date").str.to_date()), TITLE_SCHEMA)


def catalogue_with_labels() -> pl.DataFrame:
    """The catalogue with the invented person's `verdict` where there is one, and `decided_by` saying that it is invented."""
    import polars as pl

    text = (files("reel_driver.data") / "starter_labels.tsv").read_text("utf-8")
    pairs = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    labels = pl.DataFrame(pairs, schema=["imdb_id", "verdict"], orient="row")
    joined = catalogue().join(labels, on="imdb_id", how="left", maintain_order="left")
    return joined.with_columns(
        decided_by=pl.when(pl.col("verdict").is_not_null()).then(pl.lit("invented")),
        line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )
