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

COMPARED_PRICES = 41
"""Prices that are compared, spread evenly between the bounds; the current price is added where it is allowed."""
DEFAULT_CHANGE = 0.3
"""The bounds where the caller gives none: this part below and above the current price."""
TRIED = (0.65, 1.4)
"""The prices in the training rows, as parts of the item's usual price: beyond them a demand curve is a guess."""
NEAR_RIVAL = (0.55, 1.7)
"""The same as parts of the competitor's price, without the rarest."""
GRID = tuple(tick / 80 for tick in range(52, 113))
"""The prices at which demand is estimated, as parts of the current one, from end to end of `TRIED`.

They depend neither on bounds nor on the step, so that a price has the same units whatever else is allowed.
"""
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
    """The prices at which demand is estimated: those of `GRID`, and the candidates beyond them, each for itself."""
    current = _amount(record, "current_price")
    beyond = [price for price in candidates(record) if not _is_tried(price, current)]
    return [*(current * part for part in GRID), *beyond]


def candidates(record: Mapping[str, Value]) -> list[float]:
    """Up to 41 multiples of the step in ascending order, and the current price if it is in range and such a multiple.

    Where no step is given they are whole cents, and the current price may be any. Raises InvalidRecordError when the
    bounds contradict each other or leave no price.
    """
    within, current = considered(record), _amount(record, "current_price")
    given = _number(record, "price_step")
    step = given or CENT
    first, last = math.ceil(within.low / step - 1e-9), math.floor(within.high / step + 1e-9)
    if first > last:
        field = "max_price" if given is None else "price_step"
        low, high = (_bound_in_words(by, record) for by in (within.low_by, within.high_by))
        message = f"no multiple of {step:.10g} lies from {within.low:.10g} ({low}) to {within.high:.10g} ({high})"
        raise InvalidRecordError(field, message)
    count = min(COMPARED_PRICES, last - first + 1)
    ticks = {first + round(i * (last - first) / max(count - 1, 1)) for i in range(count)}
    kept = within.low <= current <= within.high and (given is None or _is_multiple(current, given))
    return sorted({round(tick * step, 4) for tick in ticks} | ({current} if kept else set()))


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
        raise InvalidRecordError("min_price", f"must be at most max_price, which is {high:.10g}")
    least, most = current * (1 - DEFAULT_CHANGE), current * (1 + DEFAULT_CHANGE)
    low_by = "min_price" if low is not None or high is None or high >= least else "max_price"
    high_by = "max_price" if high is not None or low is None or low <= most else "min_price"
    if low is None:
        low = least if high is None else min(least, high)
    if high is None:
        high = max(most, low)
    tried_low, tried_high = (ratio * current for ratio in TRIED)
    if low > tried_high or high < tried_low:
        return Range(low, high, low_by, high_by)
    if low < tried_low:
        low, low_by = tried_low, "data"
    if high > tried_high:
        high, high_by = tried_high, "data"
    return Range(low, high, low_by, high_by)


def combine(record: Mapping[str, Value], estimates: Estimates) -> Combined:
    """The candidate with the highest expected profit; of equal ones the current price, else the lowest."""
    current_price, rival = _amount(record, "current_price"), _number(record, "competitor_price")
    allowed, unit_cost = candidates(record), _amount(record, "unit_cost")
    *curve, current = demand_curve([*allowed, current_price], current_price, estimates, unit_cost)
    best = max(curve, key=lambda point: (point.profit, point.price == current_price))
    limit = _limit(best.price, allowed, record)
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
            "demand_curve": [_shown(point) for point in curve],
            "limited_by": limit,
            "assumptions": list(ASSUMPTIONS),
        },
        warnings=_warnings(best, current, limit, record),
        inputs={
            "price": best.price,
            "price_vs_current": best.price / current_price,
            "price_vs_competitor": best.price / rival if rival else None,
        },
    )


