"""The synthetic rows keep what their docstrings promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from models import catalogue
from models.definition import Category
from models.optimising import allocation, price_search
from training.check import check
from training.generators import budget, generators, pricing

ROWS = {
    "anomaly": 20_000,
    "budget": 4_000,
    "fraud": 40_000,
    "pricing": 8_000,
    "profitability": 8_000,
    "revenue_leak": 10_000,
}
TARGETS = {
    "anomaly": (0.012, 0.018),
    "budget": (330_000, 390_000),
    "fraud": (0.0015, 0.0025),
    "pricing": (50, 90),
    "profitability": (1_100, 1_700),
    "revenue_leak": (0.065, 0.095),
}
"""The target's mean: of an event, its share."""


@cache
def rows_of(model: str) -> pd.DataFrame:
    return generators[model](ROWS[model], 1)


def target_of(model: str) -> pd.Series[float]:
    target = catalogue()[model].target
    assert target is not None
    return rows_of(model)[target.column]


@pytest.mark.parametrize("model", sorted(generators))
def test_rows_fit_the_schema_of_their_model(model: str) -> None:
    definition = catalogue()[model]
    table = check(rows_of(model), definition, model)
    assert len(rows_of(model)) == len(table) == ROWS[model]


@pytest.mark.parametrize("model", sorted(generators))
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(model: str) -> None:
    again, other = generators[model](500, 1), generators[model](500, 2)
    pd.testing.assert_frame_equal(generators[model](500, 1), again)
    assert not again.equals(other)


@pytest.mark.parametrize("model", sorted(generators))
def test_the_mean_of_the_target_is_the_stated_one(model: str) -> None:
    low, high = TARGETS[model]
    assert low <= target_of(model).mean() <= high


@pytest.mark.parametrize("model", sorted(generators))
def test_every_level_of_a_category_occurs(model: str) -> None:
    for feature in catalogue()[model].inputs.features:
        if isinstance(feature, Category) and feature.name in rows_of(model):
            assert set(rows_of(model)[feature.name].dropna()) == set(feature.levels), feature.name


@pytest.mark.parametrize("model", sorted(generators))
def test_columns_hold_more_than_one_value(model: str) -> None:
    assert not [name for name, column in rows_of(model).items() if column.nunique() < 2]


@pytest.mark.parametrize("model", sorted(name for name in generators if catalogue()[name].recipe.group_column))
def test_groups_hold_several_rows(model: str) -> None:
    assert rows_of(model)[catalogue()[model].recipe.group_column].value_counts().median() >= 2


def test_missing_values_come_where_the_schema_allows_them() -> None:
    assert rows_of("pricing")["price_vs_competitor"].isna().mean() == pytest.approx(0.15, abs=0.02)
    for model in ("anomaly", "budget", "fraud", "profitability"):
        assert not rows_of(model).isna().any().any(), model


def test_fraud_is_ordered_in_time_and_busier_in_the_afternoon() -> None:
    rows = rows_of("fraud")
    hour = rows["Time"] % 86_400 // 3_600
    assert rows["Time"].is_monotonic_increasing
    assert hour.between(13, 17).sum() > 2.5 * hour.between(1, 5).sum()


def test_honest_components_spread_as_principal_components_do() -> None:
    rows = rows_of("fraud")
    spreads = rows.loc[rows["Class"] == 0, [f"V{i}" for i in range(1, 29)]].std().to_numpy()
    assert spreads[0] == pytest.approx(2.0, abs=0.15)
    assert spreads[-1] < 0.6
    assert np.corrcoef(np.arange(28), spreads)[0, 1] < -0.9


def test_a_leak_has_an_amount_and_nothing_else_has() -> None:
    rows = rows_of("revenue_leak")
    assert (rows["leak"] == 1).equals(rows["leak_amount"].notna())
    assert (rows["leak_amount"].dropna() > 0).all()


def test_a_billing_gap_alone_does_not_tell_a_leak() -> None:
    """Exchange rates, allowances and approved credits leave gaps that are none."""
    rows = rows_of("revenue_leak")
    low = rows["billed_price"] < 0.98 * rows["contracted_price"]
    euro = rows["currency"] == "EUR"
    assert rows.loc[low & euro, "leak"].mean() > 2 * rows.loc[low & ~euro, "leak"].mean()
    assert rows.loc[low & euro, "leak"].mean() < 0.9


def test_the_shares_of_a_client_s_revenue_sum_to_one() -> None:
    rows = rows_of("profitability")
    assert np.allclose(rows[["software_share", "hardware_share", "services_share"]].sum(axis=1), 1, atol=0.002)


def test_the_margin_of_a_large_client_varies_more() -> None:
    rows = rows_of("profitability")
    large = rows["revenue"] > rows["revenue"].median()
    assert rows.loc[large, "margin"].std() > 2 * rows.loc[~large, "margin"].std()


def test_no_metric_alone_tells_the_anomalies() -> None:
    rows = rows_of("anomaly")
    features = rows.drop(columns="is_anomaly")
    strength = (features.rank(pct=True)[rows["is_anomaly"] == 1].mean() - 0.5).abs()
    assert strength.max() < 0.35
    assert (strength > 0.05).sum() >= 5


def test_normal_metrics_move_together() -> None:
    normal = rows_of("anomaly").query("is_anomaly == 0")
    for one, other in (("request_rate", "cpu"), ("request_rate", "disk_write_mb"), ("cpu", "latency_p50_ms")):
        assert normal[one].corr(normal[other], method="spearman") > 0.7, (one, other)


def test_an_item_is_sold_at_several_prices_within_the_stated_range() -> None:
    rows = rows_of("pricing")
    assert rows.groupby("item_id")["price"].nunique().median() >= 8
    low, high = pricing.RATIOS
    assert rows["price_vs_current"].between(low - 0.002, high + 0.002).all()
    assert price_search.TRIED == pricing.RATIOS


def test_demand_falls_in_the_price_and_with_a_cheaper_competitor() -> None:
    prices = np.linspace(65, 140, 76)
    same = np.full(76, 100.0)
    for category in range(6):
        codes = np.full(76, category)
        units = pricing.expected_units(codes, codes * 0, prices, same, same, same * 0.04, same)
        assert (np.diff(units) < 0).all()
        rival = pricing.expected_units(codes, codes * 0, same, same, prices, same * 0.04, same)
        assert (np.diff(rival) > 0).all()


def test_a_channel_s_response_rises_from_nothing_and_levels_off() -> None:
    spends = np.linspace(0, budget.LARGEST, 50)
    for promotion in (False, True):
        responses = budget.responses(spends, np.full(50, promotion))
        assert np.allclose(responses[0], 0)
        gains = np.diff(responses, axis=0)
        assert (gains > 0).all()
        assert (gains[-1] < 0.5 * gains.max(axis=0)).all()
    assert [channel.largest for channel in allocation.CHANNELS] == budget.LARGEST.tolist()


def test_every_channel_is_spent_on_from_nothing_to_its_largest() -> None:
    rows = rows_of("budget")
    for channel in allocation.CHANNELS:
        spends = rows[f"{channel.name}_spend"]
        assert spends.min() == 0
        assert 0.9 * channel.largest < spends.max() <= channel.largest
