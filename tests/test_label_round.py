"""Labelling in rounds on the terminal, with a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from reel_driver import starter
from reel_driver.cli import reel
from reel_driver.domain import Verdict
from reel_driver.errors import NothingToRead
from reel_driver.operations.label_round import SOURCE, LabelRound
from reel_driver.operations.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path):
    with Workspace(tmp_path / "home", "me") as work:
        work.store.upsert_titles(starter.catalogue(), source="starter")
        yield work


def test_answers_are_in_the_store_at_once_and_undo_takes_them_back(work: Workspace) -> None:
    asked = LabelRound(work, n_pool=60)
    first = asked.ask()
    assert 0 < first["probability"] < 1
    asked.answer(Verdict.WOULD_WATCH_AGAIN)
    asked.ask()
    asked.answer(Verdict.WOULD_NOT_WATCH)
    labels = work.store.labels("me")
    assert labels.height == asked.n_answers == 2
    assert set(labels["source"]) == {SOURCE}
    assert asked.undo()["title_id"] != first["title_id"]
    assert work.store.labels("me")["title_id"].to_list() == [first["title_id"]]
    assert asked.doubt < asked.doubt_before


def test_the_next_round_goes_on_where_the_last_one_stopped(work: Workspace) -> None:
    asked = LabelRound(work, n_pool=60)
    for i in range(6):
        asked.ask()
        asked.answer(list(Verdict)[i % 3])
    labelled = set(work.store.labels("me")["title_id"])
    again = LabelRound(work, n_pool=60)
    assert not labelled & set(again.pool["title_id"])
    assert again.doubt_before < asked.doubt_before


def test_a_skipped_title_is_not_asked_again_and_an_empty_catalogue_is_a_sentence(
    work: Workspace, tmp_path: Path
) -> None:
    asked = LabelRound(work, n_pool=3)
    seen = []
    while (title := asked.ask()) is not None:
        seen.append(title["title_id"])
        asked.skip()
    assert len(seen) == len(set(seen)) == 3
    with Workspace(tmp_path / "empty", "me") as empty, pytest.raises(NothingToRead):
        LabelRound(empty)


def test_the_command_takes_keys_from_a_pipe(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEL_HOME", str(work.home))
    done = CliRunner().invoke(reel, ["label"], input="13su?2q")
    assert done.exit_code == 0, done.output
    for words in ("would not watch", "would watch again", "skipped", "taken back", "quit", "2 labels more"):
        assert words in done.output
    assert sorted(work.store.labels("me")["verdict"].to_list()) == ["would_not_watch", "would_watch"]
    finished = CliRunner().invoke(reel, ["label", "-n", "1"], input="3333")
    assert "1 labels more" in finished.output
