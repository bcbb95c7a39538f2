"""The studies behind the rating and genre models run: a fast try of each on invented films."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from test_rating_and_genre import table, tiny_encoder  # noqa: F401 - fixtures

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


def test_length_scales_are_learned_by_the_marginal_likelihood(
    table: Path,  # noqa: F811
    tiny_encoder: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    learned = json.loads(run("length_scales.py", table, "--films", 40, "--steps", 2))
    assert learned["scales"]["release_date:year"]
    assert len(learned["variances"]) == 3
    first = run("length_scales.py", table, "--features", "encoder", "--films", 40, "--steps", 2)
    (tmp_path / "first.json").write_text(first)
    again = json.loads(run("length_scales.py", table, "--features", "encoder", "--films", 60, "--steps", 1,
                           "--start", tmp_path / "first.json"))  # fmt: skip
    assert len(again["variances"]) == 5
    assert np.shape(again["text_scales"]) == (2, 2)
    ratio = again["scales"]["sentence_axis:0"][0] / json.loads(first)["scales"]["sentence_axis:0"][0]
    assert 0.9 < ratio < 1.1, "it goes on from where the first one stopped"
