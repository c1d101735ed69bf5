"""A budget spread over channels until one more euro brings the same everywhere."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from models.definition import (
    Combined,
    Estimates,
    InvalidRecordError,
    Value,
)


class Channel(NamedTuple):
    """A way to advertise. `largest` is the largest weekly spend in the training rows, EUR: the default upper bound."""

    name: str
    label: str
    largest: float
    example: float


CHANNELS = (
    Channel("search", "search advertising", 40_000, 15_000),
    Channel("social", "social media", 30_000, 10_000),
    Channel("display", "display advertising", 20_000, 5_000),
    Channel("email", "e-mail", 8_000, 2_000),
    Channel("tv", "television", 80_000, 30_000),
)
STEPS = 32
"""Steps between a channel's bounds at which its response is estimated; between them it is a straight line."""
ASSUMPTIONS = (
    "Channels neither help nor hurt each other: their responses add up.",
    "What is spent in a week works in that week.",
    "Season and promotion are as given; prices, stock and competitors stay as they were in the training rows.",
)


class Curve(NamedTuple):
    """What one channel's spending brings. `spends` ascend evenly between its bounds, EUR; `marginals` fall."""

    channel: Channel
    spends: Sequence[float]
    responses: Sequence[float]
    """Revenue above that of the lowest spend, EUR/week, for every spend."""
    knots: Sequence[float]
    """Both bounds and the middle of every step: where `marginals` stand."""
    marginals: Sequence[float]
    """The revenue that one more euro brings, for every knot."""


class Bounds(NamedTuple):
    """The least and the most that a channel may get, whole cents in EUR, and whether the caller said so."""

    low: float
    high: float
    low_given: bool
    high_given: bool


def rows(record: Mapping[str, Value]) -> list[tuple[Value, ...]]:
    """Every channel at its lowest spend; then, channel by channel, every further spend of its grid alone."""
    grids = [grid(one.low, one.high) for one in bounds(record)]
    lowest = [spends[0] for spends in grids]
    plans = [lowest] + [
        [*lowest[:i], spend, *lowest[i + 1 :]] for i, spends in enumerate(grids) for spend in spends[1:]
    ]
    return [(*plan, record["season"], record["promotion"]) for plan in plans]


def bounds(record: Mapping[str, Value]) -> list[Bounds]:
    """The bounds of each channel; a default upper bound gives way to a lower one that the caller asks for.

    Raises InvalidRecordError where they contradict each other or the budget does not reach the least ones.
    """
    found = []
    for channel in CHANNELS:
        least, most = _number(record, f"{channel.name}_min"), _number(record, f"{channel.name}_max")
        low = 0.0 if least is None else round(least, 2)
        high = max(channel.largest, low) if most is None else round(most, 2)
        if low < 0:
            raise InvalidRecordError(f"{channel.name}_min", "must be at least 0")
        if low > high:
            raise InvalidRecordError(f"{channel.name}_min", f"must be at most {channel.name}_max, which is {high:.15g}")
        found.append(Bounds(low, high, least is not None, most is not None))
    needed = round(sum(one.low for one in found), 2)
    if budget_of(record) < needed:
        message = f"must be at least {needed:.15g}, the sum of what the channels must get"
        raise InvalidRecordError("total_budget", message)
    return found


def budget_of(record: Mapping[str, Value]) -> float:
    """The total budget in whole cents, EUR."""
    budget = _number(record, "total_budget")
    if budget is None:
        raise InvalidRecordError("total_budget", "must be given")
    return round(budget, 2)


def grid(low: float, high: float) -> list[float]:
    """`STEPS` even steps from `low` to `high`, both included."""
    return [low + (high - low) * i / STEPS for i in range(STEPS)] + [high]


def combine(record: Mapping[str, Value], estimates: Estimates) -> Combined:
    """The allocation with the highest expected revenue, its response channel by channel, and the curves behind it."""
    within = bounds(record)
    curves = response_curves(within, estimates.estimate)
    budget = budget_of(record)
    spends = allocate(curves, budget)
    weights = _weights(curves, spends)
    score = sum(weight * estimate for weight, estimate in zip(weights, estimates.estimate, strict=True))
    limits = [_limit(spend, one) for spend, one in zip(spends, within, strict=True)]
    allocation = [
        _allocated(curve, spend, limit, budget) for curve, spend, limit in zip(curves, spends, limits, strict=True)
    ]
    unspent = round(budget - sum(spends), 2)
    return Combined(
        score=score,
        weights=weights,
        answer={
            "allocation": allocation,
            "expected_response": score,
            "marginal_return": common_marginal(curves, spends),
            "curves": {curve.channel.name: _points(curve) for curve in curves},
            "unspent": unspent,
            "assumptions": list(ASSUMPTIONS),
        },
        warnings=[*_bound(within, limits, spends), *_warnings(curves, spends, unspent)],
        inputs={f"{curve.channel.name}_spend": spend for curve, spend in zip(curves, spends, strict=True)},
    )


