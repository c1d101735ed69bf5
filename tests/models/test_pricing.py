"""The price that is recommended, given the demand that was estimated."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import pricing
from models.definition import Combined, Estimates, InvalidRecordError, Value
from models.optimising import price_search

RECORD: dict[str, Value] = {
    "category": "kitchen",
    "season": "autumn",
    "unit_cost": 50.0,
    "current_price": 100.0,
    "competitor_price": 105.0,
    "weekly_views": 800,
    "rating": 4.2,
}
FIELDS = {
    "recommended_price",
    "expected_units",
    "expected_profit",
    "current_profit",
    "profit_uplift",
    "profit_uplift_rate",
    "demand_curve",
    "limited_by",
    "assumptions",
}
Demand = Callable[[float], float]


def record(**changes: Value) -> dict[str, Value]:
    return {**RECORD, **changes}


def estimates(of: Mapping[str, Value], demand: Demand, spread: float = 0.0) -> Estimates:
    """What an estimator that knows `demand` answers for the record's rows."""
    units = [demand(price) for price in price_search.prices(of)]
    return Estimates(units, [one - spread for one in units], [one + spread for one in units])


def decide(of: Mapping[str, Value], demand: Demand, spread: float = 0.0) -> Combined:
    return price_search.combine(of, estimates(of, demand, spread))


def line(price: float) -> float:
    """With a cost of 50 the best price is 110: demand ends at 170."""
    return 170.0 - price


def curve(combined: Combined) -> list[dict[str, float]]:
    found = combined.answer["demand_curve"]
    assert isinstance(found, list)
    return found


def number(combined: Combined, name: str) -> float:
    value = combined.answer[name]
    assert isinstance(value, float)
    return value


def test_rows_fit_the_inputs_and_differ_only_in_the_price() -> None:
    names = pricing.definition.inputs.names
    rows = [dict(zip(names, row, strict=True)) for row in price_search.rows(RECORD)]
    assert [row["price"] for row in rows] == price_search.prices(RECORD)
    for row in rows:
        price = row["price"]
        assert isinstance(price, float)
        assert row["price_vs_current"] == pytest.approx(price / 100)
        assert row["price_vs_competitor"] == pytest.approx(price / 105)
        fixed = {name: row[name] for name in ("category", "season", "weekly_views", "rating")}
        assert fixed == {name: RECORD[name] for name in fixed}


def test_a_record_without_its_optional_fields_has_rows_with_missing_values() -> None:
    bare = {name: RECORD[name] for name in ("category", "season", "unit_cost", "current_price", "weekly_views")}
    names = pricing.definition.inputs.names
    row = dict(zip(names, price_search.rows(bare)[0], strict=True))
    assert row["price_vs_competitor"] is None
    assert row["rating"] is None
    assert price_search.rows(bare) == price_search.rows(
        {**bare, "competitor_price": None, "rating": None, "min_price": None}
    )


def test_the_default_bounds_are_thirty_per_cent_around_the_current_price() -> None:
    prices = price_search.candidates(RECORD)
    assert (prices[0], prices[-1]) == (70.0, 130.0)
    assert 100.0 in prices
    assert len(prices) == 41
    assert prices == sorted(set(prices))


def test_both_bounds_and_the_current_price_are_among_the_prices() -> None:
    of = record(min_price=83.17, max_price=111.11, current_price=99.99)
    prices = price_search.candidates(of)
    assert prices[0] == 83.17
    assert prices[-1] == 111.11
    assert 99.99 in prices


def test_a_current_price_outside_the_bounds_is_compared_with_but_not_recommended() -> None:
    of = record(max_price=90.0)
    assert 100.0 not in price_search.candidates(of)
    combined = decide(of, line)
    assert number(combined, "recommended_price") == 90.0
    assert number(combined, "current_profit") == pytest.approx(50 * 70)
    assert number(combined, "profit_uplift") == pytest.approx(40 * 80 - 50 * 70)
    assert 100.0 not in [point["price"] for point in curve(combined)]


