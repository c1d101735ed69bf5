"""Forecasts: estimates relative to what is usual for a series, judged in its unit on periods still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.definition import METRICS, Definition, Kind
from registry.calibration import IntervalCalibration
from training.evaluate import Evaluation, compare
from training.practice.base import Conclusion, Floats, HeldOut
from training.practice.estimate import EstimatePractice, Measure, at, by_row, calibrate, coverage_of
from training.resampling import Measure as Weighted
from training.resampling import judged
from training.table import Indices, Table

SEASONAL_NAIVE = "seasonal_naive"


@dataclass(frozen=True, slots=True)
class ForecastPractice(EstimatePractice):
    """As for quantities; the baseline repeats the last season.

    The intervals that are judged were calibrated on the validation rows, those that are stored on the test rows too.
    """

    @property
    def must_beat(self) -> Mapping[str, tuple[str, ...]]:
        return {SEASONAL_NAIVE: ("mae",)}

    @property
    def must_not_lose_to(self) -> Mapping[str, tuple[str, ...]]:
        """None: the linear baseline learns from the same windows, which is most of the work; it is shown beside."""
        return {}

    def conclude(self, definition: Definition, table: Table, held_out: HeldOut) -> Conclusion:
        partition, coverage = held_out.partition, coverage_of(definition)
        assert table.scales is not None
        estimates, quantiles = held_out.model[:, 0], held_out.quantiles
        rows, test = partition.calibration, partition.test

        def calibrated(rows: Indices) -> IntervalCalibration:
            """One period is seen from many origins and in many series, which err alike: it counts once."""
            assert table.times is not None
            periods = len(np.unique(table.times[rows]))
            return calibrate(estimates[rows], at(quantiles, rows), table.target[rows], coverage, periods)

        low, high = calibrated(rows).interval(estimates[test], at(quantiles, test))
        truth = table.quantities(table.target[test], test)
        naive = table.features["seasonal"].to_numpy(np.float64)[test] * table.scales[test]
        scaled = float(np.abs(truth - naive).mean()) or 1.0
        interval = np.column_stack([table.quantities(low, test), table.quantities(high, test)])
        own = measure(table.quantities(estimates[test], test), truth, scaled, interval)
        beside = {SEASONAL_NAIVE: measure(naive, truth, scaled, None)}
        for name, found in held_out.baselines.items():
            beside[name] = measure(table.quantities(found[test, 0], test), truth, scaled, None)
        seed = definition.recipe.seed
        compared, differences = compare(
            judged(own, len(truth), seed),
            {name: judged(one, len(truth), seed) for name, one in beside.items()},
            METRICS[Kind.FORECAST],
        )
        tests = table.quantities(estimates[test], test)
        calibration = calibrated(np.concatenate((rows, test)))
        return Conclusion(calibration, Evaluation(compared, differences), tests, by_row(tests, truth))


def measure(estimates: Floats, truth: Floats, scaled: float, interval: NDArray[np.float64] | None) -> Weighted:
    """The metrics of estimates, with `mase`: the mean absolute error over that of the seasonal naive forecast."""
    basic = Measure(estimates, truth, interval)

    def of(weights: Floats) -> dict[str, float]:
        found = basic(weights)
        return {**{name: value for name, value in found.items() if name != "r2"}, "mase": found["mae"] / scaled}

    return of
