"""The search of `reel tune`: one space for all ways of walking it, studies that survive, are shared and prune."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy

from command import COMMAND, reel_environment, run_reel
from conftest import PostgresServer
from reel_driver import menu, search
from test_rating_and_genre import FILMS, table  # noqa: F401 - a fixture

optuna = pytest.importorskip("optuna")

TUNE = ("tune", "rating", "--model", "v1_original:lightgbm")


def started(home: Path, *arguments: object) -> subprocess.Popen[str]:
    """The command, under way."""
    return subprocess.Popen(
        [*COMMAND, *TUNE, *map(str, arguments)],
        env=reel_environment(home) | {"OMP_NUM_THREADS": "1"},
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def n_finished(url: str) -> int:
    """How many trials a database holds by now; none before its tables are there."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            count = sqlalchemy.text("SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')")
            return int(connection.execute(count).scalar() or 0)
    except sqlalchemy.exc.DBAPIError:
        return 0
    finally:
        engine.dispose()


def finished(url: str) -> list[optuna.trial.FrozenTrial]:
    """The finished trials of a database that nobody is writing to."""
    storage = optuna.storages.RDBStorage(url)
    (study,) = storage.get_all_studies()
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    found = storage.get_all_trials(study._study_id, states=states)
    storage.engine.dispose()
    return found


