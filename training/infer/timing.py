"""The column that says when a row came to be, by which rows are split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from training.errors import DataError
from training.infer.contents import Contents
from training.infer.naming import speaks_of_birth, speaks_of_event_time
from training.infer.wishes import Wishes

IN_ORDER = 0.99
"""The share of rows that must not go back in time (or, newest first, forward) for a file to be sorted by a column."""
MANY_TIMES = 30


def time_column(contents: Sequence[Contents], wishes: Wishes) -> tuple[str | None, str]:
    """The column to split by and why, or None: the one wished for, else one that the file is sorted by, else the only
    date whose name says when the row came to be.

    Raises DataError when the one wished for is no time, or is missing in some rows.
    """
    if wishes.time is not None:
        _check(next(column for column in contents if column.name == wishes.time), wishes)
        return wishes.time, "as asked for"
    candidates = [column for column in contents if _may_be_time(column)]
    ordered = [column for column in candidates if _in_order(column.values)]
    if ordered:
        best = max(ordered, key=lambda column: column.distinct)
        return best.name, f"the file is sorted by {best.name!r}, {_span(best)}"
    spoken = [column for column in candidates if column.holds == "moments" and speaks_of_event_time(column.name)]
    if len(spoken) == 1:
        return spoken[0].name, f"{spoken[0].name!r} says when each row came to be, {_span(spoken[0])}"
    return None, ""


def _check(column: Contents, wishes: Wishes) -> None:
    if column.holds not in ("moments", "numbers"):
        raise DataError(wishes.origin, [f"--time: column {column.name!r} holds neither dates nor numbers"])
    if column.missing:
        problem = f"--time: column {column.name!r} is missing in {column.missing:,} of {column.rows:,} rows"
        raise DataError(wishes.origin, [f"{problem}: every row needs a time"])


def _may_be_time(column: Contents) -> bool:
    """A number is a time only under a name that says so."""
    timely = (column.holds == "moments" and not speaks_of_birth(column.name)) or (
        column.holds == "numbers" and speaks_of_event_time(column.name)
    )
    return timely and not column.missing and column.distinct >= MANY_TIMES


def _in_order(values: pd.Series[Any]) -> bool:
    steps = values.diff().dropna()
    zero = steps.iloc[0] * 0
    return bool(max((steps >= zero).mean(), (steps <= zero).mean()) >= IN_ORDER)


def _span(column: Contents) -> str:
    return f"{_shown(column.values.min())} to {_shown(column.values.max())}"


def _shown(value: Any) -> str:
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else f"{value:g}"
