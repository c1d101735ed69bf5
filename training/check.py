"""Whether rows fit a definition."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from models.definition import Definition, Forecast
from training import columns, targets, windows
from training.errors import DataError
from training.table import Table

MIN_ROWS = 100
"""Fewer rows cannot be split, calibrated and tested."""


def check(frame: pd.DataFrame, definition: Definition, origin: str) -> Table:
    """`frame` as a Table. Columns that the definition does not name are left out, and rows without a target.

    Raises DataError, with everything that is wrong at once: missing columns, values of the wrong type, out of range or
    of unknown levels counted per column, missing values where the schema has none, a target that does not suit the
    model's kind, too few rows.
    """
    _check_columns(frame, definition, origin)
    if isinstance(definition.policy, Forecast):
        return windows.table(frame, definition, definition.policy.window, origin)
    frame, findings = _with_target(frame, definition)
    if len(frame) < MIN_ROWS:
        raise DataError(origin, [f"{len(frame)} rows are too few: at least {MIN_ROWS} are needed"])
    problems: list[str] = []
    table = Table(
        columns.features(frame, definition.inputs, problems),
        np.zeros(len(frame), np.int8)
        if definition.target is None
        else targets.target(frame[definition.target.column], definition, problems),
        columns.times(frame, definition.recipe.time_column, problems),
        columns.groups(frame, definition.recipe.group_column, problems),
        _amounts(frame, definition, problems),
        findings=findings,
    )
    if problems:
        raise DataError(origin, problems)
    return table


def _check_columns(frame: pd.DataFrame, definition: Definition, origin: str) -> None:
    recipe = definition.recipe
    policy = definition.policy
    named = (
        *(policy.window.columns if isinstance(policy, Forecast) else definition.inputs.names),
        *(about.column for about in (definition.target, definition.amount) if about is not None),
        *(name for name in (recipe.time_column, recipe.group_column) if name is not None),
    )
    wanted = list(dict.fromkeys(named))
    lacking = [name for name in wanted if name not in frame.columns]
    if lacking:
        present = ", ".join(map(str, frame.columns[:40]))
        raise DataError(origin, [f"there is no column {_quoted(lacking)}; its columns are {present}"])
    doubled = [name for name in wanted if list(frame.columns).count(name) > 1]
    if doubled:
        raise DataError(origin, [f"column {_quoted(doubled)} stands twice"])


def _with_target(frame: pd.DataFrame, definition: Definition) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows whose target is known."""
    if definition.target is None:
        return frame, ()
    missing = columns.outcome_missing(frame[definition.target.column], definition)
    if not missing.any():
        return frame, ()
    words = f"{int(missing.sum()):,} of {len(frame):,} rows have no {definition.target.column!r} and were left out"
    return frame[~missing].reset_index(drop=True), (words,)


def _amounts(frame: pd.DataFrame, definition: Definition, problems: list[str]) -> np.ndarray | None:
    if definition.amount is None:
        return None
    name = definition.amount.column
    return columns.numeric(frame[name], name, problems).to_numpy(np.float64)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