def test_prices_are_multiples_of_the_step_and_so_is_the_current_one_if_it_is_recommended() -> None:
    of = record(price_step=2.5, current_price=99.0, min_price=81.0, max_price=109.0)
    assert price_search.candidates(of) == [82.5, 85.0, 87.5, 90.0, 92.5, 95.0, 97.5, 100.0, 102.5, 105.0, 107.5]
    assert 100.0 in price_search.candidates(record(price_step=0.1, min_price=60.0, max_price=139.9))


def test_a_step_that_leaves_one_price_is_kept_and_named() -> None:
    of = record(current_price=34.9, unit_cost=19.5, competitor_price=36.5, min_price=28.0, max_price=43.0)
    combined = decide({**of, "price_step": 20.0}, lambda price: 60.0 - price)
    assert number(combined, "recommended_price") == 40.0
    assert [point["price"] for point in curve(combined)] == [40.0]
    assert combined.answer["limited_by"] == "price_step"
    assert number(combined, "current_profit") == pytest.approx((34.9 - 19.5) * (60 - 34.9))


@pytest.mark.parametrize(
    ("changes", "price", "limit"),
    [
        ({"price_step": 2.5, "max_price": 104.0}, 102.5, "price_step"),
        ({"price_step": 2.0, "max_price": 104.0}, 104.0, "max_price"),
        ({"price_step": 40.0, "max_price": 130.0}, 120.0, "price_step"),
        ({"price_step": 2.5}, 110.0, None),
        ({"max_price": 104.0}, 104.0, "max_price"),
        ({"min_price": 104.0, "max_price": 104.0}, 104.0, "min_price and max_price"),
        ({"min_price": 104.0, "max_price": 104.0, "price_step": 2.0}, 104.0, "min_price and max_price"),
        ({"min_price": 134.0}, 134.0, "min_price"),
        ({"max_price": 68.0}, 68.0, "max_price"),
    ],
)
def test_what_limits_the_price_is_named_truthfully(changes: dict[str, Value], price: float, limit: str | None) -> None:
    combined = decide(record(**changes), line)
    assert (combined.answer["recommended_price"], combined.answer["limited_by"]) == (price, limit)
    assert bool(combined.warnings) == (limit is not None)


def test_a_default_bound_is_called_a_default() -> None:
    (warning,) = decide(record(), lambda price: 100.0 - 0.1 * price).warnings
    assert "the default max_price" in warning
    with pytest.raises(InvalidRecordError, match=r"no multiple of 50 lies from 140 \(min_price\) to 140 \(the end of"):
        price_search.rows(record(min_price=140.0, max_price=160.0, price_step=50.0))
    with pytest.raises(InvalidRecordError, match=r"no multiple of 9000 lies from 70 \(the default min_price\) to 130"):
        price_search.rows(record(price_step=9_000.0))
    (warning,) = decide(record(max_price=130.0), lambda price: 100.0 - 0.1 * price).warnings
    assert "default" not in warning


@pytest.mark.parametrize("current", [0.5, 34.9, 4_000.0])
def test_a_price_has_the_same_units_whatever_else_is_allowed(current: float) -> None:
    """Bounds and step decide which prices are shown, not what is expected of them."""
    changes: list[dict[str, Value]] = [
        {},
        {"min_price": 0.8 * current, "max_price": 1.23 * current},
        {"min_price": current, "max_price": current},
        {"max_price": 0.9 * current},
        {"min_price": 2.0 * current, "max_price": 3.0 * current},
        {"price_step": 0.25 * current},
    ]
    seen: dict[float, set[tuple[float, float]]] = {}
    kept = set()
    for change in changes:
        of = record(current_price=current, unit_cost=0.5 * current, **change)
        combined = decide(of, lambda price: 200.0 - 90.0 * math.floor(7 * price / current) / 7, spread=3.0)
        kept.add(round(number(combined, "current_profit"), 9))
        for point in curve(combined):
            seen.setdefault(point["price"], set()).add((round(point["units"], 9), round(point["units_low"], 9)))
    assert len(kept) == 1
    assert {len(found) for found in seen.values()} == {1}


@pytest.mark.parametrize("step", [0.01, 0.05, 0.1, 0.5, 1.0, 7.0])
def test_no_price_leaves_the_bounds_whatever_the_step(step: float) -> None:
    of = record(price_step=step, min_price=80.03, max_price=119.97)
    for price in price_search.candidates(of):
        assert 80.03 <= price <= 119.97
        assert price == 100.0 or abs(price / step - round(price / step)) < 1e-6


