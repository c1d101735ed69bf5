"""A file in blocks of the target is noted, columns that know the place in it are left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.training.suspicion.rows import evidence, found, honest

BLOCKS = ("file_order", None, "note")


def in_blocks(rows: int = 1500) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    features, target = honest(rows)
    order = np.argsort(target, kind="stable")
    return features.iloc[order].reset_index(drop=True), target[order]


def test_a_file_in_blocks_of_the_target_is_only_noted() -> None:
    features, target = in_blocks()
    assert found(features, target) == {BLOCKS}
    assert "lie in 2 runs along the file, a shuffled file would have about" in evidence(features, target, None)


def test_a_column_that_roughly_follows_the_row_number_is_left_out() -> None:
    features, target = in_blocks()
    batch = np.arange(1500) // 60 + np.random.default_rng(1).integers(0, 3, 1500)
    assert found(features.assign(batch=batch * 1.0), target) == {BLOCKS, ("file_order", "batch", "leave_out")}
    named = pd.Series([f"batch {number // 60}" for number in range(1500)]).astype("category")
    assert ("file_order", "batch", "leave_out") in found(features.assign(batch=named), target)


def test_a_date_that_follows_the_row_number_is_left_out() -> None:
    features, target = in_blocks()
    days = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(1500) // 5, unit="D"))
    frame = features.assign(day=days.astype("datetime64[us]"))
    assert found(frame, target) == {BLOCKS, ("file_order", "day", "leave_out")}


def test_the_same_column_in_a_shuffled_file_is_kept() -> None:
    features, target = honest()
    assert found(features.assign(batch=np.arange(1500) // 60 * 1.0), target) == set()


def test_a_column_by_which_the_classes_are_sorted_is_kept() -> None:
    features, target = honest()
    order = np.lexsort((features["a"], target))
    assert found(features.iloc[order].reset_index(drop=True), target[order]) == {BLOCKS}


def test_a_file_sorted_by_a_quantity_is_only_noted() -> None:
    features, _ = honest()
    price = features["a"].to_numpy() + np.random.default_rng(2).normal(0, 1, 1500)
    order = np.argsort(price)
    assert found(features.iloc[order].reset_index(drop=True), price[order], discrete=False) == {BLOCKS}


def test_several_classes_in_many_small_blocks_are_noted() -> None:
    target = np.repeat(np.random.default_rng(3).integers(0, 3, 150), 10).astype(np.float64)
    assert found(honest()[0], target) == {BLOCKS}
