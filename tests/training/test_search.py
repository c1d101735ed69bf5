"""What a recipe that leaves the form open comes to, and what it says about it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.definition import (
    Booster,
    Category,
    Definition,
    Flag,
    Kind,
    Number,
    Recipe,
    RegressionPolicy,
    Schema,
    Target,
)
from tests.training import kinds
from training.check import check
from training.encode import ranking
from training.encoded import Encoded
from training.learners import Linear, Trees
from training.partition import Partition, crossed, held_out
from training.practice import practice
from training.progress import silent
from training.search import PENALTIES, TREES, Choice, choose, column_names, learners, loss_of
from training.split import split
from training.table import Table

SCHEMA = Schema(
    (
        Number(name="a", description="", unit="", minimum=-1e6, maximum=1e6, example=0),
        Number(name="b", description="", unit="", minimum=-1e6, maximum=1e6, example=0, missing=True),
        Category(name="c", description="", levels=("low", "mid", "high"), example="mid"),
        Flag(name="f", description="", example=True),
    )
)
AUTO = Recipe(form="auto", seed=3)
QUANTITY = Definition(
    name="searched",
    title="Searched",
    purpose="Tests.",
    kind=Kind.REGRESSION,
    schema=SCHEMA,
    target=Target(column="y", description=""),
    recipe=AUTO,
    policy=RegressionPolicy(),
)


def rows(count: int, truth: str, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    a, b = random.normal(0, 1, count), random.normal(0, 1, count)
    c, f = random.integers(0, 3, count), random.random(count) < 0.5
    straight = 2 * a - b + np.array([0.0, 3.0, 1.0])[c] + f
    bent = 3 * np.abs(a) * np.where(f, 1, -1) + 2 * (b > 0.5) * c
    return pd.DataFrame(
        {
            "a": a,
            "b": np.where(random.random(count) < 0.05, np.nan, b),
            "c": np.array(["low", "mid", "high"], object)[c],
            "f": f,
            "y": (straight if truth == "linear" else bent) + random.normal(0, 1, count),
        }
    )


def searched(definition: Definition, frame: pd.DataFrame) -> tuple[Choice, Encoded, Partition, Table]:
    table = check(frame, definition, "rows")
    kind = practice(definition)
    partition = crossed(table, definition, 3)
    encoded = Encoded(definition.inputs, table, ranking(table.target, kind.classes), partition, 3)
    return choose(definition, table, encoded, partition, kind, silent), encoded, partition, table


def test_few_rows_of_a_linear_truth_are_fitted_with_a_linear_model_and_that_is_said() -> None:
    choice, *_ = searched(QUANTITY, rows(300, "linear"))
    assert isinstance(choice.learner, Linear)
    assert choice.words[0].startswith(f"chosen: {choice.learner.words}, with a loss of ")
    assert choice.words[1].startswith("the best other form, boosted trees of depth ")
    assert "a simple model is at least as good as boosted trees" in choice.words[2]


def test_a_truth_that_is_not_linear_is_fitted_with_trees_and_that_is_said() -> None:
    choice, *_ = searched(QUANTITY, rows(2000, "bent"))
    assert isinstance(choice.learner, Trees)
    assert choice.words[0].startswith("chosen: boosted trees of depth ")
    assert choice.words[1].startswith("the best other form, a linear model with penalty ")
    assert len(choice.words) == 2
    losses = [float(words.split(" had ")[-1].split("loss of ")[-1].split()[0]) for words in choice.words]
    assert losses[0] < losses[1] / 2
    assert choice.learner.settings.learning_rate == pytest.approx(0.05)


@pytest.mark.parametrize("name", ["small_additive", "small_classes"])
def test_classes_are_searched_as_quantities_are(name: str) -> None:
    definition, made = kinds.ROWS[name]
    definition = dataclasses.replace(definition, recipe=AUTO)
    choice, encoded, _, _ = searched(definition, made().head(900))
    assert len(choice.words) >= 2
    learner: Any = choice.learner
    if isinstance(learner, Linear):
        assert (learner.loss, learner.tables) == ("logistic", encoded.tables)
        assert learner.classes == practice(definition).classes
    else:
        assert learner.objective == practice(definition).objective


def test_trees_are_not_judged_at_the_round_that_suits_the_rows_that_judge_them() -> None:
    """Of noise, trees that are stopped by those rows seem better than they are."""
    random = np.random.default_rng(0)
    noise = rows(600, "linear").assign(y=random.normal(0, 1, 600))
    _, encoded, partition, _ = searched(QUANTITY, noise)
    folds = [encoded.fold(*pair) for pair in partition.folds]
    kind = practice(QUANTITY)
    shallow = learners(QUANTITY, encoded, kind)[len(PENALTIES)]
    alone = [loss_of(shallow, [fold], kind) for fold in folds]
    assert loss_of(shallow, folds, kind) > float(np.mean(alone))


def test_the_test_rows_have_no_say() -> None:
    """By time and at random: whatever stands in the test rows, the choice and its losses are the same."""
    table = check(rows(3000, "bent"), QUANTITY, "rows")
    partition = held_out(split(table, AUTO))
    choices = []
    for change in (0.0, 1e6):
        target = table.target.copy()
        target[partition.test] += change
        changed = dataclasses.replace(table, target=target)
        encoded = Encoded(SCHEMA, changed, ranking(target, 1), partition, 3)
        choices.append(choose(QUANTITY, changed, encoded, partition, practice(QUANTITY), silent))
    assert choices[0] == choices[1]


def test_a_recipe_that_names_its_form_is_obeyed() -> None:
    booster = Booster(max_depth=3, rounds=77)
    trees = dataclasses.replace(QUANTITY, recipe=Recipe(form="trees", booster=booster))
    choice, *_ = searched(trees, rows(300, "linear"))
    assert isinstance(choice.learner, Trees)
    assert choice.learner.settings == booster
    assert choice.words == ()
    linear = dataclasses.replace(QUANTITY, recipe=Recipe(form="linear"))
    choice, *_ = searched(linear, rows(600, "bent"))
    assert isinstance(choice.learner, Linear)
    (words,) = choice.words
    assert words.startswith("chosen: a linear model")


def test_all_candidates_are_there_and_know_what_columns_hold_codes() -> None:
    _, encoded, _, _ = searched(dataclasses.replace(QUANTITY, recipe=Recipe(form="trees")), rows(200, "linear"))
    found = learners(QUANTITY, encoded, practice(QUANTITY))
    assert [one.penalty for one in found if isinstance(one, Linear)] == list(PENALTIES)
    shapes = [(one.settings.max_depth, one.settings.min_child_weight) for one in found if isinstance(one, Trees)]
    assert shapes == list(TREES)
    assert {one.tables for one in found if isinstance(one, Linear)} == {frozenset((2,))}
    saturating = dataclasses.replace(QUANTITY, recipe=Recipe(form="linear", saturating=("a", "b")))
    found = learners(saturating, encoded, practice(QUANTITY))
    assert [one.saturating for one in found if isinstance(one, Linear)] == [frozenset((0, 1))] * len(PENALTIES)


def test_trees_keep_the_directions_that_the_recipe_demands() -> None:
    _, encoded, _, _ = searched(dataclasses.replace(QUANTITY, recipe=Recipe(form="trees")), rows(200, "linear"))
    bound = dataclasses.replace(QUANTITY, recipe=Recipe(form="auto", booster=Booster(monotone=(("a", 1),))))
    found = [one for one in learners(bound, encoded, practice(QUANTITY)) if isinstance(one, Trees)]
    assert len(found) == len(TREES)
    assert {one.settings.monotone for one in found} == {(("a", 1),)}


def test_columns_carry_the_name_of_their_feature() -> None:
    table = check(kinds.several_rows(300), kinds.several, "rows")
    partition = crossed(table, dataclasses.replace(kinds.several, recipe=AUTO), 1)
    encoded = Encoded(kinds.several.schema, table, ranking(table.target, 3), partition, 1)
    assert column_names(encoded) == ("x", "f", "at", "at", "at", "city", "d")


def test_progress_hears_of_every_candidate() -> None:
    heard: list[tuple[str, int, int]] = []
    table = check(rows(200, "linear"), QUANTITY, "rows")
    partition = crossed(table, QUANTITY, 3)
    encoded = Encoded(SCHEMA, table, ranking(table.target, 1), partition, 3)
    choose(QUANTITY, table, encoded, partition, practice(QUANTITY), lambda *told: heard.append(told))
    count = len(PENALTIES) + len(TREES)
    assert heard == [("search", number, count) for number in range(count)]
