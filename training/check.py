"""Whether rows fit a definition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Definition, Feature, Flag, Number, Schema
from training.errors import DataError
from training.table import Labels, Table, Times

MIN_ROWS = 200
MIN_PER_CLASS = 25
"""Fewer rows, positives or negatives cannot be split, calibrated and tested three ways."""

_WORDS = {"true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "1": 1.0, "1.0": 1.0}
_WORDS |= {"false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0, "0": 0.0, "0.0": 0.0}


def check(frame: pd.DataFrame, definition: Definition, origin: str) -> Table:
    """`frame` as a Table. Columns that the definition does not name are left out.

    Raises DataError, with everything that is wrong at once: missing columns, values of the wrong type, out of range or
    of unknown levels counted per column, missing values where the schema has none, a target that is not binary, too
    few rows or positives.
    """
    _check_columns(frame, definition, origin)
    problems: list[str] = []
    columns = features(frame, definition.schema, problems)
    labels = _labels(frame[definition.target.column], definition, problems)
    times = _times(frame, definition.recipe.time_column, problems)
    groups = _groups(frame, definition.recipe.group_column, problems)
    if problems:
        raise DataError(origin, problems)
    _check_size(labels, origin)
    return Table(columns, labels, times, groups)


def features(frame: pd.DataFrame, schema: Schema, problems: list[str]) -> pd.DataFrame:
    """The schema's columns of `frame` in the form that a Table holds; what is wrong is added to `problems`."""
    return pd.DataFrame({feature.name: _column(frame[feature.name], feature, problems) for feature in schema.features})


def _check_columns(frame: pd.DataFrame, definition: Definition, origin: str) -> None:
    recipe = definition.recipe
    named = (*definition.schema.names, definition.target.column, recipe.time_column, recipe.group_column)
    wanted = [name for name in named if name is not None]
    lacking = [name for name in wanted if name not in frame.columns]
    if lacking:
        present = ", ".join(map(str, frame.columns[:40]))
        raise DataError(origin, [f"there is no column {_quoted(lacking)}; its columns are {present}"])
    doubled = [name for name in wanted if list(frame.columns).count(name) > 1]
    if doubled:
        raise DataError(origin, [f"column {_quoted(doubled)} stands twice"])


def _check_size(labels: Labels, origin: str) -> None:
    positives = int(labels.sum())
    problems = []
    if len(labels) < MIN_ROWS:
        problems.append(f"{len(labels)} rows are too few: at least {MIN_ROWS} are needed")
    if positives < MIN_PER_CLASS:
        problems.append(f"{positives} positives are too few: at least {MIN_PER_CLASS} are needed")
    if len(labels) - positives < MIN_PER_CLASS:
        problems.append(f"{len(labels) - positives} negatives are too few: at least {MIN_PER_CLASS} are needed")
    if problems:
        raise DataError(origin, problems)


def _column(column: pd.Series[Any], feature: Feature, problems: list[str]) -> pd.Series[Any]:
    match feature:
        case Number():
            values = _number(column, feature, problems)
        case Flag():
            values = _flag(column, feature.name, problems)
        case Category():
            values = _category(column, feature, problems)
    allowed = feature.missing or (isinstance(feature, Category) and feature.unseen == "missing")
    missing = int(_blank(column).sum())
    if missing and not allowed:
        problems.append(f"column {feature.name!r}: {_count(missing)} missing, which the schema does not allow")
    return values


def _number(column: pd.Series[Any], feature: Number, problems: list[str]) -> pd.Series[Any]:
    values = _numeric(column, feature.name, problems)
    outside = (values < feature.minimum) | (values > feature.maximum)
    if outside.any():
        worst = values[outside].iloc[0]
        bounds = f"{feature.minimum:g} to {feature.maximum:g}"
        problems.append(f"column {feature.name!r}: {_count(outside.sum())} outside {bounds}, such as {worst:g}")
    broken = feature.whole & values.notna() & ~outside & (values != np.floor(values))
    if broken.any():
        sample = values[broken].iloc[0]
        problems.append(f"column {feature.name!r}: {_count(broken.sum())} not whole, such as {sample:g}")
    return values


