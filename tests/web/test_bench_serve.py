"""The benchmark of the service still runs, and one prediction stays in the neighbourhood of an echo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "serve.py"


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
