"""The studies behind the rating and genre models run: a fast try of each on invented films."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import missing
from test_rating_and_genre import FILMS, table, tiny_encoder  # noqa: F401 - fixtures

BENCH = Path(__file__).parents[1] / "bench"


def run(script: str, *arguments: object) -> str:
    program = [sys.executable, str(BENCH / script), *map(str, arguments)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300, env={**os.environ})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_speed_of_both_models_is_printed(table: Path) -> None:  # noqa: F811
    assert "films a second" in run("speed.py", table, "--n", 50)


def test_the_bundles_can_be_made_from_a_table(table: Path, tmp_path: Path) -> None:  # noqa: F811
    run("make_bundles.py", table, "--only", "genre", "--target", tmp_path)
    assert "Limits" in (tmp_path / "genre" / "MODEL_CARD.md").read_text("utf-8")


def test_word_vectors_are_made_by_an_encoder(table: Path, tmp_path: Path, tiny_encoder: Path) -> None:  # noqa: F811
    assert "numbers to" in run("word_vectors.py", table, "--target", tmp_path / "w.npz", "--limit", 30)


def test_length_scales_are_learned_by_the_marginal_likelihood(table: Path) -> None:  # noqa: F811
    try:
        import torch  # noqa: F401
    except ImportError as error:
        missing("encoder", str(error))
    learned = json.loads(run("length_scales.py", table, "--films", 40, "--steps", 2))
    assert learned["scales"]["release_date:year"]
    assert FILMS.height == 150
