"""Nothing stands on two sides of a split."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from models.definition import Recipe
from tests.training import small
from training.check import check
from training.errors import SplitError
from training.split import Split, split
from training.table import Table


def table_for(recipe: Recipe, frame: pd.DataFrame) -> Table:
    return check(frame, dataclasses.replace(small.definition, recipe=recipe), "rows")


def sides(parts: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return parts.train, parts.validation, parts.test


def assert_disjoint(parts: Split) -> None:
    for one, other in combinations(sides(parts), 2):
        assert not set(one) & set(other)


def test_a_stratified_split_has_its_fractions_and_equal_rates() -> None:
    table = small.table()
    parts = split(table, Recipe(validation_fraction=0.25, test_fraction=0.15))
    assert_disjoint(parts)
    assert sum(map(len, sides(parts))) == len(table)
    assert len(parts.validation) / len(table) == pytest.approx(0.25, abs=0.005)
    assert len(parts.test) / len(table) == pytest.approx(0.15, abs=0.005)
    for side in sides(parts):
        assert table.target[side].mean() == pytest.approx(table.positive_rate, abs=0.005)


def test_copies_of_a_row_stay_together() -> None:
    frame = small.frame(600)
    doubled = pd.concat([frame, frame, frame], ignore_index=True)
    table = table_for(Recipe(), doubled)
    parts = split(table, Recipe())
    hashes = [set(table.row_hashes()[side]) for side in sides(parts)]
    assert all(not one & other for one, other in combinations(hashes, 2))


def test_no_group_stands_on_two_sides() -> None:
    recipe = Recipe(group_column="who")
    table = table_for(recipe, small.frame())
    parts = split(table, recipe)
    assert table.groups is not None
    groups = [set(table.groups[side]) for side in sides(parts)]
    assert all(not one & other for one, other in combinations(groups, 2))
    assert len(parts.test) / len(table) == pytest.approx(0.2, abs=0.02)
    assert "who" in parts.words


def test_a_split_by_time_never_trains_on_what_came_later() -> None:
    recipe = Recipe(time_column="when")
    frame = small.frame().sample(frac=1, random_state=1, ignore_index=True)
    table = table_for(recipe, frame)
    parts = split(table, recipe)
    when = frame["when"].to_numpy()
    assert when[parts.train].max() < when[parts.validation].min()
    assert when[parts.validation].max() < when[parts.test].min()
    assert len(parts.test) / len(table) == pytest.approx(0.2, abs=0.02)
    assert "from 2026-03-" in parts.words


def test_time_and_groups_together_leave_groups_seen_before_out() -> None:
    recipe = Recipe(time_column="when", group_column="who")
    frame = small.frame()
    frame["who"] = np.arange(len(frame)) // 8
    frame.loc[frame.index[-100:], "who"] = 0
    table = table_for(recipe, frame)
    parts = split(table, recipe)
    assert table.groups is not None
    groups = [set(table.groups[side]) for side in sides(parts)]
    assert all(not one & other for one, other in combinations(groups, 2))
    assert sum(map(len, sides(parts))) <= len(table) - 100
    assert "are left out" in parts.words


def test_groups_that_come_again_all_the_time_are_given_one_period_each_by_lot() -> None:
    """Left out where they were seen before, they would leave newcomers alone for the test."""
    recipe = Recipe(time_column="when", group_column="who")
    frame = small.frame(6000)
    joins = np.random.default_rng(1).integers(0, 200, 400)
    frame["who"] = np.random.default_rng(2).integers(0, 400, len(frame))
    frame = frame[np.arange(len(frame)) >= joins[frame["who"]] * 25].reset_index(drop=True)
    table = table_for(recipe, frame)
    parts = split(table, recipe)
    assert table.groups is not None
    assert_disjoint(parts)
    groups = [set(table.groups[side]) for side in sides(parts)]
    assert all(not one & other for one, other in combinations(groups, 2))
    when = frame["when"].to_numpy()
    assert when[parts.train].max() < when[parts.validation].min()
    assert when[parts.validation].max() < when[parts.test].min()
    who = pd.factorize(frame["who"])[1]
    joined = joins[who.to_numpy()[table.groups]]
    late = when >= when[parts.test].min()
    assert joined[parts.test].mean() == pytest.approx(joined[late].mean(), rel=0.15), "as many newcomers as there are"
    assert "each who is seen in one period only, drawn by lot" in parts.words
    assert np.array_equal(split(table, recipe).test, parts.test)


def test_the_same_seed_splits_alike_and_another_does_not() -> None:
    table = small.table()
    one, same, other = (split(table, Recipe(seed=seed)).test for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_side_without_positives_is_refused_by_name() -> None:
    frame = small.frame()
    frame["y"] = (frame.index < 500).astype(int)
    recipe = Recipe(time_column="when")
    with pytest.raises(SplitError, match="validation side of the split has 0 rows of a class"):
        split(table_for(recipe, frame), recipe)


def test_the_words_say_what_a_random_split_goes_by() -> None:
    table = small.table()
    assert split(table, Recipe()).words == "stratified by the target; copies of a row stay together"
    quantities = dataclasses.replace(table, target=table.features["amount"].to_numpy())
    assert split(quantities, Recipe()).words.startswith("at random, with equal shares of small and large targets")
    unlabelled = dataclasses.replace(table, target=np.zeros(len(table), np.int8))
    assert split(unlabelled, Recipe()).words == "at random; copies of a row stay together"
