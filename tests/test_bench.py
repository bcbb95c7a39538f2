"""The benchmarks in `bench/` still run; their figures are for people to read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from command import reel_environment
from reel_driver.models.ladder import RUNGS

BENCH = Path(__file__).parents[1] / "bench"


def test_the_benchmark_of_scale_runs_on_a_small_catalogue() -> None:
    command = [sys.executable, str(BENCH / "scale.py"), "--titles", "500", "--runs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "500 titles inserted" in done.stdout
    assert "tonight, filtered" in done.stdout
    assert "titles a second" in done.stdout


def test_the_benchmark_of_exploring_runs_on_a_small_table() -> None:
    command = [sys.executable, str(BENCH / "explore.py"), "2000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'rows': 2000") == 2


def test_the_study_of_taste_runs_on_a_few_people(shared_data: Path) -> None:
    small = shared_data / "movielens-small"
    files = ["--ratings", str(small / "ratings.csv"), "--titles", str(small / "enriched.parquet")]
    command = [sys.executable, str(BENCH / "taste.py"), *files, "--people", "4", "--orders", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in ("without item factors", "teach", "refit after one more label"):
        assert words in done.stdout


def test_the_study_of_the_ladder_names_every_rung(home: Path) -> None:
    command = [sys.executable, str(BENCH / "ladder.py"), "--profile", "starter", "--splits", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=reel_environment(home))
    assert done.returncode == 0, done.stderr
    for name in ("default", *RUNGS):
        assert f"\n{name} " in done.stdout


def test_the_study_of_fields_left_out_compares_each_way_with_the_complete_films(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCH / "left_out.py"), str(tmp_path / "none"), "--models", "xgboost", "--json"]
    done = subprocess.run([*command, str(tmp_path / "out.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = json.loads((tmp_path / "out.json").read_text())
    assert [row["films"] for row in lines] == [
        "complete", "without production_companies", "without title", "as the client sends them", "as sent, trained without",
    ]  # fmt: skip
    assert lines[0]["flipped"] == 0
    assert all(0.5 < row["roc_auc"] <= 1 and row["moved"] < 0.1 for row in lines)
