"""The container image: linted, built and run without a Docker daemon, by buildah over a debootstrap base.

It takes minutes and root, so it runs only where REEL_REQUIRE names `image`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web_cases import ALIEN, free_port

from reel_driver.bundle import Bundle
from reel_driver.registry import Registry

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    "image" not in os.environ.get("REEL_REQUIRE", "").split(","), reason="building an image takes minutes"
)


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked packages as wheels, so that the build itself needs no network."""
    folder = tmp_path_factory.mktemp("wheels")
    for what in (["--require-hashes", "-r", ROOT / "requirements-serve.txt"], ["hatchling>=1.27", "editables"]):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", folder, *what)
    return folder


@pytest.fixture(scope="module")
def root_of_image(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Path]:
    """The built image's file system."""
    folder = tmp_path_factory.mktemp("image")
    base = Path(os.environ.get("REEL_IMAGE_BASE") or folder / "base")
    if not base.is_dir():
        run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", "bookworm", base)
    buildah = ("buildah", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs")
    container = run(*buildah, "from", "scratch").strip()
    run(*buildah, "copy", "--quiet", container, base, "/")
    run(*buildah, "commit", "--quiet", container, "localhost/base")
    run(*buildah, "rm", container)
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    run(
        *buildah, "bud", "--isolation", "chroot", "--build-arg", "BASE=localhost/base", "--pull-never", "--format", "docker",
        "--volume", f"{wheels}:/wheels:ro", "--volume", f"{folder / 'pip.conf'}:/etc/pip.conf:ro", "--tag", "reel-driver", ROOT,
    )  # fmt: skip
    described = json.loads(run(*buildah, "inspect", "--type", "image", "reel-driver"))["Docker"]["config"]
    assert described["User"] == "10001:10001"
    assert described["Healthcheck"]["Test"][0] == "CMD"
    container = run(*buildah, "from", "--pull-never", "reel-driver").strip()
    mounted = Path(run(*buildah, "mount", container).strip())
    yield mounted
    run(*buildah, "umount", container)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_dockerfile_is_clean() -> None:
    run(Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile")


def test_the_image_serves_as_nobody_from_a_read_only_root(root_of_image: Path, bundle: Bundle, tmp_path: Path) -> None:
    models = tmp_path / "models"
    Registry(models).add("watch-me", replace(bundle, threshold=0.5))
    for path in (tmp_path, *tmp_path.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(0o755)
    port = free_port()
    inside = root_of_image / "data"
    shutil.copytree(models, inside / "models")
    environment = {
        "PATH": "/opt/reel/bin:/usr/sbin:/usr/bin:/sbin:/bin", "REEL_HOME": "/data", "REEL_DRIVER_API_HOST": "0.0.0.0",
        "REEL_DRIVER_API_PORT": str(port), "REEL_API_TOKEN": "secret", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    # In a mount namespace of its own the root is made read-only, as `read_only: true` does.
    script = f"mount --bind {root_of_image} {root_of_image} && mount -o remount,ro,bind {root_of_image} && exec chroot --userspec=10001:10001 {root_of_image} reel serve"
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/reel-driver"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                assert urllib.request.urlopen(f"{url}/health", timeout=2).status == 200
                break
            except urllib.error.URLError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < end, (tmp_path / "log").read_text()
                time.sleep(0.1)
        asked = urllib.request.Request(
            f"{url}/api/predict", data=json.dumps(ALIEN).encode(), headers={"Authorization": "Bearer secret"}
        )
        answer = json.loads(urllib.request.urlopen(asked, timeout=5).read())
        assert answer["imdb_id"] == ALIEN["imdb_id"]
        probe = ["chroot", "--userspec=10001:10001", str(root_of_image), "python3", "-m", "reel_driver.web.probe"]
        assert subprocess.run(probe, env=environment).returncode == 0
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "Uid:\t10001" in status
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) is not None
        log.close()
    assert subprocess.run(probe, env=environment).returncode == 1


def test_the_image_holds_no_build_tools(root_of_image: Path) -> None:
    for tool in ("gcc", "cc", "make", "git"):
        assert not list(root_of_image.glob(f"usr/bin/{tool}"))
    assert not list(root_of_image.glob("opt/reel/lib/python3*/site-packages/pip"))
    installed = sum(f.stat().st_size for f in root_of_image.glob("opt/reel/lib/**/*") if f.is_file())
    assert installed < 150e6
