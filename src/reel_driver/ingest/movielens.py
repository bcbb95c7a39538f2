"""Ratings and titles in MovieLens' formats: CSV, Parquet, the `::` files of 1M and the tab files of 100k."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from reel_driver.domain import TITLE_FIELDS
from reel_driver.errors import FileMissing, FileUnreadable, NothingToRead
from reel_driver.schema import TITLE_SCHEMA, conform, require

RATING_SCHEMA = pl.Schema(
    {"userId": pl.Int64(), "movieId": pl.Int64(), "rating": pl.Float64(), "timestamp": pl.Int64()}
)
"""Ratings as they are read; the timestamp is null where the file has none."""

OF_ONE_DATE = {"tmdb_rating": "vote_average_2017", "tmdb_votes": "vote_count_2017"}
"""Columns that are taken first where a table mixes figures of several dates."""


def read_ratings(path: Path) -> pl.DataFrame:
    """Ratings in the order of the file, as `RATING_SCHEMA`; `::` and tab files have no header.

    Raises:
        FileMissing: when it is not there.
        FileUnreadable: when it is none of the formats.
        ColumnsMissing: when a table lacks userId, movieId or rating.
        NothingToRead: when it is empty.
    """
    if not path.is_file():
        raise FileMissing(path)
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            with path.open("rb") as stream:
                head = stream.readline()
            if b"::" in head:
                text = path.read_bytes().replace(b"::", b"\t")
                frame = _headless(text)
            elif b"\t" in head and b"," not in head and not head[:1].isalpha():
                frame = _headless(path.read_bytes())
            else:
                frame = pl.read_csv(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FileUnreadable(path, f"it holds no ratings in a MovieLens format ({error})") from error
    require(frame, ["userId", "movieId", "rating"], path)
    if frame.is_empty():
        raise NothingToRead(path)
    return conform(frame, RATING_SCHEMA)


def _headless(text: bytes) -> pl.DataFrame:
    return pl.read_csv(text, separator="\t", has_header=False, new_columns=list(RATING_SCHEMA.names()))


def read_rated_titles(path: Path) -> pl.DataFrame:
    """Facts of rated films: `movieId` with the columns of `TITLE_SCHEMA`, known by all names that imports know.

    Raises:
        FileMissing, FileUnreadable, ColumnsMissing: as `read_ratings`; `movieId` is what must be there.
    """
    if not path.is_file():
        raise FileMissing(path)
    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FileUnreadable(path, f"it is no table of titles ({error})") from error
    require(frame, ["movieId"], path)
    found = {}
    for field in TITLE_FIELDS:
        names = (OF_ONE_DATE.get(field.name, field.name), field.name, *field.aliases)
        source = next((n for n in names if n in frame.columns), None)
        if source is None:
            continue
        column = pl.col(source)
        if field.type == "list" and frame.schema[source] == pl.String:
            column = column.str.split("|")
        elif field.type in ("int", "float"):
            column = column.cast(pl.Float64, strict=False)
        elif field.type == "date" and frame.schema[source] == pl.String:
            column = column.str.to_date(strict=False)
        found[field.name] = column.cast(TITLE_SCHEMA[field.name], strict=False)
    titles = frame.select(pl.col("movieId").cast(pl.Int64), **found)
    return pl.concat([titles.select("movieId"), conform(titles, TITLE_SCHEMA)], how="horizontal")
