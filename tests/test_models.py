"""Every pipeline on the menu keeps the contract of models; trees read by numpy say what the library says."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from model_contract import ModelContract
from reel_driver.errors import NotFound
from reel_driver.models import _MODULES, model_class
from reel_driver.models.calibrate import sigmoid
from reel_driver.models.forest import Forest, base_of_xgboost, forest_of_xgboost
from reel_driver.models.trees import TreeModel
from reel_driver.models.treeshap import paths_of, shapley_values
from reel_driver.tasks import WATCH, Pipeline, watch_pipeline


class TestEveryWatchPipeline(ModelContract):
    @pytest.fixture(scope="class", params=list(WATCH))
    @classmethod
    def pipeline(cls, request: pytest.FixtureRequest) -> Pipeline:
        return watch_pipeline(request.param)

    def test_it_stands_on_the_menu_under_its_own_name(self, pipeline: Pipeline) -> None:
        assert pipeline.name in WATCH
        assert pipeline.about

    def test_it_learns_from_as_few_labels_as_it_says(self, pipeline: Pipeline, labelled) -> None:
        from reel_driver.train import levels_of

        n = pipeline.learner.min_labels
        few = labelled.sort("verdict", "imdb_id").gather_every(labelled.height // n)[:n]
        spec = pipeline.recipe.fit(few)
        encoded = spec.encode_frame(few)
        model = pipeline.learner.fit(spec, encoded, levels_of(few["verdict"]), np.random.default_rng(0))
        assert np.isfinite(model.predict(encoded)[0]).all()


@pytest.mark.parametrize("kind", _MODULES)
def test_every_kind_of_model_that_can_be_saved_can_be_found_again(kind: str) -> None:
    assert model_class(kind).kind == kind


def test_a_kind_that_nobody_knows_is_a_key_error_and_a_name_off_the_menu_a_sentence() -> None:
    with pytest.raises(KeyError):
        model_class("os.system")
    with pytest.raises(NotFound, match="choose one of"):
        watch_pipeline("gut feeling")


@pytest.fixture(scope="module", params=[1, 5, 8, 9], ids=lambda depth: f"depth {depth}")
def booster(request: pytest.FixtureRequest):
    """Trees of one depth on numbers with many unknowns, and what they were grown on."""
    import xgboost

    rng = np.random.default_rng(request.param)
    x = rng.normal(size=(700, 12)).astype(np.float32)
    y = (np.nan_to_num(x[:, 0]) * x[:, 1] + rng.normal(size=700) > 0).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    x[:, 5] = np.round(x[:, 5])
    params = {"objective": "binary:logistic", "max_depth": request.param, "learning_rate": 0.2, "nthread": 1, "seed": 1}
    return xgboost.train(params, xgboost.DMatrix(x, label=y), num_boost_round=80), x


def read(trees) -> tuple[Forest, float]:
    described = json.loads(trees.save_raw("json"))
    return forest_of_xgboost(described), base_of_xgboost(described)


def test_numpy_reads_the_trees_as_the_library_does_to_the_last_bit(booster) -> None:
    trees, x = booster
    forest, base = read(trees)
    theirs = trees.inplace_predict(x, predict_type="margin")
    ours = forest.scores(x, base)
    np.testing.assert_allclose(sigmoid(ours.astype(np.float64)), sigmoid(theirs.astype(np.float64)), atol=1e-6)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(np.concatenate([forest.scores(row[None, :], base) for row in x]), ours)


@pytest.mark.parametrize("n", [0, 1, 2, 11, 12, 31, 32, 33, 64, 127, 128, 129])
def test_a_title_gets_the_same_score_in_whatever_company(booster, n: int) -> None:
    trees, x = booster
    forest, base = read(trees)
    np.testing.assert_array_equal(forest.scores(x[:n], base), forest.scores(x, base)[:n])


def test_a_value_right_on_a_threshold_goes_the_librarys_way(booster) -> None:
    import xgboost

    trees, x = booster
    forest, base = read(trees)
    inner = np.flatnonzero(forest.left != np.arange(len(forest.left)))
    rows = np.tile(x[:1], (len(inner), 1))
    rows[np.arange(len(rows)), forest.feature[inner]] = forest.threshold[inner]
    np.testing.assert_array_equal(forest.scores(rows, base), trees.predict(xgboost.DMatrix(rows), output_margin=True))


def test_numpy_explains_the_trees_as_the_library_does(booster) -> None:
    import xgboost

    trees, x = booster
    forest, base = read(trees)
    x = x[:100]
    ours = shapley_values(forest, paths_of(forest), x)
    ours[:, -1] += base
    theirs = trees.predict(xgboost.DMatrix(x), pred_contribs=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_tree_that_never_splits_is_a_constant() -> None:
    import xgboost

    x, y = np.zeros((8, 2), np.float32), np.array([0, 1] * 4, np.float32)
    trees = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, label=y), num_boost_round=3)
    forest, base = read(trees)
    assert forest.depth == 0
    assert np.ptp(forest.scores(np.ones((3, 2), np.float32), base)) == 0
    assert shapley_values(forest, paths_of(forest), x)[:, :-1].tolist() == np.zeros((8, 2)).tolist()


@pytest.mark.parametrize("fault", ["a circle", "a child nowhere", "another length", "endless depth"])
def test_arrays_that_are_no_trees_are_refused(booster, fault: str) -> None:
    forest, _ = read(booster[0])
    arrays, depth = {name: a.copy() for name, a in forest.arrays().items()}, forest.depth
    if fault == "a circle":
        arrays["left"][forest.left[0]] = 0
        arrays["right"][forest.left[0]] = 0
    elif fault == "a child nowhere":
        arrays["right"][0] = len(arrays["right"])
    elif fault == "another length":
        arrays["value"] = arrays["value"][:-1]
    else:
        depth = 10**12
    with pytest.raises(ValueError, match="tree"):
        Forest.from_arrays(arrays, depth)


def test_without_the_training_libraries_a_saved_model_still_scores_and_gives_its_reasons(labelled, tmp_path) -> None:
    pipeline = watch_pipeline("xgboost")
    from reel_driver.train import levels_of

    spec = pipeline.recipe.fit(labelled)
    encoded = spec.encode_frame(labelled)
    learner = pipeline.learner.configured({"n_estimators": 20})
    model = learner.fit(spec, encoded, levels_of(labelled["verdict"]), np.random.default_rng(0))
    assert isinstance(model, TreeModel)
    plain, arrays = model.state()
    np.savez(tmp_path / "model.npz", many=encoded, expected=model.predict(encoded)[0], **arrays)
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    program = f"""
import json, sys
for name in ("xgboost", "sklearn", "scipy", "polars", "pandas"):
    sys.modules[name] = None
import numpy as np
from reel_driver.models import model_class
arrays = dict(np.load({str(tmp_path / "model.npz")!r}))
many, expected = arrays.pop("many"), arrays.pop("expected")
model = model_class("xgboost").from_state(json.load(open({str(tmp_path / "plain.json")!r})), arrays)
assert np.abs(model.predict(many)[0] - expected).max() < 1e-5
assert np.abs(model.contributions(many[:3]).sum(axis=1) - expected[:3]).max() < 1e-4
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
