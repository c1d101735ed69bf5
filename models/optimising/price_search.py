"""The price with the highest expected profit, from a demand curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.definition import (
    Combined,
    Estimates,
    InvalidRecordError,
    Value,
)

GRID = 41
"""Prices that are compared, spread evenly between the bounds; the current price is added where it lies between them."""
DEFAULT_CHANGE = 0.3
"""The bounds where the caller gives none: this part below and above the current price."""
TRIED = (0.65, 1.4)
"""The prices in the training rows, as parts of the item's usual price: beyond them a demand curve is a guess."""
COMPARED = (0.55, 1.7)
"""The same as parts of the competitor's price, without the rarest."""
SMOOTHING = 0.15
"""How far the curve is smoothed to either side, as a part of the current price.

Trees answer in steps. On synthetic items the recommended price came 3.6 % short of the best possible profit with 0.15,
4.0 % without smoothing, 9.2 % where the price was kept. With 0.2 it was 3.4 %, but steep curves bend at their ends.
"""
CENT = 0.01
ASSUMPTIONS = (
    "Views, season, rating and the competitor's price stay as given.",
    "The unit cost does not depend on the units sold, and stock suffices for them.",
    "Sales of other items are not counted.",
)


class Point(NamedTuple):
    """One price of the demand curve: units and their interval per week, profit in EUR/week."""

    price: float
    units: float
    units_low: float
    units_high: float
    profit: float
    profit_low: float
    weights: Sequence[float]
    """The estimates' weights in `units`, one per row."""


class Range(NamedTuple):
    """The prices that are considered, inclusive, and what limits them at either end."""

    low: float
    high: float
    low_by: str
    high_by: str


def rows(record: Mapping[str, Value]) -> list[tuple[Value, ...]]:
    """The item at every price of `prices(record)`."""
    current, rival = _amount(record, "current_price"), _number(record, "competitor_price")
    return [
        (
            record["category"],
            record["season"],
            price,
            price / current,
            price / rival if rival else None,
            record["weekly_views"],
            record.get("rating"),
        )
        for price in prices(record)
    ]


def prices(record: Mapping[str, Value]) -> list[float]:
    """The candidates in ascending order; after them the current price, to compare with, if it is not one of them."""
    current, allowed = _amount(record, "current_price"), candidates(record)
    return allowed if current in allowed else [*allowed, current]


def candidates(record: Mapping[str, Value]) -> list[float]:
    """Up to 41 prices in whole steps (of a cent, where no step is given), and the current price if it is in range.

    Raises InvalidRecordError when the bounds contradict each other or leave no price.
    """
    within, current = considered(record), _amount(record, "current_price")
    step = _number(record, "price_step") or CENT
    first, last = math.ceil(within.low / step - 1e-9), math.floor(within.high / step + 1e-9)
    if first > last:
        field = "max_price" if _number(record, "price_step") is None else "price_step"
        raise InvalidRecordError(field, f"no multiple of {step:g} lies from {within.low:g} to {within.high:g}")
    count = min(GRID, last - first + 1)
    ticks = {first + round(i * (last - first) / max(count - 1, 1)) for i in range(count)}
    kept = {current} if within.low <= current <= within.high else set()
    return sorted({round(tick * step, 4) for tick in ticks} | kept)


def considered(record: Mapping[str, Value]) -> Range:
    """The caller's bounds, or 30 % around the current price, cut to what training has seen where that leaves prices.

    Raises InvalidRecordError when the lower bound lies above the upper one, or one below 0.
    """
    current = _amount(record, "current_price")
    low, high = _number(record, "min_price"), _number(record, "max_price")
    for name, bound in (("min_price", low), ("max_price", high)):
        if bound is not None and bound < 0:
            raise InvalidRecordError(name, "must be at least 0")
    if low is not None and high is not None and low > high:
        raise InvalidRecordError("min_price", f"must be at most max_price, which is {high:g}")
    low = min(current * (1 - DEFAULT_CHANGE), current if high is None else high) if low is None else low
    high = max(current * (1 + DEFAULT_CHANGE), low) if high is None else high
    tried_low, tried_high = (ratio * current for ratio in TRIED)
    if low > tried_high or high < tried_low:
        return Range(low, high, "data", "data")
    low_by, high_by = "data" if low < tried_low else "min_price", "data" if high > tried_high else "max_price"
    return Range(max(low, tried_low), min(high, tried_high), low_by, high_by)


