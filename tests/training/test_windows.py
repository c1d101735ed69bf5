"""Training rows of forecasts: made as serving makes them, from nothing that comes later."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from models import catalogue
from models.definition import Forecast
from tests.training import kinds
from training.partition import Partition
from training.practice import practice
from training.practice.base import Floats, HeldOut
from training.table import Table
from training.windows import table

DEMAND = catalogue()["demand"]
assert isinstance(DEMAND.policy, Forecast)
WINDOW = DEMAND.policy.window
DEFINITION = dataclasses.replace(DEMAND, recipe=kinds.quantity.recipe)
DAYS = 120


def frame(values: Floats) -> pd.DataFrame:
    """One series of the demand model."""
    covariates = {feature.name: feature.example for feature in WINDOW.covariates}
    dates = pd.date_range("2026-01-05", periods=len(values), freq="D")
    series = dict.fromkeys(WINDOW.series, "one")
    return pd.DataFrame({WINDOW.time: dates, "units": values}).assign(**series, **covariates)


def sales(seed: int = 0) -> Floats:
    random = np.random.default_rng(seed)
    week = np.tile([20.0, 18, 19, 21, 30, 45, 5], DAYS // 7 + 1)[:DAYS]
    return np.round(week * random.uniform(0.7, 1.3, DAYS))


def made(values: Floats) -> Table:
    return table(frame(values), DEFINITION, WINDOW, "rows")


def test_every_target_comes_back_as_the_quantity_of_its_day() -> None:
    values = sales()
    rows = made(values)
    assert rows.times is not None
    days = (rows.times.astype("datetime64[D]") - np.datetime64("2026-01-05", "D")).astype(int)
    np.testing.assert_allclose(rows.quantities(rows.target), values[days], atol=1e-9)
    np.testing.assert_array_equal(rows.offsets, rows.features["usual"])
    assert len(rows) == sum(min(WINDOW.longest, DAYS - start) for start in range(WINDOW.least_history, DAYS))


def test_what_comes_after_an_origin_changes_nothing_that_its_rows_know() -> None:
    values = sales()
    other = values.copy()
    other[80:] = 1000.0
    before, after = made(values), made(other)
    assert before.times is not None
    origins = before.times - (before.features["step"].to_numpy(np.int64) - 1).astype("timedelta64[D]")
    early = origins <= np.datetime64("2026-01-05") + np.timedelta64(80, "D")
    assert early.any()
    assert (~early).any()
    pd.testing.assert_frame_equal(before.features[early], after.features[early])


def test_estimates_are_judged_in_units_beside_last_week() -> None:
    rows = made(sales())
    count = len(rows)
    test = np.arange(count // 2, count)
    partition = Partition(
        ((np.arange(count // 4), np.arange(count // 4, count)),), np.arange(count // 2), test, "", False
    )
    off = 0.25
    bounds = np.column_stack([rows.target - 1, rows.target + 1])
    held = HeldOut(partition, rows.target[:, np.newaxis] + off, {}, bounds)
    found = practice(DEFINITION).conclude(DEFINITION, rows, held)
    mae = next(metric for metric in found.evaluation.metrics if metric.name == "mae")
    assert rows.scales is not None
    assert abs(mae.value - np.mean(off * rows.scales[test])) < 1e-9
    naive = rows.features["seasonal"].to_numpy(np.float64)[test] * rows.scales[test]
    assert abs(mae.baselines["seasonal_naive"] - np.abs(naive - rows.quantities(rows.target)[test]).mean()) < 1e-9
