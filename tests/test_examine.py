"""The model from all sides, on an invented person whose taste is known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from reel_driver.bundle import Bundle
from reel_driver.evaluate import Judged
from reel_driver.examine import Examination, examine
from reel_driver.examine.curves import LearningPoint, worth_of_more
from reel_driver.tasks import watch_pipeline
from reel_driver.train import TrainConfig, fit_bundle, levels_of


@pytest.fixture(scope="module")
def person() -> pl.DataFrame:
    """Watches what has many votes; the label of title 7 is wrong."""
    rng = np.random.default_rng(5)
    n = 300
    votes = np.exp(rng.normal(6, 2, n)).astype(int)
    watch = np.log(votes + 1) + rng.normal(0, 0.5, n) > 7
    votes[7], watch[7] = 400_000, False
    return pl.DataFrame(
        {
            "title_id": np.arange(n),
            "imdb_id": [f"tt{i:07d}" if i % 2 else None for i in range(n)],
            "kind": ["movie"] * n,
            "title": [f"Film {i}" for i in range(n)],
            "release_year": rng.integers(1960, 2024, n),
            "genre": [[g] for g in rng.choice(["Drama", "Comedy"], n)],
            "original_language": ["en"] * n,
            "tmdb_votes": votes,
            "decided_by": ["person"] * n,
            "verdict": np.where(watch, "would_watch", "would_not_watch"),
        }
    )


@pytest.fixture(scope="module")
def made(person: pl.DataFrame) -> tuple[Bundle, Judged, Examination]:
    pipeline = watch_pipeline("logistic")
    bundle, judged = fit_bundle("watch", pipeline, person, TrainConfig(search=False))
    levels = levels_of(person["verdict"])
    found = examine(bundle, judged, pipeline, person, levels, np.random.default_rng(0), profile="ann")
    return bundle, judged, found


def test_the_wrong_label_is_the_most_surprising_error_and_comes_with_its_commands(
    made: tuple[Bundle, Judged, Examination],
) -> None:
    worst = made[2].false_positives[0]
    assert worst.title == "Film 7"
    assert worst.correct == "reel -p ann labels set tt0000007 would_watch"
    assert worst.keep_out == "reel -p ann labels anomalous tt0000007"
    assert any("votes" in phrase for phrase in worst.reasons_for)


def test_a_title_without_an_imdb_id_is_named_by_its_number_as_the_shell_takes_it(
    made: tuple[Bundle, Judged, Examination],
) -> None:
    refs = {m.ref: m.correct for m in (*made[2].false_positives, *made[2].false_negatives)}
    assert all(f"'{ref}'" in command for ref, command in refs.items() if ref.startswith("#"))


def test_errors_are_those_of_the_confusion_matrix(made: tuple[Bundle, Judged, Examination]) -> None:
    _, judged, found = made
    assert found.n_false_positives == judged.evaluation.confusion.fp
    assert found.n_false_negatives == judged.evaluation.confusion.fn
    chosen = [t for t in found.thresholds if t.is_chosen]
    assert [(t.fp, t.fn) for t in chosen] == [(found.n_false_positives, found.n_false_negatives)]
    assert chosen[0].cost == min(t.cost for t in found.thresholds)


def test_votes_are_what_it_goes_by(made: tuple[Bundle, Judged, Examination]) -> None:
    effects = made[2].effects
    assert effects[0].field == "tmdb_votes"
    parts = [part for _, part, _ in effects[0].levels]
    assert parts[0] < 0 < parts[-1]


def test_every_slice_counts_its_own_titles(made: tuple[Bundle, Judged, Examination], person: pl.DataFrame) -> None:
    by_genre = {s.name: s.n for s in made[2].slices if s.by == "genre"}
    assert by_genre == dict(person["genre"].explode().value_counts().rows())


def test_curves_start_and_end_where_they_must_and_all_is_plain_json(made: tuple[Bundle, Judged, Examination]) -> None:
    found = made[2]
    assert found.roc[0].points[0] == (0.0, 0.0)
    assert found.roc[0].points[-1] == (1.0, 1.0)
    assert found.precision_recall[0].points[-1][0] == 1.0
    assert [c.name for c in found.roc] == ["model", "by TMDB votes"]
    assert json.loads(json.dumps(found.plain()))["profile"] == "ann"


def test_more_labels_are_worth_more_where_the_curve_still_climbs() -> None:
    def curve(*values: float) -> list[LearningPoint]:
        return [LearningPoint(n, v, 0.9, 0.01) for n, v in zip((50, 100, 200), values, strict=True)]

    steep, flat = worth_of_more(curve(0.5, 0.6, 0.67), 20), worth_of_more(curve(0.66, 0.665, 0.67), 20)
    assert steep is not None
    assert flat is not None
    assert steep > flat > 0
    assert worth_of_more(curve(0.5, 0.6, 0.67)[:1], 20) is None
