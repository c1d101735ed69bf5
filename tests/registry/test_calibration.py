"""Curves from margin to probability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from registry.calibration import (
    BinaryCalibration,
    Calibration,
    IntervalCalibration,
    IsolationCalibration,
    IsotonicCalibration,
    SigmoidCalibration,
    TemperatureCalibration,
)

EXTREMES = np.array([-np.inf, -3e38, -1e6, -800, 0, 800, 1e6, 3e38, np.inf], np.float32)
sigmoids = st.builds(SigmoidCalibration, slope=st.floats(1e-3, 1e3), intercept=st.floats(-1e3, 1e3))


@st.composite
def isotonics(draw: st.DrawFn) -> IsotonicCalibration:
    margins = draw(st.lists(st.floats(-30, 30), min_size=2, max_size=20, unique=True))
    heights = draw(st.lists(st.floats(0, 1), min_size=len(margins), max_size=len(margins)))
    return IsotonicCalibration(margins=tuple(sorted(margins)), probabilities=tuple(sorted(heights)))


@given(curve=st.one_of(sigmoids, isotonics()), margins=st.lists(st.floats(-50, 50, width=32), min_size=1))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_probabilities_lie_between_0_and_1_and_never_fall_as_the_margin_rises(
    curve: BinaryCalibration, margins: list[float]
) -> None:
    given_margins = np.concatenate([np.sort(np.array(margins, np.float32)), EXTREMES])
    given_margins.sort()
    found = curve.probability(given_margins)
    assert found.dtype == np.float64
    assert found.shape == given_margins.shape
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


def test_the_sigmoid_of_platt_scaling() -> None:
    found = SigmoidCalibration(slope=2.0, intercept=-1.0).probability(np.array([0.0, 0.5, 3.0], np.float32))
    assert found == pytest.approx([1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-5))])


def test_slope_1_and_intercept_0_give_the_booster_s_own_probability() -> None:
    assert SigmoidCalibration().probability(np.array([-1.5], np.float32))[0] == pytest.approx(1 / (1 + np.exp(1.5)))


def test_the_isotonic_curve_is_linear_between_knots_and_flat_beyond() -> None:
    curve = IsotonicCalibration(margins=(-1.0, 1.0, 2.0), probabilities=(0.1, 0.3, 0.9))
    found = curve.probability(np.array([-9, -1, 0, 1, 1.5, 2, 9], np.float32))
    assert found == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.6, 0.9, 0.9])


def test_a_missing_margin_has_no_probability() -> None:
    for curve in (SigmoidCalibration(), IsotonicCalibration(margins=(0.0, 1.0), probabilities=(0.2, 0.4))):
        assert np.isnan(curve.probability(np.array([np.nan], np.float32))).all()


@pytest.mark.parametrize(
    ("margins", "probabilities", "message"),
    [
        ((0.0, 1.0), (0.1, 0.2, 0.3), "as many"),
        ((0.0, 0.0), (0.1, 0.2), "must ascend"),
        ((1.0, 0.0), (0.1, 0.2), "must ascend"),
        ((0.0, 1.0), (0.2, 0.1), "must not descend"),
        ((0.0, 1.0), (-0.1, 0.1), "between 0 and 1"),
        ((0.0, 1.0), (0.1, 1.1), "between 0 and 1"),
        ((0.0, float("nan")), (0.1, 0.2), "finite"),
        ((0.0,), (0.1,), "at least 2"),
    ],
)
def test_knots_that_are_no_rising_curve_are_refused(
    margins: tuple[float, ...], probabilities: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        IsotonicCalibration(margins=margins, probabilities=probabilities)


@pytest.mark.parametrize(
    "changes", [{"slope": 0.0}, {"slope": -1.0}, {"slope": float("inf")}, {"intercept": float("nan")}]
)
def test_a_sigmoid_that_does_not_rise_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SigmoidCalibration.model_validate(changes)


temperatures = st.builds(
    TemperatureCalibration,
    temperature=st.floats(1e-2, 1e2),
    biases=st.lists(st.floats(-50, 50), min_size=3, max_size=3).map(tuple),
)
intervals = st.builds(IntervalCalibration, coverage=st.floats(0.01, 0.99), margin=st.floats(-1e6, 1e6))


@given(
    curve=temperatures,
    margins=st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), min_size=1, max_size=9),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_probabilities_of_classes_lie_between_0_and_1_and_add_up_to_1(
    curve: TemperatureCalibration, margins: list[list[float]]
) -> None:
    found = curve.probabilities(np.array(margins, np.float32))
    assert found.dtype == np.float64
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_the_softmax_of_temperature_scaling() -> None:
    curve = TemperatureCalibration(temperature=2.0, biases=(0.5, 0.0, -1.0))
    raised = np.exp([1 / 2 + 0.5, 3 / 2, -2 / 2 - 1])
    found = curve.probabilities(np.array([[1.0, 3.0, -2.0]], np.float32))
    assert found[0] == pytest.approx(raised / raised.sum())
    even = TemperatureCalibration(biases=(0.0, 0.0)).probabilities(np.array([[7.0, 7.0]]))
    assert even.tolist() == [[0.5, 0.5]]


def test_a_class_s_probability_never_falls_as_its_own_margin_rises() -> None:
    curve = TemperatureCalibration(temperature=3.0, biases=(0.1, -0.2, 0.0))
    margins = np.column_stack([np.linspace(-900, 900, 300), np.zeros(300), np.ones(300)])
    assert (np.diff(curve.probabilities(margins)[:, 0]) >= 0).all()


@given(
    curve=intervals,
    rows=st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3), min_size=1, max_size=9),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_estimate_lies_inside_its_interval(
    curve: IntervalCalibration, rows: list[tuple[float, float, float]]
) -> None:
    values = np.array(rows, np.float32)
    estimates, bounds = values[:, 0], values[:, 1:]
    for given_bounds in (bounds, None):
        low, high = curve.interval(estimates, given_bounds)
        assert low.dtype == high.dtype == np.float64
        assert ((low <= estimates) & (estimates <= high)).all()


def test_an_interval_is_its_bounds_widened_by_the_margin() -> None:
    estimates, bounds = np.array([5.0, 5.0]), np.array([[3.0, 8.0], [8.0, 3.0]])
    low, high = IntervalCalibration(coverage=0.9, margin=0.5).interval(estimates, bounds)
    assert (low.tolist(), high.tolist()) == ([2.5, 2.5], [8.5, 8.5]), "quantiles that cross count the other way round"
    low, high = IntervalCalibration(coverage=0.9, margin=2.0).interval(estimates, None)
    assert (low.tolist(), high.tolist()) == ([3, 3], [7, 7])
    low, high = IntervalCalibration(coverage=0.9, margin=-4.0).interval(estimates, bounds)
    assert (low.tolist(), high.tolist()) == ([5, 5], [5, 5]), "what would be turned inside out keeps the estimate"


def test_the_anomaly_score_is_two_to_the_power_of_the_margin() -> None:
    curve = IsolationCalibration()
    assert curve.score(np.array([-1.0, -0.5, 0.0], np.float32)) == pytest.approx([0.5, 2**-0.5, 1.0])
    found = curve.score(np.array([[-3e38], [-0.7], [0.2]], np.float32))
    assert found.shape == (3, 1)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize(
    "document",
    [
        '{"method":"temperature","temperature":0,"biases":[0,0]}',
        '{"method":"temperature","temperature":-1,"biases":[0,0]}',
        '{"method":"temperature","temperature":1}',
        '{"method":"temperature","temperature":1,"biases":[NaN,0]}',
        '{"method":"interval","coverage":1,"margin":0}',
        '{"method":"interval","coverage":0,"margin":0}',
        '{"method":"interval","coverage":0.9,"margin":Infinity}',
        '{"method":"isolation","more":1}',
        '{"method":"magic"}',
        "{}",
    ],
)
def test_a_document_that_is_no_calibration_is_refused(document: str) -> None:
    adapter: TypeAdapter[Calibration] = TypeAdapter(Calibration)
    with pytest.raises(ValidationError):
        adapter.validate_json(document)


@given(curve=st.one_of(sigmoids, isotonics(), temperatures, intervals, st.just(IsolationCalibration())))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_stored_curve_reads_back_as_the_same(curve: Calibration) -> None:
    adapter: TypeAdapter[Calibration] = TypeAdapter(Calibration)
    assert adapter.validate_json(curve.model_dump_json()) == curve
