"""The synthetic rows keep what their docstrings promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from models import catalogue
from training.check import check
from training.generators import generators

ROWS = {"fraud": 40_000, "churn": 8_000, "purchase": 8_000}
RATES = {"fraud": (0.0015, 0.0025), "churn": (0.17, 0.23), "purchase": (0.08, 0.12)}


@cache
def rows_of(model: str) -> pd.DataFrame:
    return generators[model](ROWS[model], 1)


@pytest.mark.parametrize("model", sorted(generators))
def test_rows_fit_the_schema_of_their_model(model: str) -> None:
    assert len(check(rows_of(model), catalogue()[model], model)) == ROWS[model]


@pytest.mark.parametrize("model", sorted(generators))
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(model: str) -> None:
    again, other = generators[model](500, 1), generators[model](500, 2)
    pd.testing.assert_frame_equal(generators[model](500, 1), again)
    assert not again.equals(other)


@pytest.mark.parametrize("model", sorted(generators))
def test_the_share_of_positives_is_the_stated_one(model: str) -> None:
    low, high = RATES[model]
    assert low <= rows_of(model)[catalogue()[model].target.column].mean() <= high


@pytest.mark.parametrize("model", ["churn", "purchase"])
def test_a_longer_window_never_counts_less(model: str) -> None:
    rows = rows_of(model)
    shorter = {"_7d": ("_14d", "_30d"), "_14d": ("_30d",)}
    pairs = [
        (name, name.removesuffix(end) + longer)
        for end, longers in shorter.items()
        for name in rows.columns[rows.columns.str.endswith(end)]
        for longer in longers
        if name.removesuffix(end) + longer in rows
    ]
    assert len(pairs) >= 5
    for short, long in pairs:
        assert (rows[short] <= rows[long]).all(), (short, long)


@pytest.mark.parametrize("model", ["churn", "purchase"])
def test_groups_hold_several_rows(model: str) -> None:
    assert rows_of(model)["user_id"].value_counts().max() > 1


def test_churn_days_since_active_agree_with_active_days() -> None:
    rows = rows_of("churn")
    days = rows["days_since_active"]
    assert (days[rows["active_days_7d"] > 0] <= 7).all()
    assert (days[(rows["active_days_7d"] == 0) & (rows["active_days_14d"] > 0)] >= 7).all()
    assert not (days[rows["active_days_30d"] == 0] < 30).any()
    assert days.isna().any()


def test_missing_values_come_where_the_schema_allows_them() -> None:
    assert rows_of("churn")["source"].isna().mean() == pytest.approx(0.08, abs=0.02)
    assert 0 < rows_of("purchase")["rating"].isna().mean() < 0.3
    assert not rows_of("fraud").isna().any().any()


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
