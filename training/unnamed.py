"""Levels that rows hold and the definition does not name."""

from __future__ import annotations

import pandas as pd

from models.definition import Category, Schema
from training import columns

WORTH_SAYING = 0.01
"""The share of rows from which it is said that levels count as missing."""
MANY_LEVELS = 50
ENOUGH_ROWS = 10
"""Of a category with more levels than `MANY_LEVELS`, those with fewer rows are left out on purpose (`tiffin new`)."""
SHOWN = 5


def unnamed_levels(frame: pd.DataFrame, schema: Schema, file: str) -> tuple[str, ...]:
    """One finding per category with levels that count as missing in more than 1 % of rows; `file` names the model's."""
    found = (
        _finding(frame[feature.name], feature, file) for feature in schema.features if isinstance(feature, Category)
    )
    return tuple(words for words in found if words)


def _finding(column: pd.Series[str], feature: Category, file: str) -> str:
    if feature.unseen != "missing":
        return ""
    texts = columns.words(column)
    counts = texts[~texts.isin(feature.levels) & ~texts.str.lower().isin(columns.NO_LEVEL)].value_counts()
    if len(feature.levels) > MANY_LEVELS:
        counts = counts[counts >= ENOUGH_ROWS]
    if counts.sum() <= WORTH_SAYING * len(column):
        return ""
    shown = ", ".join(f"{level!r} ({rows:,})" for level, rows in counts.head(SHOWN).items())
    more = f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
    share = f"{counts.sum() / len(column):.1%} of the rows hold levels that the definition does not name"
    return f"column {feature.name!r}: {share}: {shown}{more}; they count as missing: add them to its levels in {file}"
