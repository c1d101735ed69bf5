"""Quantities: intervals that hold what they promise, on rows that nobody has seen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from models.definition import METRICS, Kind
from registry.calibration import IntervalCalibration
from tests.training import kinds
from training.partition import Partition
from training.practice import practice
from training.practice.base import Floats, HeldOut
from training.practice.estimate import EstimatePractice, Measure, calibrate, coverage_of
from training.table import Table


def drawn(count: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Estimates, quantiles that are too narrow, and the truth; the noise grows with the estimate and is skewed."""
    random = np.random.default_rng(seed)
    estimates = random.uniform(1, 5, count)
    truth = estimates + estimates * (random.exponential(1, count) - 1)
    bounds = np.column_stack([estimates * 0.6, estimates * 1.5])
    return estimates, bounds, truth


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("with_bounds", [True, False])
def test_fresh_rows_lie_inside_as_often_as_promised(coverage: float, with_bounds: bool) -> None:
    """Over many calibrations: each is itself a random draw, their mean must keep the promise."""
    shares = []
    for seed in range(200):
        estimates, bounds, truth = drawn(200, seed)
        found = calibrate(estimates, bounds if with_bounds else None, truth, coverage)
        estimates, bounds, truth = drawn(400, 10_000 + seed)
        low, high = found.interval(estimates, bounds if with_bounds else None)
        assert ((low <= estimates) & (estimates <= high)).all()
        shares.append(((low <= truth) & (truth <= high)).mean())
    noise = 3 * np.sqrt(coverage * (1 - coverage) / (200 * 200))
    assert coverage - noise <= np.mean(shares) <= coverage + 2 / 200 + noise + 0.002


@pytest.mark.parametrize("rows", [1, 5, 9, 19])
def test_few_rows_make_a_cautious_interval(rows: int) -> None:
    """With n rows no interval can promise more than n / (n + 1): then it holds all of them."""
    estimates, _, truth = drawn(rows, 1)
    found = calibrate(estimates, None, truth, 0.95)
    low, high = found.interval(estimates, None)
    assert ((low <= truth) & (truth <= high)).all()


def test_rows_that_err_alike_count_once() -> None:
    """Eleven periods, each seen from twenty origins that err by the same: of single rows the promise would not hold."""
    kept = {None: 0.0, 11: 0.0}
    for seed in range(200):
        random = np.random.default_rng(seed)
        errors, future = np.repeat(random.normal(0, 1, 11), 20), random.normal(0, 1, 100)
        for independent in kept:
            low, high = calibrate(np.zeros(220), None, errors, 0.9, independent).interval(np.zeros(100), None)
            kept[independent] += float(((low <= future) & (future <= high)).mean()) / 200
    assert kept[None] < 0.87
    assert kept[11] >= 0.89


def test_quantiles_that_are_too_wide_are_narrowed() -> None:
    estimates, _, truth = drawn(2000, 1)
    found = calibrate(estimates, np.column_stack([estimates - 100, estimates + 100]), truth, 0.8)
    assert found.margin < -80
    low, high = found.interval(estimates, np.column_stack([estimates - 100, estimates + 100]))
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.8, abs=0.01)


def test_learned_quantiles_give_narrower_intervals_where_the_noise_is_small() -> None:
    estimates, bounds, truth = drawn(4000, 2)
    found = calibrate(estimates, bounds, truth, 0.8)
    low, high = found.interval(estimates, bounds)
    small, large = estimates < 2, estimates > 4
    assert (high - low)[large].mean() > 1.5 * (high - low)[small].mean()


def test_metrics_are_scikit_learn_s_also_under_weights() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(10, 3, 200)
    estimates = truth + random.normal(0, 1, 200)
    interval = np.column_stack([estimates - 1, estimates + 1.5])
    for weights in (np.ones(200), random.integers(0, 4, 200).astype(float)):
        found = Measure(estimates, truth, interval)(weights)
        assert list(found) == list(METRICS[Kind.REGRESSION])
        assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(truth, estimates, sample_weight=weights))
        assert found["mae"] == pytest.approx(oracle.mean_absolute_error(truth, estimates, sample_weight=weights))
        assert found["r2"] == pytest.approx(oracle.r2_score(truth, estimates, sample_weight=weights))
        held = (interval[:, 0] <= truth) & (truth <= interval[:, 1])
        assert found["coverage"] == pytest.approx(np.average(held, weights=weights))
        assert found["interval_width"] == pytest.approx(2.5)


