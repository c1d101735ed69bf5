"""The allocation that is recommended, given the responses that were estimated."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from models import budget
from models.definition import Combined, Estimates, InvalidRecordError, Value
from models.optimising import allocation

NAMES = [channel.name for channel in allocation.CHANNELS]
RECORD: dict[str, Value] = {"total_budget": 60_000.0, "season": "autumn", "promotion": False}
BASE = 200_000.0
MOST = (70_000.0, 45_000.0, 20_000.0, 19_000.0, 100_000.0)
SCALE = (10_000.0, 8_500.0, 7_000.0, 1_600.0, 39_000.0)
FIELDS = {"allocation", "expected_response", "marginal_return", "curves", "unspent", "assumptions"}
ENTRY = {"channel", "spend", "share", "response", "marginal_return", "limited_by"}


def revenue(spends: Sequence[float], most: Sequence[float] = MOST) -> float:
    """What the platform fits: every channel adds a * (1 - exp(-spend / k))."""
    return BASE + sum(a * (1 - math.exp(-x / k)) for a, k, x in zip(most, SCALE, spends, strict=True))


def record(**changes: Value) -> dict[str, Value]:
    return {**RECORD, **changes}


def total_of(row: Sequence[Value]) -> float:
    return sum(planned(row))


def planned(row: Sequence[Value]) -> list[float]:
    """The spends of a row."""
    return [float(value) for value in row[:5] if isinstance(value, float | int)]


def estimates(of: Mapping[str, Value], most: Sequence[float] = MOST) -> Estimates:
    found = [revenue(planned(row), most) for row in allocation.rows(of)]
    return Estimates(found, found, found)


def decide(of: Mapping[str, Value], most: Sequence[float] = MOST) -> Combined:
    return allocation.combine(of, estimates(of, most))


def entries(combined: Combined) -> list[dict[str, Any]]:
    found = combined.answer["allocation"]
    assert isinstance(found, list)
    return found


def spends(combined: Combined) -> list[float]:
    return [entry["spend"] for entry in entries(combined)]


def best(bounds: Sequence[tuple[float, float]], total: float) -> float:
    """The highest revenue that SciPy finds on the exact curves, from several starts."""
    low, high = np.array(bounds).T
    found = []
    for start in (low + (high - low) * share for share in (0.1, 0.4, 0.9)):
        result = minimize(
            lambda x: -revenue(x * 1e4) / 1e4,
            start / 1e4,
            bounds=[(a / 1e4, b / 1e4) for a, b in bounds],
            constraints={"type": "eq", "fun": lambda x: x.sum() - total / 1e4},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        found.append(-float(result.fun) * 1e4)
    return max(found)


def test_the_rows_are_the_base_and_every_channel_by_itself() -> None:
    rows = allocation.rows(RECORD)
    assert len(rows) == 1 + 5 * allocation.STEPS
    assert rows[0] == (0.0, 0.0, 0.0, 0.0, 0.0, "autumn", False)
    assert len(rows[0]) == len(budget.definition.inputs)
    for i, channel in enumerate(allocation.CHANNELS):
        own = rows[1 + i * allocation.STEPS : 1 + (i + 1) * allocation.STEPS]
        assert [row[i] for row in own] == pytest.approx(
            [channel.largest * n / allocation.STEPS for n in range(1, allocation.STEPS + 1)]
        )
        assert all(row[j] == 0.0 for row in own for j in range(5) if j != i)


def bounds_in(of: Mapping[str, Value]) -> list[tuple[float, float]]:
    return [(one.low, one.high) for one in allocation.bounds(of)]


def test_the_grid_ends_exactly_at_the_bounds() -> None:
    spends_ = allocation.grid(0.1, 0.7)
    assert (spends_[0], spends_[-1], len(spends_)) == (0.1, 0.7, allocation.STEPS + 1)


def test_other_channels_stay_at_their_least() -> None:
    rows = allocation.rows(record(search_min=1_000.0, tv_min=5_000.0, tv_max=6_000.0))
    assert rows[0][:5] == (1_000.0, 0.0, 0.0, 0.0, 5_000.0)
    assert rows[1][4] == 5_000.0
    assert rows[-1][:5] == (1_000.0, 0.0, 0.0, 0.0, 6_000.0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"search_min": 9_000.0, "search_max": 8_000.0}, "search_min"),
        ({"email_min": -1.0}, "email_min"),
        ({"tv_min": 50_000.0, "search_min": 10_000.01}, "total_budget"),
        ({"total_budget": None}, "total_budget"),
    ],
)
def test_bounds_that_contradict_each_other_are_refused_by_name(changes: dict[str, Value], field: str) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        allocation.rows(record(**changes))
    assert caught.value.field == field
    assert caught.value.message


def test_a_least_above_the_largest_ever_spent_raises_the_default_most_and_says_so() -> None:
    combined = decide(record(email_min=9_000.0))
    assert entries(combined)[3]["spend"] == 9_000.0
    assert entries(combined)[3]["limited_by"] == "min"
    assert "The default upper bound of email, 8000 EUR, gave way to email_min of 9000 EUR." in combined.warnings
    assert not any("gave way" in warning for warning in decide(record(email_min=9_000.0, email_max=9_500.0)).warnings)
    assert any("ever spent" in warning and "email" in warning for warning in combined.warnings)


@pytest.mark.parametrize("total", [500.0, 5_000.0, 20_000.0, 60_000.0, 100_000.0, 150_000.0, 177_999.99])
def test_the_allocation_is_the_best_that_scipy_finds(total: float) -> None:
    of = record(total_budget=total)
    found = revenue(spends(decide(of)))
    gain = best(bounds_in(of), total) - BASE
    assert found - BASE >= (1 - 1e-4) * gain


@pytest.mark.parametrize(
    "changes",
    [
        {"search_max": 8_000.0, "tv_min": 20_000.0},
        {"email_min": 3_000.0, "email_max": 3_000.0},
        {"display_min": 9_000.0, "social_max": 500.0, "tv_max": 30_000.0},
        {"search_min": 39_000.0, "tv_max": 0.0},
    ],
)
def test_it_is_the_best_within_bounds_too(changes: dict[str, Value]) -> None:
    of = record(**changes)
    bounds = bounds_in(of)
    found = spends(decide(of))
    for spend, (low, high) in zip(found, bounds, strict=True):
        assert low <= spend <= high
    least = revenue([low for low, _ in bounds])
    assert revenue(found) - least >= (1 - 1e-4) * (best(bounds, 60_000.0) - least)


def test_nothing_moved_between_two_channels_would_bring_more() -> None:
    """Brute force over moves of 100 EUR, which are far more than a rounding."""
    found = spends(decide(RECORD))
    for i in range(5):
        for j in range(5):
            moved = list(found)
            moved[i] -= 100
            moved[j] += 100
            if i != j and moved[i] >= 0:
                assert revenue(moved) <= revenue(found) + 0.5


def test_marginal_returns_are_equal_where_no_bound_binds() -> None:
    combined = decide(RECORD)
    common = combined.answer["marginal_return"]
    free = [entry["marginal_return"] for entry in entries(combined) if entry["limited_by"] is None]
    assert len(free) >= 4
    assert free == pytest.approx([common] * len(free), rel=1e-4)


def test_marginal_returns_are_those_of_the_curves() -> None:
    for entry, a, k in zip(entries(decide(RECORD)), MOST, SCALE, strict=True):
        exact = a / k * math.exp(-entry["spend"] / k)
        assert entry["marginal_return"] == pytest.approx(exact, rel=0.01)


def test_a_bound_that_binds_shows_in_the_marginal_return() -> None:
    combined = decide(record(search_max=2_000.0, display_min=15_000.0))
    common = combined.answer["marginal_return"]
    by_channel = {entry["channel"]: entry for entry in entries(combined)}
    assert by_channel["search"]["limited_by"] == "max"
    assert by_channel["search"]["marginal_return"] > common
    assert by_channel["display"]["limited_by"] == "min"
    assert by_channel["display"]["marginal_return"] < common
    assert any("upper bound: search" in warning for warning in combined.warnings)
    assert any("lower bound: display" in warning for warning in combined.warnings)


def test_the_common_marginal_return_is_what_one_more_euro_brings() -> None:
    before, after = decide(RECORD), decide(record(total_budget=60_100.0))
    common = before.answer["marginal_return"]
    assert (after.score - before.score) / 100 == pytest.approx(common, rel=0.01)


def test_more_budget_never_brings_less_and_each_euro_brings_less_than_the_one_before() -> None:
    scores = [decide(record(total_budget=float(total))).score for total in range(0, 178_001, 8_900)]
    gains = [after - before for before, after in pairwise(scores)]
    assert min(gains) > 0
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(gains))


def test_the_expected_response_is_near_the_exact_revenue() -> None:
    combined = decide(RECORD)
    exact = revenue(spends(combined))
    assert combined.score == pytest.approx(exact, abs=0.01 * (exact - BASE))
    assert combined.answer["expected_response"] == combined.score


def test_the_score_is_the_weighted_sum_of_the_estimates() -> None:
    for of in (
        RECORD,
        record(total_budget=0.0),
        record(total_budget=500_000.0),
        record(tv_min=7_000.0, tv_max=7_000.0),
    ):
        found = estimates(of)
        combined = allocation.combine(of, found)
        total = combined.constant + sum(w * e for w, e in zip(combined.weights, found.estimate, strict=True))
        assert total == pytest.approx(combined.score)
        assert sum(combined.weights) == pytest.approx(1)
        assert len(combined.weights) == len(found.estimate)


def test_the_responses_add_up_to_what_the_score_has_above_the_base() -> None:
    of = record(search_min=2_000.0)
    combined = decide(of)
    base = estimates(of).estimate[0]
    assert base + sum(entry["response"] for entry in entries(combined)) == pytest.approx(combined.score)


def test_more_than_all_upper_bounds_stays_unspent() -> None:
    combined = decide(record(total_budget=178_000.5))
    assert spends(combined) == [channel.largest for channel in allocation.CHANNELS]
    assert combined.answer["unspent"] == 0.5
    assert combined.answer["marginal_return"] is None
    assert all(entry["limited_by"] == "max" for entry in entries(combined))
    assert any("0.50 EUR stay unspent" in warning for warning in combined.warnings)


def test_a_budget_of_exactly_the_least_is_all_bound() -> None:
    of = record(total_budget=3_000.0, search_min=1_000.0, tv_min=2_000.0)
    combined = decide(of)
    assert spends(combined) == [1_000.0, 0.0, 0.0, 0.0, 2_000.0]
    assert combined.answer["unspent"] == 0.0
    assert combined.answer["marginal_return"] == max(entry["marginal_return"] for entry in entries(combined))


def test_no_budget_is_answered_without_dividing_by_it() -> None:
    combined = decide(record(total_budget=0.0))
    assert spends(combined) == [0.0] * 5
    assert [entry["share"] for entry in entries(combined)] == [0.0] * 5
    assert combined.score == pytest.approx(BASE)


def test_a_channel_with_equal_bounds_has_no_marginal_return() -> None:
    combined = decide(record(email_min=1_000.0, email_max=1_000.0))
    entry = entries(combined)[3]
    assert (entry["spend"], entry["response"], entry["marginal_return"]) == (1_000.0, 0.0, None)
    assert entry["limited_by"] == "min and max"
    assert "Fixed by equal bounds: email." in combined.warnings
    assert entries(decide(record(tv_max=0.0)))[4]["limited_by"] == "max"


def test_a_default_bound_is_called_a_default() -> None:
    combined = decide(record(total_budget=177_000.0, email_max=8_000.0, tv_max=80_000.0))
    by_default = "Held down by the default upper bound, the largest spend in the training rows: "
    assert [entry["channel"] for entry in entries(combined) if entry["limited_by"] == "max"]
    for entry in entries(combined):
        given = entry["channel"] in ("email", "tv")
        named = [warning for warning in combined.warnings if entry["channel"] in warning]
        assert all(warning.startswith(by_default) != given for warning in named)


def test_channels_that_bring_nothing_get_money_only_when_the_others_are_full() -> None:
    most = (70_000.0, 0.0, 20_000.0, 0.0, 100_000.0)
    few = decide(record(total_budget=50_000.0), most)
    assert spends(few)[1] + spends(few)[3] == pytest.approx(0, abs=0.05)
    many = decide(record(total_budget=170_000.0), most)
    assert sum(spends(many)) == pytest.approx(170_000.0)
    assert many.answer["marginal_return"] == 0.0
    assert any("less than one euro" in warning for warning in many.warnings)


def test_straight_curves_are_filled_from_the_steepest_on() -> None:
    of = record(total_budget=50_000.0)
    rates = (3.0, 2.0, 5.0, 1.0, 2.0)
    found = [BASE + sum(r * x for r, x in zip(rates, planned(row), strict=True)) for row in allocation.rows(of)]
    combined = allocation.combine(of, Estimates(found, found, found))
    search, social, display, email, tv = spends(combined)
    assert (display, search) == pytest.approx((20_000.0, 30_000.0), abs=0.05)
    assert social + email + tv == pytest.approx(0, abs=0.1)
    assert combined.score == pytest.approx(BASE + 5 * 20_000 + 3 * 30_000, abs=1)


def test_equal_returns_fill_every_channel_by_the_same_part() -> None:
    of = record(total_budget=100_000.0)
    found = [BASE + 2.0 * total_of(row) for row in allocation.rows(of)]
    combined = allocation.combine(of, Estimates(found, found, found))
    assert round(sum(spends(combined)), 2) == 100_000.0
    assert combined.score == pytest.approx(BASE + 200_000.0)
    parts = [spend / channel.largest for spend, channel in zip(spends(combined), allocation.CHANNELS, strict=True)]
    assert parts == pytest.approx([100_000 / 178_000] * 5, abs=1e-4)


def test_a_curve_with_a_dent_still_gets_falling_marginal_returns() -> None:
    channel = allocation.CHANNELS[0]
    grid = allocation.grid(0.0, 32.0)
    responses = [0.0, *np.cumsum([3.0, 5.0, 2.0, 4.0] * 8).tolist()]
    curve = allocation.response_curve(channel, grid, responses)
    assert all(after <= before for before, after in pairwise(curve.marginals))
    assert len(curve.knots) == len(curve.marginals) == allocation.STEPS + 2


def test_the_spend_for_a_marginal_return_falls_with_it() -> None:
    curve = allocation.response_curves(allocation.bounds(RECORD), estimates(RECORD).estimate)[0]
    found = [allocation.spend_at(curve, marginal) for marginal in np.linspace(-1, curve.marginals[0] + 1, 200)]
    assert all(later <= earlier for earlier, later in pairwise(found))
    assert (found[0], found[-1]) == (curve.knots[-1], curve.knots[0])
    for spend in np.linspace(10, 39_990, 50):
        marginal = allocation.marginal_at(curve, spend)
        assert marginal is not None
        assert allocation.spend_at(curve, marginal) == pytest.approx(spend, abs=1e-3)


def test_the_curves_start_at_nothing_and_end_at_the_bounds() -> None:
    curves = decide(RECORD).answer["curves"]
    assert isinstance(curves, dict)
    assert list(curves) == NAMES
    for channel in allocation.CHANNELS:
        points = curves[channel.name]
        assert len(points) == allocation.STEPS + 1
        assert points[0] == {"spend": 0.0, "response": 0.0}
        assert points[-1]["spend"] == channel.largest


def test_the_shown_inputs_are_the_allocation() -> None:
    combined = decide(RECORD)
    assert combined.inputs == {f"{entry['channel']}_spend": entry["spend"] for entry in entries(combined)}
    assert set(combined.inputs) <= set(budget.definition.inputs.names)


money = st.floats(0, 120_000)
bounds_of = st.none() | st.floats(0, 40_000)


@given(total=money, lows=st.lists(bounds_of, min_size=5, max_size=5), highs=st.lists(bounds_of, min_size=5, max_size=5))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_record_is_spent_to_the_cent_within_its_bounds_or_refused_by_name(
    total: float, lows: list[float | None], highs: list[float | None]
) -> None:
    of = record(total_budget=total)
    of |= {f"{name}_min": low for name, low in zip(NAMES, lows, strict=True)}
    of |= {f"{name}_max": high for name, high in zip(NAMES, highs, strict=True)}
    try:
        found = estimates(of)
    except InvalidRecordError as error:
        assert error.field in of
        return
    combined = allocation.combine(of, found)
    cents = [spend * 100 for spend in spends(combined)]
    assert all(abs(amount - round(amount)) < 1e-6 for amount in cents)
    unspent = combined.answer["unspent"]
    assert isinstance(unspent, float)
    assert sum(round(amount) for amount in cents) + round(unspent * 100) == round(round(total, 2) * 100)
    for spend, (low, high) in zip(spends(combined), bounds_in(of), strict=True):
        assert low - 1e-9 <= spend <= high + 1e-9
    assert set(combined.answer) == FIELDS
    assert all(set(entry) == ENTRY for entry in entries(combined))
    assert json.loads(json.dumps(combined.answer, allow_nan=False)) == combined.answer
    weighted = sum(w * e for w, e in zip(combined.weights, found.estimate, strict=True))
    assert weighted == pytest.approx(combined.score)
    assert allocation.combine(of, found) == combined


def test_the_example_spends_its_whole_budget() -> None:
    example = budget.definition.schema.example
    combined = decide(example)
    assert round(sum(spends(combined)), 2) == example["total_budget"]
    assert combined.answer["unspent"] == 0.0
