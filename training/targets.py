"""The target column in the form that each kind of model learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Definition, Kind, Target
from training import columns
from training.table import Labels

MIN_PER_CLASS = 10
"""Fewer rows of a class cannot be cross-validated."""


def target(column: pd.Series[Any], definition: Definition, problems: list[str]) -> NDArray[Any]:
    """`column`, without missing values, as the definition's kind learns it; what is wrong is added to `problems`."""
    about = definition.target
    assert about is not None
    match definition.kind:
        case Kind.BINARY:
            return labels(column, about, problems)
        case Kind.ANOMALY:
            return labels(column, about, problems, fewest=0)
        case Kind.MULTICLASS:
            return classes(column, about, problems)
        case _:
            return quantities(column, about, problems)


def labels(column: pd.Series[Any], about: Target, problems: list[str], fewest: int = MIN_PER_CLASS) -> Labels:
    """1 where the column holds the positive value, else 0. At least `fewest` of each are wanted."""
    positive = str(about.positive).strip()
    texts = columns.spelled(columns.words(column), (positive,))
    found = sorted(texts.dropna().unique())
    matches = texts == positive
    if not matches.any():  # 1, "1", 1.0 and True mean the same
        matches = texts.str.lower().map(columns.WORDS) == columns.WORDS.get(positive.lower(), np.nan)
    if len(found) > 2 or (fewest and not matches.any()):
        named = ", ".join(map(repr, found[:6]))
        problems.append(f"target {about.column!r} is not binary with positive {positive!r}: it holds {named}")
        return np.asarray(matches, np.int8)
    positives = int(matches.sum())
    for what, count in (("positives", positives), ("negatives", len(column) - positives)):
        if count < fewest:
            problems.append(f"target {about.column!r}: {count} {what} are too few: at least {fewest} are needed")
    return np.asarray(matches, np.int8)


def classes(column: pd.Series[Any], about: Target, problems: list[str]) -> NDArray[np.int64]:
    """The number of every row's class in the target's order."""
    numbers = {name: number for number, name in enumerate(about.classes)}
    texts = columns.spelled(columns.words(column), about.classes)
    codes = texts.map(numbers)
    strange = texts[codes.isna()]
    if len(strange):
        named = ", ".join(map(repr, strange.unique()[:5]))
        problems.append(f"target {about.column!r}: {columns.count(len(strange))} of no known class, such as {named}")
    counts = np.bincount(codes.dropna().astype(np.int64), minlength=len(numbers))
    for name, found in zip(about.classes, counts, strict=True):
        if found < MIN_PER_CLASS:
            problems.append(
                f"target {about.column!r}: {found} rows of class {name!r} are too few: at least {MIN_PER_CLASS} are "
                "needed; leave the class out of the definition and its rows out of the file, or merge it with another"
            )
    return np.asarray(codes.fillna(-1), np.int64)


def quantities(column: pd.Series[Any], about: Target, problems: list[str]) -> NDArray[np.float64]:
    """Finite numbers."""
    values = columns.numeric(column, about.column, problems).to_numpy(np.float64)
    infinite = int(np.isinf(values).sum())
    if infinite:
        problems.append(f"target {about.column!r}: {columns.count(infinite)} infinite")
    if len(values) and np.nanmin(values) == np.nanmax(values):
        problems.append(f"target {about.column!r} is {values[0]:g} in all rows: there is nothing to learn")
    return values
