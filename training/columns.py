"""One column of a file in the form that a Table holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Definition, Feature, Flag, Kind, Moment, Number, Schema
from training.dates import read_moments
from training.dealing import Times
from training.numerals import is_missing, read_numbers
from training.placeholders import placeholders

WORDS = {"true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "on": 1.0, "1": 1.0, "1.0": 1.0}
WORDS |= {"false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0, "off": 0.0, "0": 0.0, "0.0": 0.0}
"""What counts as true or false, in lower case."""
NO_LEVEL = frozenset(("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null"))
"""Text, in lower case, that is no level of a category and no class of a target unless the definition names it."""

SAMPLE = 200
"""Cells that are looked at before all are."""
_WHOLE = r"-?\d+(?:\.0+)?"


def features(frame: pd.DataFrame, schema: Schema, problems: list[str], file: str = "") -> pd.DataFrame:
    """The schema's columns of `frame` in the form that a Table holds; what is wrong is added to `problems`. `file` is
    where a person can change the schema.

    Numbers and flags are float64 (NaN is missing), categories categoricals, moments datetime64[us] in UTC (NaT is
    missing). Raises ValueError for a series, which no file of single values holds.
    """
    return pd.DataFrame(
        {feature.name: _column(frame[feature.name], feature, problems, file) for feature in schema.features}
    )


def _column(column: pd.Series[Any], feature: Feature, problems: list[str], file: str) -> pd.Series[Any]:
    match feature:
        case Number():
            values, missing = _number(column, feature, problems, file)
        case Flag():
            values, missing = _flag(column, feature.name, problems)
        case Category():
            values, missing = _category(column, feature, problems, file)
        case Moment():
            values, missing = _moment(column, feature.name, problems)
        case _:
            raise ValueError(f"{feature.name}: a file of single values holds no series")
    allowed = feature.missing or (isinstance(feature, Category) and feature.unseen == "missing")
    if missing and not allowed:
        problems.append(f"column {feature.name!r}: {count(missing)} missing, which the schema does not allow")
    return values


def _number(column: pd.Series[Any], feature: Number, problems: list[str], file: str) -> tuple[pd.Series[Any], int]:
    known = len(problems)
    values = numeric(column, feature.name, problems)
    missing = int(values.isna().sum()) if len(problems) == known else 0
    outside = (values < feature.minimum) | (values > feature.maximum)
    if outside.any():
        worst = values[outside].iloc[0]
        bounds = f"{feature.minimum:g} to {feature.maximum:g}"
        wrong = f"column {feature.name!r}: {count(outside.sum())} outside {bounds}, such as {worst:g}"
        remedy = f"; mend them, or {_widening(values, feature)} in {file}" if file else ""
        problems.append(f"{wrong}{remedy}")
    broken = feature.whole & values.notna() & ~outside & (values != np.floor(values))
    if broken.any():
        sample = values[broken].iloc[0]
        problems.append(f"column {feature.name!r}: {count(broken.sum())} not whole, such as {sample:g}")
    return values, missing


def _widening(values: pd.Series[Any], feature: Number) -> str:
    """How the range would hold all finite values."""
    below, above = bool((values < feature.minimum).any()), bool((values > feature.maximum).any())
    return " and ".join((["lower its minimum"] if below else []) + (["raise its maximum"] if above else []))


def numeric(column: pd.Series[Any], name: str, problems: list[str]) -> pd.Series[Any]:
    """`column` as float64; text such as "n/a" is missing, any other text that is no number a problem."""
    numbers = read_numbers(column)
    if numbers.wrong.any():
        sample = column[numbers.wrong].iloc[0]
        problems.append(f"column {name!r}: {count(numbers.wrong.sum())} not a number, such as {sample!r}")
    return numbers.values


def _flag(column: pd.Series[Any], name: str, problems: list[str]) -> tuple[pd.Series[Any], int]:
    """1, 0 or NaN from booleans, 0 and 1, or true/false/yes/no/on/off in any case."""
    texts = words(column).str.lower()
    texts = texts.where(~is_missing(texts))
    values = texts.map(WORDS).astype("float64")
    wrong = values.isna() & texts.notna()
    if wrong.any():
        problems.append(f"column {name!r}: {count(wrong.sum())} not true or false, such as {column[wrong].iloc[0]!r}")
    return values, int(texts.isna().sum())


def _category(column: pd.Series[Any], feature: Category, problems: list[str], file: str) -> tuple[pd.Series[Any], int]:
    texts = words(column)
    known = texts.isin(feature.levels)
    missing = ~known & (texts.isna() | texts.str.lower().isin(NO_LEVEL))
    unknown = texts[~known & ~missing]
    if len(unknown) and feature.unseen == "refuse":
        counts = unknown.value_counts()
        named = ", ".join(f"{level!r} ({times})" for level, times in counts.head(5).items())
        remedy = f"; add them to its levels in {file}" if file else ""
        problems.append(f"column {feature.name!r}: {count(len(unknown))} of no known level: {named}{remedy}")
    return texts.where(known).astype(pd.CategoricalDtype(list(feature.levels))), int(missing.sum())


def _moment(column: pd.Series[Any], name: str, problems: list[str]) -> tuple[pd.Series[Any], int]:
    moments = read_moments(column)
    if moments.wrong.any():
        sample = column[moments.wrong].iloc[0]
        problems.append(f"column {name!r}: {count(moments.wrong.sum())} not a date, such as {sample!r}")
        return moments.values, 0
    return moments.values, int(moments.values.isna().sum())


def words(column: pd.Series[Any]) -> pd.Series[Any]:
    """`column` as stripped text; blank text is missing. Where all are whole numbers, 3.0 and "3.0" read "3"."""
    if pd.api.types.is_float_dtype(column) and ((column.dropna() % 1 == 0) & (column.dropna().abs() < 2**53)).all():
        column = column.astype("Int64")
    texts: pd.Series[Any] = column.astype("str").str.strip()
    texts = texts.where(texts != "")
    if all(texts.head(SAMPLE).str.fullmatch(_WHOLE, na=True)) and texts.str.fullmatch(_WHOLE, na=True).all():
        texts = texts.str.replace(r"\.0+$", "", regex=True)
    return texts


def outcome_missing(column: pd.Series[Any], definition: Definition) -> pd.Series[bool]:
    """Where the target's `column` says that the outcome is not known. A class that the definition names is known."""
    assert definition.target is not None
    texts = words(column)
    if definition.kind in (Kind.BINARY, Kind.MULTICLASS, Kind.ANOMALY):
        named = (str(definition.target.positive), *definition.target.classes)
        return ~texts.isin(named) & (texts.isna() | texts.str.lower().isin(NO_LEVEL))
    return is_missing(texts) | placeholders(read_numbers(column).values)