def response_curves(bounds: Sequence[Bounds], estimates: Sequence[float]) -> list[Curve]:
    """The channels' curves from the estimates for `rows`."""
    curves = []
    for i, (channel, within) in enumerate(zip(CHANNELS, bounds, strict=True)):
        of_channel = estimates[1 + i * STEPS : 1 + (i + 1) * STEPS]
        responses = [0.0, *(estimate - estimates[0] for estimate in of_channel)]
        curves.append(response_curve(channel, grid(within.low, within.high), responses))
    return curves


def response_curve(channel: Channel, spends: Sequence[float], responses: Sequence[float]) -> Curve:
    """A curve with its marginal returns: the slopes of the steps, made to fall, in the middle of each step.

    They go on for half a step to either bound as they do in the step beside it, but do not fall below 0 there.
    """
    width = (spends[-1] - spends[0]) / STEPS
    if width == 0:
        return Curve(channel, spends, responses, [spends[0], spends[-1]], [0.0, 0.0])
    slopes = list(accumulate(((after - before) / width for before, after in pairwise(responses)), min))
    first = slopes[0] + (slopes[0] - slopes[1]) / 2
    last = slopes[-1] - min((slopes[-2] - slopes[-1]) / 2, max(slopes[-1], 0.0))
    middles = [(before + after) / 2 for before, after in pairwise(spends)]
    return Curve(channel, spends, responses, [spends[0], *middles, spends[-1]], [first, *slopes, last])


def allocate(curves: Sequence[Curve], budget: float) -> list[float]:
    """What each channel gets, in whole cents: all of the budget that the bounds let be spent.

    At the optimum every channel between its bounds has the same marginal return. The higher that is, the less is
    spent, so it is found by bisection.
    """
    low = min(curve.marginals[-1] for curve in curves) - 1.0
    high = max(curve.marginals[0] for curve in curves) + 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if sum(spend_at(curve, middle) for curve in curves) > budget:
            low = middle
        else:
            high = middle
    most, least = ([spend_at(curve, marginal) for curve in curves] for marginal in (low, high))
    return in_cents(_between(least, most, budget), curves, budget)


def spend_at(curve: Curve, marginal: float) -> float:
    """The spend from which on one more euro brings `marginal` or less; the upper bound if it always brings more."""
    i = bisect_left(curve.marginals, -marginal, key=operator.neg)
    if i == 0:
        return curve.knots[0]
    if i == len(curve.knots):
        return curve.knots[-1]
    part = (curve.marginals[i - 1] - marginal) / (curve.marginals[i - 1] - curve.marginals[i])
    return curve.knots[i - 1] + part * (curve.knots[i] - curve.knots[i - 1])


def _between(least: Sequence[float], most: Sequence[float], budget: float) -> list[float]:
    """The mixture of both plans that spends the budget: where returns do not fall, any mixture is as good."""
    room = sum(most) - sum(least)
    part = min((budget - sum(least)) / room, 1.0) if room > 0 else 0.0
    return [low + part * (high - low) for low, high in zip(least, most, strict=True)]


def in_cents(spends: Sequence[float], curves: Sequence[Curve], budget: float) -> list[float]:
    """`spends` in whole cents that sum to the budget, or to all upper bounds: the last cents go where there is room."""
    limits = [(round(curve.spends[0] * 100), round(curve.spends[-1] * 100)) for curve in curves]
    cents = [min(max(int(spend * 100), low), high) for spend, (low, high) in zip(spends, limits, strict=True)]
    left = min(round(budget * 100), sum(high for _, high in limits)) - sum(cents)
    for i, (low, high) in enumerate(limits):
        change = min(max(left, low - cents[i]), high - cents[i])
        cents[i] += change
        left -= change
    return [amount / 100 for amount in cents]


def marginal_at(curve: Curve, spend: float) -> float | None:
    """The revenue that one more euro brings at `spend`; None for a channel whose bounds are equal: it has no curve."""
    if curve.spends[0] == curve.spends[-1]:
        return None
    i = min(max(bisect_left(curve.knots, spend), 1), len(curve.knots) - 1)
    part = (spend - curve.knots[i - 1]) / (curve.knots[i] - curve.knots[i - 1])
    return curve.marginals[i - 1] + part * (curve.marginals[i] - curve.marginals[i - 1])


