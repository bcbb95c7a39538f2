"""What a store does when the world does not play along: killed, full, read-only, gone, newer, damaged."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine, text

from conftest import PostgresServer
from reel_driver.domain import Label, Verdict
from reel_driver.errors import ReelError, StoreNotWritable, StoreTooNew, StoreUnreachable
from reel_driver.store import Store, StoreDamaged
from reel_driver.store.connect import BUSY_SECONDS
from reel_driver.store.tables import METADATA, SCHEMA_VERSION

IMPORT = """
import sys
from reel_driver.ingest import read_table
from reel_driver.store import Store, import_into
frame, problems = read_table(sys.argv[2])
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    report = import_into(store, frame, problems, profile="ada", source="many.csv")
print(report.taken, report.unchanged, report.labels.taken, report.labels.unchanged, flush=True)
"""


def python(code: str, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def titles(n: int, first: int = 1) -> pl.DataFrame:
    numbers = range(first, first + n)
    return pl.DataFrame(
        {
            "tmdb_id": list(numbers),
            "title": [f"Title {n}" for n in numbers],
            "release_year": [1950 + n % 70 for n in numbers],
            "overview": [f"Words about {n}. " * 20 for n in numbers],
        }
    )


@pytest.mark.parametrize("n_kills", [8])
def test_killed_at_any_moment_of_an_import_the_library_is_whole_and_the_next_run_succeeds(
    store_url: str, tmp_path: Path, n_kills: int
) -> None:
    path = tmp_path / "many.csv"
    titles(6_000).with_columns(label=pl.lit("yes")).write_csv(path)
    rng = random.Random(7)
    finished = python(IMPORT, f"sqlite:///{tmp_path}/measure.sqlite", str(path))
    assert finished.stdout.split() == ["ready", "6000", "0", "6000", "0"], finished.stderr
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", IMPORT, f"sqlite:///{tmp_path}/m2.sqlite", str(path)], stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        ready = time.monotonic()
        run.wait()
        ended = time.monotonic()
    boot, work = ready - start, ended - ready

    for at in range(n_kills):
        with subprocess.Popen([sys.executable, "-c", IMPORT, store_url, str(path)], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            if at % 4 == 0:
                time.sleep(rng.uniform(0.5, 1.0) * boot)  # while it starts, and makes its tables
            else:
                run.stdout.readline()
                time.sleep(rng.uniform(0, 1.1) * work)
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGKILL)
            run.wait()
        with Store.open(store_url) as store:
            assert store.n_titles() in (0, 6_000)
            if store.n_titles():
                assert len(store.labels("ada")) == 6_000
            if store_url.startswith("sqlite"):
                with store.transaction() as connection:
                    assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"

    last = python(IMPORT, store_url, str(path))
    assert last.returncode == 0, last.stderr
    with Store.open(store_url) as store:
        assert (store.n_titles(), len(store.labels("ada"))) == (6_000, 6_000)
        assert store.doctor() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a small disk here; the limit on file size is tried instead")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_is_said_in_one_sentence_and_nothing_is_lost(small_disk: Path) -> None:
    with Store.open(f"sqlite:///{small_disk}/reel.sqlite") as store:
        store.upsert_titles(titles(100), source="test")

        with pytest.raises(StoreNotWritable, match="full") as refusal:
            store.upsert_titles(titles(20_000, first=101), source="test")

        assert "\n" not in str(refusal.value)
        assert store.n_titles() == 100
        store.upsert_titles(titles(1, first=500), source="test")
    with Store.open(f"sqlite:///{small_disk}/reel.sqlite") as store:
        assert store.n_titles() == 101


def test_a_limit_on_file_size_is_like_a_full_disk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/reel.sqlite"
    with Store.open(url) as store:
        store.upsert_titles(titles(100), source="test")
    code = (
        "import resource, signal, sys\nsys.path.insert(0, sys.argv[2])\nfrom test_store_robust import titles\n"
        "from reel_driver.store import Store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try:\n with Store.open(sys.argv[1]) as store: store.upsert_titles(titles(20_000, first=101), source='test')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )

    done = python(code, url, str(Path(__file__).parent))

    assert done.stdout.startswith("StoreNotWritable"), done.stderr
    with Store.open(url) as store:
        assert store.n_titles() == 100


def test_a_database_that_may_not_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        folder, before = tmp_path / "library", ()
    else:
        folder = tmp_path / "library"
        before = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
        for parent in (tmp_path, *tmp_path.parents):
            if parent.stat().st_uid == 0 and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    url = f"sqlite:///{folder}/reel.sqlite"
    with Store.open(url) as store:
        store.upsert_titles(titles(10), source="test")
    (folder / "reel.sqlite").chmod(0o444)
    folder.chmod(0o555)
    code = (
        "import sys\nsys.dont_write_bytecode = True\nfrom reel_driver.store import Store\nfrom reel_driver.errors import ReelError\n"
        "try:\n with Store.open(sys.argv[1]) as store: store.ensure_profile('eve')\n"
        "except ReelError as error: print(type(error).__name__, error)\n"
    )

    for target in (url, f"sqlite:///{folder}/deeper/reel.sqlite"):
        done = python(code, target, before=before)
        if "Permission denied" in done.stderr:
            pytest.skip("another user may not even start Python here")
        assert done.stdout.startswith("StoreNotWritable"), done.stdout + done.stderr
        assert done.stdout.count("\n") == 1

    folder.chmod(0o755)
    (folder / "reel.sqlite").chmod(0o644)
    with Store.open(url) as store:
        assert (store.n_titles(), store.profiles()) == (10, [])


def test_a_file_that_is_no_database_is_left_alone_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "reel.sqlite"
    path.write_bytes(b"my diary, nothing of yours" * 100)

    with pytest.raises(StoreDamaged, match="reel restore"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"my diary")


def test_a_database_of_a_newer_version_is_refused(store_url: str) -> None:
    Store.open(store_url).close()
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(StoreTooNew, match=r"9999.*update reel-driver"):
        Store.open(store_url)


def test_the_migrations_build_the_tables_that_the_code_knows(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import reel_driver.migrations

    with store.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert differences == []
    scripts = ScriptDirectory(str(Path(reel_driver.migrations.__file__).parent))
    assert scripts.get_current_head() == SCHEMA_VERSION


def test_opening_a_store_that_is_up_to_date_asks_one_question_and_loads_no_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/reel.sqlite"
    Store.open(url).close()
    code = (
        "import sys\nfrom reel_driver.store import Store\nStore.open(sys.argv[1]).close()\n"
        "print('alembic' in sys.modules, 'psycopg' in sys.modules)"
    )

    assert python(code, url).stdout.split() == ["False", "False"]


def test_many_may_open_a_new_store_at_once(store_url: str) -> None:
    code = "import sys\nfrom reel_driver.store import Store\nwith Store.open(sys.argv[1]) as store: print(store.n_titles())"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, store_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]

    results = [run.communicate() for run in runs]

    assert [out.strip() for out, _ in results] == ["0"] * 4, results


def test_a_writer_waits_for_another_and_then_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reel.sqlite"
    Store.open(f"sqlite:///{path}").close()
    monkeypatch.setattr("reel_driver.store.connect.BUSY_SECONDS", 0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with Store.open(f"sqlite:///{path}") as store:
        with pytest.raises(StoreUnreachable, match="another run is writing"):
            store.ensure_profile("ada")
        other.execute("ROLLBACK")
        store.ensure_profile("ada")
        assert [p.name for p in store.profiles()] == ["ada"]
    assert BUSY_SECONDS >= 10


def test_writes_to_the_tables_keep_to_their_references(store: Store) -> None:
    store.upsert_titles(titles(2), source="test")
    store.add_labels("ada", [Label(1, Verdict.WOULD_WATCH, "cli")])

    with pytest.raises(Exception, match=r"FOREIGN KEY|foreign key"), store.transaction() as connection:
        connection.execute(text("DELETE FROM titles"))
    assert store.n_titles() == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reel:s3cret-word@127.0.0.1:1/reel",
        "postgresql+psycopg://reel:s3cret-word@no-such-host.invalid/reel",
        "postgresql://reel@127.0.0.1:1/reel?password=s3cret-word",
        "mysql://reel:s3cret-word@localhost/reel",
        "s3cret-word",
        "nonsense://x:s3cret-word@y:port/z",
    ],
)
def test_no_refusal_tells_a_password(url: str) -> None:
    pytest.importorskip("psycopg")

    with pytest.raises(ReelError) as refusal:
        Store.open(url)

    assert "s3cret-word" not in str(refusal.value)
    assert "s3cret-word" not in "".join(traceback.format_exception(refusal.value))
    assert "\n" not in str(refusal.value)


def test_postgresql_gone_halfway_is_said_in_one_sentence_and_nothing_is_half_kept(
    new_postgres: Callable[[], PostgresServer],
) -> None:
    server = new_postgres()
    url = server.new_database()
    with Store.open(url) as store:
        store.upsert_titles(titles(50), source="test")

        def halfway() -> None:
            with store.transaction():
                store.upsert_titles(titles(500, first=51), source="test")
                store.add_labels("ada", [Label(1, Verdict.WOULD_WATCH, "cli")])
                server.stop("immediate")
                store.upsert_titles(titles(500, first=1000), source="test")

        with pytest.raises(StoreUnreachable) as refusal:
            halfway()

        assert "\n" not in str(refusal.value)
        with pytest.raises(StoreUnreachable):
            store.n_titles()
        server.start()
        with contextlib.suppress(StoreUnreachable):
            store.n_titles()  # the pool may notice only now that its connection is dead
        assert store.n_titles() == 50
        assert store.profiles() == []


def test_a_postgresql_that_does_not_know_its_encoding_keeps_texts_whole(postgres: PostgresServer) -> None:
    postgres._run("createdb", "-h", str(postgres.folder), "-U", "reel", "-T", "template0", "-E", "SQL_ASCII", "plain")
    with Store.open(postgres.url("plain")) as store:
        store.upsert_titles(titles(1).with_columns(title=pl.lit("Amélie – 天国")), source="a test")
        (row,) = store.titles().to_dicts()
    assert row["title"] == "Amélie – 天国"


def test_a_read_only_postgresql_is_refused(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    with Store.open(url) as store:
        store.upsert_titles(titles(5), source="test")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()

    with Store.open(url) as store:
        with pytest.raises(StoreNotWritable, match="read-only"):
            store.upsert_titles(titles(5, first=6), source="test")
        assert store.n_titles() == 5