def test_a_truth_that_never_changes_has_no_r2_to_lose() -> None:
    assert Measure(np.ones(5), np.full(5, 2.0))(np.ones(5))["r2"] == 0.0


def conclusion(*, crossed: bool, quantiles: bool) -> tuple[IntervalCalibration, dict[str, float], dict[str, float]]:
    """What is concluded from margins that were held out: metrics and those of the mean."""
    table = kinds_table()
    random = np.random.default_rng(3)
    margins = table.target + random.normal(0, 2, len(table))
    rows = np.arange(len(table))
    if crossed:
        folds = tuple((rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5))
        partition = Partition(folds, rows, rows, "", crossed=True)
    else:
        side = rows % 3
        partition = Partition(((rows[side == 0], rows[side == 1]),), rows[side == 1], rows[side == 2], "", False)
    bounds = np.column_stack([margins - 1, margins + 1]) if quantiles else None
    held_out = HeldOut(partition, margins[:, np.newaxis], {"linear_regression": margins[:, np.newaxis]}, bounds)
    found = EstimatePractice().conclude(kinds.quantity, table, held_out)
    assert isinstance(found.calibration, IntervalCalibration)
    assert found.scores.tolist() == margins[partition.test].tolist()
    assert {difference.baseline for difference in found.evaluation.differences} == {"mean", "linear_regression"}
    values = {metric.name: metric.value for metric in found.evaluation.metrics}
    return found.calibration, values, {m.name: m.baselines.get("mean", np.nan) for m in found.evaluation.metrics}


def kinds_table() -> Table:
    from training.check import check

    return check(kinds.quantity_rows(1500), kinds.quantity, "rows")


@pytest.mark.parametrize("crossed", [True, False])
@pytest.mark.parametrize("quantiles", [True, False])
def test_the_conclusion_holds_the_promised_coverage_and_the_baselines(crossed: bool, quantiles: bool) -> None:
    calibration, values, mean = conclusion(crossed=crossed, quantiles=quantiles)
    assert calibration.coverage == coverage_of(kinds.quantity) == 0.8
    assert values["rmse"] == pytest.approx(2, abs=0.15)
    assert values["coverage"] == pytest.approx(0.8, abs=0.07)
    assert calibration.margin == pytest.approx(2 * 1.2816 - (1 if quantiles else 0), abs=0.25)
    assert mean["rmse"] > 2 * values["rmse"]
    assert abs(mean["r2"]) < 0.02
    assert np.isnan(mean["coverage"]), "a mean promises no interval"


def test_crossed_intervals_are_never_judged_on_rows_that_made_them() -> None:
    """With so few rows for each fold the difference shows: the calibration of all rows would cover more."""
    table = kinds_table().take(np.arange(15))
    rows = np.arange(15)
    partition = Partition(tuple((rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5)), rows, rows, "", True)
    margins = table.target[:, np.newaxis] + np.linspace(0, 14, 15)[:, np.newaxis] ** 2
    definition = kinds.with_policy(kinds.quantity, coverage=0.99)
    found = EstimatePractice().conclude(definition, table, HeldOut(partition, margins, {}))
    assert isinstance(found.calibration, IntervalCalibration)
    assert found.calibration.margin == pytest.approx(14**2)
    values = {metric.name: metric.value for metric in found.evaluation.metrics}
    assert values["coverage"] == pytest.approx(14 / 15), "the row farthest away lies outside what the others made"


def test_estimates_of_optimisers_are_judged_as_quantities() -> None:
    assert isinstance(practice(kinds.optimiser), EstimatePractice)
    assert coverage_of(kinds.horizon) == 0.8
