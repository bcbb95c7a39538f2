"""The project's own routes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pytest
from starlette.testclient import TestClient
from web_cases import ALIEN

from reel_driver.bundle import Bundle
from reel_driver.operations.data import load_starter
from reel_driver.operations.workspace import Workspace
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app


@pytest.fixture(scope="module")
def native(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service with the starter catalogue, the invented labels and a model."""
    work = Workspace(tmp_path_factory.mktemp("home"), "starter")
    load_starter(work)
    unheard = {"kind": "movie", "title": "Unheard Of", "release_year": 2024, "original_language": "is"}
    work.store.upsert_titles(pl.DataFrame([unheard]), source="test")
    work.registry.add(work.watch_name, replace(bundle, threshold=0.5))
    app = create_app(work, access=AccessLog(io.StringIO()))
    with work, TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_titles_come_in_pages(native: TestClient) -> None:
    first = native.get("/api/v1/titles", params={"limit": 3}).json()
    assert len(first) == 3
    second = native.get("/api/v1/titles", params={"limit": 3, "after": first[-1]["title_id"]}).json()
    assert {t["title_id"] for t in first}.isdisjoint(t["title_id"] for t in second)
    shows = native.get("/api/v1/titles", params={"kind": "show", "limit": 5}).json()
    assert {t["kind"] for t in shows} == {"show"}
    assert native.get("/api/v1/titles", params={"limit": 0}).status_code == 422


def test_one_title_is_found_by_what_a_person_would_say(native: TestClient) -> None:
    title = native.get("/api/v1/titles", params={"limit": 1}).json()[0]
    assert native.get(f"/api/v1/titles/%23{title['title_id']}").json()["title"] == title["title"]
    missing = native.get("/api/v1/titles/tt9999999")
    assert missing.status_code == 404
    assert "tt9999999" in missing.json()["detail"]


def test_a_label_is_said_and_taken_back(native: TestClient) -> None:
    before = len(native.get("/api/v1/labels").json())
    labelled = {row["title_id"] for row in native.get("/api/v1/labels").json()}
    titles = native.get("/api/v1/titles", params={"limit": 500}).json()
    ref = next(f"%23{t['title_id']}" for t in titles if t["title_id"] not in labelled)
    assert native.put(f"/api/v1/labels/{ref}", json={"verdict": "would_watch"}).status_code == 200
    assert len(native.get("/api/v1/labels").json()) == before + 1
    assert native.get(f"/api/v1/labels/{ref}").json()[-1]["verdict"] == "would_watch"
    assert native.delete(f"/api/v1/labels/{ref}").status_code == 200
    assert len(native.get("/api/v1/labels").json()) == before
    assert native.put(f"/api/v1/labels/{ref}", json={"verdict": "maybe"}).status_code == 422


def test_tonight_is_a_row_with_reasons(native: TestClient) -> None:
    row = native.get("/api/v1/tonight", params={"n": 4, "kind": "movie"}).json()
    assert len(row) == 4
    assert all(0 <= p["lower"] <= p["probability"] <= p["upper"] <= 1 for p in row)
    assert any(p["reasons_for"] or p["reasons_against"] for p in row)


def test_a_title_of_tonight_that_nobody_has_voted_on_has_a_predicted_rating(native: TestClient) -> None:
    unheard, *heard = native.get("/api/v1/tonight", params={"language": "is"}).json()
    assert not heard
    assert unheard["rating"] is None
    assert 0 < unheard["predicted_rating"] < 10
    others = native.get("/api/v1/tonight").json()
    assert all(p["rating"] > 0 and p["predicted_rating"] is None for p in others)


def test_titles_are_judged_with_intervals_and_reasons(native: TestClient) -> None:
    body = native.post("/api/v1/predict", json={"items": [ALIEN, {"title": "Unheard of"}, {"kind": "show"}]}).json()
    assert [r["title"] for r in body["results"]] == [None, "Unheard of", None]
    assert [r["is_extrapolated"] for r in body["results"]] == [False, False, True]
    assert body["version"] == "v0001"
    served = native.post("/reel-driver/api/predict", json=ALIEN).json()["probability"]
    assert body["results"][0]["probability"] == pytest.approx(served, abs=1e-9)
    explained = native.post("/api/v1/explain", json=ALIEN).json()
    assert explained["probability"] == pytest.approx(served, abs=1e-9)
    assert explained["reasons_for"] or explained["reasons_against"]


def test_the_evaluation_and_the_models_are_shown(native: TestClient) -> None:
    assert "roc_auc" in native.get("/api/v1/evaluation").json()["metrics"]
    (watch, *others) = native.get("/api/v1/models").json()
    assert watch == {
        "name": "watch-starter", "versions": ["v0001"], "aliases": {"champion": "v0001"}, "served": "v0001"
    }  # fmt: skip
    assert {m["name"] for m in others} == {"rating", "genre"}
