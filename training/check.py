"""Whether rows fit a definition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.definition import Definition, Forecast
from training import columns, targets, windows
from training.errors import DataError
from training.table import Table
from training.unnamed import unnamed_levels

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
        columns.features(frame, definition.inputs, problems, definition.file),
        np.zeros(len(frame), np.int8)
        if definition.target is None
        else targets.target(frame[definition.target.column], definition, problems),
        columns.times(frame, definition.recipe.time_column, problems),
        columns.groups(frame, definition.recipe.group_column, problems),
        _amounts(frame, definition, problems),
        findings=(*findings, *unnamed_levels(frame, definition.inputs, definition.file)),
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
        remedy = _remedy([name for name in lacking if name in definition.schema.names], definition)
        raise DataError(origin, [f"there {_are_no(lacking)}; its columns are {present}{remedy}"])
    doubled = [name for name in wanted if list(frame.columns).count(name) > 1]
    if doubled:
        stand = f"column {doubled[0]!r} stands" if len(doubled) == 1 else f"columns {_quoted(doubled)} stand"
        raise DataError(origin, [f"{stand} twice"])


def _are_no(names: Sequence[str]) -> str:
    """What "there" goes on with."""
    return f"is no column {names[0]!r}" if len(names) == 1 else f"are no columns {_quoted(names)}"


def _remedy(names: Sequence[str], definition: Definition) -> str:
    """What can be done about features that rows do not hold."""
    if not names:
        return ""
    what = f"bring {names[0]!r}, or delete it" if len(names) == 1 else "bring them, or delete the features among them"
    return f"; {what} from {definition.file}"


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


def _quoted(names: Sequence[str]) -> str:
    """Names in a row, the last after "and"."""
    return " and ".join(filter(None, (", ".join(map(repr, names[:-1])), repr(names[-1]))))
