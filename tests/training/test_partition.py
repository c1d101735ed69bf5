"""Every row is held out exactly once, and never beside a copy or a relative of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.definition import Definition, Recipe
from tests.training import kinds, small
from training.check import check
from training.partition import CROSS_VALIDATED_UP_TO, FOLDS, Partition, crossed, held_out, is_crossed
from training.split import folds_of, split
from training.table import Table

AUTO = Recipe(form="auto", seed=4)


def table_for(
    recipe: Recipe, frame: pd.DataFrame, definition: Definition = small.definition
) -> tuple[Table, Definition]:
    given = dataclasses.replace(definition, recipe=recipe)
    return check(frame, given, "rows"), given


def cross(recipe: Recipe, frame: pd.DataFrame, definition: Definition = small.definition) -> tuple[Table, Partition]:
    table, given = table_for(recipe, frame, definition)
    return table, crossed(table, given, 7)


def assert_whole(partition: Partition, rows: int) -> None:
    """Each row is held out once, and is fitted on in all other folds."""
    times_held = np.zeros(rows, int)
    for fitted, held in partition.folds:
        assert not set(fitted) & set(held)
        assert len(fitted) + len(held) == rows
        times_held[held] += 1
    assert (times_held == 1).all()
    assert partition.fitted.tolist() == list(range(rows))
    assert partition.calibration.tolist() == partition.test.tolist() == list(range(rows))


@pytest.mark.parametrize("name", ["small_classes", "small_quantity", "small_additive"])
def test_every_row_is_held_out_exactly_once(name: str) -> None:
    definition, rows = kinds.ROWS[name]
    table, partition = cross(AUTO, rows().head(1003), definition)
    assert partition.crossed
    assert len(partition.folds) == FOLDS
    assert_whole(partition, 1003)
    assert max(len(held) for _, held in partition.folds) - min(len(held) for _, held in partition.folds) < 30
    assert len(table) == 1003


def test_classes_are_spread_evenly_also_rare_ones() -> None:
    frame = small.frame(1500)
    frame["y"] = 0
    frame.loc[frame.sample(25, random_state=1).index, "y"] = 1
    table, partition = cross(AUTO, frame)
    assert [int(table.target[held].sum()) for _, held in partition.folds] == [5] * FOLDS


def test_small_and_large_quantities_are_spread_evenly() -> None:
    table, partition = cross(AUTO, kinds.quantity_rows(1000), kinds.quantity)
    means = [table.target[held].mean() for _, held in partition.folds]
    top = np.quantile(table.target, 0.9)
    assert np.ptp(means) < 0.2 * table.target.std()
    assert {int((table.target[held] > top).sum()) for _, held in partition.folds} <= {19, 20, 21}


def test_all_copies_of_a_row_are_held_out_together() -> None:
    """Whatever stands in the target: a copy with another answer is a copy all the same."""
    frame = small.frame(400)
    copies = pd.concat([frame, frame, frame.assign(y=1 - frame["y"])], ignore_index=True)
    table, partition = cross(AUTO, copies.sample(frac=1, random_state=2, ignore_index=True))
    assert_whole(partition, 1200)
    hashes = table.row_hashes()
    for fitted, held in partition.folds:
        assert not set(hashes[fitted]) & set(hashes[held])
    assert "copies of a row stay together" in partition.words


def test_rows_that_are_equal_by_chance_are_dealt_one_by_one() -> None:
    frame = small.frame(1000).assign(x=0.5, n=3, amount=20.0)
    table, partition = cross(AUTO, frame)
    assert_whole(partition, 1000)
    assert len(np.unique(table.row_hashes())) < 40
    assert {len(held) for _, held in partition.folds} == {200}
    assert "copies" not in partition.words


def test_a_group_is_held_out_as_a_whole() -> None:
    recipe = dataclasses.replace(AUTO, group_column="who")
    table, partition = cross(recipe, small.frame(1500))
    assert table.groups is not None
    assert_whole(partition, 1500)
    for fitted, held in partition.folds:
        assert not set(table.groups[fitted]) & set(table.groups[held])
    assert "no who stands on two sides" in partition.words
    assert partition.words.startswith("5-fold cross-validation")


def test_groups_of_very_different_size_leave_no_fold_empty() -> None:
    frame = small.frame(1000)
    frame["who"] = np.minimum(np.arange(1000) // 3, 120)
    table, partition = cross(dataclasses.replace(AUTO, group_column="who"), frame)
    assert_whole(partition, 1000)
    assert all(len(held) > 0 for _, held in partition.folds)
    assert len(table) == 1000


def test_another_seed_deals_other_folds_and_the_same_seed_the_same() -> None:
    table = small.table(600)
    one, same, other = (folds_of(table, AUTO, 3, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert set(one) == {0, 1, 2}


def test_a_split_becomes_one_fold_and_a_test_that_is_in_neither_side() -> None:
    table = small.table()
    parts = split(table, Recipe())
    partition = held_out(parts)
    ((fitted, held),) = partition.folds
    assert not partition.crossed
    assert partition.calibration is held
    assert sorted([*fitted, *held, *partition.test]) == list(range(len(table)))
    assert partition.fitted.tolist() == fitted.tolist()
    assert partition.words == parts.words


def test_learning_from_all_rows_in_the_end_is_said_and_changes_nothing_else() -> None:
    table = small.table()
    before = held_out(split(table, Recipe()))
    after = before.with_all(len(table))
    assert after.fitted.tolist() == list(range(len(table)))
    assert (after.calibration.tolist(), after.test.tolist()) == (before.calibration.tolist(), before.test.tolist())
    assert after.words.startswith(before.words)
    assert "learned from all rows" in after.words


@pytest.mark.parametrize(
    ("recipe", "rows", "expected"),
    [
        (AUTO, 500, True),
        (Recipe(form="trees"), 500, False),
        (Recipe(form="linear"), 500, False),
        (dataclasses.replace(AUTO, time_column="when"), 500, False),
        (AUTO, CROSS_VALIDATED_UP_TO, True),
        (AUTO, CROSS_VALIDATED_UP_TO + 1, False),
    ],
)
def test_few_rows_without_a_time_are_cross_validated_where_the_recipe_leaves_the_form_open(
    recipe: Recipe, rows: int, expected: bool
) -> None:
    assert is_crossed(*table_for(recipe, small.frame(rows))) is expected


def test_an_isolation_forest_is_not_cross_validated() -> None:
    """It has one fold: the test rows must not be among those that it was grown from."""
    table, definition = table_for(AUTO, kinds.odd_rows(500), kinds.odd)
    assert not is_crossed(table, definition)