def common_marginal(curves: Sequence[Curve], spends: Sequence[float]) -> float | None:
    """What one more euro of budget brings: it goes where it brings most. None where every channel is at its most."""
    open_ones = [(curve, spend) for curve, spend in zip(curves, spends, strict=True) if spend < curve.spends[-1]]
    return max((marginal_at(curve, spend) or 0.0 for curve, spend in open_ones), default=None)


def _position(curve: Curve, spend: float) -> tuple[int, float]:
    """The step that holds `spend`, from 0, and how far into the step it lies, 0 to 1."""
    reach = curve.spends[-1] - curve.spends[0]
    steps = (spend - curve.spends[0]) / reach * STEPS if reach > 0 else 0.0
    step = min(int(steps), STEPS - 1)
    return step, steps - step


def response_at(curve: Curve, spend: float) -> float:
    """Revenue above that of the lowest spend, on the straight line between two estimates."""
    step, part = _position(curve, spend)
    return (1 - part) * curve.responses[step] + part * curve.responses[step + 1]


def _weights(curves: Sequence[Curve], spends: Sequence[float]) -> list[float]:
    """The weights of the rows' estimates in the revenue expected of `spends`; they sum to 1."""
    weights = [0.0] * (1 + STEPS * len(curves))
    for i, (curve, spend) in enumerate(zip(curves, spends, strict=True)):
        step, part = _position(curve, spend)
        if step > 0:
            weights[i * STEPS + step] = 1 - part
        weights[i * STEPS + step + 1] = part
    weights[0] = 1 - sum(weights)
    return weights


def _limit(spend: float, within: Bounds) -> str | None:
    """The bound that a channel's spend stands at; where bounds are equal, those that the caller gave."""
    if within.low == within.high:
        return " and ".join(name for name, given in zip(("min", "max"), within[2:], strict=True) if given)
    return "max" if spend >= within.high else "min" if spend <= within.low else None


def _allocated(curve: Curve, spend: float, limit: str | None, budget: float) -> dict[str, object]:
    return {
        "channel": curve.channel.name,
        "spend": spend,
        "share": spend / budget if budget > 0 else 0.0,
        "response": response_at(curve, spend),
        "marginal_return": marginal_at(curve, spend),
        "limited_by": limit,
    }


def _points(curve: Curve) -> list[dict[str, float]]:
    return [
        {"spend": round(spend, 2), "response": response}
        for spend, response in zip(curve.spends, curve.responses, strict=True)
    ]


def _bound(bounds: Sequence[Bounds], limits: Sequence[str | None], spends: Sequence[float]) -> list[str]:
    """Where bounds bind, a default as such."""
    plan = list(zip(CHANNELS, bounds, limits, spends, strict=True))
    at_most = [one.name for one, within, limit, _ in plan if limit == "max" and within.high_given]
    at_default = [one.name for one, within, limit, _ in plan if limit == "max" and not within.high_given]
    at_least = [one.name for one, _, limit, spend in plan if limit == "min" and spend > 0]
    at_both = [one.name for one, _, limit, _ in plan if limit == "min and max"]
    warnings = [
        f"The default upper bound of {one.name}, {one.largest:g} EUR, gave way to "
        f"{one.name}_min of {within.low:.15g} EUR."
        for one, within, _, _ in plan
        if within.low > one.largest and not within.high_given
    ]
    for what, names in (
        ("Held down by the upper bound", at_most),
        ("Held down by the default upper bound, the largest spend in the training rows", at_default),
        ("Held up by the lower bound", at_least),
        ("Fixed by equal bounds", at_both),
    ):
        if names:
            warnings.append(f"{what}: {', '.join(names)}.")
    return warnings


def _warnings(curves: Sequence[Curve], spends: Sequence[float], unspent: float) -> list[str]:
    """Where training saw no such spend, where money is left or no longer comes back."""
    plan = list(zip(curves, spends, strict=True))
    beyond = [curve.channel.name for curve, spend in plan if spend > curve.channel.largest]
    marginal = common_marginal(curves, spends)
    warnings = []
    if beyond:
        warnings.append(f"More than was ever spent in the training rows: {', '.join(beyond)}.")
    if unspent > 0:
        warnings.append(f"{unspent:.2f} EUR stay unspent: every channel is at its upper bound.")
    if marginal is not None and marginal < 1:
        warnings.append("The last euro brings less than one euro of revenue.")
    return warnings


def _number(record: Mapping[str, Value], name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else None