def wait_for(n: int, url: str, running: subprocess.Popen[str]) -> None:
    """Until so many trials are finished."""
    deadline = time.monotonic() + 120
    while n_finished(url) < n:
        assert running.poll() is None, running.communicate()[1]
        assert time.monotonic() < deadline, "the search does not get on"
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped by Ctrl-C"])
def test_a_search_that_was_interrupted_goes_on_as_if_it_had_not_been(
    how: signal.Signals,
    tmp_path: Path,
    table: Path,  # noqa: F811
) -> None:
    url = f"sqlite:///{tmp_path / 'h' / 'data' / 'tuning.db'}"
    running = started(tmp_path / "h", "--data", table, "--trials", 500)
    wait_for(2, url, running)
    running.send_signal(how)
    _, said = running.communicate(timeout=60)
    assert running.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 1)
    assert "Traceback" not in said, said
    before = {t.number: (t.params, t.value) for t in finished(url)}
    wanted = len(before) + 2
    done = run_reel(tmp_path / "h", *TUNE, "--data", table, "--trials", wanted, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == wanted
    after = {t.number: (t.params, t.value) for t in finished(url)}
    assert before == {number: after[number] for number in before}, "what was tried is not tried again"


def test_an_interruption_does_not_change_what_is_tried(tmp_path: Path) -> None:
    pipeline, space = menu.rating_pipeline("v1_original:ridge"), {"alpha": tuple(float(10**e) for e in range(-3, 6))}

    def tried(storage: str, *targets: int) -> list[float]:
        for n in targets:
            trials = search.tune(pipeline, FILMS, space, n_trials=n, storage=f"sqlite:///{tmp_path / storage}")
        return sorted(t.params["alpha"] for t in trials)

    assert tried("whole.db", 7) == tried("parts.db", 3, 7)


def test_two_processes_work_on_one_study_in_postgresql(postgres: PostgresServer, tmp_path: Path, table: Path) -> None:  # noqa: F811
    url = postgres.new_database()
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    wishes = ("--data", table, "--trials", 10, "--storage", plain, "--json")
    both = [started(tmp_path / f"h{i}", *wishes) for i in range(2)]
    outputs = [running.communicate(timeout=200) for running in both]
    assert [running.returncode for running in both] == [0, 0], outputs
    trials = sorted(finished(url), key=lambda t: t.number)
    assert len(trials) in (10, 11, 12), "they stop together, after what they have under way"
    assert {len(json.loads(out)) for out, _ in outputs} <= {10, 11, 12}
    assert len({json.dumps(t.params, sort_keys=True) for t in trials}) >= 10, "neither repeats what the other tries"
    spans = [(t.datetime_start, t.datetime_complete) for t in trials]
    assert any(a[0] < b[0] < a[1] for a in spans for b in spans), "they worked side by side"


def test_no_setting_is_tried_twice_and_a_space_ends() -> None:
    pipeline, space = menu.rating_pipeline("v1_original:ridge"), {"alpha": (0.1, 1.0, 10.0, 100.0)}
    trials = search.tune(pipeline, FILMS, space, n_trials=50)
    assert sorted(t.params["alpha"] for t in trials) == [0.1, 1.0, 10.0, 100.0]


def test_settings_that_start_badly_are_given_up() -> None:
    pipeline = menu.rating_pipeline("v1_original:ridge")
    space = {"alpha": tuple(n * size for size in (1.0, 1e7) for n in range(1, 9))}
    trials = search.tune(pipeline, FILMS, space, n_trials=16, seed=3)
    pruned = [t for t in trials if t.is_pruned]
    whole = [t for t in trials if not t.is_pruned]
    assert any(t.params["alpha"] >= 1e7 for t in pruned)
    assert trials[0] is whole[0]
    assert trials[0].params["alpha"] <= 8
    assert [t.rmse for t in whole] == sorted(t.rmse for t in whole)


def test_a_setting_that_is_given_up_has_seen_fewer_films() -> None:
    pipeline = menu.rating_pipeline("v1_original:ridge")
    fold = search.fold_reader(pipeline, FILMS, 0)
    asked: list[int] = []

    def after_the_second(number: int, error: float) -> bool:
        asked.append(number)
        return number == 1

    trial = search.cross_validated(pipeline.learner, fold, {"alpha": 1.0}, 0, after_the_second)
    assert trial.is_pruned
    assert asked == [0, 1]
    whole = search.cross_validated(pipeline.learner, fold, {"alpha": 1.0}, 0, lambda number, error: False)
    assert not whole.is_pruned
    assert whole.rmse != trial.rmse


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("nonsense", "--storage"),
        ("mysql://localhost/x", "only SQLite and PostgreSQL"),
        ("postgresql://me:secret@127.0.0.1:1/x", "127.0.0.1"),
        ("sqlite:////nowhere/at/all/x.db", "/nowhere/at/all/x.db"),
    ],
)
def test_a_study_that_cannot_be_kept_is_refused_in_a_sentence(
    storage: str,
    words: str,
    tmp_path: Path,
    table: Path,  # noqa: F811
) -> None:
    done = run_reel(tmp_path / "h", *TUNE, "--data", table, "--trials", 1, "--storage", storage)
    assert done.returncode == 1
    assert words in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_study_belongs_to_its_table_and_its_seed(tmp_path: Path, table: Path) -> None:  # noqa: F811
    other = tmp_path / "other" / table.name
    other.parent.mkdir()
    other.write_text("".join(line for i, line in enumerate(table.open()) if i != 7))
    wishes = ("--trials", 1, "--json")
    first = run_reel(tmp_path / "h", *TUNE, "--data", table, *wishes)
    second = run_reel(tmp_path / "h", *TUNE, "--data", other, *wishes)
    third = run_reel(tmp_path / "h", *TUNE, "--data", table, "--seed", 1, *wishes)
    found = [json.loads(done.stdout) for done in (first, second, third)]
    assert [len(trials) for trials in found] == [1, 1, 1]
    assert len({trials[0]["rmse"] for trials in found}) == 3


def test_all_ways_walk_the_declared_space(tmp_path: Path, table: Path) -> None:  # noqa: F811
    every = list(search.settings(menu.LIGHTGBM_SPACE, "grid", 1, 0))
    assert len(every) == 108
    for method in ("random", "optuna"):
        done = run_reel(tmp_path / "h", *TUNE, "--data", table, "--method", method, "--trials", 2, "--json")
        assert all(t["params"] in every for t in json.loads(done.stdout))