def combine(record: Mapping[str, Value], estimates: Estimates) -> Combined:
    """The candidate with the highest expected profit; of equal ones the current price, else the lowest."""
    current_price, rival = _amount(record, "current_price"), _number(record, "competitor_price")
    allowed, unit_cost = candidates(record), _amount(record, "unit_cost")
    curve = demand_curve(prices(record), estimates, unit_cost, SMOOTHING * current_price)
    current = next(point for point in curve if point.price == current_price)
    best = max(curve[: len(allowed)], key=lambda point: (point.profit, point is current))
    limit = _limit(best.price, allowed, considered(record))
    uplift = best.profit - current.profit
    return Combined(
        score=best.profit,
        weights=[(best.price - unit_cost) * weight for weight in best.weights],
        answer={
            "recommended_price": best.price,
            "expected_units": best.units,
            "expected_profit": best.profit,
            "current_profit": current.profit,
            "profit_uplift": uplift,
            "profit_uplift_rate": uplift / current.profit if current.profit > 0 else None,
            "demand_curve": [_shown(point) for point in curve[: len(allowed)]],
            "limited_by": limit,
            "assumptions": list(ASSUMPTIONS),
        },
        warnings=_warnings(best, current, rival, limit),
        inputs={
            "price": best.price,
            "price_vs_current": best.price / current_price,
            "price_vs_competitor": best.price / rival if rival else None,
        },
    )


def demand_curve(prices: Sequence[float], estimates: Estimates, unit_cost: float, width: float) -> list[Point]:
    """The smoothed curve at every price. Negative units count as 0, and then no estimate has a weight."""
    weights = smoothing(prices, width)
    units, low, high = ((weights @ np.asarray(values, float)).tolist() for values in estimates)
    return [_point(*point, unit_cost) for point in zip(prices, units, low, high, weights.tolist(), strict=True)]


def _point(price: float, units: float, low: float, high: float, weights: list[float], unit_cost: float) -> Point:
    margin = price - unit_cost
    if units <= 0:
        units, weights = 0.0, [0.0] * len(weights)
    low, high = min(max(low, 0.0), units), max(high, units)
    return Point(price, units, low, high, margin * units, min(margin * low, margin * high), weights)


def smoothing(prices: Sequence[float], width: float) -> NDArray[np.float64]:
    """Row i holds the weights of a local straight line at price i, fitted to the prices nearer than `width`.

    Weights fall with the distance d as 1 - (d / width)^2, sum to 1 and do not depend on the estimates. A straight line
    stays as it is, up to the ends (Fan and Gijbels 1996, section 2.2).
    """
    at = np.asarray(prices, float)
    distance = at[None, :] - at[:, None]
    kernel = np.maximum(1 - (distance / width) ** 2, 0.0)
    total, lean, spread = ((kernel * distance**power).sum(axis=1, keepdims=True) for power in (0, 1, 2))
    determinant = total * spread - lean**2
    alone = determinant <= 1e-9 * width**2  # no other price is near: nothing to draw a line through
    line = kernel * (spread - distance * lean) / np.where(alone, 1.0, determinant)
    return np.asarray(np.where(alone, kernel / total, line), np.float64)


def _limit(price: float, allowed: Sequence[float], within: Range) -> str | None:
    """What keeps the recommended price from going further; None for a price between the ends."""
    if price == allowed[-1]:
        return within.high_by
    return within.low_by if price == allowed[0] else None


def _warnings(best: Point, current: Point, rival: float | None, limit: str | None) -> list[str]:
    tried = TRIED[0] <= best.price / current.price <= TRIED[1]
    warnings = []
    if limit == "data" and tried:
        warnings.append(
            "The recommended price lies at the end of the prices seen in training; the best may lie beyond."
        )
    elif limit is not None and tried:
        warnings.append(f"The recommended price lies at the end of what {limit} allows; the best may lie beyond.")
    if not tried:
        warnings.append("No allowed price is near those seen in training: the demand curve is a guess.")
    if rival and not COMPARED[0] <= best.price / rival <= COMPARED[1]:
        warnings.append("The price is further from the competitor's than in nearly all training rows.")
    if best is not current and current.profit >= best.profit_low:
        warnings.append("The gain is within the demand estimate's uncertainty.")
    if best.profit < 0:
        warnings.append("At every allowed price the item sells below its unit cost.")
    return warnings


def _shown(point: Point) -> dict[str, float]:
    return {"price": point.price, "units": point.units, "units_low": point.units_low, "units_high": point.units_high,
            "profit": point.profit}  # fmt: skip


def _number(record: Mapping[str, Value], name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else None


def _amount(record: Mapping[str, Value], name: str) -> float:
    """A number that the schema does not let be missing."""
    value = _number(record, name)
    if value is None:
        raise InvalidRecordError(name, "must be given")
    return value
