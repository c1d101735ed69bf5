"""A quantity that is observed again and again, and what is known of its next periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.definition import Category, Feature, Flag, Window
from models.definition.forecast import Period
from training.infer.contents import Contents
from training.infer.features import feature
from training.infer.naming import humanized
from training.infer.ranges import widened
from training.infer.wishes import Wishes

_LENGTHS: tuple[tuple[Period, float, float], ...] = (
    ("hour", 0.9, 1.1),
    ("day", 20.0, 28.0),
    ("week", 160.0, 176.0),
    ("month", 660.0, 760.0),
)
"""Hours between one observation and the next."""
REGULAR = 0.8
"""The share of steps that must have the usual length."""
_PLANNED = ("price", "promo", "discount", "holiday", "event", "campaign", "sale", "weekend", "open", "plan")
"""What names of columns say whose values are known ahead."""


@dataclass(frozen=True, slots=True)
class Regular:
    """A file of regular series. `unknown` are columns whose values are not known ahead."""

    window: Window
    unknown: tuple[str, ...]
    findings: tuple[str, ...]


def regular(
    frame: pd.DataFrame, target: pd.Series[Any], contents: Sequence[Contents], wishes: Wishes, unit: str
) -> Regular | None:
    """The window of regular series in time; None where the rows are no such series.

    `target` holds the quantities, `contents` the other columns, the time's among them.
    """
    when = next(column for column in contents if column.name == wishes.time)
    if when.holds != "moments":
        return None
    moments = when.values.reindex(frame.index)
    others = [column for column in contents if column.name not in (wishes.time, wishes.group)]
    series = _series(moments, frame, others, wishes)
    if series is None:
        return None
    keys = frame[list(series)].astype(str).agg("|".join, axis=1) if series else pd.Series("", index=frame.index)
    period = _period(moments, keys)
    if period is None:
        return None
    planned = [column for column in others if column.name not in series and _known_ahead(column, keys)]
    unknown = tuple(column.name for column in others if column.name not in series and column not in planned)
    minimum, maximum = widened(target.dropna(), str(wishes.target), "")
    blank = Window(
        time=str(wishes.time),
        unit=unit,
        period=period,
        series=series,
        covariates=tuple(map(_covariate, planned)),
        minimum=minimum,
        maximum=maximum,
        example=(0.0,),
    )
    longest = keys.value_counts().index[0]
    latest = target[keys == longest].dropna().tail(blank.least_history)
    if len(latest) < blank.least_history:
        return None
    example = tuple(float(f"{value:g}") for value in latest)
    count = keys.nunique()
    found = f"{count:,} series, one value each {period}" if count > 1 else f"one series, one value each {period}"
    return Regular(replace(blank, example=example), unknown, (f"a forecast: {found}",))


def _series(
    moments: pd.Series[Any], frame: pd.DataFrame, others: Sequence[Contents], wishes: Wishes
) -> tuple[str, ...] | None:
    """The columns that tell series apart: the group, none, or the first category that makes moments unique."""
    given = (wishes.group,) if wishes.group else ()
    if _unique(moments, frame, given):
        return given
    words = [column.name for column in others if column.holds == "words" and column.distinct < len(frame) / 20]
    for name in words:
        if _unique(moments, frame, (*given, name)):
            return (*given, name)
    for first, one in enumerate(words):
        for other in words[first + 1 :]:
            if _unique(moments, frame, (*given, one, other)):
                return (*given, one, other)
    return None


def _unique(moments: pd.Series[Any], frame: pd.DataFrame, series: tuple[str, ...]) -> bool:
    together = pd.DataFrame({"moment": moments})
    for number, name in enumerate(series):
        together[number] = frame[name]
    return bool(together.duplicated().mean() < 0.01)


def _period(moments: pd.Series[Any], keys: pd.Series[Any]) -> Period | None:
    """The length of most steps from one observation of a series to the next."""
    together = pd.DataFrame({"key": keys, "moment": moments}).dropna().sort_values(["key", "moment"])
    hours = together.groupby("key")["moment"].diff().dropna().dt.total_seconds().to_numpy() / 3600
    hours = hours[hours > 0]
    for period, low, high in _LENGTHS:
        if len(hours) and np.mean((hours >= low) & (hours <= high)) >= REGULAR:
            return period
    return None


def _known_ahead(column: Contents, keys: pd.Series[Any]) -> bool:
    """Whether a column is of the series itself, or its name speaks of a plan."""
    if column.holds not in ("numbers", "flags", "words"):
        return False
    if any(word in column.name.lower() for word in _PLANNED):
        return True
    whole = column.values.reindex(keys.index)
    return column.holds == "words" and bool((whole.groupby(keys).nunique() <= 1).all()) and keys.nunique() > 1


def _covariate(column: Contents) -> Feature:
    """A feature that holds for a whole horizon; it may always be left out."""
    made = feature(column)
    described = replace(made, description=f"{humanized(column.name)}, over the horizon")
    return described if isinstance(described, Category | Flag) else replace(described, missing=True)