def _numeric(column: pd.Series[Any], name: str, problems: list[str]) -> pd.Series[Any]:
    """`column` as float64; blank text is missing, any other text a problem."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    values = pd.to_numeric(column.astype(object), errors="coerce").astype("float64")
    wrong = values.isna() & ~_blank(column)
    if wrong.any():
        problems.append(f"column {name!r}: {_count(wrong.sum())} not a number, such as {column[wrong].iloc[0]!r}")
    return values


def _flag(column: pd.Series[Any], name: str, problems: list[str]) -> pd.Series[Any]:
    """1, 0 or NaN from booleans, 0 and 1, or true/false/yes/no in any case."""
    words = _words(column)
    values = words.str.lower().map(_WORDS).astype("float64")
    wrong = values.isna() & words.notna()
    if wrong.any():
        problems.append(f"column {name!r}: {_count(wrong.sum())} not true or false, such as {words[wrong].iloc[0]!r}")
    return values


def _category(column: pd.Series[Any], feature: Category, problems: list[str]) -> pd.Series[Any]:
    words = _words(column)
    known = words.isin(feature.levels)
    unknown = words[~known & words.notna()]
    if len(unknown) and feature.unseen == "refuse":
        counts = unknown.value_counts()
        named = ", ".join(f"{level!r} ({count})" for level, count in counts.head(5).items())
        problems.append(f"column {feature.name!r}: {_count(len(unknown))} of no known level: {named}")
    return words.where(known).astype(pd.CategoricalDtype(list(feature.levels)))


def _words(column: pd.Series[Any]) -> pd.Series[Any]:
    """`column` as stripped text; blank text is missing. A whole float such as 3.0 reads "3"."""
    if pd.api.types.is_float_dtype(column) and ((column.dropna() % 1 == 0) & (column.dropna().abs() < 2**53)).all():
        column = column.astype("Int64")
    words: pd.Series[Any] = column.astype("str").str.strip()
    return words.where(words != "")


def _labels(column: pd.Series[Any], definition: Definition, problems: list[str]) -> Labels:
    target = definition.target
    positive = str(target.positive).strip()
    words = _words(column)
    missing = int(words.isna().sum())
    if missing:
        problems.append(f"target {target.column!r}: {_count(missing)} missing; leave rows without an outcome out")
    found = sorted(words.dropna().unique())
    matches = words == positive
    if not matches.any():  # 1, "1", 1.0 and True mean the same
        matches = words.str.lower().map(_WORDS) == _truth(positive)
    if len(found) > 2 or not matches.any():
        named = ", ".join(map(repr, found[:6]))
        problems.append(f"target {target.column!r} is not binary with positive {positive!r}: it holds {named}")
    return np.asarray(matches, np.int8)


def _truth(word: str) -> float | None:
    return _WORDS.get(word.lower())


def _times(frame: pd.DataFrame, name: str | None, problems: list[str]) -> Times | None:
    """The time column, as numbers or as UTC moments."""
    if name is None:
        return None
    column = frame[name]
    if pd.api.types.is_numeric_dtype(column):
        times: Times = column.to_numpy(np.float64, na_value=np.nan)
    else:
        moments = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
        times = moments.dt.tz_localize(None).to_numpy("datetime64[us]")
    missing = int(pd.isna(times).sum())
    if missing:
        problems.append(f"time column {name!r}: {_count(missing)} missing or not ISO 8601 dates")
    return times


def _groups(frame: pd.DataFrame, name: str | None, problems: list[str]) -> NDArray[np.int64] | None:
    """The group column as codes from 0."""
    if name is None:
        return None
    codes = pd.factorize(frame[name])[0]
    missing = int((codes < 0).sum())
    if missing:
        problems.append(f"group column {name!r}: {_count(missing)} missing")
    return np.asarray(codes, np.int64)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _blank(column: pd.Series[Any]) -> pd.Series[bool]:
    """Where there is no value, or text that is empty once stripped."""
    if pd.api.types.is_numeric_dtype(column):
        return column.isna()
    return column.isna() | column.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)


def _count(count: Any) -> str:
    return f"{int(count):,} value is" if count == 1 else f"{int(count):,} values are"
