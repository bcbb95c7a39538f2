"""CPU per request of the service, beside an echo on the same framework and MLflow's own scoring server, in one run.

    python bench/serve.py [--seconds 4] [--connections 16] [--json out.json]

Each server is started, warmed and driven by wrk, in turn and then in turn again, so that a noisy neighbour meets all of
them; the CPU time that its processes have used is divided by the requests it has answered. What counts are the ratios.
The echo reads the same body with pydantic and predicts nothing. `mlflow models serve` gets its row encoded already, as
many trees of the same parameters, and is left out where MLflow's server is not installed (requirements-components.txt).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_films import labelled_films

TICKS = os.sysconf("SC_CLK_TCK")
ECHO = "echo (FastAPI, pydantic)"
MLFLOW = "one, xgboost 200 trees by MLflow"
ITEM: dict[str, Any] = {
    "imdb_id": "tt0078748", "release_year": 1979.0, "budget": 11000000.0, "revenue": 104931801.0, "runtime": 117.0,
    "origin_country": ["US", "GB"], "production_countries": ["US", "GB"], "production_status": "Released",
    "original_language": "en", "spoken_languages": ["en", "es"], "genre": ["Horror", "Science Fiction"],
    "tagline": "A line of advertising, as long as they are.",
    "overview": "A crew hauling ore finds a stranger on board and one after another disappears in the ducts, while the ship's "
    "computer keeps to orders of its own and the last of them has to think of a way to leave.",
    "tmdb_rating": 8.153, "tmdb_votes": 14000.0, "rt_score": 93.0, "metascore": 89.0, "imdb_rating": 85.0,
    "imdb_votes": 980000.0,
}  # fmt: skip
FILM = {
    "release_date": "1979-05-25",
    "title": "Alien",
    "overview": ITEM["overview"],
    "genre": "Horror, Science Fiction",
    "original_language": "en",
}


@dataclass
class Measured:
    """What one run of wrk showed."""

    name: str
    n_requests: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    n_errors: int


def cpu_seconds(pid: int) -> float:
    """Of a process and those that it has started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu_seconds(int(child)) for child in children)


def settled(pid: int) -> float:
    """CPU seconds of a server once it has nothing left to do."""
    used = -1.0
    while (now := cpu_seconds(pid)) > used:
        used = now
        time.sleep(0.2)
    return now


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def server(command: list[str], url: str, environment: dict[str, str] | None = None) -> Iterator[tuple[int, float]]:
    """A running server: its process and the seconds until its first answer."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | (environment or {})
    started = time.perf_counter()
    process = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).read()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - started > 60:
                    raise RuntimeError(f"{command} did not start") from None
                time.sleep(0.01)
        yield process.pid, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def drive(name: str, pid: int, url: str, body: bytes, seconds: float, connections: int) -> Measured:
    """Drive a server with wrk and measure its process."""
    script = (
        ('wrk.method = "POST"\n' if body else "") + 'wrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = {json.dumps(body.decode())}\n"
        "function done(summary, latency)\n"
        "  local e = summary.errors\n"
        '  io.write(string.format("REEL %d %d %f %f\\n", summary.requests,'
        " e.status + e.read + e.connect + e.timeout, latency:percentile(50), latency:percentile(99)))\nend\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        command = ["wrk", "-t1", f"-c{connections}", "-d", f"{max(1, round(seconds))}s", "--timeout", "20s"]
        before = settled(pid)
        out = subprocess.run([*command, "-s", lua.name, url], capture_output=True, text=True, check=True).stdout
        used = settled(pid) - before
    line = next(row for row in out.splitlines() if row.startswith("REEL"))
    n, errors, p50, p99 = (float(x) for x in line.split()[1:])
    # Every connection leaves a request behind that the server answers when wrk has gone.
    return Measured(name, int(n), 1000 * used / (n + connections), p50 / 1000, p99 / 1000, int(errors))


def make_home(home: Path, model: str, params: dict[str, Any]) -> None:
    """A home folder with a bundle."""
    from reel_driver.registry import Registry
    from reel_driver.tasks import watch_pipeline
    from reel_driver.train import TrainConfig, fit_bundle

    bundle, _ = fit_bundle("watch", watch_pipeline(model), labelled_films(), TrainConfig(search=False, params=params))
    Registry(home / "models").add("watch-me", bundle)


def make_mlflow(folder: Path, n_trees: int) -> bytes:
    """Save a model of so many trees for MLflow's scoring server; returns the body that asks it about `ITEM`."""
    import mlflow
    import pandas as pd
    import xgboost

    from reel_driver.models.trees import DEFAULTS
    from reel_driver.tasks import watch_pipeline
    from reel_driver.train import levels_of

    titles = labelled_films()
    spec = watch_pipeline("xgboost").recipe.fit(titles)
    encoded = pd.DataFrame(spec.encode_frame(titles).astype("float64"), columns=list(spec.names))
    data = xgboost.DMatrix(encoded, label=levels_of(titles["verdict"]) > 0)
    trees = xgboost.train({k: v for k, v in DEFAULTS.items() if k != "n_estimators"}, data, num_boost_round=n_trees)
    signature = mlflow.models.infer_signature(encoded, trees.predict(data))
    mlflow.xgboost.save_model(trees, str(folder), signature=signature)
    row = [None if x != x else x for x in spec.encode_row(ITEM).tolist()]
    return json.dumps({"dataframe_split": {"columns": list(spec.names), "data": [row]}}).encode()