def test_cheap_items_have_a_price_for_every_cent() -> None:
    prices = price_search.candidates(record(current_price=0.2, unit_cost=0.1))
    assert prices == [n / 100 for n in range(14, 27)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"min_price": 120.0, "max_price": 110.0}, "min_price"),
        ({"min_price": -1.0}, "min_price"),
        ({"max_price": -1.0}, "max_price"),
        ({"min_price": 96.0, "max_price": 99.0, "price_step": 10.0}, "price_step"),
        ({"min_price": 99.991, "max_price": 99.999}, "max_price"),
    ],
)
def test_bounds_that_leave_no_price_are_refused_by_name(changes: dict[str, Value], field: str) -> None:
    for ask in (price_search.rows, price_search.prices):
        with pytest.raises(InvalidRecordError) as caught:
            ask(record(**changes))
        assert caught.value.field == field
        assert caught.value.message


def test_one_bound_alone_never_contradicts_the_default_of_the_other() -> None:
    assert price_search.candidates(record(min_price=135.0))[0] == 135.0
    assert price_search.candidates(record(max_price=66.0))[-1] == 66.0


def test_prices_that_training_never_saw_are_left_out() -> None:
    of = record(min_price=10.0, max_price=500.0)
    assert (price_search.candidates(of)[0], price_search.candidates(of)[-1]) == (65.0, 140.0)
    combined = decide(of, lambda _: 50.0)
    assert number(combined, "recommended_price") == 140.0
    assert combined.answer["limited_by"] == "data"
    assert any("seen in training" in warning for warning in combined.warnings)


def test_bounds_that_hold_only_such_prices_are_kept_and_warned_of() -> None:
    combined = decide(record(min_price=200.0, max_price=220.0), lambda _: 5.0)
    assert 200.0 <= number(combined, "recommended_price") <= 220.0
    assert any("a guess" in warning for warning in combined.warnings)


def test_the_best_price_of_a_straight_line_is_found_exactly() -> None:
    combined = decide(RECORD, line)
    assert number(combined, "recommended_price") == pytest.approx(110, abs=0.76)  # half a step of the grid
    best = number(combined, "recommended_price")
    assert number(combined, "expected_units") == pytest.approx(line(best))
    assert number(combined, "expected_profit") == pytest.approx((best - 50) * line(best))
    assert number(combined, "current_profit") == pytest.approx(50 * 70)
    assert number(combined, "profit_uplift") == pytest.approx((best - 50) * line(best) - 3500)
    assert number(combined, "profit_uplift_rate") == pytest.approx(number(combined, "profit_uplift") / 3500)
    assert combined.answer["limited_by"] is None
    assert set(combined.answer) == FIELDS


def test_it_is_the_best_of_its_own_curve() -> None:
    combined = decide(RECORD, lambda price: 4000 * price**-1.0 + 3 * math.sin(price))
    assert number(combined, "expected_profit") == max(point["profit"] for point in curve(combined))
    assert combined.score == number(combined, "expected_profit")


@pytest.mark.parametrize("elasticity", [1.8, 2.2, 2.6, 3.0])
@pytest.mark.parametrize("cost", [45.0, 55.0, 65.0])
def test_the_profit_comes_near_the_best_where_demand_has_a_known_elasticity(elasticity: float, cost: float) -> None:
    """The smoothing bends the curve, most where it is steepest, at the lower end: that may cost 2 % of the profit."""
    of = record(unit_cost=cost)

    def profit(price: float) -> float:
        return float((price - cost) * 100 * (price / 100) ** -elasticity)

    best = min(max(cost * elasticity / (elasticity - 1), 70.0), 130.0)
    found = number(decide(of, lambda price: 100 * (price / 100) ** -elasticity), "recommended_price")
    assert profit(found) > (0.98 if best < 85 else 0.998) * profit(best)


@pytest.mark.parametrize("width", [3.0, 8.0, 20.0])
def test_a_step_of_a_tree_does_not_decide(width: float) -> None:
    """Without smoothing the best price of a staircase is the end of a step, whatever the demand behind it."""
    treads = decide(RECORD, lambda price: line(math.floor(price / width) * width + width / 2))
    assert number(treads, "recommended_price") == pytest.approx(110, abs=4 + width / 4)


