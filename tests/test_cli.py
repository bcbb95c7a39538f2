"""The command `reel` as a person or a script meets it: what it prints, what it leaves, how it refuses."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command import COMMAND, reel_environment, run_reel, spawn_reel

P = ("-p", "starter")
SHAWSHANK = "tt0111161"


def ok(home: Path, *arguments: object) -> str:
    done = run_reel(home, *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout


def refused(home: Path, *arguments: object, code: int = 1, **environment: str) -> str:
    """The one sentence of a refusal."""
    done = run_reel(home, *arguments, **environment)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.strip(), "a refusal says why, on standard error"
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert done.stderr.strip().endswith((".", "?")), done.stderr
    return done.stderr


def test_demo_goes_from_nothing_to_tonights_row_and_says_what_to_do_next(demo) -> None:
    home, done = demo
    for words in ("Starter catalogue: 8", "invented person", "Scorecard of taste", "ROC AUC", "majority", "by TMDB", "by IMDb",
                  "Tonight's row", "to learn from", "because", "reel labels set", "reel import labels", "reel tonight"):  # fmt: skip
        assert words in done.stdout, words
    assert "\x1b" not in done.stdout, "no colour in a pipe"
    assert done.stderr == "", "no progress bar in a pipe"
    assert sorted(p.name for p in home.iterdir() if not p.name.startswith("reel.sqlite-")) == [
        "data",
        "models",
        "reel.sqlite",
    ]
    assert sorted(p.name for p in (home / "data").iterdir()) == [
        "false_negatives.json", "false_positives.json", "watch_results.parquet", "watch_training.parquet",
    ]  # fmt: skip


def test_demo_a_second_time_changes_nothing(home: Path) -> None:
    before = (home / "data" / "watch_results.parquet").stat().st_mtime_ns
    said = ok(home, "demo")
    assert "0 titles added" in said
    assert "Nothing changed since the last training" in said
    assert (home / "data" / "watch_results.parquet").stat().st_mtime_ns == before
    assert [p.name for p in (home / "models" / "watch-starter").iterdir() if p.is_dir()] == ["v0001"]


def test_tonight_prints_a_row_and_the_same_row_as_json(demo) -> None:
    home, _ = demo
    drawn = ok(home, *P, "tonight", "--n", 4)
    picks = json.loads(ok(home, *P, "tonight", "--n", 4, "--json"))
    assert len(picks) == 4
    for pick in picks:
        assert pick["title"][:20] in drawn
        assert 0 <= pick["lower"] <= pick["probability"] <= pick["upper"] <= 1
        assert pick["reasons_for"] or pick["reasons_against"]
    assert [p["is_exploration"] for p in picks] == [False, False, False, True]
    labelled = {row["title_id"] for row in json.loads(ok(home, *P, "labels", "show", "--json"))}
    assert not labelled & {p["title_id"] for p in picks}, "unlabelled titles only"


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        (("--minutes", "95"), lambda p: p["runtime"] <= 95),
        (("--genre", "Comedy"), lambda p: "Comedy" in p["genre"]),
        (("--language", "fr"), lambda p: p["original_language"] == "fr"),
        (("--kind", "show"), lambda p: p["kind"] == "show" and p["is_extrapolated"]),
        (("--kind", "movie"), lambda p: p["kind"] == "movie" and not p["is_extrapolated"]),
    ],
    ids=lambda w: " ".join(w) if isinstance(w, tuple) else "",
)
def test_tonight_grants_wishes(demo, wish: tuple[str, ...], granted: Any) -> None:
    picks = json.loads(ok(demo[0], *P, "tonight", "--json", "--n", 5, *wish))
    assert picks
    assert all(granted(p) for p in picks), picks


@pytest.fixture
def unrated_home(home: Path, tmp_path: Path) -> Path:
    """A trained home with four Icelandic films that nobody has voted on, and one that somebody has."""
    rows = [
        f"tt900000{i},Unheard Of {i},2024,is,Drama,Two sisters inherit a lighthouse.,{i and 0},0\n" for i in range(4)
    ]
    table = tmp_path / "unrated.csv"
    table.write_text(
        "imdb_id,title,release_year,original_language,genre,overview,vote_average,vote_count\n"
        + "".join(rows)
        + "tt9000009,Heard Of,2023,is,Drama,A fisherman counts his nets.,7.1,50\n"
    )
    ok(home, *P, "import", "titles", table)
    return home


def test_titles_that_nobody_has_voted_on_come_with_a_predicted_rating_marked_as_such(unrated_home: Path) -> None:
    wish = ("--language", "is")
    picks = {p["title"]: p for p in json.loads(ok(unrated_home, *P, "tonight", "--json", *wish))}
    heard = picks.pop("Heard Of")
    assert (heard["rating"], heard["predicted_rating"]) == (7.1, None)
    assert len(picks) == 4
    assert all(p["rating"] is None and 0 < p["predicted_rating"] < 10 for p in picks.values())
    drawn = ok(unrated_home, *P, "tonight", *wish)
    predicted = f"~{picks['Unheard Of 1']['predicted_rating']:.1f}"
    assert drawn.count("~") == 4 + 1, "four numbers and the line that says what the mark means"
    assert predicted in drawn
    assert f"predicted: {predicted}" in ok(unrated_home, *P, "predict", "tt9000001")
    alone = json.loads(ok(unrated_home, "rate", "--title", "Unheard Of 1", "--overview", "Two sisters inherit a lighthouse.",
                          "--release-date", "2024", "--genre", "Drama", "--language", "is", "--json"))  # fmt: skip
    assert alone["predicted_rating"] == pytest.approx(picks["Unheard Of 1"]["predicted_rating"], abs=0.006)


def test_a_damaged_rating_model_costs_the_row_no_title(unrated_home: Path) -> None:
    champion = unrated_home / "models" / "rating" / "v0001"
    champion.mkdir(parents=True)
    (champion / "manifest.json").write_text("{")
    (champion.parent / "aliases.json").write_text('{"champion": "v0001"}')
    picks = json.loads(ok(unrated_home, *P, "tonight", "--json", "--language", "is"))
    assert len(picks) == 5
    assert {p["predicted_rating"] for p in picks} == {None}


def test_a_wish_that_nothing_fulfils_is_an_empty_row_and_no_failure(demo) -> None:
    assert "Nothing in the catalogue fits that" in ok(demo[0], *P, "tonight", "--minutes", 1)
    assert json.loads(ok(demo[0], *P, "tonight", "--minutes", 1, "--json")) == []


def test_a_title_that_was_seen_leaves_the_row_and_comes_back(home: Path) -> None:
    first = json.loads(ok(home, *P, "tonight", "--json"))[0]
    ref = first["imdb_id"]
    assert "seen" in ok(home, *P, "seen", ref)
    assert ref not in {p["imdb_id"] for p in json.loads(ok(home, *P, "tonight", "--json"))}
    ok(home, *P, "seen", ref, "--undo")
    assert json.loads(ok(home, *P, "tonight", "--json"))[0]["imdb_id"] == ref


def test_predict_says_how_likely_and_why(demo) -> None:
    said = ok(demo[0], *P, "predict", SHAWSHANK)
    assert "The Shawshank Redemption (1994): " in said
    assert "90 % interval" in said
    assert "  for " in said
    pick = json.loads(ok(demo[0], *P, "predict", SHAWSHANK, "--json"))
    assert 0 < pick["probability"] < 1
    assert pick["imdb_id"] == SHAWSHANK


def test_predict_scores_every_row_of_a_file_even_the_bad_ones(demo, tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text(
        "imdb_id,title,release_year,runtime\ntt0111161,The Shawshank Redemption,1994,142\n,Nobody Knows,soon,-5\ntt1,,,\n"
    )
    for name in ("scored.parquet", "scored.csv", "scored.json", "scored.jsonl"):
        assert "3 rows scored" in ok(demo[0], *P, "predict", "--input", source, "--output", tmp_path / name)
    scored = pl.read_parquet(tmp_path / "scored.parquet")
    assert scored.height == 3
    assert scored["probability"].is_between(0, 1).all()
    assert {"lower", "upper", "prediction"} <= set(scored.columns)
    assert pl.read_csv(tmp_path / "scored.csv").height == 3
    assert len(json.loads((tmp_path / "scored.json").read_text())) == 3
    assert len((tmp_path / "scored.jsonl").read_text().splitlines()) == 3
    assert scored["line"].to_list() == [2, 3, 4]
    assert scored["title"].to_list() == ["The Shawshank Redemption", None, None]
    assert [problem is None for problem in scored["problem"]] == [True, False, False]
    assert "runtime" not in scored.columns
    ok(demo[0], *P, "predict", "--input", source, "--output", tmp_path / "whole.parquet", "--all-fields")
    whole = pl.read_parquet(tmp_path / "whole.parquet")
    assert whole["runtime"].to_list() == [142, None, None]
    assert whole.select(scored.columns).equals(scored)


def test_a_label_is_set_shown_taken_back_and_reverted_and_its_history_stays(home: Path) -> None:
    assert "would watch again" in ok(home, "labels", "set", SHAWSHANK, "would_watch_again")
    ok(home, "labels", "set", SHAWSHANK, "would_not_watch")
    assert [r["verdict"] for r in json.loads(ok(home, "labels", "show", "--json"))] == ["would_not_watch"]
    assert "would not watch" in ok(home, "labels", "show")
    ok(home, "labels", "revert", SHAWSHANK)
    assert [r["verdict"] for r in json.loads(ok(home, "labels", "show", "--json"))] == ["would_watch_again"]
    ok(home, "labels", "unset", SHAWSHANK)
    assert json.loads(ok(home, "labels", "show", "--json")) == []
    history = json.loads(ok(home, "labels", "show", SHAWSHANK, "--json"))
    assert len(history) >= 3
    assert {"would_watch_again", "would_not_watch"} <= {r["verdict"] for r in history}


def test_a_title_is_fixed_and_the_fix_is_taken_back(home: Path) -> None:
    assert "142 -> 150" in ok(home, "titles", "fix", SHAWSHANK, "runtime", "150")
    assert json.loads(ok(home, "titles", "show", SHAWSHANK, "--json"))["runtime"] == 150
    number = json.loads(ok(home, "titles", "fixes", "--json"))[0]["fix_id"]
    ok(home, "titles", "revert", number)
    assert json.loads(ok(home, "titles", "show", SHAWSHANK, "--json"))["runtime"] == 142


def test_train_says_that_nothing_changed_and_a_new_label_makes_a_new_version(home: Path) -> None:
    assert "Nothing changed: v0001 stays" in ok(home, *P, "train")
    ok(home, *P, "labels", "set", SHAWSHANK, "would_not_watch")
    card = json.loads(ok(home, *P, "train", "--no-search", "--json"))
    assert card["is_new"]
    assert card["version"] == "v0002"
    assert (
        card["n_titles"]
        == 1 + json.loads(run_reel(home, *P, "evaluate", "--no-search", "--json").stdout)["n_titles"] - 1
    )
    assert set(card["metrics"]) >= {"roc_auc", "average_precision", "f1", "brier", "calibration_error"}
    assert {"tp", "fp", "fn", "tn"} == set(card["confusion"])


def test_evaluate_prints_the_scorecard_and_saves_nothing(home: Path) -> None:
    said = ok(home, *P, "evaluate", "--model", "logistic", "--no-search")
    assert "Scorecard of logistic" in said
    assert [p.name for p in (home / "models" / "watch-starter").iterdir() if p.is_dir()] == ["v0001"]


def test_the_three_steps_leave_their_tables(home: Path) -> None:
    assert ok(home, "extract").strip().endswith("media.parquet")
    assert pl.read_parquet(home / "data" / "media.parquet").height > 800
    assert "labelled titles" in ok(home, *P, "prepare")


def test_a_backup_brings_everything_back(home: Path, tmp_path: Path) -> None:
    before = ok(home, *P, "labels", "show", "--json")
    ok(home, "backup", tmp_path / "saved")
    ok(home, *P, "labels", "set", SHAWSHANK, "would_not_watch")
    ok(home, "restore", tmp_path / "saved", "--yes")
    assert ok(home, *P, "labels", "show", "--json") == before


def test_doctor_finds_nothing_wrong_with_the_starter(demo) -> None:
    assert json.loads(ok(demo[0], "doctor", "--json")) == []
    assert "Nothing is inconsistent" in ok(demo[0], "doctor")


def test_import_ends_with_counts_and_a_second_time_changes_nothing(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "imdb_id,title,release_year,label\ntt9999990,A Film,2001,would_watch\ntt9999991,B Film,2002,maybe\n"
    )
    first = json.loads(ok(home, "import", "labels", mine, "--json"))
    assert first["taken"] + first["updated"] + first["unchanged"] >= 1
    assert "maybe" in json.dumps(first["rejected"] + first["notes"])
    second = json.loads(ok(home, "import", "labels", mine, "--json"))
    assert (second["taken"], second["updated"], second["labels"]["taken"]) == (0, 0, 0)


def test_in_a_fresh_home_commands_say_what_comes_first(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "reel train" in refused(home, "tonight")
    assert "reel train" in refused(home, "predict", SHAWSHANK)
    refused(home, "train")
    refused(home, "labels", "set", SHAWSHANK, "would_watch")
    refused(home, "extract")


def test_refusals_are_one_sentence_without_a_traceback(home: Path, tmp_path: Path) -> None:
    assert "no file" in refused(home, "import", "labels", tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").write_text("")
    refused(home, "import", "labels", tmp_path / "empty.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert "it has: a, b" in refused(home, "import", "labels", tmp_path / "other.csv")
    (tmp_path / "fake.parquet").write_text("this is no parquet")
    refused(home, "import", "labels", tmp_path / "fake.parquet")
    refused(home, "import", "labels", tmp_path)
    refused(home, *P, "predict", "--input", tmp_path / "nowhere.csv", "--output", tmp_path / "out.csv")
    refused(home, *P, "predict", "no such title at all")
    refused(home, *P, "train", "--model", "gut-feeling")
    refused(home, "titles", "fix", SHAWSHANK, "runtime", "long")
    refused(home, "titles", "fix", SHAWSHANK, "no_such_field", "1")
    refused(home, "titles", "revert", 4711)
    refused(home, "restore", tmp_path / "fake.parquet", "--yes")
    refused(home, "doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    refused(home, "doctor", DATABASE_URL="not a url")


def test_a_process_of_its_own_refuses_likewise(tmp_path: Path) -> None:
    done = spawn_reel(tmp_path / "home", "tonight")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert spawn_reel(tmp_path / "home", "tonight", "--n", "none").returncode == 2


def test_one_verdict_only_and_too_few_labels_are_one_sentence(home: Path) -> None:
    refs = [r["imdb_id"] for r in json.loads(ok(home, *P, "tonight", "--n", 6, "--kind", "movie", "--json"))]
    for ref in refs[:2]:
        ok(home, "labels", "set", ref, "would_watch")
    assert "There are 2 labels" in refused(home, "train")
    for ref in refs[2:]:
        ok(home, "labels", "set", ref, "would_watch")
    assert "nothing to tell apart" in refused(home, "train")


@pytest.mark.parametrize(
    "wrong",
    [
        ("no-such-command",),
        ("tonight", "--n", "0"),
        ("tonight", "--n", "many"),
        ("tonight", "--kind", "opera"),
        ("labels", "set", SHAWSHANK),
        ("labels", "set", SHAWSHANK, "maybe"),
        ("predict",),
        ("predict", SHAWSHANK, "--input", "x.csv"),
        ("train", "--cost-missed", "-1"),
        ("titles", "revert", "first"),
        ("--no-such-option",),
    ],
    ids=" ".join,
)
def test_wrong_use_exits_with_2_and_says_how(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    said = refused(tmp_path / "home", *wrong, code=2)
    assert "Usage" in said or "Error" in said
    assert not (tmp_path / "home").exists()


def test_help_is_there_without_a_home_and_without_loading_the_heavy_libraries(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from reel_driver.cli import reel\n"
        "reel(['--help'], standalone_mode=False)\n"
        "heavy = {'polars', 'numpy', 'sklearn', 'xgboost', 'sqlalchemy', 'rich', 'scipy', 'alembic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=reel_environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tonight" in done.stdout
    assert not (tmp_path / "home").exists()


def test_a_reader_that_goes_away_is_no_failure(demo) -> None:
    program = f"{COMMAND[0]} -p starter labels show --json | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", program], env=reel_environment(demo[0]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.fixture
def read_only(home: Path) -> Iterator[Path]:
    """A home in which nothing can be written, for root neither."""
    if os.geteuid() == 0:
        if (
            not shutil.which("chattr")
            or subprocess.run(["chattr", "-R", "+i", home], capture_output=True, check=False).returncode
        ):
            subprocess.run(["chattr", "-R", "-i", home], capture_output=True, check=False)
            pytest.skip("a root whose writing nothing stops")
        yield home
        subprocess.run(["chattr", "-R", "-i", home], check=True)
    else:
        subprocess.run(["chmod", "-R", "a-w", home], check=True)
        yield home
        subprocess.run(["chmod", "-R", "u+w", home], check=True)


def test_in_a_read_only_home_what_would_write_is_refused_in_one_sentence(read_only: Path) -> None:
    for command in (("labels", "set", SHAWSHANK, "would_watch"), (*P, "train", "--force", "--no-search"), ("extract",)):
        assert "cannot be written" in refused(read_only, *command)


@pytest.mark.parametrize("kilobytes", [8, 64])
def test_on_a_full_disk_nothing_is_lost_and_one_sentence_says_so(home: Path, tmp_path: Path, kilobytes: int) -> None:
    labels, files = ok(home, *P, "labels", "show", "--json"), sorted(home.rglob("*"))
    for command in ((*P, "train", "--force", "--no-search"), (*P, "extract"), ("backup", str(tmp_path / "saved"))):
        # No file may grow beyond this: to the program the same as a disk without room.
        done = subprocess.run(
            ["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "reel", *COMMAND, *command],
            env={**reel_environment(home), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stdout
        assert "cannot be written" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (tmp_path / "saved").exists()
    assert ok(home, *P, "labels", "show", "--json") == labels
    assert [p for p in sorted(home.rglob("*")) if ".sqlite-" not in p.name and p.parent.name != "data"] == [
        p for p in files if ".sqlite-" not in p.name and p.parent.name != "data"
    ]
    ok(home, *P, "tonight")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters_still_gets_its_row(demo, encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, *P, "titles", "show", "tt0245429"],
        env=reel_environment(demo[0]) | {"PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Spirited Away" in done.stdout


def test_a_home_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    refused(tmp_path / "home", "labels", "show")


def test_a_database_that_is_noise_is_refused_in_one_sentence(home: Path) -> None:
    for extra in home.glob("reel.sqlite-*"):
        extra.unlink()
    (home / "reel.sqlite").write_bytes(random.Random(0).randbytes(8192))
    refused(home, "labels", "show")


def test_a_damaged_champion_is_one_sentence_and_training_mends_it(home: Path) -> None:
    arrays = home / "models" / "watch-starter" / "v0001" / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    assert "reel train --force" in refused(home, *P, "predict", SHAWSHANK)
    ok(home, *P, "train", "--force", "--no-search")
    ok(home, *P, "predict", SHAWSHANK)


def test_killed_at_any_moment_of_training_the_database_and_the_last_good_bundle_are_whole(home: Path) -> None:
    labels = ok(home, *P, "labels", "show", "--json")
    started = time.monotonic()
    assert spawn_reel(home, *P, "train", "--force", "--no-search").returncode == 0
    whole = time.monotonic() - started
    moments = random.Random(7)
    for i in range(6):
        # From the start to a little past the end, so that loading, fitting, saving and scoring are all hit.
        process = subprocess.Popen(
            [*COMMAND, *P, "train", "--force", "--no-search"],
            env=reel_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=whole * ((i + moments.random()) / 6 * 1.1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        with sqlite3.connect(home / "reel.sqlite") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            assert database.execute("pragma foreign_key_check").fetchall() == []
        database.close()
        assert 0 < json.loads(ok(home, *P, "predict", SHAWSHANK, "--json"))["probability"] < 1
    assert ok(home, *P, "labels", "show", "--json") == labels
    ok(home, *P, "train", "--force", "--no-search")
    assert json.loads(ok(home, *P, "tonight", "--json"))
    assert json.loads(ok(home, "doctor", "--json")) == []
