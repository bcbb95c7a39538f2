"""The rating and the genre clients: movie_rating_guess and tgplus."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reel_driver import registry
from reel_driver.bundle import Bundle
from reel_driver.operations.workspace import Workspace
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app

FILM = {
    "release_date": "1979-05-25",
    "title": "Alien",
    "overview": "A crew hauling ore finds a stranger on board.",
    "genre": "Horror, Science Fiction",
    "original_language": "en",
}


GENRES = {
    "Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "History", "Horror",
    "Music", "Mystery", "Romance", "Science Fiction", "TV Movie", "Thriller", "War", "Western",
}  # fmt: skip


@pytest.fixture(scope="module")
def text_client(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service with the genre model that ships with the package, and trees that say ratings."""
    work = Workspace(tmp_path_factory.mktemp("home"), "me")
    work.registry.add("rating", replace(bundle, task="rating"))
    app = create_app(work, access=AccessLog(io.StringIO()))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def bare_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a service that has no model at all."""
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nothing")
    app = create_app(Workspace(tmp_path, "me"), access=AccessLog(io.StringIO()))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_a_rating_has_two_decimals_and_the_title(text_client: TestClient) -> None:
    answer = text_client.post("/predict", json=FILM)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"title", "predicted_rating"}
    assert body["title"] == "Alien"
    assert 0 <= body["predicted_rating"] <= 10
    assert round(body["predicted_rating"], 2) == body["predicted_rating"]


@pytest.mark.parametrize(
    "change",
    [{"release_date": "1979-5-5"}, {"title": "x" * 500}, {"overview": "x" * 5000}, {"original_language": "cmn-Hans"},
     {"genre": ""}, {"more": 1}],
)  # fmt: skip
def test_what_a_rating_client_may_send_is_taken(text_client: TestClient, change: dict[str, Any]) -> None:
    assert text_client.post("/predict", json={**FILM, **change}).status_code == 200


@pytest.mark.parametrize("field", list(FILM))
def test_every_field_of_a_rating_is_needed(text_client: TestClient, field: str) -> None:
    for body in ({k: v for k, v in FILM.items() if k != field}, {**FILM, field: None}):
        answer = text_client.post("/predict", json=body)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("release_date", "25.05.1979"),
        ("release_date", "1979-13-01"),
        ("release_date", ""),
        ("title", ""),
        ("title", "x" * 501),
        ("overview", ""),
        ("overview", "x" * 5001),
        ("original_language", "e"),
        ("original_language", "x" * 11),
        ("genre", ["Horror"]),
    ],
)
def test_what_cannot_be_rated_is_422_with_its_place(text_client: TestClient, field: str, value: Any) -> None:
    answer = text_client.post("/predict", json={**FILM, field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


def test_without_a_rating_model_predict_is_503_with_a_detail_and_health_is_200(bare_client: TestClient) -> None:
    answer = bare_client.post("/predict", json=FILM)
    assert answer.status_code == 503
    assert "Model not loaded" in answer.json()["detail"]
    health = bare_client.get("/health")
    assert health.status_code == 200
    body = health.json()
    assert set(body) == {"status", "model_loaded", "pipeline_version", "model_info"}
    assert (body["status"], body["model_loaded"]) == ("error", False)


def test_health_says_which_rating_model_is_served(text_client: TestClient) -> None:
    body = text_client.get("/health").json()
    assert (body["status"], body["model_loaded"]) == ("healthy", True)
    assert body["pipeline_version"]
    assert body["model_info"]["name"] == "rating"


def test_the_registry_is_listed_with_stages(client: TestClient) -> None:
    models = client.get("/models").json()["models"]
    assert models["watch-me"] == [{"version": "v0001", "stage": "Production", "status": "READY"}]
    shipped = [{"version": "shipped", "stage": "Production", "status": "READY"}]
    assert (models["rating"], models["genre"]) == (shipped, shipped)


@pytest.mark.parametrize("text", ["a film on penguins", "one%20two", "penguins%0Afly", "what%3F really"])
def test_a_description_as_the_path_gets_one_genre(text_client: TestClient, text: str) -> None:
    answer = text_client.get(f"/{text}")
    assert answer.status_code == 200
    assert set(answer.json()) == {"genre"}
    assert answer.json()["genre"] in GENRES


def test_the_examples_of_old_come_out_sensibly(text_client: TestClient) -> None:
    penguins = text_client.get("/A group of penguins builds a spaceship to fly home to their icy planet").json()[
        "genre"
    ]
    assert penguins in {"Animation", "Family", "Science Fiction"}
    mobster = "Romeo Corleone, the youngest son of a mafia family, takes over the business after a murder"
    assert text_client.get(f"/{mobster}").json()["genre"] in {"Crime", "Drama"}


@pytest.mark.parametrize("path", ["/", "/penguin", "/helth", "/two words/and more", "/%20", "/two words%2Fand more"])
def test_no_description_is_404(text_client: TestClient, path: str) -> None:
    assert text_client.get(path).status_code == 404


def test_a_description_is_not_posted(text_client: TestClient) -> None:
    assert text_client.post("/a film on penguins").status_code == 405


def test_ping_echoes(text_client: TestClient) -> None:
    answer = text_client.get("/ping/hello there")
    assert (answer.status_code, answer.json()) == (200, {"received": "hello there"})


def test_genres_are_asked_cleanly(text_client: TestClient) -> None:
    body = text_client.get("/genres", params={"text": "two/three penguins"}).json()
    chances = [g["probability"] for g in body["genres"]]
    assert body["genre"] == body["genres"][0]["genre"]
    assert chances == sorted(chances, reverse=True)
    assert text_client.get("/genres").status_code == 422
    assert text_client.get("/genres", params={"text": ""}).status_code == 422


def test_without_a_genre_model_a_description_is_503(bare_client: TestClient) -> None:
    assert bare_client.get("/a film on penguins").status_code == 503
