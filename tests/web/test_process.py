"""The service as a process of its own: it starts soon, drains when told to stop, and outlives its registry."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from running import BODY, Start
from web_cases import free_port

from reel_driver.bundle import Bundle
from reel_driver.registry import Registry


def test_a_stop_answers_everything_that_has_come_in(start: Start) -> None:
    service = start()
    statuses: list[int] = []
    refused = threading.Event()

    def client() -> None:
        while not refused.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
            try:
                connection.connect()
            except OSError:
                refused.set()
                return
            try:
                connection.request("POST", "/reel-driver/api/predict_batch", BODY)
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
                # The kernel had taken the connection in, but the service had stopped listening: nothing was accepted.
                refused.set()
            finally:
                connection.close()

    clients = [threading.Thread(target=client) for _ in range(8)]
    for thread in clients:
        thread.start()
    time.sleep(0.5)
    half = socket.create_connection(("127.0.0.1", service.port))
    head = f"POST /reel-driver/api/predict_batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n"
    half.sendall(head.encode() + BODY[:100])
    time.sleep(0.2)
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    half.sendall(BODY[100:])
    half.settimeout(20)
    assert half.recv(12) == b"HTTP/1.1 200"
    half.close()
    for thread in clients:
        thread.join(30)
    assert service.process.wait(30) == 0
    assert statuses
    assert set(statuses) == {200}


def test_a_registry_that_hangs_neither_delays_the_start_nor_a_request(start: Start) -> None:
    pytest.importorskip("mlflow")
    with socket.socket() as hung:  # takes connections and never says a word
        hung.bind(("127.0.0.1", 0))
        hung.listen(50)
        service = start(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{hung.getsockname()[1]}")
        assert service.ask() == 200
        assert service.ask("GET", "/reel-driver/health", None) == 200
        assert json.loads(service.answer)["registry"] == "not asked yet"
        assert all(service.ask() == 200 for _ in range(20))


def test_a_registry_that_is_down_at_the_start_is_named_in_health(start: Start) -> None:
    pytest.importorskip("mlflow")
    service = start(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}")
    end = time.monotonic() + 60
    while True:
        assert service.ask("GET", "/reel-driver/health", None) == 200
        said = json.loads(service.answer)["registry"]
        if said.startswith("out of reach"):
            break
        assert time.monotonic() < end, said
        time.sleep(0.2)
    assert "last local model is served" in said
    assert service.ask() == 200


def test_the_names_of_old_say_where_and_how_it_serves(bundle: Bundle, tmp_path: Path) -> None:
    home = tmp_path / "two"
    for threshold in (0.5, 0.9):
        Registry(home / "models").add("watch-me", replace(bundle, threshold=threshold))
    port = free_port()
    own = {
        "REEL_DRIVER_API_HOST": "127.0.0.1", "REEL_DRIVER_API_PORT": str(port), "REEL_DRIVER_API_PREFIX": "films/",
        "REEL_DRIVER_API_MODEL_VERSION": "v0001", "REEL_DRIVER_API_LOG_LEVEL": "INFO", "REEL_HOME": str(home),
    }  # fmt: skip
    command = [sys.executable, "-m", "reel_driver.cli", "serve"]
    process = subprocess.Popen(command, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request("GET", "/films/health")
                said = json.loads(connection.getresponse().read())
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
    finally:
        process.terminate()
        _, told = process.communicate(timeout=30)
    assert (said["status"], said["model_version"]) == ("healthy", "v0001")
    assert "INFO reel_driver.web: serving watch-me v0001" in told


def test_a_log_level_that_is_none_is_refused_in_one_sentence(home_with_models: Path) -> None:
    own = {**os.environ, "REEL_HOME": str(home_with_models), "REEL_DRIVER_API_LOG_LEVEL": "verbose"}
    command = [sys.executable, "-m", "reel_driver.cli", "serve", "--port", str(free_port())]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "REEL_DRIVER_API_LOG_LEVEL: 'verbose' is not possible; choose one of debug, info" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "203.0.113.9", "no-such-host.invalid"])
def test_an_address_that_cannot_be_bound_is_refused_in_one_sentence(home_with_models: Path, host: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "reel_driver.cli", "serve", "--host", host, "--port", str(port)]
        own = {**os.environ, "REEL_HOME": str(home_with_models), "REEL_API_TOKEN": "x"}
        done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"--host and --port: '{host}:{port}' is not possible; " in done.stderr
    assert done.stderr.strip().endswith(": choose another.")
    assert "Traceback" not in done.stderr


def test_no_log_of_any_level_holds_a_secret_or_a_request(start: Start) -> None:
    token, password, wish = "t0ken-of-the-house", "passw0rd", "a wish that nobody else is to know"
    service = start(
        REEL_API_TOKEN=token, REEL_DRIVER_API_LOG_LEVEL="debug", REEL_API_TIMEOUT="1",
        DATABASE_URL=f"postgresql://ada:{password}@127.0.0.1:{free_port()}/reel",
        MLFLOW_TRACKING_URI=f"http://ada:{password}@127.0.0.1:{free_port()}",
    )  # fmt: skip
    item = json.dumps({"imdb_id": "tt0078748", "overview": wish}).encode()
    found = [
        service.ask("POST", f"/{token}/reel-driver/api/predict", item),
        service.ask("POST", f"/{token}/reel-driver/api/predict", item[:-1]),
        service.ask("POST", f"/{token}/api/v1/explain", item),
        service.ask("GET", f"/{token}/{wish.replace(' ', '%20')}", None),
        service.ask("GET", f"/{token}x/{wish.replace(' ', '%20')}", None),
        service.ask("GET", f"/{token}/genres?text={wish.replace(' ', '%20')}", None),
        service.ask("GET", f"/{token}/api/v1/titles", None),
    ]
    assert found == [200, 422, 422, 200, 401, 200, 503]
    assert password.encode() not in service.answer
    with socket.create_connection(("127.0.0.1", service.port)) as half:
        half.settimeout(20)
        half.sendall(f"GET /{token}/{wish} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nnonsense\r\n\r\n".encode())
        assert b"400" in half.recv(100)
    time.sleep(1)
    service.process.terminate()
    assert service.process.wait(30) == 0
    log = service.log.read_text()
    assert '"status":200' in log
    for secret in (token, password, wish, wish.replace(" ", "%20"), "tt0078748"):
        assert secret not in log


def test_the_service_needs_neither_polars_nor_a_tree_library_to_predict(home_with_models: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('polars', 'sqlalchemy', 'xgboost', 'sklearn', 'scipy', 'pandas', 'mlflow'): sys.modules[name] = None\n"
        "from pathlib import Path\n"
        "from starlette.testclient import TestClient\n"
        "from reel_driver.operations.workspace import Workspace\n"
        "from reel_driver.web.app import create_app\n"
        f"app = create_app(Workspace(Path({str(home_with_models)!r}), 'me'))\n"
        "with TestClient(app, base_url='http://localhost') as client:\n"
        "    assert client.post('/reel-driver/api/predict', json={'imdb_id': 'tt0078748'}).status_code == 200\n"
        "    assert client.post('/api/v1/explain', json={'runtime': 90}).status_code == 200\n"
        "    assert client.get('/api/v1/titles').status_code == 503\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
