"""The chosen threshold is the best one there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.definition import CostThreshold, F1Threshold, FixedThreshold
from training.table import Labels
from training.thresholds import GRID, Floats, choose, miss_costs, table


def rows(count: int, seed: int) -> tuple[Floats, Labels, Floats]:
    """Probabilities with ties, labels and amounts."""
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(1, 2, count), 2)
    labels = (random.random(count) < scores).astype(np.int8)
    labels[:2] = (0, 1)
    return scores, labels, random.lognormal(2, 1, count)


def cost(threshold: float, scores: Floats, labels: Labels, misses: Floats, alarm: float) -> float:
    acted = scores >= threshold
    return float(misses[(labels == 1) & ~acted].sum() + alarm * ((labels == 0) & acted).sum())


def f1(threshold: float, scores: Floats, labels: Labels) -> float:
    acted = scores >= threshold
    return float(2 * (acted & (labels == 1)).sum() / (acted.sum() + labels.sum()))


EVERY = np.linspace(0, 1, 1001)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(3, 300), seed=st.integers(0, 10_000), alarm=st.floats(0.1, 50))
def test_no_threshold_costs_less_than_the_chosen_one(count: int, seed: int, alarm: float) -> None:
    scores, labels, amounts = rows(count, seed)
    chosen = choose(CostThreshold(miss="amount", alarm=alarm), scores, labels, amounts)
    least = min(cost(at, scores, labels, amounts, alarm) for at in EVERY)
    assert cost(chosen, scores, labels, amounts, alarm) <= least + 1e-9


@settings(max_examples=40, deadline=None)
@given(count=st.integers(3, 300), seed=st.integers(0, 10_000))
def test_no_threshold_has_a_higher_f1_than_the_chosen_one(count: int, seed: int) -> None:
    scores, labels, _ = rows(count, seed)
    chosen = choose(F1Threshold(), scores, labels, None)
    assert f1(chosen, scores, labels) >= max(f1(at, scores, labels) for at in EVERY[:-1]) - 1e-12


def test_a_fixed_threshold_is_taken_as_it_is() -> None:
    scores, labels, _ = rows(50, 1)
    assert choose(FixedThreshold(0.37), scores, labels, None) == 0.37


def test_dear_misses_act_on_everything_and_dear_alarms_on_nothing() -> None:
    scores, labels, _ = rows(200, 1)
    always = CostThreshold(miss=1e9, alarm=1.0)
    never = CostThreshold(miss=1.0, alarm=1e9)
    frame = pd.DataFrame(index=range(200))
    labels[np.argmin(scores)] = 1
    labels[np.argmax(scores)] = 0
    assert choose(always, scores, labels, miss_costs(always, frame)) == 0.0
    assert choose(never, scores, labels, miss_costs(never, frame)) == 1.0


def test_amounts_per_row_move_the_threshold() -> None:
    scores = np.array([0.9, 0.6, 0.4, 0.1])
    labels = np.array([1, 0, 1, 0], np.int8)
    rule = CostThreshold(miss="amount", alarm=5.0)
    small, large = (pd.DataFrame({"amount": [50.0, 1.0, last, 1.0]}) for last in (1.0, 100.0))
    assert choose(rule, scores, labels, miss_costs(rule, small)) == 0.75
    assert choose(rule, scores, labels, miss_costs(rule, large)) == 0.25


def test_a_missing_amount_counts_as_the_mean_of_the_others() -> None:
    costs = miss_costs(CostThreshold(miss="amount", alarm=1.0), pd.DataFrame({"amount": [1.0, np.nan, 3.0]}))
    assert costs is not None
    assert costs.tolist() == [1.0, 2.0, 3.0]


def test_the_table_shows_the_grid_and_the_own_threshold_with_the_cost_of_each() -> None:
    scores, labels, amounts = rows(300, 2)
    rule = CostThreshold(miss="amount", alarm=2.0)
    found = table(rule, 0.123, scores, labels, amounts)
    assert [row.threshold for row in found] == sorted({*GRID, 0.123})
    own = next(row for row in found if row.threshold == 0.123)
    acted = scores >= 0.123
    assert own.cost == pytest.approx(cost(0.123, scores, labels, amounts, 2.0))
    assert own.recall == pytest.approx(acted[labels == 1].mean())
    assert own.precision == pytest.approx((labels[acted] == 1).mean())
    assert own.false_positive_rate == pytest.approx(acted[labels == 0].mean())
    assert own.positive_rate == pytest.approx(acted.mean())
    assert own.f1 == pytest.approx(f1(0.123, scores, labels))
    assert all(row.cost is None for row in table(F1Threshold(), 0.5, scores, labels, None))
