"""The rating and the genre clients: movie_rating_guess and tgplus."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reel_driver.bundle import Bundle
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app
from reel_driver.web.live import Models, Served

FILM = {
    "release_date": "1979-05-25",
    "title": "Alien",
    "overview": "A crew hauling ore finds a stranger on board.",
    "genre": "Horror, Science Fiction",
    "original_language": "en",
}


class Genres:
    """A genre model that always says the same."""

    about: dict[str, Any] = {}  # noqa: RUF012

    def genres(self, text: str) -> list[tuple[str, float]]:
        return [("Documentary", 0.7), ("Drama", 0.2)]


@pytest.fixture
def text_client(tmp_path: Path, bundle: Bundle) -> Iterator[TestClient]:
    """A client of a service with a rating model, made of the watch model's trees, and a genre model."""
    registry = Registry(tmp_path / "models")
    registry.add("rating", replace(bundle, task="rating"))
    models = Models(registry, "watch-me")
    models.genre.served = Served(Genres(), "genre", "v0001")  # type: ignore[arg-type]
    app = create_app(Workspace(tmp_path, "me"), models=models, access=AccessLog(io.StringIO()))
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


def test_without_a_rating_model_predict_is_503_with_a_detail_and_health_is_200(client: TestClient) -> None:
    answer = client.post("/predict", json=FILM)
    assert answer.status_code == 503
    assert "Model not loaded" in answer.json()["detail"]
    health = client.get("/health")
    assert health.status_code == 200
    body = health.json()
    assert set(body) == {"status", "model_loaded", "pipeline_version", "model_info"}
    assert (body["status"], body["model_loaded"]) == ("error", False)


def test_health_says_which_rating_model_is_served(text_client: TestClient) -> None:
    body = text_client.get("/health").json()
    assert (body["status"], body["model_loaded"], body["pipeline_version"]) == ("healthy", True, "v0001")


def test_the_registry_is_listed_with_stages(text_client: TestClient) -> None:
    models = text_client.get("/models").json()["models"]
    assert models["rating"] == [{"version": "v0001", "stage": "Production", "status": "READY"}]


@pytest.mark.parametrize("text", ["a film on penguins", "one%20two", "penguins%0Afly", "what%3F really"])
def test_a_description_as_the_path_gets_one_genre(text_client: TestClient, text: str) -> None:
    answer = text_client.get(f"/{text}")
    assert (answer.status_code, answer.json()) == (200, {"genre": "Documentary"})


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
    assert body["genre"] == "Documentary"
    assert [g["genre"] for g in body["genres"]] == ["Documentary", "Drama"]
    assert text_client.get("/genres").status_code == 422
    assert text_client.get("/genres", params={"text": ""}).status_code == 422


def test_without_a_genre_model_a_description_is_503(client: TestClient) -> None:
    assert client.get("/a film on penguins").status_code == 503
