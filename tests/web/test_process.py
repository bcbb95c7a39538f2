"""The service as a process of its own: it starts soon, drains when told to stop, and outlives its registry."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from running import BODY, Start
from web_cases import free_port


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
