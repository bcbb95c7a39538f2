"""What is asked at one moment is answered in one step, and everybody gets their own answer."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reel_driver.operations.workspace import Workspace
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app
from reel_driver.web.together import MOST, Together


def test_questions_of_one_moment_are_answered_in_one_step() -> None:
    steps: list[list[int]] = []

    def halves(numbers: list[int]) -> list[float]:
        steps.append(numbers)
        return [n / 2 for n in numbers]

    async def ask() -> list[float]:
        half = Together(halves)
        first = await asyncio.gather(*(half(n) for n in (1, 2, 3)))
        return [*first, await half(4)]

    assert asyncio.run(ask()) == [0.5, 1.0, 1.5, 2.0]
    assert steps == [[1, 2, 3], [4]]


def test_a_burst_is_answered_in_steps_and_between_them_others_get_their_turn() -> None:
    done: list[Any] = []

    def same(numbers: list[int]) -> list[int]:
        done.append(len(numbers))
        return numbers

    async def other() -> None:
        await asyncio.sleep(0)
        done.append("other")

    async def ask() -> list[int]:
        answer = Together(same)
        return (await asyncio.gather(*(answer(n) for n in range(MOST + 2)), other()))[:-1]

    assert asyncio.run(ask()) == list(range(MOST + 2))
    assert done == [MOST, "other", 2]


def test_a_question_that_cannot_be_answered_fails_alone() -> None:
    def inverses(numbers: list[int]) -> list[float]:
        return [1 / n for n in numbers]

    async def ask() -> list[Any]:
        inverse = Together(inverses)
        return await asyncio.gather(*(inverse(n) for n in (1, 0, 2)), return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert (first, third) == (1.0, 0.5)
    assert isinstance(second, ZeroDivisionError)


def test_a_client_that_has_gone_takes_nobody_with_it() -> None:
    async def ask() -> list[Any]:
        same = Together(lambda numbers: numbers)
        tasks = [asyncio.create_task(same(n)) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert (first, third) == (1, 3)
    assert isinstance(second, asyncio.CancelledError)


def test_titles_asked_at_one_moment_get_the_scores_that_each_gets_alone(
    home_with_models: Path, client: TestClient
) -> None:
    bodies = [json.dumps({"imdb_id": f"tt000000{i}", "tmdb_votes": 10**i}).encode() for i in range(6)]
    path = "/reel-driver/api/predict"
    alone = [client.post(path, content=body).json() for body in bodies]
    gate = create_app(Workspace(home_with_models, "me"), access=AccessLog(io.StringIO()))

    async def at_once() -> list[bytes]:
        return await asyncio.gather(*(gate.hot["POST", path](body) for body in bodies))

    with TestClient(gate, base_url="http://localhost"):
        together = [json.loads(answer) for answer in asyncio.run(at_once())]
    assert len({answer["probability"] for answer in alone}) > 1
    for one, other in zip(alone, together, strict=True):
        assert one["imdb_id"] == other["imdb_id"]
        assert one["prediction"] == other["prediction"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-9)


def test_films_asked_at_one_moment_get_the_ratings_that_each_gets_alone(
    home_with_models: Path, client: TestClient
) -> None:
    film = {"release_date": "1999-3-1", "overview": "A farm.", "genre": "Drama", "original_language": "en"}
    bodies = [json.dumps({**film, "title": title}).encode() for title in ("Corn", "Wheat and War", "Rye", "")]
    alone = [client.post("/predict", content=body) for body in bodies]
    assert [answer.status_code for answer in alone] == [200, 200, 200, 422]
    gate = create_app(Workspace(home_with_models, "me"), access=AccessLog(io.StringIO()))

    async def at_once() -> list[Any]:
        rate = gate.hot["POST", "/predict"]
        return await asyncio.gather(*(rate(body) for body in bodies), return_exceptions=True)

    with TestClient(gate, base_url="http://localhost"):
        together = asyncio.run(at_once())
    assert [json.loads(answer) for answer in together[:3]] == [answer.json() for answer in alone[:3]]
    assert together[3].status == 422


def test_descriptions_asked_at_one_moment_get_the_genre_that_each_gets_alone(
    home_with_models: Path, client: TestClient
) -> None:
    texts = ["A shark eats swimmers.", "Two lovers meet in Paris.", "Soldiers at the front."]
    alone = [client.get(f"/{text}").json() for text in texts]
    assert len({answer["genre"] for answer in alone}) > 1
    gate = create_app(Workspace(home_with_models, "me"), access=AccessLog(io.StringIO()))
    assert gate.described is not None
    tell = gate.described

    async def at_once() -> list[bytes]:
        return await asyncio.gather(*(tell(text.encode()) for text in texts))

    with TestClient(gate, base_url="http://localhost"):
        assert [json.loads(answer) for answer in asyncio.run(at_once())] == alone