def test_the_score_is_the_weighted_sum_of_the_estimates() -> None:
    for demand in (line, lambda price: 9e3 / price**1.1, lambda price: -5.0, lambda price: 200.0 - 2 * price):
        found = estimates(RECORD, demand)
        combined = price_search.combine(RECORD, found)
        total = combined.constant + sum(w * e for w, e in zip(combined.weights, found.estimate, strict=True))
        assert total == pytest.approx(combined.score, abs=1e-6)


def test_the_weights_are_the_margin_shared_among_the_prices_around() -> None:
    combined = decide(RECORD, line)
    margin = number(combined, "recommended_price") - 50
    assert sum(combined.weights) == pytest.approx(margin)
    for price, weight in zip(price_search.prices(RECORD), combined.weights, strict=True):
        if abs(price - number(combined, "recommended_price")) >= price_search.SMOOTHING * 100:
            assert weight == 0


def test_where_nothing_is_sold_the_current_price_stays_and_no_estimate_counts() -> None:
    combined = decide(RECORD, lambda price: -0.01 * price)
    assert number(combined, "recommended_price") == 100.0
    assert combined.score == 0.0
    assert not any(combined.weights)
    assert combined.answer["profit_uplift_rate"] is None
    assert all(point["units"] == 0 for point in curve(combined))
    assert all(point["units_low"] == 0 for point in curve(combined))


def test_of_equal_profits_the_current_price_is_kept() -> None:
    combined = decide(record(unit_cost=0.0), lambda price: 0.0)
    assert number(combined, "recommended_price") == 100.0
    assert number(combined, "profit_uplift") == 0.0


@pytest.mark.parametrize(
    ("demand", "limit", "price"),
    [(lambda price: 100.0 - 0.1 * price, "max_price", 115.0), (lambda price: 800.0 - 7.5 * price, "min_price", 85.0)],
)
def test_a_recommendation_at_a_bound_names_the_bound(demand: Demand, limit: str, price: float) -> None:
    combined = decide(record(min_price=85.0, max_price=115.0), demand)
    assert number(combined, "recommended_price") == price
    assert combined.answer["limited_by"] == limit
    assert any(limit in warning for warning in combined.warnings)


def test_a_gain_within_the_interval_is_called_uncertain_and_a_larger_one_is_not() -> None:
    sentence = "The gain is within the demand estimate's uncertainty."
    assert sentence in decide(RECORD, line, spread=10.0).warnings
    assert sentence not in decide(RECORD, line, spread=0.5).warnings


def test_keeping_the_price_is_never_called_an_uncertain_gain() -> None:
    combined = decide(record(unit_cost=30.0), line, spread=50.0)
    assert number(combined, "recommended_price") == 100.0
    assert combined.warnings == []


def test_selling_below_cost_is_warned_of_and_the_loss_kept_small() -> None:
    combined = decide(record(unit_cost=200.0), line)
    assert number(combined, "recommended_price") == 130.0
    assert any("below its unit cost" in warning for warning in combined.warnings)


def test_a_price_far_from_the_competitor_s_is_warned_of() -> None:
    far = decide(record(competitor_price=40.0), line)
    assert any("competitor" in warning for warning in far.warnings)
    assert not any("competitor" in warning for warning in decide(RECORD, line).warnings)
    assert not any("competitor" in warning for warning in decide(record(competitor_price=None), line).warnings)


def test_the_shown_inputs_are_those_of_the_recommended_price() -> None:
    combined = decide(RECORD, line)
    price = number(combined, "recommended_price")
    expected = {"price": price, "price_vs_current": price / 100, "price_vs_competitor": price / 105}
    assert combined.inputs == pytest.approx(expected)
    assert set(combined.inputs) <= set(pricing.definition.inputs.names)
    assert decide(record(competitor_price=None), line).inputs["price_vs_competitor"] is None


def test_the_interval_holds_the_units() -> None:
    for point in curve(decide(RECORD, line, spread=20.0)):
        assert point["units_low"] <= point["units"] <= point["units_high"]
        assert point["units_high"] - point["units"] == pytest.approx(20.0)


