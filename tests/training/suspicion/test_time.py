"""Rows that are alike where they stand together are to be split in their order, others are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.suspicion.rows import acted_on, evidence, found, honest

ROWS = 3000
SPLIT = ("time_order", None, "split_by_order")


def wave(seed: int, smooth: int = 60) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A slow random movement of mean 0 and deviation 1."""
    steps = np.random.default_rng(seed).normal(0, 1, ROWS + smooth - 1)
    return np.convolve(steps, np.ones(smooth) / np.sqrt(smooth), mode="valid")


def drifting() -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Classes that move with a state of the world that no column holds, and slow columns that tell the time."""
    random = np.random.default_rng(0)
    features = pd.DataFrame({name: wave(seed) for seed, name in enumerate("abcd", 1)})
    features["e"] = random.normal(0, 1, ROWS)
    return features, (random.random(ROWS) < 1 / (1 + np.exp(-2.5 * wave(9) - features["e"]))).astype(np.float64)


def test_time_that_runs_through_the_file_is_found_with_both_numbers() -> None:
    features, target = drifting()
    assert acted_on(features, target) == {SPLIT}
    assert "with rows held out at random and" in evidence(features, target, None)


def test_a_date_that_the_file_runs_along_is_named() -> None:
    features, target = drifting()
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS) // 4, unit="D"))
    frame = features.assign(day=days.astype("datetime64[us]"))
    assert acted_on(frame, target) == {("time_order", "day", "split_by_order")}


def test_a_shuffled_file_is_split_along_its_date() -> None:
    features, target = drifting()
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS) // 4, unit="D"))
    frame = features.assign(day=days.astype("datetime64[us]"))
    order = np.random.default_rng(1).permutation(ROWS)
    assert ("time_order", "day") in {
        trap[:2] for trap in found(frame.iloc[order].reset_index(drop=True), target[order])
    }


def test_a_trend_along_a_shuffled_date_is_noted_with_what_would_make_it_matter() -> None:
    features, _ = honest(ROWS)
    random = np.random.default_rng(6)
    day = random.integers(0, 1000, ROWS)
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D")).astype("datetime64[us]")
    target = (random.random(ROWS) < 1 / (1 + np.exp(-features["a"] - (day - 500) / 150))).astype(np.float64)
    frame = features.assign(opened=days)
    assert found(frame, target) == {("time_order", "opened", "note")}
    remedy = "harmless unless requests are of later dates: --time 'opened' would test on the latest rows"
    assert remedy in evidence(frame, target, "opened")


def test_rows_of_one_person_that_stand_together_are_found() -> None:
    random = np.random.default_rng(2)
    person = np.repeat(np.arange(ROWS // 6), 6)
    habits = random.normal(0, 1, (ROWS // 6, 3))[person]
    features = pd.DataFrame(habits + random.normal(0, 0.02, habits.shape), columns=list("abc"))
    target = (random.random(ROWS // 6) < 0.5)[person].astype(np.float64)
    assert acted_on(features, target) == {SPLIT}


def test_a_quantity_that_moves_slowly_is_found() -> None:
    features, _ = drifting()
    sales = 3 * wave(9) + features["e"] + np.random.default_rng(3).normal(0, 1, ROWS)
    assert acted_on(features, sales, discrete=False) == {SPLIT}


def test_slow_columns_that_explain_the_target_are_honest() -> None:
    features, _ = drifting()
    features = features.drop(columns=["b", "c", "d"])
    log_odds = 2 * features["a"] + features["e"]
    target = (np.random.default_rng(4).random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)
    assert acted_on(features, target) == set()


def test_the_same_rows_shuffled_are_honest() -> None:
    features, target = drifting()
    order = np.random.default_rng(5).permutation(ROWS)
    assert found(features.iloc[order].reset_index(drop=True), target[order]) == set()


@pytest.mark.parametrize("by", ["a", "d"])
def test_a_file_sorted_by_an_honest_column_is_honest(by: str) -> None:
    features, target = honest(ROWS)
    order = np.argsort(features[by].to_numpy(), kind="stable")
    assert acted_on(features.iloc[order].reset_index(drop=True), target[order]) == set()


def test_a_date_that_says_nothing_is_honest() -> None:
    features, target = honest(ROWS)
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS) // 4, unit="D"))
    assert found(features.assign(day=days.astype("datetime64[us]")), target) == set()
