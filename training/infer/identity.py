"""Columns that cannot help a model, told without looking at the target: ids, constants, free text, empty ones."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from training.headings import UNNAMED
from training.infer.contents import Contents
from training.infer.naming import may_be_id, speaks_of_id

MOSTLY_MISSING = 0.95
UNIQUE = 0.95
"""The share of different values from which values name the rows: some rows may be copies."""
MANY = 50
"""An id with more values than this is one of rows or of people; fewer are shops, say, and may be features."""
FEW_LEVELS = 50
"""With at most so many levels a category keeps all of them, however rare."""
MOST_LEVELS = 1000
ENOUGH_ROWS = 10
"""Rows that a level needs where there are more: what is learned of rarer ones is luck."""
LONGEST = 200
"""Characters of a level; longer text is no name of anything, and requests must not hold it."""
COVERED = 0.1
"""The share of rows that the kept levels must hold for the column to be of use."""
REPEATED = 0.9
"""Of ids that have several rows, there are fewer than this share of the rows."""
DOMINANT = 0.5
"""A value that more rows hold is the same within ids by chance."""
_FREE_TEXT_LENGTH = 40
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9_.:/#-]{3,64}\Z|[0-9a-fA-F]{8,}\Z")


def why_left_out(contents: Contents) -> str:
    """Why the column is left out, with the evidence; empty when it is a feature."""
    if contents.holds == "nothing":
        return "it is empty"
    if contents.holds == "other":
        return f"it holds {type(contents.values.iloc[0]).__name__} values, which are no single numbers or texts"
    if contents.missing > MOSTLY_MISSING * contents.rows:
        return f"{contents.missing:,} of {contents.rows:,} values are missing"
    if contents.distinct == 1 and not contents.missing:
        return f"it is {_shown(contents.values.iloc[0])} in all rows"
    if contents.holds == "numbers":
        return _why_numbers(contents)
    return _why_words(contents) if contents.holds == "words" else ""


def repeats_as_id(contents: Contents) -> bool:
    """Whether an id column names something that has several rows: what `--group` is for."""
    is_id = speaks_of_id(contents.name) or why_left_out(contents).startswith("an id")
    return is_id and contents.distinct < REPEATED * len(contents.values)


def describes(contents: Contents, entity: Contents) -> bool:
    """Whether the column holds one value for each value of `entity`, and so many that they tell entities apart."""
    values = contents.values
    if contents.distinct <= MANY or values.value_counts(normalize=True).iloc[0] > DOMINANT:
        return False
    of = values.groupby(entity.values.reindex(values.index))
    several = of.transform("size") > 1
    return bool(several.any() and (of.transform("first") == values)[several].mean() >= UNIQUE)


def kept_levels(values: pd.Series[Any]) -> tuple[str, ...]:
    """The levels of a category, the most frequent first: all when they are few, else those with enough rows."""
    counts = {level: rows for level, rows in values.value_counts().items() if len(str(level)) <= LONGEST}
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    if len(ordered) > FEW_LEVELS:
        ordered = [level for level in ordered if counts[level] >= ENOUGH_ROWS]
    return tuple(map(str, ordered[:MOST_LEVELS]))


def _why_numbers(contents: Contents) -> str:
    values, distinct = contents.values, contents.distinct
    if not (values % 1 == 0).all():
        return ""
    if distinct >= UNIQUE * len(values) and len(values) > 10:
        if UNNAMED.match(contents.name) or (values.is_monotonic_increasing and distinct == len(values)):
            return (
                f"it numbers the rows: whole numbers from {values.iloc[0]:.0f} to {values.iloc[-1]:.0f}, no two alike"
            )
        if may_be_id(contents.name):
            return f"an id: {distinct:,} different numbers in {len(values):,} rows"
    if speaks_of_id(contents.name) and distinct > MANY:
        return f"an id: {distinct:,} different numbers in {len(values):,} rows, which say nothing by their size"
    return ""


def _why_words(contents: Contents) -> str:
    values, distinct = contents.values, contents.distinct
    different = f"{distinct:,} different texts in {len(values):,} rows"
    if distinct >= UNIQUE * len(values) and len(values) > FEW_LEVELS:
        return f"{_nature(values)}: {different}"
    if speaks_of_id(contents.name) and distinct > MANY:
        return f"an id: {different}"
    if values.str.len().min() > LONGEST:
        return f"free text: {different}"
    if distinct <= FEW_LEVELS:
        return ""
    covered = values.isin(kept_levels(values)).mean()
    if covered < COVERED:
        return f"{_nature(values)}: {different}, {1 - covered:.0%} of them in fewer than {ENOUGH_ROWS} rows each"
    return ""


def _nature(values: pd.Series[Any]) -> str:
    sample = values.head(1000)
    if sample.map(lambda text: bool(_CODE.match(text))).mean() > 0.95:
        return "an id"
    return "free text" if sample.str.len().mean() > _FREE_TEXT_LENGTH else "names"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(str(value))
