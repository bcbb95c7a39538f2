"""From labelled titles to a bundle: honest figures beside their baselines, and refusals in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reel_driver.domain import VERDICTS
from reel_driver.errors import OneVerdictOnly, TooFewLabels
from reel_driver.evaluate import BASELINES, errors, out_of_fold
from reel_driver.metrics import HIGHER_IS_BETTER
from reel_driver.operations import learn
from reel_driver.operations.data import import_file, load_starter, prepare
from reel_driver.operations.workspace import Workspace
from reel_driver.schema import TITLE_SCHEMA, conform
from reel_driver.tasks import watch_pipeline
from reel_driver.train import TrainConfig, fingerprint, fit_bundle, levels_of

QUICK = TrainConfig(search=False, params={"n_estimators": 30})


def training_movies(shared_data: Path) -> pl.DataFrame:
    """The real person's table, movies only, under the names of a title's fields."""
    table = pl.read_parquet(shared_data / "reel-driver" / "training.parquet").with_columns(
        pl.col("media_type", "label").cast(pl.String)
    )
    movies = table.filter(pl.col("media_type") == "movie").rename({"media_title": "title", "media_type": "kind"})
    return conform(movies, TITLE_SCHEMA).with_columns(verdict=movies["label"])


def test_on_the_real_table_trees_reach_what_was_measured_with_every_baseline_beside_them(shared_data: Path) -> None:
    movies = training_movies(shared_data)
    assert movies.height == 3705
    # Parameters as they stand: the search within each fold takes longer and changes little.
    bundle, judged = fit_bundle("watch", watch_pipeline("xgboost"), movies, TrainConfig(search=False))
    card = judged.evaluation
    assert card.metrics["roc_auc"].value >= 0.989
    assert card.metrics["average_precision"].value >= 0.915
    assert card.n_folds == 5
    assert list(card.metrics) == list(HIGHER_IS_BETTER)
    assert set(card.baselines) == {"majority", *BASELINES.values()}
    for name, baseline in card.baselines.items():
        assert set(baseline) == set(HIGHER_IS_BETTER), name
        for metric, value in baseline.items():
            assert np.isfinite(value), (name, metric)
        for metric in ("roc_auc", "average_precision", "log_loss", "brier", "f1"):
            ours, better = card.metrics[metric].value, HIGHER_IS_BETTER[metric]
            assert (ours > baseline[metric]) == better, (name, metric)
    assert card.metrics["calibration_error"].value < 0.02
    assert card.confusion.tp + card.confusion.fn == card.n_watch == int((movies["verdict"] == "would_watch").sum())
    scored = bundle.score_frame(movies)
    np.testing.assert_allclose(
        scored["score"], np.concatenate([bundle.score_rows(movies[i : i + 400].to_dicts())[0] for i in range(0, 3705, 400)]),
        atol=1e-6,
    )  # fmt: skip


def test_two_and_three_verdicts_both_train(labelled: pl.DataFrame) -> None:
    three, _ = fit_bundle("watch", watch_pipeline("logistic"), labelled, TrainConfig(search=False))
    assert all(three.about["verdicts"][v.value] > 0 for v in VERDICTS)
    two = labelled.with_columns(verdict=pl.col("verdict").replace("would_watch_again", "would_watch"))
    bundle, judged = fit_bundle("watch", watch_pipeline("logistic"), two, TrainConfig(search=False))
    assert bundle.about["verdicts"]["would_watch_again"] == 0
    assert judged.evaluation.n_watch == int((levels_of(labelled["verdict"]) > 0).sum())


def test_the_same_labels_and_seed_give_the_same_bundle_in_any_order(labelled: pl.DataFrame, bundle) -> None:
    config = TrainConfig(search=False, params={"n_estimators": 40})
    again, _ = fit_bundle("watch", watch_pipeline("xgboost"), labelled, config)
    assert again.score_frame(labelled).equals(bundle.score_frame(labelled))
    assert again.threshold == bundle.threshold
    assert fingerprint(labelled, "xgboost", QUICK) == fingerprint(labelled.reverse(), "xgboost", QUICK)


def test_the_fingerprint_changes_with_labels_facts_and_settings(labelled: pl.DataFrame) -> None:
    mark = fingerprint(labelled, "xgboost", QUICK)
    turned = labelled.with_columns(
        verdict=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("would_watch_again")).otherwise("verdict")
    )
    older = labelled.with_columns(release_year=pl.col("release_year") - 1)
    marks = {
        fingerprint(turned, "xgboost", QUICK),
        fingerprint(older, "xgboost", QUICK),
        fingerprint(labelled[1:], "xgboost", QUICK),
        fingerprint(labelled, "logistic", QUICK),
        fingerprint(labelled, "xgboost", replace(QUICK, seed=1)),
        fingerprint(labelled, "xgboost", replace(QUICK, cost_missed=3.0)),
        fingerprint(labelled, "xgboost", replace(QUICK, search=True)),
        fingerprint(labelled, "xgboost", replace(QUICK, params={"n_estimators": 31})),
    }
    assert len(marks | {mark}) == 9


def test_no_title_is_predicted_by_a_model_that_has_seen_it(labelled: pl.DataFrame) -> None:
    """A label that was turned round does not change what its own fold was told."""
    levels = levels_of(labelled["verdict"])
    pipeline = watch_pipeline("logistic")
    before = out_of_fold(pipeline, labelled, levels, np.random.default_rng(0))
    i = int(np.flatnonzero(levels == 1)[0])
    turned = levels.copy()
    turned[i] = 2  # the same side, another level: the folds stay what they are only if drawn alike
    after = out_of_fold(pipeline, labelled, levels, np.random.default_rng(0))
    np.testing.assert_array_equal(before.raw, after.raw)
    assert set(np.unique(before.folds)) == set(range(5))
    seen = labelled.with_columns(
        overview=pl.when(pl.int_range(pl.len()) == i).then(pl.lit("zyzzyva " * 30)).otherwise("overview")
    )
    spied = out_of_fold(pipeline, seen, levels, np.random.default_rng(0))
    others = (before.folds != before.folds[i]) | (np.arange(len(levels)) == i)
    same_fold = ~others
    np.testing.assert_allclose(spied.raw[same_fold], before.raw[same_fold], atol=1e-9)


def test_false_positives_and_negatives_are_the_ones_of_the_confusion_matrix(labelled: pl.DataFrame) -> None:
    _, judged = fit_bundle("watch", watch_pipeline("logistic"), labelled, TrainConfig(search=False))
    positives, negatives = errors(judged, labelled, levels_of(labelled["verdict"]))
    assert positives.height == judged.evaluation.confusion.fp
    assert negatives.height == judged.evaluation.confusion.fn
    assert positives["probability"].is_sorted(descending=True)
    assert negatives["probability"].is_sorted()


@pytest.mark.parametrize("name", ["xgboost", "logistic"])
def test_fewer_labels_than_a_model_needs_are_one_sentence(labelled: pl.DataFrame, name: str) -> None:
    with pytest.raises(TooFewLabels, match="There are 4 labels to train on and this model needs at least 5"):
        fit_bundle("watch", watch_pipeline(name), labelled[:4])


@pytest.mark.parametrize("name", ["xgboost", "logistic"])
def test_labels_that_all_say_the_same_are_one_sentence(labelled: pl.DataFrame, name: str) -> None:
    liked = labelled.filter(pl.col("verdict") != "would_not_watch")
    with pytest.raises(OneVerdictOnly, match="nothing to tell apart") as refusal:
        fit_bundle("watch", watch_pipeline(name), liked)
    assert "would watch" in str(refusal.value)
    with pytest.raises(OneVerdictOnly, match="would not watch"):
        fit_bundle("watch", watch_pipeline(name), labelled.filter(pl.col("verdict") == "would_not_watch"))


def test_five_labels_are_enough_for_a_model_that_says_so(labelled: pl.DataFrame) -> None:
    few = pl.concat(
        [
            labelled.filter(pl.col("verdict") == "would_not_watch")[:3],
            labelled.filter(pl.col("verdict") == "would_watch")[:2],
        ]
    )
    bundle, judged = fit_bundle("watch", watch_pipeline("xgboost"), few)
    assert judged.evaluation.n_folds == 2
    score = bundle.score_row({})
    assert 0 <= score.lower <= score.score <= score.upper <= 1


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory):
    with Workspace(tmp_path_factory.mktemp("home"), "starter") as work:
        load_starter(work)
        yield work


def test_training_writes_the_bundle_the_results_and_the_errors_and_then_nothing_changes(work: Workspace) -> None:
    trained = learn.train(work, config=QUICK)
    assert trained.is_new
    assert trained.bundle.version == "v0001"
    names = ["watch_training.parquet", "watch_results.parquet", "false_positives.json", "false_negatives.json"]
    assert [p.name for p in trained.outputs] == names
    results = pl.read_parquet(work.data("watch_results.parquet"))
    training = pl.read_parquet(work.data("watch_training.parquet"))
    assert results.height == training.height == trained.scorecard["n_titles"]
    assert results["probability"].is_between(0, 1).all()
    assert results["fold"].n_unique() == trained.scorecard["n_folds"]
    wrong = json.loads(work.data("false_positives.json").read_bytes())
    assert len(wrong) == trained.scorecard["confusion"]["fp"]
    assert all(w["verdict"] == "would_not_watch" for w in wrong)

    again = learn.train(work, config=QUICK)
    assert not again.is_new
    assert again.bundle.version == "v0001"
    assert again.outputs == ()
    assert work.registry.versions(work.watch_name) == ["v0001"]
    forced = learn.train(work, config=QUICK, force=True)
    assert forced.bundle.version == "v0002"
    assert forced.bundle.score_row({}).score == trained.bundle.score_row({}).score
    assert learn.evaluate(work, config=QUICK)["metrics"].keys() == HIGHER_IS_BETTER.keys()


def test_a_damaged_champion_is_trained_again(work: Workspace) -> None:
    trained = learn.train(work, config=QUICK)
    (work.registry.folder(work.watch_name) / "arrays.npz").write_bytes(b"")
    again = learn.train(work, config=QUICK)
    assert again.is_new
    assert again.bundle.version > trained.bundle.version
    work.registry.load(work.watch_name)


def test_a_profile_without_labels_is_told_how_to_get_some(work: Workspace) -> None:
    work.store.ensure_profile("newcomer", "")
    with Workspace(work.home, "newcomer") as newcomer, pytest.raises(TooFewLabels, match="reel labels set"):
        learn.train(newcomer)


def test_shows_anomalous_labels_and_a_models_own_are_left_out_and_reported(tmp_path: Path) -> None:
    rows = [
        f"tt00000{i:02d},Film {i},{1980 + i},{kind},{'would_watch' if i % 2 else 'would_not_watch'},{anomalous},{human},{reviewed}"
        for i, (kind, anomalous, human, reviewed) in enumerate(
            [("movie", "false", "true", "false")] * 8
            + [("tv_show", "false", "true", "false")] * 3
            + [("movie", "true", "true", "true")] * 2
            + [("movie", "false", "false", "false")] * 4
            + [("movie", "false", "false", "true")] * 1
        )
    ]
    path = tmp_path / "labels.csv"
    path.write_text("imdb_id,title,release_year,media_type,label,anomalous,human_labeled,reviewed\n" + "\n".join(rows))
    with Workspace(tmp_path / "home", "me") as work:
        import_file(work, path)
        _, kept, left_out = prepare(work)
        assert left_out == {"anomalous": 2, "decided by a model": 4, "shows": 3}
        assert kept.height == 9
        _, kept, left_out = prepare(work, include_model_labels=True)
        assert left_out == {"anomalous": 2, "shows": 3}
        assert kept.height == 13
