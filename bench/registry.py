"""A registry that is killed, restarted and hangs while the service is asked: what do its clients notice?

    python bench/registry.py [--seconds 8] [--connections 16] [--json out.json]

A real MLflow server (SQLite, artifacts on its disk) holds the champion. One service looks at it twice a second, one has
never heard of it; in each phase of the registry's life both are driven by wrk in turn, four times, so that a noisy neighbour
meets both. The script ends with 1 when a request failed, or when the service did not take up what was promoted in between.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bursts import Answers, burst, service
from serve import ITEM, make_home

PREDICT = "/reel-driver/api/predict"
POLL = "0.5"
"""Seconds between two looks at the registry."""


class Mlflow:
    """An MLflow server that can be treated badly."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.url = folder, port, f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            str(Path(sys.executable).parent / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers",
            "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--artifacts-destination", f"{self.folder}/files",
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=quiet, start_new_session=True)
        end = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=2).read()
                return
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    sys.exit("the MLflow server did not start")
                time.sleep(0.1)

    def send(self, number: signal.Signals) -> None:
        """A signal to all of its processes."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGKILL)
            self._process.wait()


def told(base: str) -> dict[str, Any]:
    """What the service says of itself."""
    said: dict[str, Any] = json.loads(urllib.request.urlopen(f"{base}/reel-driver/health", timeout=60).read())
    return said


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


@contextmanager
def published(home: Path, registry: Mlflow) -> Iterator[Callable[[], None]]:
    """A home whose champion is registered; yields what registers a new version."""
    from reel_driver.operations import models
    from reel_driver.operations.workspace import Workspace

    os.environ["MLFLOW_TRACKING_URI"] = registry.url
    with Workspace(home, "me") as work:
        models.publish(work, work.watch_name)

        def again() -> None:
            known = work.registry.load(work.watch_name)
            work.registry.add(work.watch_name, replace(known, threshold=known.threshold + 0.01))
            models.publish(work, work.watch_name)

        yield again
    del os.environ["MLFLOW_TRACKING_URI"]


def run(root: Path, seconds: int, connections: int, port: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The phases with what was seen in each, and what went wrong."""
    (root / "mlflow").mkdir()
    registry = Mlflow(root / "mlflow", port + 2)
    make_home(root / "trained", "taste", {})
    shutil.copytree(root / "trained", root / "alone")
    (root / "served").mkdir()
    body, phases, faults = json.dumps(ITEM).encode(), [], []
    registry.start()
    try:
        own = {"MLFLOW_TRACKING_URI": registry.url, "REEL_API_POLL": POLL, "REEL_API_TIMEOUT": "30"}
        with (
            published(root / "trained", registry) as promote,
            service(root / "alone", port, MLFLOW_TRACKING_URI="", REEL_API_TIMEOUT="30") as alone,
            service(root / "served", port + 1, **own) as served,
        ):

            def takes_up() -> bool:
                """Whether a version that is promoted now is served soon, under load or not."""
                before = told(served)["model_version"]
                promote()
                return until(lambda: bool(told(served)["model_version"] != before))

            def phase(name: str) -> None:
                seen = {"alone": Answers(), "with the registry": Answers()}
                for _ in range(4):
                    for key, base in zip(seen, (alone, served), strict=True):
                        seen[key].add(burst(base, PREDICT, body, seconds, connections))
                said = told(served)
                phases.append({"phase": name, "registry": said["registry"], "version": said["model_version"], **seen})
                faults.extend(
                    f"{name}: {key} lost requests" for key, a in seen.items() if a.n_200 != a.n or not a.is_complete
                )

            if not until(lambda: is_served(served)):
                return phases, ["the champion of the registry was never served"]
            for base in (alone, served):
                burst(base, PREDICT, body, 1, connections)
            phase("up")
            registry.kill()
            phase("killed")
            registry.start()
            faults += [] if takes_up() else ["after the restart nothing was taken up"]
            phase("restarted")
            registry.send(signal.SIGSTOP)
            phase("hung (SIGSTOP)")
            registry.send(signal.SIGCONT)
            faults += [] if takes_up() else ["after the hang nothing was taken up"]
            phase("continued")
    finally:
        registry.kill()
    return phases, faults


def is_served(base: str) -> bool:
    try:
        return bool(told(base)["status"] == "healthy")
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--port", type=int, default=8875)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for tool in ("wrk", str(Path(sys.executable).parent / "mlflow")):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is needed")
    with tempfile.TemporaryDirectory() as folder:
        phases, faults = run(Path(folder), options.seconds, options.connections, options.port)
    print(
        f"{'the registry is':16} {'requests':>9} {'failed':>7} {'median ms':>10} {'without it':>11}   what the service says of it"
    )
    for found in phases:
        a, b = found["with the registry"], found["alone"]
        said = f"{found['version']}, {found['registry']}"
        medians = f"{statistics.median(a.p50_ms):10.2f} {statistics.median(b.p50_ms):11.2f}"
        print(f"{found['phase']:16} {a.n:9} {a.n - a.n_200 + a.n_socket:7} {medians}   {said}")
    print("\n".join(faults) or "no request failed")
    if options.json:
        options.json.write_text(json.dumps(phases, default=vars, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
