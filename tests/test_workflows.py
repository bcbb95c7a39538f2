"""The workflows: right by their own linters, and their commands run as written, in a fresh clone.

What only the machines of GitHub have is stood in for: `docker` by the service itself, `gh` by a note of what it was told.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BINARIES = Path(sys.executable).parent
WORKFLOWS = {p.stem: yaml.safe_load(p.read_text()) for p in sorted((ROOT / ".github" / "workflows").glob("*.yaml"))}
REQUIRED = os.environ.get("REEL_REQUIRE", "").split(",")
slow = pytest.mark.skipif("workflows" not in REQUIRED, reason="a fresh clone with everything installed takes minutes")


def steps(workflow: str, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOWS[workflow]["jobs"][job]["steps"]
    return found


def run(step: dict[str, Any], folder: Path, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One step as a runner runs it: in bash, which stops at the first failure."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("REEL_", "GIT_", "VIRTUAL_ENV", "PYTHON"))}
    own = {k: re.sub(r"\$\{\{.*?\}\}", "filled-in", str(v)) for k, v in step.get("env", {}).items()}
    command = [*before, "bash", "--noprofile", "--norc", "-e", "-c", step["run"]]
    return subprocess.run(
        command, cwd=folder, env=keep | own | environment, capture_output=True, text=True, timeout=1800
    )


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """A folder of commands that are found before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def test_no_auditor_finds_fault_with_the_workflows() -> None:
    if not (BINARIES / "zizmor").exists() and "mlflow" not in REQUIRED:
        pytest.skip("zizmor is not installed")
    command = [BINARIES / "zizmor", "--offline", "--no-progress", ROOT / ".github"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_python_that_is_promised_is_tested_and_the_image_is_built_and_released() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert WORKFLOWS["check"]["jobs"]["test"]["strategy"]["matrix"]["python"] == promised == ["3.11", "3.12", "3.13"]
    for workflow in ("check", "release"):
        built = [s for s in steps(workflow, "image") if s.get("uses", "").startswith("docker/build-push-action@")]
        assert len(built) == 1
    variants = WORKFLOWS["release"]["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert all((ROOT / v["requirements"]).is_file() for v in variants)


def test_whatever_a_step_calls_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    called = [s["run"].split()[1:] for w in WORKFLOWS for j in WORKFLOWS[w]["jobs"] for s in steps(w, j)
              if s.get("run", "").startswith("make ")]  # fmt: skip
    assert called
    assert {target for names in called for target in names} <= targets


def test_the_first_try_of_an_image_sees_whether_it_serves(tmp_path: Path, stand_ins: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root can give the service its port in a network of its own")
    (step,) = (s for s in steps("check", "image") if "run" in s)
    stand_in(stand_ins, "sleep", f"{shutil.which('sleep')} 0.2")
    apart = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    path = f"{stand_ins}:{os.environ['PATH']}"
    serve = f"env REEL_HOME={tmp_path} REEL_API_TOKEN=check timeout 60 {BINARIES}/reel serve --host 0.0.0.0 --port 8000"
    stand_in(stand_ins, "docker", f'[ "$1" = run ] && {{ {serve} >{tmp_path}/log 2>&1 & }} || cat {tmp_path}/log')
    # The service may need longer than 30 short sleeps on a busy machine.
    done = [run({"run": step["run"].replace("seq 30", "seq 300")}, tmp_path, *apart, PATH=path)]
    stand_in(stand_ins, "docker", '[ "$1" = run ] || echo "no such model"')
    done.append(run(step, tmp_path, *apart, PATH=path))
    assert [d.returncode for d in done] == [0, 1], [d.stdout + d.stderr for d in done]
    assert "no such model" in done[1].stdout


@slow
def test_a_fresh_clone_passes_the_check(clone: Path) -> None:
    (step,) = (s for s in steps("check", "check") if "run" in s)
    done = run(step, clone)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@slow
def test_a_release_carries_the_package(clone: Path, stand_ins: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "python")], check=True)
    stand_in(stand_ins, "gh", f'echo "$GH_TOKEN" "$@" >{tmp_path}/told')
    path = f"{stand_ins}:{tmp_path}/python/bin:{os.environ['PATH']}"
    for step in (s for s in steps("release", "package") if "run" in s):
        done = run(step, clone, PATH=path, GITHUB_REF_NAME="v0.1.0")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = (tmp_path / "told").read_text().split()
    assert told[:4] == ["filled-in", "release", "create", "v0.1.0"]
    assert [Path(p).suffix for p in told[4:6]] == [".whl", ".gz"]
    installed = subprocess.run(
        [f"{tmp_path}/python/bin/python", "-m", "zipfile", "--list", clone / told[4]], capture_output=True, text=True
    ).stdout
    assert "reel_driver/data/bundles/genre/manifest.json" in installed
