"""The service as a process of its own, for tests of how it behaves."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from web_cases import ALIEN, free_port

BODY = json.dumps({"items": [ALIEN] * 50}).encode()
Start = Callable[..., "Running"]


class Running:
    """A service process."""

    def __init__(self, home: Path, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = log
        own = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "REEL_PROFILE")}
        own |= {"REEL_HOME": str(home), "REEL_API_POLL": "0.2", **environment}
        command = [sys.executable, "-m", "reel_driver.cli", "serve", "--port", str(self.port)]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, env=own, stdout=stream, stderr=stream)

    def exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
        """One request on a connection of its own: status, body and headers of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def ask(self, method: str = "POST", path: str = "/reel-driver/api/predict_batch", body: bytes | None = BODY) -> int:
        """One request; what was answered stays in `answer`."""
        status, self.answer, _ = self.exchange(method, path, body)
        return status

    def wait(self, path: str = "/reel-driver/health") -> None:
        """Wait until a route is answered with 200; 503 is what a service says before it has everything together."""
        end = time.monotonic() + 60
        while True:
            try:
                if self.ask("GET", path, None) == 200:
                    return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