def demand_curve(wanted: Sequence[float], current: float, estimates: Estimates, unit_cost: float) -> list[Point]:
    """The smoothed curve at every wanted price. Negative units count as 0, and then no estimate has a weight.

    Beyond the prices that training has seen nothing is smoothed: there each price has an estimate of its own, in order.
    """
    inside = [_is_tried(price, current) for price in wanted]
    weights = np.zeros((len(wanted), len(estimates.estimate)))
    near = [price / current for price, tried in zip(wanted, inside, strict=True) if tried]
    weights[inside, : len(GRID)] = smoothing(near, GRID, SMOOTHING)
    weights[np.logical_not(inside), len(GRID) :] = np.eye(len(estimates.estimate) - len(GRID))
    units, low, high = ((weights @ np.asarray(values, float)).tolist() for values in estimates)
    return [_point(*point, unit_cost) for point in zip(wanted, units, low, high, weights.tolist(), strict=True)]


def _point(price: float, units: float, low: float, high: float, weights: list[float], unit_cost: float) -> Point:
    margin = price - unit_cost
    if units <= 0:
        units, weights = 0.0, [0.0] * len(weights)
    low, high = min(max(low, 0.0), units), max(high, units)
    return Point(price, units, low, high, margin * units, min(margin * low, margin * high), weights)


def smoothing(wanted: Sequence[float], known: Sequence[float], width: float) -> NDArray[np.float64]:
    """Row i holds the weights of a local straight line at wanted[i], fitted to what is known nearer than `width`.

    Weights fall with the distance d as 1 - (d / width)^2, sum to 1 and do not depend on the estimates. A straight line
    stays as it is, up to the ends (Fan and Gijbels 1996, section 2.2). At least two known places must be that near.
    """
    distance = np.asarray(known, float)[None, :] - np.asarray(wanted, float)[:, None]
    kernel = np.maximum(1 - (distance / width) ** 2, 0.0)
    total, lean, spread = ((kernel * distance**power).sum(axis=1, keepdims=True) for power in (0, 1, 2))
    return np.asarray(kernel * (spread - distance * lean) / (total * spread - lean**2), np.float64)


def _limit(price: float, allowed: Sequence[float], record: Mapping[str, Value]) -> str | None:
    """What keeps the recommended price from going further; None for a price between the ends.

    A price that ends the candidates but does not reach the bound, to the cent, is held back by the step.
    """
    within, stepped = considered(record), _number(record, "price_step") is not None
    if len(allowed) == 1:
        alone = stepped and within.high - within.low > CENT
        return "price_step" if alone else " and ".join(dict.fromkeys((within.low_by, within.high_by)))
    if price not in (allowed[0], allowed[-1]):
        return None
    bound, by = (within.high, within.high_by) if price == allowed[-1] else (within.low, within.low_by)
    return "price_step" if stepped and abs(price - bound) > CENT else by


def _warnings(best: Point, current: Point, limit: str | None, record: Mapping[str, Value]) -> list[str]:
    tried, rival = _is_tried(best.price, current.price), _number(record, "competitor_price")
    warnings = []
    if limit is not None and tried:
        warnings.append(_limited(limit, record))
    if not tried:
        warnings.append("No allowed price is near those seen in training: the demand curve is a guess.")
    if rival and not NEAR_RIVAL[0] <= best.price / rival <= NEAR_RIVAL[1]:
        warnings.append("The price is further from the competitor's than in nearly all training rows.")
    if best.price != current.price and current.profit >= best.profit_low:
        warnings.append("The gain is within the demand estimate's uncertainty.")
    if best.profit < 0:
        warnings.append("At every allowed price the item sells below its unit cost.")
    return warnings


def _limited(limit: str, record: Mapping[str, Value]) -> str:
    """The limit in words, a default as such."""
    if limit == "data":
        return "The recommended price lies at the end of the prices seen in training; the best may lie beyond."
    if limit == "price_step":
        return "No further multiple of price_step lies between the bounds; the best price may lie beyond."
    names = limit.split(" and ")
    what = " and ".join(_bound_in_words(name, record) for name in names)
    return f"The recommended price lies at the end of what {what} {'allows' if len(names) == 1 else 'allow'}; " + (
        "the best may lie beyond."
    )


def _bound_in_words(by: str, record: Mapping[str, Value]) -> str:
    if by == "data":
        return "the end of the prices seen in training"
    return f"the default {by}" if record.get(by) is None else by


def _is_tried(price: float, current: float) -> bool:
    """Whether training has seen such a part of the usual price."""
    return TRIED[0] - 1e-6 <= price / current <= TRIED[1] + 1e-6


def _is_multiple(price: float, step: float) -> bool:
    return abs(price / step - round(price / step)) < 1e-6


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
