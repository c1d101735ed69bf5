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
from training.periods import Tally, by_period

_LENGTHS: tuple[tuple[Period, float, float], ...] = (
    ("hour", 0.9, 1.1),
    ("day", 20.0, 28.0),
    ("week", 160.0, 176.0),
    ("month", 660.0, 760.0),
)
"""Hours between one observation and the next."""
REGULAR = 0.6
"""The share of steps that must have the usual length: of a shop that is open on five days of the week 4 of 5 do, fewer
with its holidays. What lacks in between is judged by `training.periods`."""
MOST_SERIES = 500
"""So many of the longest series are looked at for gaps."""
_PLANNED = ("price", "promo", "discount", "holiday", "event", "campaign", "sale", "weekend", "open", "plan")
"""What names of columns say whose values are known ahead."""


@dataclass(frozen=True, slots=True)
class Regular:
    """A file of regular series. `unknown` are columns whose values are not known ahead."""

    window: Window
    unknown: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Irregular:
    """`reason`: why regular series are too short or lack too much, and what to do; empty where there are none."""

    reason: str = ""


def regular(
    frame: pd.DataFrame, target: pd.Series[Any], contents: Sequence[Contents], wishes: Wishes, unit: str
) -> Regular | Irregular:
    """The window of regular series in time, if training can learn from them.

    `target` holds the quantities, `contents` the other columns, the time's among them.
    """
    when = next(column for column in contents if column.name == wishes.time)
    if when.holds != "moments":
        return Irregular()
    moments = when.values.reindex(frame.index)
    others = [column for column in contents if column.name not in (wishes.time, wishes.group)]
    series = _series(moments, frame, others, wishes)
    if series is None:
        return Irregular()
    keys = frame[list(series)].astype(str).agg("|".join, axis=1) if series else pd.Series("", index=frame.index)
    period = _period(moments, keys)
    if period is None:
        return Irregular()
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
    looked = _looked_at(moments, target, keys, replace(blank, minimum=0) if target.min() >= 0 else blank)
    if looked.example is None:
        return Irregular(looked.tally.refusal())
    window = replace(blank, example=looked.example, minimum=0 if looked.tally.closed else minimum)
    count = keys.nunique()
    found = f"{count:,} series, one value each {period}" if count > 1 else f"one series, one value each {period}"
    return Regular(
        window, unknown, (f"a forecast: {found}", *(looked.tally.findings() if count <= MOST_SERIES else ()))
    )


@dataclass(frozen=True, slots=True)
class _Looked:
    """What training would make of the longest series; `example` is the end of the longest that it would keep."""

    tally: Tally
    example: tuple[float, ...] | None


def _looked_at(moments: pd.Series[Any], target: pd.Series[Any], keys: pd.Series[Any], window: Window) -> _Looked:
    rows = pd.DataFrame({"moment": moments, "value": target, "key": keys}).dropna(subset="moment")
    tally, example = Tally(window), None
    parts = rows.groupby("key")
    for key in parts.size().sort_values(ascending=False, kind="stable").index[:MOST_SERIES]:
        part = parts.get_group(key)
        made = tally.take(by_period(part.set_index("moment")[["value"]], window)["value"])
        if made is not None and example is None:
            example = tuple(float(f"{value:g}") for value in made.values[-window.least_history :])
    return _Looked(tally, example if tally.enough else None)


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
