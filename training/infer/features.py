"""A feature for what a column holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.definition import Category, Feature, Flag, Moment, Number
from models.definition.feature import Part
from training.infer.contents import Contents
from training.infer.identity import kept_levels
from training.infer.naming import humanized, unit_of
from training.infer.ranges import plain, widened

EXACT_WHOLE = 2**24
"""Models see float32, which holds larger whole numbers only by rounding."""
SEASONS_DAYS = 540
"""Rows over fewer days show some days of the year once or not at all: the day of the year is then only a date."""


def feature(contents: Contents, *, splits_by_time: bool = False) -> Feature:
    """The feature for a column that is not left out; `splits_by_time` says that the rows are split by it."""
    match contents.holds:
        case "flags":
            return _flag(contents)
        case "numbers":
            return _flag(contents) if _is_zero_one(contents) else _number(contents)
        case "moments":
            return _moment(contents, splits_by_time)
        case _:
            return _category(contents)


def _flag(contents: Contents) -> Flag:
    return Flag(
        name=contents.name,
        description=humanized(contents.name),
        example=bool(contents.values.mean() >= 0.5),
        missing=contents.missing > 0,
    )


def _is_zero_one(contents: Contents) -> bool:
    """0 and 1 in every row, and not as counts. Where some are missing, tables hold 0.0 and 1.0, which are numbers."""
    counted = unit_of(contents.name) == "count"
    return contents.written_whole and not contents.missing and not counted and set(contents.values) == {0.0, 1.0}


def _number(contents: Contents) -> Number:
    values = contents.values
    minimum, maximum = widened(values, contents.name, contents.unit)
    whole = contents.written_whole and bool((values % 1 == 0).all()) and max(abs(minimum), abs(maximum)) <= EXACT_WHOLE
    return Number(
        name=contents.name,
        description=humanized(contents.name),
        unit=_unit(contents, maximum),
        minimum=minimum,
        maximum=maximum,
        example=_typical(values),
        whole=whole,
        missing=contents.missing > 0,
    )


def _unit(contents: Contents, maximum: float) -> str:
    unit = contents.unit or unit_of(contents.name)
    return "share" if unit == "%" and not contents.unit and maximum <= 1 else unit


def _typical(values: pd.Series[Any]) -> float:
    """The median of the observed values, to six digits where that does not leave them."""
    median = float(np.quantile(values, 0.5, method="inverted_cdf"))
    short = float(f"{median:.6g}")
    return plain(short if values.min() <= short <= values.max() and median % 1 else median)


def _category(contents: Contents) -> Category:
    levels = kept_levels(contents.values)
    others = "" if len(levels) == contents.distinct else "; others count as missing"
    return Category(
        name=contents.name,
        description=f"{humanized(contents.name)}{others}",
        levels=levels,
        example=levels[0],
        unseen="missing",
        missing=contents.missing > 0 or any(level.lower() == "none" for level in levels),  # readers make None of it
    )


def _moment(contents: Contents, splits_by_time: bool) -> Moment:
    """What lies in the future of all rows, as the day does, is no part where the rows are split by time."""
    values = contents.values
    dated = bool((values == values.dt.normalize()).all())
    seasons = values.max() - values.min() >= pd.Timedelta(days=SEASONS_DAYS)
    calendar: tuple[Part, ...] = ("day_of_year", "weekday") if seasons or not splits_by_time else ("weekday",)
    days: tuple[Part, ...] = () if splits_by_time else ("days",)
    hours: tuple[Part, ...] = () if dated or values.dt.hour.nunique() == 1 else ("hour",)
    typical = values.sort_values().iloc[len(values) // 2]
    return Moment(
        name=contents.name,
        description=humanized(contents.name),
        example=typical.date().isoformat() if dated else typical.isoformat(timespec="seconds"),
        parts=(*days, *calendar, *hours),
        missing=contents.missing > 0,
    )
