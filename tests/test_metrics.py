"""The figures of a scorecard, against scikit-learn and against counting everything."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from reel_driver import metrics

cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 30)).map(
    lambda case: _random_case(*case)
)


def _random_case(seed: int, n: int, n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities of which many are equal."""
    rng = np.random.default_rng(seed)
    return rng.random(n) < rng.uniform(0.1, 0.9), rng.integers(0, n_values + 1, n) / n_values


@settings(max_examples=150, deadline=None)
@given(case=cases)
def test_ranking_figures_agree_with_scikit_learn_on_data_with_ties(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probability = case
    assume(truth.any() and not truth.all())
    assert metrics.roc_auc(truth, probability) == pytest.approx(theirs.roc_auc_score(truth, probability), abs=1e-12)
    assert metrics.average_precision(truth, probability) == pytest.approx(
        theirs.average_precision_score(truth, probability), abs=1e-12
    )


@settings(max_examples=150, deadline=None)
@given(case=cases, threshold=st.sampled_from((0.0, 0.25, 0.5, 1.0, 1.1)))
def test_figures_at_a_threshold_agree_with_scikit_learn(case, threshold: float) -> None:
    truth, probability = case
    counts = metrics.confusion(truth, probability, threshold)
    picked = probability >= threshold
    tn, fp, fn, tp = theirs.confusion_matrix(truth, picked, labels=[False, True]).ravel()
    assert counts == metrics.Confusion(tp, fp, fn, tn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert counts.accuracy == pytest.approx(theirs.accuracy_score(truth, picked))
        assert counts.precision == pytest.approx(theirs.precision_score(truth, picked, zero_division=0))
        assert counts.recall == pytest.approx(theirs.recall_score(truth, picked, zero_division=0))
        assert counts.f1 == pytest.approx(theirs.f1_score(truth, picked, zero_division=0))


@settings(max_examples=100, deadline=None)
@given(case=cases)
def test_log_loss_and_brier_agree_with_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probability = case
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    assert metrics.log_loss(truth, probability) == pytest.approx(theirs.log_loss(truth, sure, labels=[False, True]))
    assert metrics.brier(truth, probability) == pytest.approx(
        theirs.brier_score_loss(truth, probability, pos_label=True) if truth.any() else np.mean(probability**2)
    )


@settings(max_examples=150, deadline=None)
@given(case=cases, missed=st.sampled_from((0.1, 1.0, 2.0, 7.0)), wasted=st.sampled_from((0.5, 1.0, 3.0)))
def test_no_other_threshold_costs_less(case, missed: float, wasted: float) -> None:
    truth, probability = case

    def cost(threshold: float) -> float:
        counts = metrics.confusion(truth, probability, threshold)
        return missed * counts.fn + wasted * counts.fp

    chosen = metrics.cheapest_threshold(truth, probability, missed, wasted)
    every = [0.0, *np.unique(probability), 1.1]
    assert cost(chosen) <= min(map(cost, every)) + 1e-9


def test_of_thresholds_that_cost_the_same_the_one_nearest_to_break_even_is_taken() -> None:
    truth, probability = np.array([False, True]), np.array([0.1, 0.9])
    assert metrics.cheapest_threshold(truth, probability, 1, 1) == pytest.approx(0.5)
    never, sure = np.array([False, False]), np.array([0.2, 0.4])
    assert metrics.cheapest_threshold(never, sure, 1, 1) > 0.4


def test_a_dearer_miss_never_raises_the_threshold() -> None:
    truth, probability = _random_case(3, 200, 50)
    chosen = [metrics.cheapest_threshold(truth, probability, missed, 1.0) for missed in (0.1, 0.5, 1, 2, 5, 50)]
    assert chosen == sorted(chosen, reverse=True)


def test_with_one_class_ranking_is_not_a_number_and_nothing_breaks() -> None:
    probability = np.array([0.2, 0.4])
    assert math.isnan(metrics.roc_auc(np.array([True, True]), probability))
    assert math.isnan(metrics.roc_auc(np.array([False, False]), probability))
    assert math.isnan(metrics.average_precision(np.array([False, False]), probability))
    assert metrics.all_metrics(np.array([False, False]), probability, 0.5)["precision"] == 0


@settings(max_examples=60, deadline=None)
@given(case=cases, n_bins=st.integers(1, 12))
def test_reliability_bins_hold_every_title_once_in_order(case, n_bins: int) -> None:
    truth, probability = case
    bins = metrics.reliability(truth, probability, n_bins)
    assert sum(b.n_titles for b in bins) == len(truth)
    assert sum(b.n_titles * b.observed for b in bins) == pytest.approx(truth.sum())
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    assert 0 <= metrics.calibration_error(truth, probability, n_bins) <= 1


def test_the_calibration_error_of_probabilities_that_are_true_is_small_and_of_boasts_is_not() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    truth = rng.random(20_000) < probability
    assert metrics.calibration_error(truth, probability) < 0.02
    boast = np.where(probability > 0.5, 0.99, 0.01)
    assert metrics.calibration_error(truth, boast) == pytest.approx(0.24, abs=0.02)


def test_every_figure_has_an_interval_around_it_and_the_same_seed_gives_the_same_one() -> None:
    truth, probability = _random_case(1, 150, 40)
    card = metrics.bootstrapped(truth, probability, 0.5, np.random.default_rng(0))
    assert list(card) == list(metrics.HIGHER_IS_BETTER) == list(metrics.all_metrics(truth, probability, 0.5))
    for name, metric in card.items():
        assert metric.lower <= metric.upper, name
        if name != "calibration_error":  # resampling makes bins rougher, so its interval may lie above
            assert metric.lower <= metric.value <= metric.upper, name
    assert card == metrics.bootstrapped(truth, probability, 0.5, np.random.default_rng(0))


def test_nothing_is_divided_by_nothing_with_numbers_wherever_they_can_be_given() -> None:
    truth = np.array([True] + [False] * 30)
    card = metrics.bootstrapped(truth, np.linspace(0, 1, 31), 0.5, np.random.default_rng(0))
    for name, metric in card.items():
        assert math.isfinite(metric.lower), name
        assert math.isfinite(metric.upper), name