def has_mlflow_server() -> bool:
    """Whether `mlflow models serve` is installed with all that it needs."""
    return all(importlib.util.find_spec(name) for name in ("mlflow.pyfunc.scoring_server", "flask", "pandas"))


def run(root: Path, seconds: float, connections: int, rounds: int) -> tuple[dict[str, Measured], dict[str, str]]:
    """Everything measured: the best of the rounds by name, and what else there is to say of each model."""
    single = json.dumps(ITEM).encode()
    batches = {
        n: json.dumps({"items": [{**ITEM, "imdb_id": f"tt{i:07}"} for i in range(n)]}).encode() for n in (50, 1000)
    }
    models: dict[str, tuple[str, dict[str, Any]]] = {
        "xgboost 200 trees": ("xgboost", {"n_estimators": 200}),
        "taste": ("taste", {}),
        "taste, stacked trees": ("taste", {"rung": "stack"}),
    }
    for name, (model, params) in models.items():
        make_home(root / name, model, params)
    encoded = make_mlflow(root / "mlflow", 200) if has_mlflow_server() else b""
    best: dict[str, Measured] = {}
    facts: dict[str, str] = {}

    def measure(name: str, pid: int, url: str, body: bytes) -> None:
        found = drive(name, pid, url, body, seconds, connections)
        best[name] = min((found, best.get(name, found)), key=lambda m: m.cpu_ms)

    binaries = Path(sys.executable).parent
    for _ in range(rounds):
        echo = [str(binaries / "uvicorn"), "echo_app:app", "--port", "8871", "--app-dir", str(Path(__file__).parent),
                "--no-access-log", "--log-level", "warning"]  # fmt: skip
        with server(echo, "http://127.0.0.1:8871/docs") as (pid, _):
            drive("warm", pid, "http://127.0.0.1:8871/echo", single, 1, connections)
            measure(ECHO, pid, "http://127.0.0.1:8871/echo", single)
        if encoded:
            command = [str(binaries / "mlflow"), "models", "serve", "--model-uri", str(root / "mlflow"), "--port", "8873",
                       "--env-manager", "local", "--workers", "1"]  # fmt: skip
            path = f"{binaries}{os.pathsep}{os.environ['PATH']}"  # it starts uvicorn by its name
            with server(command, "http://127.0.0.1:8873/ping", {"PATH": path}) as (pid, start):
                drive("warm", pid, "http://127.0.0.1:8873/invocations", encoded, 1, connections)
                measure(MLFLOW, pid, "http://127.0.0.1:8873/invocations", encoded)
                facts[MLFLOW] = f"first answer after {start:.2f} s"
        for name in models:
            base = "http://127.0.0.1:8872/reel-driver"
            command = [str(binaries / "reel"), "serve", "--port", "8872"]
            with server(command, f"{base}/health", {"REEL_HOME": str(root / name)}) as (pid, start):
                drive("warm", pid, f"{base}/api/predict", single, 1, connections)
                measure(f"one, {name}", pid, f"{base}/api/predict", single)
                for n, body in batches.items():
                    measure(f"batch of {n}, {name}", pid, f"{base}/api/predict_batch", body)
                if name == "taste":
                    root_url = base.removesuffix("/reel-driver")
                    measure("one rating", pid, f"{root_url}/predict", json.dumps(FILM).encode())
                    text = urllib.parse.quote(FILM["title"] + ". " + FILM["overview"])
                    measure("one genre", pid, f"{root_url}/{text}", b"")
                facts[name] = f"first answer after {start:.2f} s, {resident_mb(pid):.0f} MB resident after the load"
    return best, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        best, facts = run(Path(folder), options.seconds, options.connections, options.rounds)
    reference = best[ECHO].cpu_ms
    print(f"{'':36} {'CPU ms':>9} {'x echo':>8} {'p50 ms':>9} {'p99 ms':>9} {'errors':>7}")
    for name, m in best.items():
        print(f"{name:36} {m.cpu_ms:9.3f} {m.cpu_ms / reference:8.2f} {m.p50_ms:9.2f} {m.p99_ms:9.2f} {m.n_errors:7}")
    for name, words in facts.items():
        print(f"{name}: {words}")
    if options.json:
        options.json.write_text(json.dumps({n: vars(m) for n, m in best.items()}, indent=1))


if __name__ == "__main__":
    main()
