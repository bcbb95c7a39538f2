"""The composition: right by its specification, and run for real without containers.

Each service's own command, environment and health check are run in a network namespace of their own, where the services'
names are known and their ports are free, with PostgreSQL and MLflow as installed on this machine. What cannot be seen this
way is the images and the volumes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from web_cases import ALIEN

from reel_driver.config import SETTINGS

SETTING = {s.name: s for s in SETTINGS}
ROOT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent
REQUIRED = os.environ.get("REEL_REQUIRE", "").split(",")
SECRETS = {"REEL_API_TOKEN": "a-token-of-the-test", "POSTGRES_PASSWORD": "a word"}


def described(environment: dict[str, str]) -> Any:
    """The composition with its variables filled in, as `docker compose config` does."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise KeyError(found[2])
        return environment[found[1]]

    return yaml.safe_load(re.sub(r"\$\{(\w+):\?([^}]*)\}", value, (ROOT / "compose.yaml").read_text()))


@pytest.mark.parametrize(
    ("schema", "files"),
    [("compose-spec", ["compose.yaml"]), ("github-workflows", ["check.yaml", "release.yaml"])],
)
def test_what_others_read_is_as_they_specify_it(schema: str, files: list[str]) -> None:
    checker = BINARIES / "check-jsonschema"
    if not checker.exists() and "mlflow" not in REQUIRED:
        pytest.skip("check-jsonschema is not installed")
    paths = [p for name in files for p in (ROOT / name, ROOT / ".github" / "workflows" / name) if p.is_file()]
    assert len(paths) == len(files)
    done = subprocess.run([checker, "--builtin-schema", f"vendor.{schema}", *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", list(SECRETS))
def test_nothing_starts_without_its_secret(name: str) -> None:
    with pytest.raises(KeyError, match=r"password|openssl"):
        described({k: v for k, v in SECRETS.items() if k != name})


def test_the_volumes_are_declared_and_databases_are_for_this_machine_alone() -> None:
    found = described(SECRETS)
    used = {v.partition(":")[0] for s in found["services"].values() for v in s.get("volumes", [])}
    assert used == set(found["volumes"])
    for name in ("postgres", "mlflow"):
        assert all(port.startswith("127.0.0.1:") for port in found["services"][name]["ports"])


def test_a_stop_waits_for_what_the_service_still_answers() -> None:
    grace = described(SECRETS)["services"]["reel-driver"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > float(SETTING["REEL_API_TIMEOUT"].default)


class Pod:
    """A network of its own, in which the services know each other by name."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        (folder / "hosts").write_text("127.0.0.1 localhost " + " ".join(names) + "\n")
        setup = f"ip link set lo up && mount --bind {folder}/hosts /etc/hosts && exec sleep infinity"
        self._holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", setup])
        self._processes: list[subprocess.Popen[bytes]] = []
        self.enter = ["nsenter", "--target", str(self._holder.pid), "--net", "--mount"]

    def start(self, name: str, command: list[str], **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [*self.enter, *command], env=self.environment(environment), stdout=log, stderr=log, cwd="/",
                    start_new_session=True,
                )
            )  # fmt: skip

    def run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.enter, *command],
            env=self.environment(environment),
            capture_output=True,
            text=True,
            cwd="/",
            timeout=300,
        )

    def until(self, command: list[str], name: str, **environment: str) -> None:
        """Run a health check until it says yes."""
        end = time.monotonic() + 120
        while (done := self.run(command, **environment)).returncode:
            log = self.folder / f"{name}.log"
            assert time.monotonic() < end, f"{name}: {done.stderr} {log.read_text()[-3000:]}"
            time.sleep(0.2)

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """What a container has, and nothing of this process's own settings."""
        return {"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOME": str(self.folder), **more}

    def close(self) -> None:
        for process in self._processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            process.wait(60)
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def pod() -> Iterator[Pod]:
    ready = os.geteuid() == 0 and all(shutil.which(t) for t in ("unshare", "nsenter", "ip"))
    # The command `mlflow` is there without the server that it starts.
    ready = ready and bool(find_spec("mlflow") and find_spec("flask"))
    ready = ready and bool(list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    if not ready:
        if "mlflow" in REQUIRED:
            pytest.fail("a composition is run by root, with MLflow and PostgreSQL installed")
        pytest.skip("a composition is run by root, with MLflow and PostgreSQL installed")
    folder = Path(tempfile.mkdtemp(prefix="reel-pod-"))
    folder.chmod(0o755)
    pod = Pod(folder, list(described(SECRETS)["services"]))
    try:
        yield pod
    finally:
        pod.close()
        shutil.rmtree(folder, ignore_errors=True)


def start_postgres(pod: Pod, service: dict[str, Any]) -> None:
    """What the image's entry point does: a cluster, its user with the password, its database."""
    own: dict[str, str] = service["environment"]
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parts[-2]))
    data = pod.folder / "postgres"
    data.mkdir()
    shutil.chown(data, "postgres")
    (pod.folder / "password").write_text(own["POSTGRES_PASSWORD"])
    as_postgres = ["runuser", "--user", "postgres", "--"]
    initdb = [*as_postgres, str(binaries / "initdb"), "--pgdata", f"{data}/main", "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8",
              "--username", own["POSTGRES_USER"], "--pwfile", str(pod.folder / "password")]  # fmt: skip
    done = pod.run(initdb)
    assert done.returncode == 0, done.stderr
    pod.start(
        "postgres", [*as_postgres, str(binaries / "postgres"), "-D", f"{data}/main", "-k", str(data), "-c", "fsync=off"]
    )
    assert service["healthcheck"]["test"][0] == "CMD-SHELL"
    pod.until(
        ["sh", "-c", service["healthcheck"]["test"][1]],
        "postgres",
        PATH=f"{binaries}:{os.environ['PATH']}",
        PGHOST=str(data),
    )
    made = pod.run(
        [str(binaries / "createdb"), own["POSTGRES_DB"]],
        PGHOST="localhost", PGUSER=own["POSTGRES_USER"], PGPASSWORD=own["POSTGRES_PASSWORD"],
    )  # fmt: skip
    assert made.returncode == 0, made.stderr


def start_mlflow(pod: Pod, service: dict[str, Any]) -> None:
    (pod.folder / "mlflow").mkdir()
    (volume,) = service["volumes"]
    inside = volume.partition(":")[2]
    command = [part.replace(inside, f"{pod.folder}{inside}") for part in service["command"]]
    pod.start("mlflow", [str(BINARIES / command[0]), *command[1:]])
    health = service["healthcheck"]["test"]
    assert health[:2] == ["CMD", "python"]
    pod.until([sys.executable, *health[2:]], "mlflow")


def of_the_image() -> dict[str, str]:
    """The environment that the Dockerfile sets."""
    block = re.search(r"^ENV PATH=\S+((?: *\\\n.*)+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert block is not None
    return dict(part.split("=", 1) for part in block[1].replace("\\", "").split())


def test_the_services_find_each_other_and_a_training_reaches_the_clients(pod: Pod, labelled: pl.DataFrame) -> None:
    services = described(SECRETS)["services"]
    start_postgres(pod, services["postgres"])
    start_mlflow(pod, services["mlflow"])

    own = {**of_the_image(), **services["reel-driver"]["environment"], "REEL_HOME": f"{pod.folder}/data"}
    (pod.folder / "data").mkdir()
    pod.start("service", [str(BINARIES / "reel"), "serve"], **own)
    probe = [sys.executable, "-m", "reel_driver.web.probe"]
    health = ["curl", "--silent", "--fail-with-body", "http://reel-driver:8000/reel-driver/health"]
    pod.until(["curl", "--silent", "http://reel-driver:8000/health"], "service")
    assert "Model not loaded" in pod.run(health).stdout
    assert pod.run(probe, **own).returncode == 1

    # Training, outside, as the head of the file and the deployment page say.
    password = SECRETS["POSTGRES_PASSWORD"].replace(" ", "%20")
    outside = {
        "DATABASE_URL": f"postgresql://reel:{password}@localhost/reel",
        "MLFLOW_TRACKING_URI": "http://localhost:5000",
        "REEL_HOME": f"{pod.folder}/outside",
    }
    labelled.write_ndjson(pod.folder / "mine.jsonl")
    for command in (["import", "labels", f"{pod.folder}/mine.jsonl"], ["train", "--model", "xgboost", "--no-search"]):
        done = pod.run([str(BINARIES / "reel"), *command], **outside)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Registered with MLflow as version 1" in done.stderr
    assert "View run" not in done.stdout + done.stderr, "MLflow's own words stay out of the scorecard"

    pod.until(probe, "service", **own)
    said = json.loads(pod.run(health).stdout)
    assert (said["model_name"], said["model_version"], said["registry"]) == ("watch-me", "v-mlflow-0001", "reachable")
    ask = ["curl", "--silent", "--data", json.dumps(ALIEN), "http://reel-driver:8000/reel-driver/api/predict"]
    assert "token" in pod.run(ask).stdout
    answer = json.loads(pod.run([*ask, "--header", f"Authorization: Bearer {SECRETS['REEL_API_TOKEN']}"]).stdout)
    assert answer["imdb_id"] == ALIEN["imdb_id"]
    assert 0 <= answer["probability"] <= 1
