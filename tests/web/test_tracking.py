"""Models in MLflow, with a real server: SQLite behind it, artifacts on its disk or in S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from web_cases import free_port

from reel_driver import tracking
from reel_driver.bundle import Bundle
from reel_driver.errors import NotFound, RegistryUnreachable
from reel_driver.operations import models
from reel_driver.operations.workspace import Workspace

BINARIES = Path(sys.executable).parent


def needs(part: str, *commands: str) -> None:
    """Skip when a command is not installed, unless the part is required."""
    missing = [c for c in commands if not (BINARIES / c).exists()]
    if not missing:
        return
    if part in os.environ.get("REEL_REQUIRE", "").split(","):
        pytest.fail(f"{part} is required and {missing} is not installed")
    pytest.skip(f"{missing} is not installed")


@contextmanager
def running(command: list[str], url: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers at `url`, in a process group of its own."""
    log = (cwd / f"{Path(command[0]).name}.log").open("wb")
    process = subprocess.Popen(
        command, cwd=cwd, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        end = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(url, timeout=2).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"{command[0]} did not start: {Path(log.name).read_text()[-2000:]}")
                time.sleep(0.1)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


def mlflow_command(folder: Path, port: int, *artifacts: str) -> list[str]:
    return [
        str(BINARIES / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", *artifacts,
    ]  # fmt: skip


@pytest.fixture(scope="module", params=["local", "s3"])
def mlflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server."""
    needs("mlflow", "mlflow", "moto_server")
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    url = f"http://127.0.0.1:{port}"
    before = dict(os.environ)
    os.environ["MLFLOW_TRACKING_URI"] = url
    os.environ["PYTHONWARNINGS"] = "ignore"
    tracking._client.cache_clear()
    try:
        if request.param == "local":
            command = mlflow_command(folder, port, "--artifacts-destination", str(folder / "artifacts"))
            with running(command, f"{url}/health", folder):
                yield url
            return
        s3_port = free_port()
        s3 = {
            "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ["REEL_DRIVER_MINIO_ENDPOINT"] = "127.0.0.1"
        os.environ["REEL_DRIVER_MINIO_PORT"] = str(s3_port)
        os.environ["REEL_DRIVER_MINIO_ACCESS_KEY"] = "key"
        os.environ["REEL_DRIVER_MINIO_SECRET_KEY"] = "secret"
        moto = [str(BINARIES / "moto_server"), "-H", "127.0.0.1", "-p", str(s3_port)]
        with running(moto, f"http://127.0.0.1:{s3_port}/moto-api/", folder):
            urllib.request.urlopen(
                urllib.request.Request(f"http://127.0.0.1:{s3_port}/models", method="PUT"), timeout=10
            ).read()
            command = mlflow_command(folder, port, "--no-serve-artifacts", "--default-artifact-root", "s3://models/x")
            with running(command, f"{url}/health", folder, **s3):
                yield url
    finally:
        os.environ.clear()
        os.environ.update(before)
        tracking._client.cache_clear()


def test_a_model_travels_through_the_registry(mlflow: str, bundle: Bundle, tmp_path: Path) -> None:
    here = Workspace(tmp_path / "here", f"me{time.time_ns()}")
    there = Workspace(tmp_path / "there", here.profile)
    name = here.watch_name

    # Training logs the run and registers the bundle.
    bundle = replace(bundle, about={**bundle.about, "fingerprint": "f0"})
    here.registry.add(name, bundle)
    assert models.publish(here, name) == "1"
    client = tracking._client(mlflow)
    remote = tracking.champion(name, "champion")
    assert remote is not None
    run = client.get_run(remote.run_id).data
    assert float(run.metrics["roc_auc"]) == pytest.approx(bundle.about["evaluation"]["metrics"]["roc_auc"]["value"])
    assert any(k.startswith("baseline_") for k in run.metrics)
    assert run.params["n_estimators"] == "40"
    assert run.params["pipeline"] == "xgboost"
    assert {"fingerprint", "profile"} <= set(run.tags)
    logged = {f.path for f in client.list_artifacts(remote.run_id)} | {
        f.path for f in client.list_artifacts(remote.run_id, "plots")
    }
    assert {
        "bundle", "confusion_matrix.json", "evaluation.json", "plots/reliability.svg", "plots/confusion_matrix.svg",
    } <= logged  # fmt: skip
    kept = Path(client.download_artifacts(remote.run_id, "confusion_matrix.json", str(tmp_path)))
    assert json.loads(kept.read_text()) == bundle.about["evaluation"]["confusion"]
    drawn = Path(client.download_artifacts(remote.run_id, "plots/confusion_matrix.svg", str(tmp_path))).read_text()
    assert f">{bundle.about['evaluation']['confusion']['tp']}</text>" in drawn
    assert run.tags["fingerprint"] == "f0"
    assert client.get_run(remote.run_id).info.status == "FINISHED"

    # Another machine fetches it, verified, once, and clears away what one that was killed has left of it.
    given_up, under_way = (there.registry.root / name / f".pull.{n}" for n in ("old", "new"))
    for left in (given_up, under_way):
        left.mkdir(parents=True)
    os.utime(given_up, (0, 0))
    version = models.pull(there, name)
    assert (given_up.exists(), under_way.exists()) == (False, True)
    assert version == "v-mlflow-0001"
    fetched = there.registry.load(name)
    rows = [row for row, _ in bundle.golden]
    assert fetched.score_rows(rows)[0].tolist() == bundle.score_rows(rows)[0].tolist()
    assert there.registry.origin(name)["run_id"] == remote.run_id
    assert models.pull(there, name) == version

    # The machine that trained it recognises its own copy instead of fetching it.
    assert models.pull(here, name) == "v0001"

    # A second training moves the aliases; a rollback moves them back, here and there.
    here.registry.add(name, replace(bundle, threshold=0.9))
    assert models.publish(here, name) == "2"
    previous = tracking.champion(name, "previous")
    assert previous is not None
    assert previous.version == "1"
    assert models.pull(there, name) == "v-mlflow-0002"
    assert models.rollback(here, name) == "v0001"
    back = tracking.champion(name, "champion")
    assert back is not None
    assert back.version == "1"
    assert models.pull(there, name) == "v-mlflow-0001"

    # What was never registered cannot be promoted while MLflow has the word.
    here.registry.add(name, replace(bundle, threshold=0.1))
    with pytest.raises(NotFound, match="registered"):
        models.promote(here, name, "v0003")


@pytest.mark.parametrize("task", ["rating", "genre"])
def test_the_other_models_travel_too(mlflow: str, task: str, tmp_path: Path) -> None:
    here, there = Workspace(tmp_path / "here", "me"), Workspace(tmp_path / "there", "me")
    shipped = here.registry.load(task)
    here.registry.add(task, replace(shipped, about={**shipped.about, "fingerprint": "f1", "data": "films.csv"}))
    models.publish(here, task)
    remote = tracking.champion(task, "champion")
    assert remote is not None
    run = tracking._client(mlflow).get_run(remote.run_id).data
    assert run.metrics["mae" if task == "rating" else "hit_1"] == pytest.approx(
        models.measured(shipped.about)["mae" if task == "rating" else "hit@1"]
    )
    assert (run.params["data"], run.tags["fingerprint"]) == ("films.csv", "f1")
    assert models.pull(there, task)
    row = {"title": "Alien", "overview": "A crew finds a stranger on board.", "release_year": 1979}
    assert there.registry.load(task).score_rows([row])[0].tolist() == shipped.score_rows([row])[0].tolist()


def test_a_name_nobody_registered_is_simply_not_there(mlflow: str, tmp_path: Path) -> None:
    assert models.pull(Workspace(tmp_path, "nobody"), "unheard-of") is None


def test_a_damaged_bundle_from_the_registry_changes_nothing(mlflow: str, bundle: Bundle, tmp_path: Path) -> None:
    here = Workspace(tmp_path / "here", f"me{time.time_ns()}")
    there = Workspace(tmp_path / "there", here.profile)
    here.registry.add(here.watch_name, bundle)
    folder = here.registry.folder(here.watch_name)
    golden = json.loads((folder / "golden.json").read_text())
    golden[0]["score"] = 0.123
    (folder / "golden.json").write_text(json.dumps(golden))
    models.publish(here, here.watch_name)
    with pytest.raises(Exception, match="damaged"):
        models.pull(there, here.watch_name)
    assert there.registry.versions(here.watch_name) == []
    assert list((tmp_path / "there").rglob("*.npz")) == []


def test_a_registry_out_of_reach_says_so_soon(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mlflow", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    tracking._client.cache_clear()
    here = Workspace(tmp_path, "me")
    here.registry.add(here.watch_name, bundle)
    started = time.monotonic()
    with pytest.raises(RegistryUnreachable, match="goes on being used"):
        models.publish(here, here.watch_name)
    with pytest.raises(RegistryUnreachable):
        models.promote(here, here.watch_name, "v0001")
    assert time.monotonic() - started < 20
    assert here.registry.load(here.watch_name).version == "v0001"
    tracking._client.cache_clear()


def test_no_refusal_tells_the_password_of_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mlflow", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:s3cret@127.0.0.1:{free_port()}")
    tracking._client.cache_clear()
    with pytest.raises(RegistryUnreachable) as refused:
        models.pull(Workspace(tmp_path, "me"), "watch-me")
    tracking._client.cache_clear()
    assert "127.0.0.1" in str(refused.value)
    told = "".join(traceback.format_exception(refused.value))
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in told


def test_the_seeds_names_say_where_mlflow_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_HOST", "MLFLOW_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not tracking.is_configured()
    monkeypatch.setenv("REEL_DRIVER_MLFLOW_HOST", "registry")
    monkeypatch.setenv("REEL_DRIVER_MLFLOW_PORT", "5050")
    assert tracking.tracking_uri() == "http://registry:5050"
    monkeypatch.setenv("MLFLOW_HOST", "http://other")
    monkeypatch.setenv("MLFLOW_PORT", "80")
    assert tracking.tracking_uri() == "http://other:80"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://whole")
    assert tracking.tracking_uri() == "https://whole"
