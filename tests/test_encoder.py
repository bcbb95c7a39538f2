"""The real sentence encoder: what it says, what is learned with it, and what happens where a part of it lacks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reel_driver import genres, menu, ratings
from reel_driver.bundle import load, save
from reel_driver.errors import BundleCorrupt, EncoderMissing, ExtraMissing
from reel_driver.features.encoder import Encoder, encoder_folder
from reel_driver.features.sentence import SentenceVector
from reel_driver.features.spec import FeatureSpec
from reel_driver.models.genre import EncoderGenreLearner
from reel_driver.operations.films import film_of
from reel_driver.registry import Registry
from reel_driver.web.live import Live
from test_rating_and_genre import FILMS, tiny_encoder  # noqa: F401 - a fixture


def test_the_published_network_says_what_its_model_card_says(published_encoder: Path) -> None:
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = Encoder.load(published_encoder).encode(texts)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (vectors[1:] @ vectors[0]).tolist() == pytest.approx([0.695, 0.943, 0.257], abs=2e-3)


def test_genres_are_told_by_words_that_no_training_film_used(published_encoder: Path, tmp_path: Path) -> None:
    learner = EncoderGenreLearner().configured({"epochs": 2})
    bundle = genres.fit_bundle(learner, FILMS)
    save(bundle, tmp_path / "v0001")
    again = load(tmp_path / "v0001")
    unseen = {
        "Horror": "An evil spirit frightens a family in their old mansion.",
        "Romance": "They are in a tender relationship and plan their marriage.",
        "War": "Troops and tanks fight at the front line.",
    }
    for genre, text in unseen.items():
        said = dict(again.genres(text))
        assert said.pop(genre) > max(p for g, p in said.items() if g != "Drama"), genre
        assert dict(bundle.genres(text)) == pytest.approx(dict(again.genres(text)), abs=1e-4)


def test_a_row_and_a_frame_are_encoded_alike_and_a_saved_block_is_the_same(tiny_encoder: Path) -> None:  # noqa: F811
    spec = FeatureSpec((SentenceVector(n_axes=3),)).fit(FILMS)
    frame = pl.concat(
        [FILMS.select("title", "overview")[:30], pl.DataFrame({"title": [None, ""], "overview": [None, None]})]
    )
    plain, arrays = spec.state()
    again = FeatureSpec.from_state(json.loads(json.dumps(plain)), arrays)
    by_frame = spec.encode_frame(frame)
    assert by_frame.shape == (32, 16 + 3)
    assert np.isnan(by_frame[30]).all()
    assert np.isfinite(np.delete(by_frame, 30, axis=0)).all()
    assert again.encode_rows(frame.to_dicts()) == pytest.approx(by_frame, abs=1e-5, nan_ok=True)


def test_a_rating_is_told_by_words_that_no_training_film_used(published_encoder: Path, tmp_path: Path) -> None:
    films = FILMS.with_columns(genre=pl.lit(None, pl.List(pl.String)))
    bundle = ratings.fit_bundle(menu.rating_pipeline("encoder"), films)
    save(bundle, tmp_path / "v0001")
    again = load(tmp_path / "v0001")
    good = film_of(title="Troops", overview="Troops and tanks fight at the front line.", release_date="1985")
    bad = film_of(title="Evil", overview="An evil spirit frightens a family in their mansion.", release_date="1985")
    assert again.score_row(good).score > again.score_row(bad).score + 0.5
    assert again.score_row(good).score == pytest.approx(bundle.score_row(good).score, abs=1e-4)
    assert 0 <= again.score_row({}).score <= 10
    out_of_fold = bundle.about["evaluation"]["out_of_fold"]["rmse"]
    assert out_of_fold < 0.8 * bundle.about["evaluation"]["mean"]["rmse"]


def test_the_encoder_is_found_by_its_setting_or_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / "abc"
    kept.mkdir(parents=True)
    (kept / "model.safetensors").touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("REEL_ENCODER", "")
    assert encoder_folder() == kept
    monkeypatch.setenv("REEL_ENCODER", str(tmp_path))
    with pytest.raises(EncoderMissing, match=r"has no model\.safetensors.*hf download.*REEL_ENCODER"):
        encoder_folder()
    monkeypatch.setenv("REEL_ENCODER", str(kept))
    assert encoder_folder() == kept


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_broken_folder_is_refused_in_a_sentence(broken: str, tiny_encoder: Path) -> None:  # noqa: F811
    (tiny_encoder / broken).write_text("{")
    with pytest.raises(EncoderMissing, match="cannot be read"):
        Encoder.load(tiny_encoder)


def test_serving_a_bundle_with_an_encoder_without_the_extra_says_what_to_install(
    tiny_encoder: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = Registry(tmp_path / "models")
    registry.add("genre", genres.fit_bundle(EncoderGenreLearner().configured({"epochs": 1}), FILMS))
    registry.add("rating", ratings.fit_bundle(menu.rating_pipeline("encoder"), FILMS))
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("genre", "rating"):
        with pytest.raises(ExtraMissing, match=r"reel-driver\[encoder\]"):
            registry.load(name)
        live = Live(registry, name)
        assert not live.refresh()
        assert "reel-driver[encoder]" in live.problem


def test_a_bundle_whose_network_was_changed_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:  # noqa: F811
    bundle = ratings.fit_bundle(menu.rating_pipeline("encoder"), FILMS)
    encoder = bundle.spec.blocks[-1].encoder
    encoder.changed({n: w * 1.5 for n, w in encoder.weights.items()})
    save(bundle, tmp_path / "v0001")
    with pytest.raises(BundleCorrupt, match="its own test titles"):
        load(tmp_path / "v0001")


def test_the_encoder_models_ask_for_the_extra_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    monkeypatch.setenv("REEL_ENCODER", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ExtraMissing, match=r"reel-driver\[encoder\]"):
        ratings.fit(menu.rating_pipeline("encoder"), FILMS, np.random.default_rng(0))
