"""Columns that number or name the rows are left out, measurements are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.suspicion.rows import acted_on, evidence, found, honest

random = np.random.default_rng(1)
ROWS = 1500
NAMES = ("names_rows", "x", "leave_out")


def test_honest_rows_have_no_findings() -> None:
    assert found(*honest()) == set()


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(np.arange(ROWS), id="row number"),
        pytest.param(np.arange(ROWS)[::-1] * 0.01, id="falling seconds"),
        pytest.param(random.permutation(ROWS), id="shuffled"),
        pytest.param(np.sort(random.choice(3 * ROWS, ROWS, replace=False)), id="with gaps"),
        pytest.param(100_000 + 7 * random.permutation(ROWS), id="steps of seven"),
    ],
)
def test_numbers_of_rows_are_left_out(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    features, target = honest(ROWS)
    assert acted_on(features.assign(x=numbers.astype(np.float64)), target) == {NAMES}


def test_sparse_unique_numbers_are_ids_only_by_name() -> None:
    features, target = honest(ROWS)
    account = random.choice(10**10, ROWS, replace=False).astype(np.float64)
    assert acted_on(features.assign(balance_cents=account), target) == set()
    assert acted_on(features.assign(accountId=account), target) == {("names_rows", "accountId", "leave_out")}


def test_unique_text_is_left_out_and_what_its_beginning_tells_is_said() -> None:
    features, target = honest(ROWS)
    text = [f"{'AB'[int(positive)]}{number}" for positive, number in zip(target, random.permutation(ROWS), strict=True)]
    frame = features.assign(x=pd.Series(text).astype("category"))
    assert acted_on(frame, target) == {NAMES}
    assert "1,500 different texts in 1,500 rows" in evidence(frame, target, "x")
    assert "ROC AUC 1.000" in evidence(frame, target, "x")


def test_an_id_whose_order_tells_the_class_says_so() -> None:
    features, target = honest(ROWS)
    number = np.argsort(np.argsort(target + random.random(ROWS))).astype(np.float64)
    assert "its order alone predicts the target with ROC AUC 1.000" in evidence(features.assign(x=number), target, "x")


def test_an_id_repeated_by_copies_of_rows_is_still_an_id() -> None:
    features, target = honest(ROWS)
    number = np.arange(ROWS, dtype=np.float64)
    number[-40:] = number[:40]
    assert acted_on(features.assign(x=number), target) == {NAMES}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(random.normal(0, 1, ROWS), id="unique floats"),
        pytest.param(np.sort(random.lognormal(3, 1, ROWS)), id="the file is sorted by a measurement"),
        pytest.param(np.round(random.lognormal(8, 1, ROWS)), id="whole amounts that are mostly unique"),
        pytest.param(np.round(random.uniform(18, 90, ROWS)), id="ages"),
        pytest.param(np.arange(ROWS) // 3, id="three rows per number"),
    ],
)
def test_measurements_are_kept(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    features, target = honest(ROWS)
    assert acted_on(features.assign(x=np.asarray(values, np.float64)), target) == set()


def test_moments_are_no_ids() -> None:
    features, target = honest(ROWS)
    moments = (pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(ROWS), unit="h")).astype("datetime64[us]")
    assert found(features.assign(x=moments), target) == set()
