"""Costs learned from calls."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.cost import CostModel


def test_before_the_first_call_every_row_costs_the_prior() -> None:
    assert CostModel(prior_seconds_per_row=0.002).seconds(50) == pytest.approx(0.1)


def test_overhead_and_slope_are_found_from_calls_of_different_sizes() -> None:
    cost = CostModel()
    for size in (1, 10, 100, 50, 5):
        cost.observe(size, 0.003 + 0.0001 * size)
    assert cost.overhead == pytest.approx(0.003)
    assert cost.slope == pytest.approx(0.0001)
    assert cost.seconds(1000) == pytest.approx(0.103)
    assert cost.seconds(1000, calls=10) == pytest.approx(0.130)


def test_calls_of_one_size_are_taken_as_all_slope() -> None:
    cost = CostModel()
    for _ in range(10):
        cost.observe(20, 0.01)
    assert cost.seconds(40) == pytest.approx(0.02)


def test_what_calls_of_different_sizes_taught_outlasts_many_calls_of_one_size() -> None:
    cost = CostModel(memory=10)
    for size in (10, 20, 30):
        cost.observe(size, 0.008 + 0.0001 * size)
    for _ in range(1000):
        cost.observe(20, 0.010)
    assert cost.slope == pytest.approx(0.0001)
    assert cost.overhead == pytest.approx(0.008)


def test_it_forgets_what_was_long_ago() -> None:
    cost = CostModel(memory=20)
    for _ in range(50):
        cost.observe(10, 1.0)
    for _ in range(200):
        cost.observe(10, 0.001)
    assert cost.seconds(10) == pytest.approx(0.001, rel=0.1)


@given(calls=st.lists(st.tuples(st.integers(1, 5000), st.floats(1e-6, 100)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_sequence_of_calls_leads_to_a_negative_or_falling_cost(calls: list[tuple[int, float]]) -> None:
    cost = CostModel()
    for size, seconds in calls:
        cost.observe(size, seconds)
    slowest = max(seconds / size for size, seconds in calls)
    assert 0 <= cost.seconds(1) <= cost.seconds(10) <= cost.seconds(5000)
    assert cost.overhead <= max(seconds for _, seconds in calls) * (1 + 1e-9)
    assert cost.slope <= slowest * (1 + 1e-9)
