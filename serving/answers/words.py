"""Contributions in plain words."""

from __future__ import annotations

from typing import Any, NamedTuple

from models.definition import Category, Driver, Feature, Flag, Number, Value


class Scale(NamedTuple):
    """What contributions are measured in: the `name` of the scale, and what a sentence says is moved and its unit."""

    name: str
    moves: str
    unit: str = ""


LOG_ODDS = Scale("log-odds", "log-odds")


def contribution(feature: Feature, driver: Driver, scale: Scale, *, varies: bool = False) -> dict[str, Any]:
    """One contribution in the shape of the HTTP interface; `varies` where the feature has no single value."""
    direction = "raises" if driver.contribution > 0 else "lowers" if driver.contribution < 0 else "does not change"
    return {
        "feature": driver.feature,
        "value": driver.value,
        "contribution": driver.contribution,
        "direction": direction,
        "sentence": across(feature.name, driver.contribution, direction, scale)
        if varies
        else sentence(feature, driver.value, driver.contribution, direction, scale),
    }


def across(name: str, amount: float, direction: str, scale: Scale) -> str:
    """The same for an input that has another value in each of the rows that the answer comes from."""
    if amount == 0:
        return f"{name} does not change the score"
    return (
        f"{name}, over all rows of the answer, {direction} the {scale.moves} by {_size(amount)} {scale.unit}".rstrip()
    )


def sentence(feature: Feature, value: Value, amount: float, direction: str, scale: Scale = LOG_ODDS) -> str:
    """A contribution in plain words, e.g. "Amount of 250 EUR raises the log-odds by 0.31"."""
    match feature:
        case _ if value is None:
            what = f"{feature.name} being missing"
        case Number(unit=unit):
            what = f"{feature.name} of {value:.10g} {unit}".rstrip()
        case Flag():
            what = f"{feature.name} being {'true' if value else 'false'}"
        case Category():
            what = f"{feature.name} being {value!r}"
        case _:
            what = f"{feature.name} being {value}"
    if amount == 0:
        return f"{what} does not change the score"
    return f"{what} {direction} the {scale.moves} by {_size(amount)} {scale.unit}".rstrip()


def _size(amount: float) -> str:
    """An amount as people write it: two digits that matter, or whole thousands."""
    size = abs(amount)
    return f"{size:,.0f}" if size >= 100 else f"{size:.2g}"
