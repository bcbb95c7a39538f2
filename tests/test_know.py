"""The commands that look, on a real store with the starter's titles and its invented person."""

from __future__ import annotations

import json
import shlex
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reel_driver.cli import reel
from reel_driver.errors import BundleMissing, FileMissing, FileUnreadable, NothingToRead, ServiceUnreachable
from reel_driver.operations.data import STARTER, labelled_titles, load_starter
from reel_driver.operations.know import find_drift
from reel_driver.operations.workspace import Workspace


def run(*arguments: str) -> Result:
    return CliRunner().invoke(reel, arguments, catch_exceptions=True)


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exception is None, result.exception
    return result.output


@pytest.fixture
def starter() -> Workspace:
    with Workspace.default(STARTER) as work:
        load_starter(work)
    return Workspace.default(STARTER)


def test_exploring_a_file_says_what_stands_out_and_makes_a_page_at_home(tmp_path: Path) -> None:
    table = tmp_path / "my films.csv"
    years = "\n".join(f"Film {i},{1990 + i % 20},{6 + i % 3}" for i in range(100))
    table.write_text(f"title,release_year,vote_average\n{years}\nBen-Hur,2025,0\nOther,2000,0\nThird,2001,0\n")
    output = said("explore", str(table))
    assert "two-digit years" in output
    assert "3 zeros in vote_average" in output
    page = Path(output.splitlines()[-1])
    assert page == Workspace.default().home / "reports" / "explore-my-films.html"
    assert "Ben-Hur" in page.read_text()
    assert said("explore", str(table), "--output", str(tmp_path / "here.html")).splitlines()[-1] == str(
        tmp_path / "here.html"
    )


def test_json_has_the_same_numbers_and_writes_nothing(tmp_path: Path) -> None:
    table = tmp_path / "films.json"
    table.write_text(json.dumps([{"title": f"Film {i}", "score": i} for i in range(30)]))
    found = json.loads(said("explore", str(table), "--json"))
    assert found["n_rows"] == 30
    assert [c["name"] for c in found["columns"]] == ["title", "score"]
    assert not (Workspace.default().home / "reports").exists()


def test_the_store_is_explored_with_the_profiles_verdicts(starter: Workspace) -> None:
    found = json.loads(said("-p", STARTER, "explore", "--json"))
    assert found["n_rows"] == starter.store.n_titles()
    assert found["target"]["column"] == "verdict"
    assert found["target"]["n"] == starter.store.labels(STARTER).height


def test_a_catalogue_without_labels_is_explored_and_an_empty_one_refused(starter: Workspace) -> None:
    assert json.loads(said("explore", "--json"))["n_rows"] == starter.store.n_titles()
    assert json.loads(said("-p", "nobody", "explore", "--json"))["target"]["column"] != "verdict"
    starter.store.close()
    (starter.home / "reel.sqlite").unlink()
    assert isinstance(run("explore").exception, NothingToRead)


def test_a_query_is_explored_and_one_that_writes_is_refused(starter: Workspace) -> None:
    found = json.loads(said("explore", "--query", "SELECT title, runtime FROM titles WHERE runtime > 100", "--json"))
    assert [c["name"] for c in found["columns"]] == ["title", "runtime"]
    n = starter.store.n_titles()
    for query in ("DELETE FROM labels", "SELECT nonsense FROM titles", "DROP TABLE scores"):
        assert isinstance(run("explore", "--query", query).exception, FileUnreadable)
    assert starter.store.n_titles() == n
    assert starter.store.labels(STARTER).height


def test_wrong_use_is_said(tmp_path: Path) -> None:
    assert run("explore", "x.csv", "--query", "SELECT 1").exit_code == 2
    assert isinstance(run("explore", str(tmp_path / "gone.csv")).exception, FileMissing)
    assert isinstance(run("compare").exception, BundleMissing)
    assert isinstance(run("drift").exception, BundleMissing)


def test_the_models_page_names_errors_and_its_command_keeps_one_out_of_training(
    starter: Workspace, tmp_path: Path
) -> None:
    page = tmp_path / "model.html"
    report = ("-p", STARTER, "evaluate", "--model", "logistic", "--no-search", "--output", str(page))
    assert said(*report).splitlines()[-1] == str(page)
    found = json.loads(said("-p", STARTER, "evaluate", "--model", "logistic", "--no-search", "--report", "--json"))
    assert found["evaluation"]["confusion"]["fp"] == found["n_false_positives"]
    miss = (found["false_positives"] + found["false_negatives"])[0]
    assert miss["keep_out"] in page.read_text().replace("&#39;", "'")
    before, _ = labelled_titles(starter)
    said(*shlex.split(miss["keep_out"])[1:])
    after, left_out = labelled_titles(starter)
    assert after.height == before.height - 1
    assert left_out["anomalous"] == 1
    assert miss["title"] not in after["title"].to_list()


def test_two_models_are_compared_and_drift_is_said_in_words(starter: Workspace, tmp_path: Path) -> None:
    said("-p", STARTER, "train", "--model", "logistic", "--no-search")
    said("-p", STARTER, "train", "--model", "logistic", "--no-search", "--cost-missed", "6")
    compared = json.loads(said("-p", STARTER, "compare", "v0001", "v0002", "--json"))
    assert (compared["before"], compared["after"]) == ("v0001", "v0002")
    assert compared["n_titles"] == starter.store.n_titles()
    assert compared["n_now_picked"] > 0 == compared["n_now_dropped"]
    assert "are picked now and were not" in said("-p", STARTER, "compare")
    folder = str(starter.registry.folder(starter.watch_name, "v0001"))
    assert json.loads(said("-p", STARTER, "compare", folder, "champion", "--json")) == compared
    assert "field" in said("-p", STARTER, "drift")
    requests = tmp_path / "requests.jsonl"
    requests.write_text("\n".join(json.dumps({"title": f"F {i}", "original_language": "ko"}) for i in range(60)))
    drifted = json.loads(said("-p", STARTER, "drift", str(requests), "--json"))
    assert drifted["n_recent"] == 60
    assert "original_language" in {f["field"] for f in drifted["fields"] if f["verdict"] == "different"}


@contextmanager
def serving(work: Workspace) -> Iterator[str]:
    """The service on a port of its own; gives its address."""
    uvicorn = pytest.importorskip("uvicorn")
    from reel_driver.web.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(work), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_drift_asks_a_running_service_what_it_was_asked_about_lately(home: Path) -> None:
    with Workspace(home, "starter") as work:
        rows = work.store.titles().select("imdb_id", "runtime", "genre", "tmdb_rating").head(60).to_dicts()
        with serving(work) as address:
            with pytest.raises(NothingToRead, match="requests of late"):
                find_drift(work, service=address)
            for row in rows:
                body = json.dumps(row | {"runtime": 900}).encode()
                ask = urllib.request.Request(
                    f"{address}/reel-driver/api/predict", body, {"Content-Type": "application/json"}
                )
                urllib.request.urlopen(ask, timeout=10).close()
            found = find_drift(work, service=address)
        assert found.n_recent == 60
        assert next(f for f in found.fields if f.field == "runtime").verdict == "different"
        assert address in found.recent
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            find_drift(work, service=address)
