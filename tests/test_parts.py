"""Large clean tables are read in parts, and everything else whole: nobody can tell from what is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from reel_driver.ingest import NeedsWhole, read_in_parts, read_table

FIELDS = frozenset({"release_date", "imdb_rating", "genre", "runtime"})


def clean(n: int = 1000) -> pl.DataFrame:
    numbers = pl.int_range(n, eager=True)
    return pl.DataFrame(
        {
            "imdb_id": pl.select(pl.format("tt{}", 1_000_000 + numbers)).to_series(),
            "title": pl.select(pl.format("Film {}", numbers)).to_series(),
            "release_date": [date(1950 + i % 70, 1 + i % 12, 1 + i % 28) for i in range(n)],
            "imdb_rating": (numbers % 100) / 10,
            "genre": [["Drama", "Comedy"][: i % 3] or None for i in range(n)],
            "runtime": numbers % 200 + 1,
            "overview": pl.select(pl.format("What happens in {}", numbers)).to_series(),
        }
    )


def test_a_clean_table_is_the_same_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    clean().write_parquet(path, row_group_size=300)
    parts = list(read_in_parts(path, FIELDS, n_rows=250))
    whole, problems = read_table(path, fields=FIELDS)
    assert len(parts) > 1
    assert not problems
    assert pl.concat(parts).equals(whole)


@pytest.mark.parametrize(
    "odd",
    [
        clean().with_columns(pl.col("imdb_rating") * 10),
        clean().with_columns(pl.col("release_date").dt.strftime("%d/%m/%Y")),
        clean().with_columns(imdb_rating=pl.col("imdb_rating").cast(pl.String)),
        clean().with_columns(title=pl.when(pl.int_range(pl.len()) != 900).then("title")).drop("imdb_id"),
        clean().with_columns(runtime=pl.when(pl.int_range(pl.len()) == 900).then(-5).otherwise("runtime")),
        clean(0),
    ],
    ids=["ratings to 100", "dates as text", "ratings as text", "a nameless row", "a negative runtime", "no rows"],
)
def test_a_table_whose_rows_need_each_other_or_care_is_read_whole(odd: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    odd.write_parquet(path)
    with pytest.raises(NeedsWhole):
        list(read_in_parts(path, FIELDS, n_rows=250))


@pytest.mark.parametrize("content", [b"title\nHeat\n", b"PAR1 and nothing more", b""])
def test_what_is_no_parquet_file_is_read_whole(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    path.write_bytes(content)
    with pytest.raises(NeedsWhole):
        list(read_in_parts(path, FIELDS))
    with pytest.raises(NeedsWhole):
        list(read_in_parts(tmp_path / "missing.parquet", FIELDS))
