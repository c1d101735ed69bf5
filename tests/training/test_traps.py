"""Data that give the answer away are found out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.definition import Recipe
from tests.training import small
from training.check import check
from training.errors import TrapError
from training.prepare import Prepared, prepare
from training.traps import refuse_answers


def prepared(frame: pd.DataFrame, recipe: Recipe | None = None) -> Prepared:
    definition = dataclasses.replace(small.definition, recipe=recipe or small.definition.recipe)
    return prepare(definition, check(frame, definition, "rows"))


def test_honest_rows_have_no_findings() -> None:
    assert prepared(small.frame()).findings == ()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_states_the_target_stops_the_training_by_name(sign: int) -> None:
    frame = small.frame()
    frame["x"] = sign * frame["y"] * 3 + np.random.default_rng(1).normal(0, 0.75, len(frame))
    with pytest.raises(TrapError, match=r"'x' \(ROC AUC 0.99") as caught:
        prepared(frame)
    assert caught.value.columns == ("x",)


def test_a_column_that_is_missing_exactly_for_negatives_stops_the_training() -> None:
    frame = small.frame()
    frame["x"] = np.where(frame["y"] == 1, frame["x"].fillna(0), np.nan)
    with pytest.raises(TrapError, match="'x'"):
        prepared(frame)


def test_a_strong_but_honest_column_is_no_trap() -> None:
    frame = small.frame()
    frame["x"] = frame["y"] * 3 + np.random.default_rng(1).normal(0, 1.0, len(frame))
    assert prepared(frame).findings == ()


def test_a_rare_answer_is_found_among_many_rows() -> None:
    random = np.random.default_rng(1)
    labels = (random.random(60_000) < 0.002).astype(np.int8)
    matrix = random.normal(0, 1, (60_000, 6)).astype(np.float32)
    refuse_answers(small.definition.schema, matrix, labels)
    matrix[:, 1] += 8 * labels
    with pytest.raises(TrapError, match="'n'"):
        refuse_answers(small.definition.schema, matrix, labels)


def test_copies_across_a_split_by_time_are_counted_and_left_out_of_the_later_sides() -> None:
    frame = small.frame()
    copied = frame.iloc[:50].assign(when=frame["when"].max())
    recipe = Recipe(time_column="when")
    sides = prepared(pd.concat([frame, copied], ignore_index=True), recipe)
    seen = set(sides.train.table.row_hashes()) | set(sides.validation.table.row_hashes())
    assert not seen & set(sides.test.table.row_hashes())
    assert any(finding.startswith("50 of ") and "test rows are copies" in finding for finding in sides.findings)


def test_constant_columns_are_reported() -> None:
    frame = small.frame().assign(n=7, x=np.nan)
    assert prepared(frame).findings == (
        "column 'x' is missing in all training rows",
        "column 'n' is 7 in all training rows",
    )
