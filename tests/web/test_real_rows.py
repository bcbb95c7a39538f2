"""The real titles of a real person, asked as their client asks: from PostgreSQL, in batches, with what it sends."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from reel_driver.bundle import Bundle
from reel_driver.operations.row import predict_file
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app
from reel_driver.web.items import LISTS, RATINGS, TEXTS, WHOLE

SENT = tuple(name for name in ("imdb_id", *WHOLE, *RATINGS, *TEXTS, *LISTS) if name != "production_companies")
"""The 19 fields that automatic-transmission sends."""


@pytest.fixture(scope="module")
def home(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    Registry(home / "models").add("watch-me", replace(bundle, threshold=0.35))
    return home


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[TestClient]:
    app = create_app(Workspace(home, "me"), access=AccessLog(io.StringIO()))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("share_of_nulls", [0.0, 0.3])
def test_what_is_served_equals_what_the_command_predicts(
    service: TestClient, home: Path, shared_data: Path, tmp_path: Path, share_of_nulls: float
) -> None:
    films = pl.read_parquet(shared_data / "reel-driver" / "training.parquet").filter(pl.col("media_type") == "movie")
    films = films.select("imdb_id", *WHOLE, *RATINGS, *TEXTS, *LISTS)
    rng = random.Random(5)
    rows = [
        {k: None if k != "imdb_id" and rng.random() < share_of_nulls else v for k, v in row.items()}
        for row in films.to_dicts()
    ]
    assert len(rows) == 3705
    pl.DataFrame(rows, schema=films.schema).write_parquet(tmp_path / "rows.parquet")
    predict_file(Workspace(home, "me"), tmp_path / "rows.parquet", tmp_path / "scored.parquet")
    expected = pl.read_parquet(tmp_path / "scored.parquet")

    served: list[dict[str, Any]] = []
    for start in range(0, len(rows), 50):
        answer = service.post("/reel-driver/api/predict_batch", json={"items": rows[start : start + 50]})
        assert answer.status_code == 200, answer.text[:500]
        served += answer.json()["results"]

    assert [r["imdb_id"] for r in served] == expected["imdb_id"].to_list()
    worst = max(abs(r["probability"] - p) for r, p in zip(served, expected["probability"], strict=True))
    assert worst <= 1e-6
    assert [r["prediction"] for r in served] == expected["prediction"].to_list()


def as_sent(row: dict[str, Any]) -> dict[str, Any]:
    """A row as step 06 of automatic-transmission sends it: every number a float, Decimals too, nulls kept."""
    return {k: float(v) if isinstance(v, int | float | Decimal) else v for k, v in row.items()}


@pytest.mark.parametrize("order", ["as stored", "shuffled"])
def test_step_06_is_answered_for_every_row_of_a_real_database(
    service: TestClient, shared_data: Path, postgres: Any, order: str
) -> None:
    rows = [as_sent(row) for row in _rows_from(postgres, shared_data)]
    assert len(rows) == 3750
    if order == "shuffled":
        random.Random(6).shuffle(rows)
    answered: dict[str, float] = {}
    for start in range(0, len(rows), 50):
        batch = rows[start : start + 50]
        answer = service.post("/reel-driver/api/predict_batch", json={"items": batch})
        if answer.status_code != 200:  # as the client does: once again, one by one
            for item in batch:
                single = service.post("/reel-driver/api/predict", json=item)
                assert single.status_code == 200, (item, single.text)
                answered[single.json()["imdb_id"]] = single.json()["probability"]
            continue
        answered |= {r["imdb_id"]: r["probability"] for r in answer.json()["results"]}
    assert set(answered) == {row["imdb_id"] for row in rows}
    assert all(0 <= p <= 1 for p in answered.values())
    one = service.post("/reel-driver/api/predict", json=rows[0]).json()
    assert one["probability"] == pytest.approx(answered[rows[0]["imdb_id"]], abs=1e-12)


def _rows_from(postgres: Any, shared_data: Path) -> list[dict[str, Any]]:
    """The 3,750 rows, put into `atp.training` of a PostgreSQL server and read again as the client reads them."""
    import psycopg

    frame = pl.read_parquet(shared_data / "reel-driver" / "training.parquet").select(SENT)
    url = postgres.new_database().replace("postgresql+psycopg", "postgresql")
    kinds: dict[str, str] = (
        dict.fromkeys(WHOLE, "bigint")
        | {"tmdb_rating": "numeric(5,3)", "imdb_rating": "numeric(4,1)"}
        | dict.fromkeys(("imdb_id", *TEXTS), "text")
        | dict.fromkeys(LISTS, "text[]")
    )
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        columns = ", ".join(f"{name} {kinds[name]}" for name in SENT)
        cursor.execute(f"create schema atp; create table atp.training ({columns})".encode())
        with cursor.copy(f"copy atp.training ({', '.join(SENT)}) from stdin".encode()) as copy:
            for row in frame.iter_rows():
                copy.write_row(row)
        cursor.execute(f"select {', '.join(SENT)} from atp.training".encode())
        return [dict(zip(SENT, values, strict=True)) for values in cursor.fetchall()]


def test_the_client_s_fields_are_nineteen() -> None:
    assert len(SENT) == 19
