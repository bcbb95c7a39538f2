"""Raw scores become probabilities that mean what they say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reel_driver.metrics import calibration_error, log_loss
from reel_driver.models.calibrate import Calibration, cross_calibrated, fit_calibration, logit, sigmoid


def drawn(n: int, slope: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores, and what was true where probability = sigmoid(slope * raw + shift)."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, n)
    return raw, rng.random(n) < sigmoid(slope * raw + shift)


def test_sigmoid_and_logit_undo_each_other_and_never_overflow() -> None:
    x = np.array([-15.0, -1, 0, 0.3, 15])
    np.testing.assert_allclose(logit(sigmoid(x)), x, atol=1e-6)
    assert sigmoid(np.array([-1e9, 1e9])).tolist() == [0, 1]
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.3, -1.0), (2.5, 1.5)])
def test_the_map_that_made_the_labels_is_found_again(slope: float, shift: float) -> None:
    found = fit_calibration(*drawn(20_000, slope, shift))
    assert found.slope == pytest.approx(slope, rel=0.1)
    assert found.shift == pytest.approx(shift, abs=0.1)


def test_boastful_scores_are_brought_down_and_their_calibration_error_with_them() -> None:
    raw, truth = drawn(4000, 0.25, 0.0)
    probability = fit_calibration(raw, truth)(raw, None)[0]
    assert calibration_error(truth, probability) < 0.5 * calibration_error(truth, sigmoid(raw))
    assert log_loss(truth, probability) < log_loss(truth, sigmoid(raw))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 80), scale=st.sampled_from((0.0, 0.01, 1.0, 30.0)))
def test_whatever_the_labels_the_order_stays_and_the_interval_holds_the_probability(
    seed: int, n: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1, n) * scale
    truth = rng.random(n) < 0.5
    found = fit_calibration(raw, truth)
    assert found.slope > 0
    p, lower, upper = found(np.sort(raw), None)
    assert np.isfinite([p, lower, upper]).all()
    assert (np.diff(p) >= 0).all()
    assert (lower <= p).all()
    assert (p <= upper).all()
    assert (lower >= 0).all()
    assert (upper <= 1).all()


def test_scores_that_point_the_wrong_way_are_flattened_and_not_turned_round() -> None:
    raw, truth = drawn(500, -1.0, 0.0)
    found = fit_calibration(raw, truth)
    assert 0 < found.slope <= 0.1


def test_a_handful_of_labels_does_not_bend_the_map() -> None:
    found = fit_calibration(np.array([-1.0, 1.0]), np.array([False, True]))
    assert 0.5 < found.slope < 2
    assert abs(found.shift) < 1


def test_a_model_that_knows_its_spread_gets_intervals_as_wide() -> None:
    found = Calibration(slope=2.0, shift=0.0)
    p, lower, upper = found(np.zeros(3), np.array([0.0, 0.5, 1.0]))
    assert p.tolist() == [0.5, 0.5, 0.5]
    assert upper[0] == lower[0] == 0.5
    np.testing.assert_allclose(logit(upper[1:]), 1.6448536 * 2 * np.array([0.5, 1.0]), atol=1e-6)
    np.testing.assert_allclose(lower, 1 - upper)


def test_fewer_labels_give_wider_intervals() -> None:
    width = []
    for n in (100, 1000, 10_000):
        raw, truth = drawn(n, 1.0, 0.0)
        _, lower, upper = fit_calibration(raw, truth)(np.array([0.0]), None)
        width.append(float(upper[0] - lower[0]))
    assert width == sorted(width, reverse=True)


def test_the_interval_holds_the_true_share_of_titles_of_like_score_about_nine_times_in_ten() -> None:
    inside = []
    at = np.linspace(-2, 2, 9)
    for seed in range(60):
        raw, truth = drawn(400, 1.0, 0.0, seed)
        _, lower, upper = fit_calibration(raw, truth)(at, None)
        true = sigmoid(at)
        inside.append((lower <= true) & (true <= upper))
    assert np.mean(inside) >= 0.88


def test_what_was_saved_is_loaded_as_the_same_map() -> None:
    found = fit_calibration(*drawn(300, 0.7, 0.2))
    plain, arrays = found.state()
    loaded = Calibration.from_state(json.loads(json.dumps(plain)), arrays)
    x = np.linspace(-8, 8, 50)
    np.testing.assert_array_equal(loaded(x, None), found(x, None))


def test_no_fold_has_a_say_in_its_own_calibration() -> None:
    raw, truth = drawn(200, 1.0, 0.0)
    folds = np.arange(200) % 5
    before = cross_calibrated(raw, truth, folds)
    turned = np.where(folds == 2, ~truth, truth)
    after = cross_calibrated(raw, turned, folds)
    np.testing.assert_array_equal(after[folds == 2], before[folds == 2])
    assert (after[folds != 2] != before[folds != 2]).all()
