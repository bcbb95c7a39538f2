"""What changed between two models, and between the data of then and of now."""

from __future__ import annotations

import numpy as np
import polars as pl

from reel_driver.changes import compare, drift
from reel_driver.tasks import watch_pipeline
from reel_driver.train import TrainConfig, fit_bundle


def titles(n: int = 240, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "title_id": np.arange(n),
            "kind": ["movie"] * n,
            "title": [f"Film {i}" for i in range(n)],
            "release_year": rng.integers(1970, 2024, n),
            "original_language": rng.choice(["en", "fr"], n),
            "genre": [[g] for g in rng.choice(["Drama", "Western", "Comedy"], n)],
            "tmdb_rating": rng.uniform(3, 9, n).round(1),
            "tmdb_votes": rng.integers(1, 9000, n),
        }
    )


def likes(frame: pl.DataFrame, genre: str) -> pl.DataFrame:
    liked = frame["genre"].list.contains(genre)
    return frame.with_columns(verdict=pl.Series(np.where(liked, "would_watch", "would_not_watch")))


def test_titles_whose_verdict_flipped_are_named_with_what_they_were_and_are() -> None:
    frame = titles()
    plain = TrainConfig(search=False)
    before, _ = fit_bundle("watch", watch_pipeline("logistic"), likes(frame, "Western"), plain)
    after, _ = fit_bundle("watch", watch_pipeline("logistic"), likes(frame, "Comedy"), plain)
    labels = {"ann": likes(frame, "Comedy").select("title_id", "verdict")}
    found = compare(before, after, frame, labels, "ann")
    comedies = set(frame.filter(pl.col("genre").list.contains("Comedy"))["title_id"])
    westerns = set(frame.filter(pl.col("genre").list.contains("Western"))["title_id"])
    assert found.now_picked
    assert {f.title_id for f in found.now_picked} <= comedies
    assert {f.title_id for f in found.now_dropped} <= westerns
    assert all(f.label == "would_watch" and f.after > f.before for f in found.now_picked)
    assert {s.name for s in found.shifts[:2]} == {"Comedy", "Western"}
    (fit,) = found.profiles
    assert fit.before is not None
    assert fit.after is not None
    assert fit.before < 0.5 < 0.9 < fit.after


def test_a_model_compared_with_itself_has_changed_nothing() -> None:
    frame = titles()
    bundle, _ = fit_bundle("watch", watch_pipeline("logistic"), likes(frame, "Comedy"), TrainConfig(search=False))
    found = compare(bundle, bundle, frame, {}, "ann")
    assert (found.n_now_picked, found.n_now_dropped) == (0, 0)
    assert found.agreement > 0.9999


def test_data_drawn_alike_has_not_drifted_and_shifted_fields_are_named() -> None:
    fields = ("release_year", "tmdb_votes", "original_language", "genre")
    same = drift(titles(800, 1), titles(400, 2), fields)
    assert {f.verdict for f in same.fields} == {"the same"}
    assert same.verdict.startswith("Nothing has changed")
    shifted = titles(400, 2).with_columns(
        original_language=pl.lit("ko"), tmdb_votes=pl.lit(None, dtype=pl.Int64), genre=pl.lit(["Drama"])
    )
    found = drift(titles(800, 1), shifted, fields)
    assert {f.field for f in found.fields if f.verdict == "different"} == {"tmdb_votes", "original_language", "genre"}
    assert "train again" in found.verdict


def test_a_handful_of_titles_is_too_few_to_say() -> None:
    found = drift(titles(800, 1), titles(5, 2), ("release_year",))
    assert found.fields[0].verdict == "too few to say"
    assert "too few" in found.verdict