def spelled(texts: pd.Series[Any], named: Iterable[str] = ()) -> pd.Series[Any]:
    """Stripped `texts` in which spellings that differ only in case are one: as in `named`, else the most frequent.

    >>> spelled(pd.Series(["Yes", "yes", "No", "YES", "Yes"])).tolist()
    ['Yes', 'Yes', 'No', 'Yes', 'Yes']
    """
    counts = texts.value_counts()
    best: dict[str, str] = {}
    for level in (*named, *sorted(counts.index, key=lambda level: (-counts[level], level))):
        best.setdefault(level.casefold(), level)
    own = set(named)
    return texts.map({level: level if level in own else best[level.casefold()] for level in counts.index})


def times(frame: pd.DataFrame, name: str | None, problems: list[str]) -> Times | None:
    """The time column, as numbers or as UTC moments."""
    if name is None:
        return None
    column = frame[name]
    numbers = read_numbers(column) if not pd.api.types.is_datetime64_any_dtype(column) else None
    if numbers is not None and not numbers.wrong.any():
        values: Times = numbers.values.to_numpy(np.float64)
    else:
        values = read_moments(column).values.to_numpy("datetime64[us]")
    missing = int(pd.isna(values).sum())
    if missing:
        problems.append(f"time column {name!r}: {count(missing)} missing or no dates")
    return values


def groups(frame: pd.DataFrame, name: str | None, problems: list[str]) -> NDArray[np.int64] | None:
    """The group column as codes from 0."""
    if name is None:
        return None
    codes = pd.factorize(words(frame[name]))[0]
    missing = int((codes < 0).sum())
    if missing:
        problems.append(f"group column {name!r}: {count(missing)} missing")
    return np.asarray(codes, np.int64)


def blank(column: pd.Series[Any]) -> pd.Series[bool]:
    """Where there is no value, or text that is empty once stripped."""
    if pd.api.types.is_numeric_dtype(column):
        return column.isna()
    return column.isna() | column.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)


def count(count: Any) -> str:
    """The start of a sentence about so many values.

    >>> count(1200)
    '1,200 values are'
    """
    return f"{int(count):,} value is" if count == 1 else f"{int(count):,} values are"
