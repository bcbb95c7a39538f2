"""What every kind of model promises. A test class inherits it and says which learner and spec it is about."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
import pytest

from reel_driver.features.spec import FeatureSpec
from reel_driver.models import AsksFew, Learner, Model, model_class
from reel_driver.tasks import Pipeline


class ModelContract:
    """Inherit this, and give a `pipeline` fixture and, for other tasks than watch, `frame` and `target`."""

    @pytest.fixture(scope="class")
    @classmethod
    def pipeline(cls) -> Pipeline:
        raise NotImplementedError("say which pipeline this is about")

    @pytest.fixture(scope="class")
    @classmethod
    def frame(cls, labelled: pl.DataFrame) -> pl.DataFrame:
        return labelled

    @pytest.fixture(scope="class")
    @classmethod
    def target(cls, frame: pl.DataFrame) -> np.ndarray:
        from reel_driver.train import levels_of

        return levels_of(frame["verdict"])

    @pytest.fixture(scope="class")
    @classmethod
    def learner(cls, pipeline: Pipeline) -> Learner:
        return pipeline.learner

    @pytest.fixture(scope="class")
    @classmethod
    def spec(cls, pipeline: Pipeline, frame: pl.DataFrame) -> FeatureSpec:
        return pipeline.recipe.fit(frame)

    @pytest.fixture(scope="class")
    @classmethod
    def encoded(cls, spec: FeatureSpec, frame: pl.DataFrame) -> np.ndarray:
        return spec.encode_frame(frame)

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, learner: Learner, spec: FeatureSpec, encoded: np.ndarray, target: np.ndarray) -> Model:
        return learner.fit(spec, encoded, target, np.random.default_rng(0))

    def test_it_scores_each_title_once(self, model: Model, encoded: np.ndarray) -> None:
        for n in (0, 1, 2, len(encoded)):
            raw, spread = model.predict(encoded[:n])
            assert raw.shape == (n,)
            assert raw.dtype == np.float64
            assert np.isfinite(raw).all()
            if spread is not None:
                assert spread.shape == (n,)
                assert (spread >= 0).all()

    def test_a_title_scores_the_same_alone_and_among_others(self, model: Model, encoded: np.ndarray) -> None:
        many = np.tile(encoded, (1 + 600 // len(encoded), 1))
        alone = np.concatenate([model.predict(encoded[i : i + 1])[0] for i in range(len(encoded))])
        np.testing.assert_allclose(model.predict(encoded)[0], alone, atol=1e-6)
        np.testing.assert_allclose(model.predict(many)[0][: len(encoded)], alone, atol=1e-5)

    def test_it_has_learned_something(self, model: Model, encoded: np.ndarray, target: np.ndarray) -> None:
        raw = model.predict(encoded)[0]
        assert raw[target > np.median(target)].mean() > raw[target <= np.median(target)].mean()

    def test_the_parts_of_a_score_add_up_to_it(self, model: Model, encoded: np.ndarray) -> None:
        rows = np.vstack([encoded, np.full((1, encoded.shape[1]), np.nan, np.float32)])
        parts = model.contributions(rows)
        assert parts.shape == (len(rows), encoded.shape[1] + 1)
        np.testing.assert_allclose(parts.sum(axis=1), model.predict(rows)[0], atol=1e-4)

    def test_a_title_of_which_nothing_is_known_scores(self, model: Model, spec: FeatureSpec) -> None:
        raw, _ = model.predict(spec.encode_row({})[None, :])
        assert np.isfinite(raw).all()

    def test_a_title_of_unheard_of_kind_and_absurd_size_scores(self, model: Model, spec: FeatureSpec) -> None:
        row: dict[str, Any] = {
            "genre": ["Telenovela"], "original_language": "qq", "overview": "\N{PILE OF POO}", "release_year": 2100,
            "budget": 10**13, "tmdb_votes": 0, "production_companies": [],
        }  # fmt: skip
        assert np.isfinite(model.predict(spec.encode_row(row)[None, :])[0]).all()

    def test_it_scores_the_same_from_nothing_but_the_columns_that_it_asks_about(
        self, model: Model, spec: FeatureSpec, frame: pl.DataFrame, encoded: np.ndarray
    ) -> None:
        if not isinstance(model, AsksFew):
            pytest.skip("it asks about every column")
        few, columns = spec.narrowed(model.asks(spec.width))
        short = few.encode_frame(frame)
        np.testing.assert_array_equal(short, encoded[:, columns])
        np.testing.assert_array_equal(few.encode_rows(frame.to_dicts()), short)
        assert few.names == tuple(spec.names[c] for c in columns)
        narrow = model.on(columns, spec.width)
        for n in (1, 2, len(encoded)):
            np.testing.assert_allclose(narrow.predict(short[:n])[0], model.predict(encoded[:n])[0], atol=1e-12)

    def test_what_was_saved_is_loaded_as_the_same_model(self, model: Model, encoded: np.ndarray) -> None:
        plain, arrays = model.state()
        assert not [name for name, a in arrays.items() if a.dtype.hasobject]
        loaded = model_class(model.kind).from_state(json.loads(json.dumps(plain)), arrays)
        np.testing.assert_array_equal(loaded.predict(encoded)[0], model.predict(encoded)[0])
        np.testing.assert_array_equal(loaded.contributions(encoded), model.contributions(encoded))

    def test_the_same_seed_gives_the_same_model(
        self, learner: Learner, spec: FeatureSpec, encoded: np.ndarray, target: np.ndarray, model: Model
    ) -> None:
        again = learner.fit(spec, encoded, target, np.random.default_rng(0))
        np.testing.assert_array_equal(again.predict(encoded)[0], model.predict(encoded)[0])

    def test_learning_leaves_its_input_alone(
        self, learner: Learner, spec: FeatureSpec, encoded: np.ndarray, target: np.ndarray
    ) -> None:
        before, levels = encoded.copy(), target.copy()
        learner.fit(spec, encoded, target, np.random.default_rng(1)).predict(encoded)
        np.testing.assert_array_equal(encoded, before)
        np.testing.assert_array_equal(target, levels)

    def test_it_may_be_asked_from_several_threads(self, model: Model, encoded: np.ndarray) -> None:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: model.predict(encoded)[0], range(8)))
        for answer in answers:
            np.testing.assert_array_equal(answer, answers[0])

    def test_its_parameters_can_be_changed_and_are_plain(self, learner: Learner) -> None:
        assert json.loads(json.dumps(dict(learner.params))) == dict(learner.params)
        for params in learner.grid:
            assert set(params) <= set(learner.params)
            changed = learner.configured(params)
            assert {k: changed.params[k] for k in params} == dict(params)
            assert changed.name == learner.name
            assert changed.min_labels == learner.min_labels >= 2
