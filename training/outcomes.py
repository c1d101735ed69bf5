"""What a file of observations gave, checked: its text is anybody's, and its rows are what a model learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pandas as pd

from features.views import View
from models.definition import Definition, Forecast
from training import columns
from training.errors import DataError
from training.observations import Observations

FEW = 0.01
"""The share of observations that may stand more than once, as two visits in one second do; a join that multiplies rows
makes more of them."""

Row = Sequence[Any]
"""The ids of the view's keys, the moment, what came of it."""


def checked(
    rows: Sequence[Row], asked: Observations, view: View, definition: Definition
) -> tuple[list[Row], tuple[str, ...]]:
    """The rows that can be learned from, and what was left out, in words: outcomes that are not known, and rows that
    stand more than once, of which the first is kept.

    Raises DataError, which names every column that is not what it must be with the way out, and what is counted twice.
    """
    problems = [*_ids(rows, view), *_moments(rows)]
    known = [row for row in rows if row[-1] is not None]
    if isinstance(definition.policy, Forecast):
        longest = definition.policy.window.longest
        problems += _wrong(
            "outcome", [row[-1] for row in known], lambda later: _is_series(later, longest),
            f"no array of 1 to {longest} finite numbers", "coalesce() what has not happened to 0",
        )  # fmt: skip
        known = known if problems else [(*row[:-1], list(map(float, row[-1]))) for row in known]
    else:
        known = _with_outcome(known, definition)
    if problems:
        raise DataError(asked.file, problems)
    findings = []
    if len(known) < len(rows):
        findings.append(f"{len(rows) - len(known):,} of {len(rows):,} observations have no outcome and were left out")
    single: dict[tuple[Any, ...], Row] = {}
    for row in known:
        single.setdefault(tuple(row[:-1]), row)
    if len(single) < len(known):
        findings.append(_twice(known, len(known) - len(single), asked, view))
    return list(single.values()), tuple(findings)


def _ids(rows: Sequence[Row], view: View) -> Iterable[str]:
    for place, name in enumerate(view.key_names):
        values = [row[place] for row in rows]
        yield from _wrong(
            name, values, lambda value: isinstance(value, str) and value != "", "no text", f"{name}::text, not null"
        )


def _moments(rows: Sequence[Row]) -> Iterable[str]:
    def is_moment(value: object) -> bool:
        return isinstance(value, datetime) and value.tzinfo is not None

    yield from _wrong("as_of", [row[-2] for row in rows], is_moment, "no timestamptz", "as_of::timestamptz, not null")


def _wrong(name: str, values: Sequence[Any], is_right: Callable[[Any], bool], what: str, way: str) -> Iterable[str]:
    """Nothing, or how many of a column's values are not what they must be."""
    wrong = [value for value in values if not is_right(value)]
    if wrong:
        share = f"{len(wrong):,} of {len(values):,}"
        yield f"column {name!r}: {share} are {what}, such as {str(wrong[0])[:60]}; write {way}"


def _is_series(later: object, longest: int) -> bool:
    return (
        isinstance(later, list)
        and 1 <= len(later) <= longest
        and all(isinstance(value, int | float | Decimal) and isfinite(value) for value in later)
    )


def _with_outcome(rows: list[Row], definition: Definition) -> list[Row]:
    """Without those whose outcome says that it is not known: NaN, an empty text."""
    if all(type(row[-1]) is int or type(row[-1]) is bool for row in rows):
        return rows
    missing = columns.outcome_missing(pd.Series([row[-1] for row in rows], dtype=object), definition)
    return [row for row, is_missing in zip(rows, missing, strict=True) if not is_missing]


def _twice(rows: Sequence[Row], more: int, asked: Observations, view: View) -> str:
    """What is said of rows that stand more than once. Raises DataError where they are many."""
    words = f"{more:,} of {len(rows):,} observations stand more than once for the same {' '.join(view.key_names)} as_of"
    if more > FEW * len(rows):
        ((first, times),) = Counter(tuple(row[:-1]) for row in rows).most_common(1)
        such = f"such as {' '.join(map(str, first[:-1]))} at {first[-1].isoformat()}, {times} times"
        grain = f"its grain is {asked.grain}: add the condition that a join lacks"
        raise DataError(asked.file, [f"{words}, {such}; {grain}"])
    return f"{words}; the first of each was kept"
