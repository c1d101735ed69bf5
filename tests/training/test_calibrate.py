"""Calibration repairs what is wrong and leaves what is right alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from registry.calibration import IsotonicCalibration, SigmoidCalibration
from training.calibrate import ISOTONIC_FROM, calibrate, fit_isotonic, fit_sigmoid
from training.table import Labels

Margins = NDArray[np.float32]


def drawn(rows: int, probability: object, seed: int = 0) -> tuple[Margins, Labels]:
    """Margins spread like a good model's, and labels that come with `probability(margin)`."""
    random = np.random.default_rng(seed)
    margins = random.normal(-1, 1.5, rows).astype(np.float32)
    assert callable(probability)
    return margins, (random.random(rows) < probability(margins)).astype(np.int8)


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-z)))


def steps(margins: Margins) -> NDArray[np.float64]:
    """Rates that no sigmoid can follow."""
    return np.where(margins < -2, 0.02, np.where(margins < 0.5, 0.4, 0.6))


def test_calibrated_margins_are_left_as_they_are() -> None:
    assert calibrate(*drawn(8_000, sigmoid), seed=1) == SigmoidCalibration()


def test_overconfident_margins_are_flattened() -> None:
    found = calibrate(*drawn(8_000, lambda m: sigmoid(0.5 * m + 0.4)), seed=1)
    assert isinstance(found, SigmoidCalibration)
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.intercept == pytest.approx(0.4, abs=0.08)


def test_a_curve_that_is_no_sigmoid_is_followed_when_there_are_positives_enough() -> None:
    found = calibrate(*drawn(20_000, steps), seed=1)
    assert isinstance(found, IsotonicCalibration)
    fresh, _ = drawn(5_000, steps, seed=9)
    assert np.abs(found.probability(fresh) - steps(fresh)).mean() < 0.03


def test_isotonic_is_not_even_tried_with_few_positives() -> None:
    margins, labels = drawn(2_000, steps)
    assert labels.sum() < ISOTONIC_FROM
    assert isinstance(calibrate(margins, labels, seed=1), SigmoidCalibration)


def test_a_handful_of_positives_calibrates_nothing() -> None:
    margins, labels = drawn(500, lambda m: sigmoid(0.2 * m - 2))
    labels[np.flatnonzero(labels == 1)[6:]] = 0
    assert calibrate(margins, labels, seed=1) == SigmoidCalibration()


def test_margins_that_rank_backwards_are_not_turned_round() -> None:
    assert fit_sigmoid(*drawn(2_000, lambda m: sigmoid(-m))) == SigmoidCalibration()


def test_an_isotonic_curve_never_promises_certainty_and_never_falls() -> None:
    margins, labels = drawn(6_000, lambda m: (m > 0).astype(float))
    found = fit_isotonic(margins, labels)
    curve = found.probability(np.linspace(-8, 8, 500, dtype=np.float32))
    assert curve.min() > 0 and curve.max() < 1
    assert (np.diff(curve) >= 0).all()
