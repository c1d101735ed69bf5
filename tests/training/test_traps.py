"""Data that flatter are found out: answers among the features, copies across the split, columns that say nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.definition import Recipe
from tests.training import kinds, small
from training.check import check
from training.errors import TrapError
from training.split import Split, split
from training.table import Table
from training.traps import without_copies, without_traps


def found(frame: pd.DataFrame, recipe: Recipe | None = None) -> tuple[Table, Split, tuple[str, ...]]:
    """The table and its split as training takes them, and what was found."""
    definition = dataclasses.replace(small.definition, recipe=recipe or small.definition.recipe)
    table, findings = without_traps(definition, check(frame, definition, "rows"))
    parts, copies = without_copies(table, split(table, definition.recipe))
    return table, parts, (*findings, *copies)


def test_honest_rows_have_no_findings() -> None:
    assert found(small.frame())[2] == ()


def test_copies_across_a_split_by_time_are_counted_and_left_out_of_the_later_sides() -> None:
    frame = small.frame()
    copied = frame.iloc[:50].assign(when=frame["when"].max())
    table, parts, findings = found(pd.concat([frame, copied], ignore_index=True), Recipe(time_column="when"))
    hashes = table.row_hashes()
    seen = set(hashes[parts.train]) | set(hashes[parts.validation])
    assert not seen & set(hashes[parts.test])
    assert any(finding.startswith("50 of ") and "test rows are copies" in finding for finding in findings)


def test_rows_of_few_levels_are_equal_by_chance_and_stay() -> None:
    """Nothing was copied: there are not more different rows than these."""
    frame = small.frame().assign(x=1.5, n=3, amount=20.0)
    table, parts, findings = found(frame)
    assert len(np.unique(table.row_hashes())) < 20
    assert sum(map(len, (parts.train, parts.validation, parts.test))) == len(frame)
    assert not any("left out" in finding for finding in findings)


def test_a_leak_that_was_left_out_is_named_with_the_way_to_spare_callers_from_sending_it() -> None:
    frame = small.frame()
    definition = dataclasses.replace(small.definition, recipe=Recipe(traps="leave_out"))
    table, findings = without_traps(definition, check(frame.assign(n=frame["y"] * 3), definition, "rows"))
    assert table.features["n"].isna().all()
    (finding,) = (finding for finding in findings if "'n'" in finding)
    remedy = "delete it from models/small.py and train again, so that callers need not send it"
    assert finding.endswith(f"; it was left out: {remedy}")


def test_a_leak_that_stops_the_training_is_named_with_the_way_out() -> None:
    frame = small.frame()
    definition = dataclasses.replace(small.definition, recipe=Recipe(traps="stop"))
    with pytest.raises(TrapError, match=r"Delete the column from models/small.py, or set traps=\"leave_out\""):
        without_traps(definition, check(frame.assign(n=frame["y"] * 3), definition, "rows"))


def test_constant_columns_are_reported() -> None:
    findings = found(small.frame().assign(n=7, x=np.nan))[2]
    assert findings[:2] == ("column 'x' is missing in all rows", "column 'n' is 7.0 in all rows")
    assert not any(finding.startswith("column") for finding in findings[2:])


@pytest.mark.parametrize("name", ["small_odd", "small_quantity", "small_classes"])
def test_constant_columns_are_reported_for_every_kind(name: str) -> None:
    definition, rows = kinds.ROWS[name]
    table = check(rows().assign(x=np.nan), definition, "rows")
    _, findings = without_traps(definition, table)
    assert "column 'x' is missing in all rows" in findings
