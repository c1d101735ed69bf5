"""Forecasts: a series' own season, any size of series, and a score that is the sum of its periods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.definition import Estimates, Window

WEEK = Window(time="day", unit="units", example=tuple(float(10 + day % 7) for day in range(28)))
MONTH = Window(time="at", unit="EUR", period="month", minimum=-1e9, example=(1.0,) * 24)
PLACE = WEEK.inputs.names.index
NO_DEVIATION = Estimates([0.0] * 14, [-0.1] * 14, [0.2] * 14)


def asked(history: list[float], **others: Any) -> dict[str, Any]:
    return {"day": "2026-03-02", "history": history, "horizon": 14, **others}


def test_without_a_deviation_the_series_own_week_goes_on() -> None:
    """Closed on weekends for half a year: no estimator has to have seen such a series."""
    found = WEEK.combine(asked(([100.0] * 5 + [0.0] * 2) * 26), NO_DEVIATION)
    periods: Any = found.answer["forecast"]
    assert [period["estimate"] for period in periods] == ([100.0] * 5 + [0.0] * 2) * 2
    assert [period["at"] for period in periods[:2]] == ["2026-03-02", "2026-03-03"]
    level = 500 / 7
    assert periods[0]["low"] == pytest.approx(100 - 0.1 * level)
    assert (periods[5]["low"], periods[5]["high"]) == (0.0, pytest.approx(0.2 * level))
    assert (found.score, found.warnings) == (1000.0, [])


@given(
    history=st.lists(st.floats(0, 1e6), min_size=28, max_size=80),
    estimates=st.lists(st.floats(-3, 3), min_size=14, max_size=14),
)
def test_the_score_is_the_sum_of_the_periods_and_of_weighted_estimates(
    history: list[float], estimates: list[float]
) -> None:
    found = WEEK.combine(asked(history), Estimates(estimates, estimates, estimates))
    periods: Any = found.answer["forecast"]
    assert all(period["estimate"] >= 0 and period["low"] >= 0 for period in periods)
    expected = found.constant + sum(weight * one for weight, one in zip(found.weights, estimates, strict=True))
    assert found.score == pytest.approx(expected)
    assert found.score == pytest.approx(sum(period["estimate"] for period in periods), abs=1e-6)


@given(factor=st.floats(0.01, 1000), history=st.lists(st.floats(1, 1000), min_size=56, max_size=80))
def test_a_series_of_another_size_looks_the_same(factor: float, history: list[float]) -> None:
    level = PLACE("level")
    for row, scaled in zip(WEEK.rows(asked(history)), WEEK.rows(asked([factor * one for one in history])), strict=True):
        assert scaled[level] == pytest.approx(factor * float(str(row[level])))
        assert [*scaled[:level], *scaled[level + 1 :]] == pytest.approx([*row[:level], *row[level + 1 :]], nan_ok=True)


def test_each_period_is_compared_with_its_own_place_of_the_season() -> None:
    history = [float(day % 7 + 10 * (day // 7)) for day in range(70)]  # Mondays 0, 10, ..., 90
    row = WEEK.rows(asked(history))[9]  # the second Wednesday ahead
    level = WEEK.level(history)
    assert row[PLACE("step")] == 10
    assert row[PLACE("seasonal")] == pytest.approx(92 / level)
    assert row[PLACE("usual")] == pytest.approx((92 + 82 + 72 + 62 + 52 + 42 + 32 + 22) / 8 / level)
    assert row[PLACE("weekday")] == 2


def test_every_season_back_is_seen_by_itself_as_far_as_the_history_goes() -> None:
    history = [float(day % 7 + 10 * (day // 7)) for day in range(35)]  # five weeks
    row = WEEK.rows(asked(history))[9]
    level = WEEK.level(history)
    seen = [row[PLACE("seasonal")], *(row[PLACE(f"seasonal_{ago}")] for ago in range(2, 9))]
    assert seen[:5] == pytest.approx([42 / level, 32 / level, 22 / level, 12 / level, 2 / level])
    assert seen[5:] == [None, None, None]
    assert [name for name in MONTH.inputs.names if name.startswith("seasonal")] == [
        "seasonal",
        "seasonal_2",
        "seasonal_3",
    ]


def test_months_go_over_the_year_and_may_be_negative() -> None:
    history = [-5.0] * 24
    found = MONTH.combine({"at": "2026-11-01", "history": history}, Estimates([0.0] * 12, [-1.0] * 12, [1.0] * 12))
    periods: Any = found.answer["forecast"]
    assert [period["at"] for period in periods[:3]] == ["2026-11-01", "2026-12-01", "2027-01-01"]
    assert (periods[0]["estimate"], periods[0]["low"], found.score) == (-5.0, -10.0, -60.0)


def test_a_history_of_zeros_is_said() -> None:
    found = WEEK.combine(asked([0.0] * 28), NO_DEVIATION)
    assert (found.score, found.warnings) == (0.0, ["the recent history is all zeros"])
