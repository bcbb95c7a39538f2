"""The benchmarks of the service still run: one prediction is about an echo, and no burst loses a request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from web_cases import free_port

BENCHES = Path(__file__).parents[2] / "bench"
BENCH = BENCHES / "serve.py"


def run(script: str, *arguments: object) -> str:
    """What a benchmark prints when all is well."""
    if shutil.which("wrk") is None and "wrk" not in os.environ.get("REEL_REQUIRE", "").split(","):
        pytest.skip("wrk is not installed")
    command = [sys.executable, str(BENCHES / script), "--port", str(free_port()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_burst_loses_a_request_nor_do_slow_clients_take_one() -> None:
    said = run("bursts.py", "--seconds", 1, "--burst", 1, "--connections", 8, "--slow", 20)
    assert "nothing lost" in said
    assert "too many at once, beside slow clients" in said


def test_a_registry_that_is_killed_or_hangs_costs_no_request() -> None:
    required = os.environ.get("REEL_REQUIRE", "").split(",")
    if not {"wrk", "mlflow"} <= set(required):
        pytest.skip("a registry that comes and goes takes a minute")
    said = run("registry.py", "--seconds", 1, "--connections", 4)
    assert said.endswith("no request failed\n")
    for phase in ("up", "killed", "restarted", "hung (SIGSTOP)", "continued"):
        assert f"\n{phase}" in said


def test_one_prediction_costs_about_as_much_as_an_echo(tmp_path: Path) -> None:
    if "wrk" not in os.environ.get("REEL_REQUIRE", "").split(","):
        pytest.skip("measuring takes half a minute")
    assert shutil.which("wrk")
    command = [sys.executable, str(BENCH), "--seconds", "1", "--rounds", "1", "--json", str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    echo = found["echo (FastAPI, pydantic)"]["cpu_ms"]
    assert found["one, xgboost 200 trees"]["n_errors"] == 0
    assert found["one, xgboost 200 trees"]["cpu_ms"] < 2 * echo
    assert found["batch of 50, xgboost 200 trees"]["cpu_ms"] < 30 * echo
