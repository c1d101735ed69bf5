"""What becomes of periods that the rows of a series lack."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.definition import Definition, Kind, Recipe, Target, Window, forecast
from training.check import check
from training.errors import DataError
from training.periods import Tally, by_period, whole

WINDOW = Window(time="day", unit="units", example=(0.0,) * 28)
DAYS = pd.date_range("2026-01-05", periods=140, freq="D")
FORECAST = Definition(
    name="sales",
    title="Sales",
    purpose="Tests.",
    kind=Kind.FORECAST,
    schema=WINDOW.schema,
    target=Target(column="sold", description="Sold", unit="units"),
    recipe=Recipe(time_column="day"),
    policy=forecast(WINDOW),
)
SALES = pd.Series(10.0 + DAYS.day_of_week, DAYS)


def without(gone: np.ndarray) -> pd.Series:
    return by_period(SALES[~gone].to_frame("value"), WINDOW)["value"]


def test_a_weekday_that_is_always_missing_counts_as_0() -> None:
    made = whole(without(DAYS.day_of_week == 2), WINDOW)
    assert made.closed.sum() == 20
    assert (made.values[DAYS.day_of_week == 2] == 0).all()
    assert not made.estimated.any()
    assert not made.gappy


@pytest.mark.parametrize("minimum", [-5.0, 3.0])
def test_a_quantity_that_cannot_be_0_or_may_be_less_is_never_closed(minimum: float) -> None:
    made = whole(without(DAYS.day_of_week == 6), dataclasses.replace(WINDOW, minimum=minimum))
    assert not made.closed.any()


def test_single_gaps_are_filled_from_the_weeks_around_and_not_from_closed_days() -> None:
    made = whole(without((DAYS.day_of_week == 6) | (np.arange(140) % 9 == 5)), WINDOW)
    lacking = (DAYS.day_of_week != 6) & (np.arange(140) % 9 == 5)
    np.testing.assert_array_equal(made.estimated, lacking[:-1])  # the last day is a Sunday
    np.testing.assert_array_equal(made.values[lacking[:-1]], SALES[lacking])


@pytest.mark.parametrize(("gone", "gappy"), [(np.arange(140) // 7 == 9, False), (np.arange(140) // 14 == 4, True)])
def test_a_long_stretch_is_too_much(gone: np.ndarray, gappy: bool) -> None:
    assert whole(without(gone), WINDOW).gappy is gappy


def test_hours_at_which_a_shop_is_closed_count_as_0() -> None:
    hours = pd.date_range("2026-01-05", periods=24 * 28, freq="h")
    open_ = (hours.hour >= 9) & (hours.hour < 18) & (hours.day_of_week < 6)
    window = dataclasses.replace(WINDOW, period="hour")
    made = whole(by_period(pd.DataFrame({"value": 5.0}, hours[open_]), window)["value"], window)
    assert not made.estimated.any()
    assert made.closed.mean() > 0.6


def test_the_periods_that_are_needed_depend_on_whether_one_series_gives_all_moments() -> None:
    window = dataclasses.replace(WINDOW, period="month")
    months = pd.Series(1.0, pd.date_range("2020-01-01", periods=30, freq="MS"))
    tally = Tally(window)
    tally.take(months)
    assert tally.refusal() == "no series is long enough: at least 44 months are needed, the longest has 30"
    tally.take(months)
    assert "at least 36 months" in tally.refusal()


def test_training_says_what_it_made_of_gaps_and_learns_only_from_what_was_observed() -> None:
    frame = pd.DataFrame({"day": DAYS, "sold": SALES.to_numpy()})
    whole_table = check(frame, FORECAST, "rows")
    assert not any("missing" in text for text in whole_table.findings)
    torn = check(frame[DAYS.day_of_year % 9 != 4], FORECAST, "rows")
    assert any("days are missing now and then: they were filled in" in text for text in torn.findings)
    assert torn.times is not None
    assert not (pd.DatetimeIndex(torn.times).day_of_year % 9 == 4).any()
    closed = check(frame[DAYS.day_of_week != 6], FORECAST, "rows")
    assert any("days are regularly missing, all on Sundays: they count as 0" in text for text in closed.findings)
    assert (closed.target[pd.DatetimeIndex(np.asarray(closed.times)).day_of_week == 6] == 0).all()
    with pytest.raises(DataError, match="add a row for each of them, with 0 where there was nothing"):
        check(frame[DAYS.day_of_year % 20 < 13], FORECAST, "rows")