def test_one_price_alone_is_answered() -> None:
    combined = decide(record(min_price=110.0, max_price=110.0), line)
    assert number(combined, "recommended_price") == 110.0
    assert number(combined, "expected_profit") == pytest.approx(60 * 60)
    assert number(combined, "current_profit") == pytest.approx(50 * 70)


def test_a_straight_line_is_not_changed_by_smoothing() -> None:
    known, wanted = [70.0, 71.0, 75.0, 80.0, 100.0, 101.0, 129.0, 130.0], [70.0, 78.5, 99.0, 130.0]
    weights = price_search.smoothing(wanted, known, 30.0)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights @ np.array(known), wanted)


def test_demand_is_estimated_at_the_current_price_and_from_end_to_end_of_the_prices_seen() -> None:
    assert (price_search.GRID[0], price_search.GRID[-1]) == price_search.TRIED
    assert 1.0 in price_search.GRID


def test_prices_beyond_those_seen_have_estimates_of_their_own() -> None:
    of = record(min_price=200.0, max_price=220.0, price_step=5.0)
    assert price_search.prices(of)[len(price_search.GRID) :] == [200.0, 205.0, 210.0, 215.0, 220.0]
    for point in curve(decide(of, lambda price: price**1.5)):
        assert point["units"] == pytest.approx(point["price"] ** 1.5)


steps = st.lists(st.floats(0, 50), min_size=len(price_search.GRID), max_size=len(price_search.GRID))


@given(drops=steps)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_smoothed_demand_falls_nearly_everywhere_where_demand_falls(drops: Sequence[float]) -> None:
    """A local line may overshoot beside a large step at the end of the curve: by less than a tenth of the fall."""
    prices = price_search.candidates(RECORD)
    falling = sum(drops) - np.cumsum(drops)
    smoothed = price_search.smoothing([price / 100 for price in prices], price_search.GRID, 0.15) @ falling
    assert np.diff(smoothed).max() <= 0.1 * max(sum(drops), 1e-9)
    lines = [(b - a) / (q - p) for (p, a), (q, b) in pairwise(zip(prices, smoothed, strict=True))]
    assert np.mean(lines) <= 1e-9


@given(
    current=st.floats(0.5, 5_000).map(lambda price: round(price, 2)),
    cost=st.floats(0.1, 1.5),
    low=st.none() | st.floats(0.2, 2.0),
    high=st.none() | st.floats(0.2, 2.0),
    step=st.none() | st.sampled_from((0.01, 0.05, 0.99, 5.0)),
    level=st.floats(-5, 500),
    slope=st.floats(0, 500),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_record_is_answered_within_its_bounds_or_refused_by_name(
    current: float, cost: float, low: float | None, high: float | None, step: float | None, level: float, slope: float
) -> None:
    of = record(
        current_price=current,
        unit_cost=cost * current,
        min_price=None if low is None else low * current,
        max_price=None if high is None else high * current,
        price_step=step,
    )
    try:
        rows = price_search.rows(of)
    except InvalidRecordError as error:
        assert error.field in {"min_price", "max_price", "price_step"}
        return
    assert len(rows) <= len(price_search.GRID) + price_search.COMPARED_PRICES
    found = estimates(of, lambda price: level - slope * (price / current - 1), spread=3.0)
    combined = price_search.combine(of, found)
    price = number(combined, "recommended_price")
    assert (low is None or price >= low * current - 1e-4) and (high is None or price <= high * current + 1e-4)
    assert set(combined.answer) == FIELDS
    assert json.loads(json.dumps(combined.answer, allow_nan=False)) == combined.answer
    assert len(combined.weights) == len(rows)
    total = sum(w * e for w, e in zip(combined.weights, found.estimate, strict=True))
    assert total == pytest.approx(combined.score, rel=1e-9, abs=1e-6 * current)
    assert price_search.combine(of, found) == combined


def test_the_curve_of_the_example_is_that_of_its_bounds() -> None:
    example = pricing.definition.schema.example
    prices = price_search.candidates(example)
    assert (prices[0], prices[-1]) == (28.0, 43.0)
    assert 34.9 in prices
