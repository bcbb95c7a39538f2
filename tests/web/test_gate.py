"""Who may come in, and how much at once."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from web_cases import ALIEN

from reel_driver.bundle import Bundle
from reel_driver.operations.workspace import Workspace
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import ServiceConfig, create_app
from reel_driver.web.gate import BODIES_HELD, Gate, Limits
from reel_driver.web.measure import Measures
from reel_driver.web.server import token_of

Make = Callable[..., TestClient]
PREDICT, BATCH = "/reel-driver/api/predict", "/reel-driver/api/predict_batch"
SECRET = "s3cret-" + "x" * 20


def test_with_a_token_nothing_but_health_is_open(client_of: Make) -> None:
    client = client_of(ServiceConfig(token=SECRET))
    for method, path in (("POST", PREDICT), ("GET", "/api/v1/models"), ("GET", "/docs"), ("GET", "/metrics")):
        answer = client.request(method, path, json=ALIEN)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "token" in answer.json()["detail"]
    assert client.get("/reel-driver/health").status_code == 200


def test_the_token_is_taken_as_a_bearer_header(client_of: Make) -> None:
    client = client_of(ServiceConfig(token=SECRET))
    for header in (f"Bearer {SECRET}", f"bearer {SECRET}"):
        assert client.post(PREDICT, json=ALIEN, headers={"authorization": header}).status_code == 200
    for header in (f"Bearer {SECRET}x", "Bearer ", SECRET, f"Basic {SECRET}", "Bearer \xff"):
        answer = client.post(PREDICT, json=ALIEN, headers={"authorization": header.encode("latin-1")})
        assert answer.status_code == 401


def test_a_client_without_headers_carries_the_token_in_its_prefix(client_of: Make) -> None:
    client = client_of(ServiceConfig(token=SECRET))
    assert client.post(f"/{SECRET}{PREDICT}", json=ALIEN).status_code == 200
    assert client.post(f"/{SECRET}{BATCH}", json={"items": [ALIEN]}).status_code == 200
    assert client.get(f"/{SECRET}/api/v1/models").status_code == 200
    assert client.get(f"/{SECRET}/reel-driver/").status_code == 200
    assert f"/{SECRET}/openapi.json" in client.get(f"/{SECRET}/docs").text
    assert client.post(f"/{SECRET}x{PREDICT}", json=ALIEN).status_code == 401
    assert client.post(f"/pénguin{PREDICT}", json=ALIEN).status_code == 401


def test_a_token_is_made_once_and_is_readable_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REEL_API_TOKEN", raising=False)
    made = token_of(tmp_path / "home")
    assert len(made) >= 40
    assert token_of(tmp_path / "home") == made
    assert (tmp_path / "home" / "token").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("REEL_API_TOKEN", "chosen")
    assert token_of(tmp_path / "home") == "chosen"


def test_without_a_token_only_this_machine_s_names_are_answered(client_of: Make) -> None:
    client = client_of(ServiceConfig())
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        assert client.get("/reel-driver/health", headers={"host": host}).status_code == 200
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example"):
        assert client.get("/reel-driver/health", headers={"host": host}).status_code == 403


def test_another_page_in_the_browser_cannot_write(client_of: Make) -> None:
    client = client_of(ServiceConfig())
    assert client.post(PREDICT, json=ALIEN, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post(PREDICT, json=ALIEN, headers={"origin": "http://localhost"}).status_code == 200
    assert "access-control-allow-origin" not in client.get("/docs", headers={"origin": "https://evil.example"}).headers


def test_cors_is_for_the_origins_that_were_named(client_of: Make) -> None:
    client = client_of(ServiceConfig(cors=("https://mine.example",)))
    answer = client.post(PREDICT, json=ALIEN, headers={"origin": "https://mine.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://mine.example")
    assert client.post(PREDICT, json=ALIEN, headers={"origin": "https://evil.example"}).status_code == 403


def test_a_star_lets_every_page_ask(client_of: Make) -> None:
    client = client_of(ServiceConfig(cors=("*",)))
    answer = client.post(PREDICT, json=ALIEN, headers={"origin": "https://any.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_the_prefix_can_be_chosen(client_of: Make) -> None:
    client = client_of(ServiceConfig(prefix="/films"))
    assert client.post("/films/api/predict", json=ALIEN).status_code == 200
    assert client.get("/films/").json()["health"] == "/films/health"
    assert client.post(PREDICT, json=ALIEN).status_code == 404
    bare = client_of(ServiceConfig(prefix=""))
    assert bare.post("/api/predict", json=ALIEN).status_code == 200


def test_a_body_that_is_too_large_is_413(client_of: Make) -> None:
    client = client_of(ServiceConfig(limits=Limits(body=5000)))
    big = json.dumps({**ALIEN, "overview": "x" * 6000}).encode()
    assert client.post(PREDICT, content=big).status_code == 413
    assert client.post(PREDICT, content=iter([big[:3000], big[3000:]])).status_code == 413
    assert client.post("/api/v1/explain", content=big).status_code == 413
    assert client.post(PREDICT, json=ALIEN).status_code == 200


def test_a_batch_that_is_too_long_is_413(client_of: Make) -> None:
    client = client_of(ServiceConfig(limits=Limits(batch=3)))
    assert client.post(BATCH, json={"items": [ALIEN] * 3}).status_code == 200
    answer = client.post(BATCH, json={"items": [ALIEN] * 4})
    assert answer.status_code == 413
    assert "3 items" in answer.json()["detail"]


def test_one_client_that_asks_too_often_is_429_for_a_while(client_of: Make) -> None:
    client = client_of(ServiceConfig(limits=Limits(rate=5)))
    statuses = [client.post(PREDICT, json=ALIEN).status_code for _ in range(30)]
    assert statuses[:5] == [200] * 5
    assert 429 in statuses
    refused = client.post(PREDICT, json=ALIEN)
    if refused.status_code == 429:
        assert int(refused.headers["retry-after"]) > 0
    time.sleep(0.4)
    assert client.post(PREDICT, json=ALIEN).status_code == 200


async def ask(app: Gate, path: str, parts: list[bytes]) -> tuple[int, dict[str, str]]:
    """One request straight to the application, its body coming in parts."""
    waiting = list(parts)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"localhost")], "client": ("c", 1)}
    await app(scope, receive, send)
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


async def answered_at_leisure(body: bytes) -> bytes:
    await asyncio.sleep(0.05)
    return body


def gate_of(limits: Limits) -> Gate:
    """A gate before one hot route that takes its time."""

    async def nothing(*_: Any) -> None:
        raise AssertionError

    hot = {("POST", "/slow"): answered_at_leisure}
    return Gate(nothing, hot, limits, Measures(), AccessLog(io.StringIO()))


def test_more_requests_than_may_run_at_once_are_503() -> None:
    async def burst() -> list[tuple[int, dict[str, str]]]:
        app = gate_of(Limits(concurrent=3))
        return await asyncio.gather(*(ask(app, "/slow", [b"{", b"}"]) for _ in range(6)))

    answers = asyncio.run(burst())
    assert sorted(status for status, _ in answers) == [200, 200, 200, 503, 503, 503]
    assert all(int(headers["retry-after"]) > 0 for status, headers in answers if status == 503)


def test_what_costs_no_more_than_a_refusal_is_never_too_much(home_with_models: Path) -> None:
    config = ServiceConfig(limits=Limits(concurrent=1))
    app = create_app(Workspace(home_with_models, "me"), config, access=AccessLog(io.StringIO()))

    async def burst() -> list[tuple[int, dict[str, str]]]:
        async with app.app.router.lifespan_context(app.app):  # type: ignore[attr-defined]
            body = json.dumps(ALIEN).encode()
            return await asyncio.gather(*(ask(app, PREDICT, [body]) for _ in range(300)))

    assert {status for status, _ in asyncio.run(burst())} == {200}


def test_health_is_told_however_much_there_is_to_do() -> None:
    async def health(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def burst() -> list[tuple[int, dict[str, str]]]:
        app = gate_of(Limits(concurrent=1))
        app.app, app.open_paths = health, frozenset({"/health"})
        return await asyncio.gather(*(ask(app, path, [b"{}"]) for path in ("/slow", "/slow", "/health")))

    assert [status for status, _ in asyncio.run(burst())] == [200, 503, 200]


def test_a_hot_route_that_takes_too_long_is_503() -> None:
    status, headers = asyncio.run(ask(gate_of(Limits(seconds=0.01)), "/slow", [b"{}"]))
    assert (status, int(headers["retry-after"]) > 0) == (503, True)


def test_bodies_that_come_together_are_held_up_to_a_limit() -> None:
    async def burst(n: int) -> list[int]:
        app = gate_of(Limits(body=100))
        found = await asyncio.gather(*(ask(app, "/slow", [b"x" * 40, b"x" * 40, b"x"]) for _ in range(n)))
        assert (await ask(app, "/slow", [b"x" * 40, b"x" * 40]))[0] == 200, "what was refused is not held"
        return [status for status, _ in found]

    assert set(asyncio.run(burst(BODIES_HELD))) == {200}
    assert set(asyncio.run(burst(4 * BODIES_HELD))) == {200, 503}


@pytest.mark.parametrize("path", [PREDICT, BATCH, "/predict", "/api/v1/predict", "/api/v1/explain"])
def test_what_goes_wrong_inside_is_500_with_a_message_that_tells_nothing(
    client_of: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the secret of the machine")

    client = client_of(ServiceConfig())
    for name in ("probabilities", "score_rows"):
        monkeypatch.setattr(Bundle, name, broken)
    film = {
        "release_date": "1979-05-25",
        "title": "Alien",
        "overview": "x",
        "genre": "Horror",
        "original_language": "en",
    }
    body = {BATCH: {"items": [ALIEN]}, "/api/v1/predict": {"items": [ALIEN]}, "/predict": film}.get(path, ALIEN)
    answer = client.post(path, json=body)
    assert answer.status_code == 500
    assert answer.json() == {"message": "Something went wrong inside the service; its log says what."}
    assert "the secret of the machine" in caplog.text
    assert ALIEN["overview"] not in caplog.text
    assert f'route="{path}",status="500"}} 1' in client.get("/metrics").text


@pytest.mark.parametrize("path", [PREDICT, BATCH, "/predict", "/api/v1/predict", "/api/v1/explain"])
@pytest.mark.parametrize("body", [b"", b"{", b'{"imdb_id": NaN', b"\xff\xfe", b"[" * 100_000])
def test_malformed_json_is_422_wherever_it_is_sent(client_of: Make, path: str, body: bytes) -> None:
    bare = client_of(ServiceConfig())
    answer = bare.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


def test_the_access_log_tells_routes_but_no_bodies_and_no_secrets(home_with_models: Path) -> None:
    out = io.StringIO()
    app = create_app(Workspace(home_with_models, "me"), ServiceConfig(token=SECRET), access=AccessLog(out))
    with TestClient(app, base_url="http://localhost") as client:
        client.post(f"/{SECRET}{PREDICT}", json=ALIEN)
        client.get("/a secret wish", headers={"authorization": f"Bearer {SECRET}"})
        client.get("/genres?text=another secret", headers={"authorization": f"Bearer {SECRET}"})
        client.get("/nowhere/at/all", headers={"authorization": "Bearer wrong"})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(e["method"], e["route"], e["status"]) for e in lines] == [
        ("POST", PREDICT, 200),
        ("GET", "/{text}", 200),
        ("GET", "/genres", 200),
        ("GET", "refused", 401),
    ]
    assert all(set(e) == {"time", "method", "route", "status", "ms"} for e in lines)
    assert "secret" not in out.getvalue().lower()
    assert ALIEN["imdb_id"] not in out.getvalue()


def test_metrics_count_requests_and_name_the_model(client_of: Make) -> None:
    client = client_of(ServiceConfig())
    for _ in range(3):
        client.post(PREDICT, json=ALIEN)
    client.post(PREDICT, json={})
    text = client.get("/metrics").text
    assert f'reel_requests_total{{method="POST",route="{PREDICT}",status="200"}} 3' in text
    assert f'reel_requests_total{{method="POST",route="{PREDICT}",status="422"}} 1' in text
    assert f'reel_request_seconds_count{{route="{PREDICT}"}} 4' in text
    assert 'reel_model_info{model="watch-me",version="v0001"} 1' in text
    assert "reel_model_age_seconds" in text


def test_metrics_show_inputs_that_drift(client_of: Make) -> None:
    client = client_of(ServiceConfig())
    client.post(BATCH, json={"items": [{"imdb_id": "tt0000001", "runtime": 900}] * 50})
    lines = client.get("/metrics").text.splitlines()
    shift = next(row for row in lines if row.startswith('reel_input_mean_shift{model="watch-me",input="runtime"}'))
    assert float(shift.split()[-1]) > 5
    known = next(row for row in lines if row.startswith('reel_input_known_change{model="watch-me",input="tmdb_votes"}'))
    assert float(known.split()[-1]) < -0.9
