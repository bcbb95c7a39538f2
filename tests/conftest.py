"""What the tests share: the real data, a real PostgreSQL server, stores of both kinds."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from command import spawn_reel
from reel_driver.store import Store

if TYPE_CHECKING:
    from reel_driver.bundle import Bundle

_REQUIRED = {name.strip() for name in os.environ.get("REEL_REQUIRE", "").split(",")}


def missing(what: str, why: str) -> None:
    """Skip, or fail where REEL_REQUIRE names it."""
    if what in _REQUIRED:
        pytest.fail(f"REEL_REQUIRE asks for {what}: {why}")
    pytest.skip(why)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what belongs to the person who runs it."""
    monkeypatch.setenv("REEL_HOME", str(tmp_path / "home"))
    for name in ("DATABASE_URL", "PG_DB", "REEL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that stands beside the repository."""
    folder = Path(os.environ.get("REEL_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        missing("data", f"the real data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def published_encoder() -> Path:
    """The folder of the real sentence encoder, all-MiniLM-L6-v2."""
    from reel_driver.errors import ReelError
    from reel_driver.features.encoder import encoder_folder, import_torch

    try:
        import_torch()
        return encoder_folder()
    except ReelError as error:
        missing("encoder", str(error))
        raise


class PostgresServer:
    """A server of its own in a temporary folder, reached by its socket only."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self.folder = folder
        self._n_databases = 0
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run(
            "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "reel", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", mode, "stop")

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        self._n_databases += 1
        name = f"test_{self._n_databases}"
        self._run("createdb", "-h", str(self.folder), "-U", "reel", name)
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://reel@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # pg_ctl leaves the server running with our pipes open, so its output goes to a file.
        with (Path(tempfile.gettempdir()) / f"reel-pg-{os.getpid()}.log").open("w+b") as output:
            done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
            output.seek(0)
            assert done.returncode == 0, output.read().decode(errors="replace")
        Path(output.name).unlink(missing_ok=True)


def _postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], PostgresServer]]:
    """Makes PostgreSQL servers, all stopped at the end."""
    pytest.importorskip("psycopg") if "postgres" not in _REQUIRED else __import__("psycopg")
    binaries = _postgres_binaries()
    if binaries is None:
        missing("postgres", "there are no PostgreSQL server programs on this machine")
    servers: list[PostgresServer] = []

    def new() -> PostgresServer:
        assert binaries is not None
        # A socket's path is short by law, so not under pytest's long folders.
        folder = Path(tempfile.mkdtemp(prefix="reel-pg-"))
        folder.chmod(0o755)
        servers.append(PostgresServer(binaries, folder))
        return servers[-1]

    yield new
    for server in servers:
        with contextlib.suppress(AssertionError):  # a test may have stopped it
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(new_postgres: Callable[[], PostgresServer]) -> PostgresServer:
    """A real PostgreSQL server for the whole run."""
    return new_postgres()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/library/reel.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, empty store, once of each kind."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty SQLite store, for what does not depend on the database."""
    with Store.open(f"sqlite:///{tmp_path}/reel.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def labelled() -> pl.DataFrame:
    """The movies of the starter catalogue that the invented person has labelled, with their `verdict`."""
    from reel_driver import starter

    films = starter.catalogue_with_labels()
    return films.filter(pl.col("verdict").is_not_null() & (pl.col("kind") == "movie"))


@pytest.fixture(scope="session")
def bundle(labelled: pl.DataFrame) -> Bundle:
    """A small bundle of trees, fitted on the starter labels and judged out of fold."""
    from reel_driver.tasks import watch_pipeline
    from reel_driver.train import TrainConfig, fit_bundle

    config = TrainConfig(search=False, params={"n_estimators": 40})
    return fit_bundle("watch", watch_pipeline("xgboost"), labelled, config, about={"profile": "starter"})[0]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A home after `reel demo`, and what that printed. Look, do not touch: `home` is for that."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = spawn_reel(home, "demo")
    assert done.returncode == 0, done.stderr
    return home, done


@pytest.fixture
def home(demo: tuple[Path, object], tmp_path: Path) -> Path:
    """A trained home of the starter profile, a test's own."""
    return Path(shutil.copytree(demo[0], tmp_path / "home"))
