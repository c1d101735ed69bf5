"""Small models of every kind besides the binary `small`, with rows whose truth is known."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from models.definition import (
    AnomalyPolicy,
    BinaryPolicy,
    Booster,
    Category,
    Classified,
    Combined,
    Decided,
    Definition,
    Detected,
    Estimated,
    Estimates,
    Expansion,
    F1Threshold,
    Flag,
    InvalidRecordError,
    Isolation,
    Kind,
    Level,
    Moment,
    MulticlassPolicy,
    Number,
    Recipe,
    RegressionPolicy,
    Schema,
    Series,
    Target,
    Value,
    read_moment,
)
from registry.store import Version
from tests.training import small
from training.train import train

QUICK = Booster(rounds=40, early_stopping_rounds=10, max_depth=3, learning_rate=0.2)
CITIES = tuple(f"city {number}" for number in range(40))
AT = Moment(
    name="at", description="When", example="2026-03-01T12:30:00Z", parts=("days", "weekday", "hour"), missing=True
)


def number(name: str, low: float = -100, high: float = 100, example: float = 0.5, *, missing: bool = False) -> Number:
    return Number(
        name=name, description="A number", unit="m", minimum=low, maximum=high, example=example, missing=missing
    )


# --- several classes: trees, a moment, an open category with many levels ---------------------------------------------


def _class_answer(said: Classified) -> dict[str, object]:
    return {"sure": said.confidence == "high", "x": said.record["x"], "drivers": [one.feature for one in said.drivers]}


several = Definition(
    name="small_classes",
    title="Small classes",
    purpose="Tests.",
    kind=Kind.MULTICLASS,
    schema=Schema(
        (
            number("x", missing=True),
            Flag(name="f", description="A flag", example=True, missing=True),
            AT,
            Category(
                name="city", description="Where", levels=CITIES, example=CITIES[3], unseen="missing", missing=True
            ),
            Category(name="d", description="A level", levels=("low", "mid", "high"), example="mid"),
        )
    ),
    target=Target(column="k", description="The class", classes=("bronze", "silver", "gold")),
    recipe=Recipe(booster=QUICK, seed=3),
    policy=MulticlassPolicy(drivers=2, answer=_class_answer),
    limits=("Tests only.",),
)


def several_rows(rows: int = 2500, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns = _shared(rows, random)
    risk = np.linspace(-1.5, 1.5, len(CITIES))[columns["city"].map(CITIES.index)]
    x = columns["x"].fillna(0).to_numpy()
    margins = np.column_stack([np.zeros(rows), 1.5 * x + 0.4, 2 * (np.abs(x) - 1) + risk])
    columns["k"] = np.array(several.target.classes if several.target else ())[_drawn(margins, random)]
    return columns


# --- a quantity: trees, quantiles, a moment --------------------------------------------------------------------------


def _estimate_answer(said: Estimated) -> dict[str, object]:
    return {"width": said.high - said.low, "d": said.record["d"], "drivers": [one.feature for one in said.drivers]}


quantity = Definition(
    name="small_quantity",
    title="Small quantity",
    purpose="Tests.",
    kind=Kind.REGRESSION,
    schema=Schema(
        (
            number("x", missing=True),
            Flag(name="f", description="A flag", example=True, missing=True),
            AT,
            Category(name="d", description="A level", levels=("low", "mid", "high"), example="mid"),
        )
    ),
    target=Target(column="q", description="The quantity", unit="EUR"),
    recipe=Recipe(booster=QUICK, seed=3),
    policy=RegressionPolicy(coverage=0.8, drivers=2, answer=_estimate_answer),
    limits=("Tests only.",),
)


def quantity_rows(rows: int = 2500, seed: int = 0) -> pd.DataFrame:
    """The noise is three times as large where the flag is set."""
    random = np.random.default_rng(seed)
    columns = _shared(rows, random)
    level = columns["d"].map({"low": 0.0, "mid": 2.0, "high": 5.0}).to_numpy()
    hour = columns["at"].dt.hour.fillna(12).to_numpy()
    noise = random.normal(0, np.where(columns["f"].fillna(0) == 1, 3.0, 1.0))
    columns["q"] = 100 + 6 * np.abs(columns["x"].fillna(0)) + level + 0.3 * hour + noise
    return columns


# --- a linear truth, with amounts and a rank -------------------------------------------------------------------------


def _worth(said: Decided) -> dict[str, object]:
    assert said.amount is not None
    return {"amount": said.amount, "worth": said.score * said.amount}


additive = Definition(
    name="small_additive",
    title="Small additive",
    purpose="Tests.",
    kind=Kind.BINARY,
    schema=Schema(
        (
            number("x", missing=True),
            number("z"),
            Category(name="d", description="A level", levels=("low", "mid", "high"), example="mid"),
        )
    ),
    target=Target(column="y", description="The event"),
    amount=Target(column="paid", description="What a positive pays", unit="EUR"),
    recipe=Recipe(form="auto", booster=QUICK, seed=3),
    policy=BinaryPolicy(
        threshold=F1Threshold(), levels=(Level("LOW", 0.0), Level("HIGH", 0.5)), answer=_worth, rank_by="worth"
    ),
    limits=("Tests only.",),
)


def additive_rows(rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns = _shared(rows, random)
    columns["z"] = random.normal(0, 1, rows)
    level = columns["d"].map({"low": 0.0, "mid": 1.5, "high": -0.5}).to_numpy()
    margin = -0.5 + 1.2 * columns["x"].fillna(0) - 0.8 * columns["z"] + level
    columns["y"] = (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    columns["paid"] = np.where(columns["y"] == 1, 50 + 20 * columns["z"] + random.normal(0, 5, rows), np.nan)
    return columns


# --- anomalies -------------------------------------------------------------------------------------------------------


def _odd_answer(said: Detected) -> dict[str, object]:
    return {"above": said.score - said.threshold}


odd = Definition(
    name="small_odd",
    title="Small oddities",
    purpose="Tests.",
    kind=Kind.ANOMALY,
    schema=Schema((number("x", missing=True), number("z"), number("w"), AT)),
    target=Target(column="odd", description="Known to be odd"),
    recipe=Recipe(isolation=Isolation(trees=50, sample=128), seed=3),
    policy=AnomalyPolicy(share=0.05, drivers=2, answer=_odd_answer),
    limits=("Tests only.",),
)


def odd_rows(rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """One row in twenty lies anywhere, the others in two clusters."""
    random = np.random.default_rng(seed)
    columns = _shared(rows, random)
    is_odd, side = random.random(rows) < 0.05, np.where(random.random(rows) < 0.5, -3.0, 3.0)
    for name in ("z", "w"):
        columns[name] = np.where(is_odd, random.uniform(-6, 6, rows), side + random.normal(0, 0.3, rows))
    return columns.assign(odd=is_odd.astype(int))


# --- several rows for each record ------------------------------------------------------------------------------------

HISTORY = Series(
    name="history", description="Sold on the last days", unit="units", minimum=0, maximum=10_000, min_length=7,
    max_length=60, example=(12.0, 9.0, 14.0, 11.0, 13.0, 17.0, 16.0),
)  # fmt: skip


def _days(record: Mapping[str, Value]) -> Sequence[Sequence[Value]]:
    """A row for each day of the horizon."""
    history, start = record["history"], read_moment(str(record["start"]))
    assert isinstance(history, Sequence) and not isinstance(history, str)
    mean = sum(history[-7:]) / 7
    days = int(str(record["days"]))
    return [[mean, float((start + timedelta(days=day)).weekday()), record["promoted"]] for day in range(days)]


def _sum(record: Mapping[str, Value], estimates: Estimates) -> Combined:
    by_day = [max(0.0, estimate) for estimate in estimates.estimate]
    warnings = ("a longer horizon than a week is a guess",) if len(by_day) > 7 else ()
    return Combined(
        score=sum(estimates.estimate),
        weights=[1.0] * len(by_day),
        answer={"by_day": by_day, "low": sum(estimates.low), "high": sum(estimates.high)},
        warnings=warnings,
    )


horizon = Definition(
    name="small_horizon",
    title="Small horizon",
    purpose="Tests.",
    kind=Kind.OPTIMISER,
    schema=Schema(
        (
            HISTORY,
            Moment(name="start", description="The first day", example="2026-03-02"),
            Number(name="days", description="Horizon", unit="d", minimum=1, maximum=28, example=3, whole=True),
            Flag(name="promoted", description="Whether there is a promotion", example=False, missing=True),
        )
    ),
    target=Target(column="sold", description="Sold on a day", unit="units"),
    recipe=Recipe(booster=QUICK, seed=3),
    policy=Expansion(
        inputs=Schema(
            (
                number("mean", 0, 10_000, 13.0),
                number("weekday", 0, 6, 0),
                Flag(name="promoted", description="Whether there is a promotion", example=False, missing=True),
            )
        ),
        unit="units",
        rows=_days,
        combine=_sum,
        coverage=0.8,
    ),
    limits=("Tests only.",),
)


def horizon_rows(rows: int = 2000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    mean, weekday, promoted = random.uniform(5, 40, rows), random.integers(0, 7, rows), random.random(rows) < 0.3
    sold = mean * (1 + 0.3 * (weekday >= 5)) * np.where(promoted, 1.4, 1.0) + random.normal(0, 2, rows)
    return pd.DataFrame({"mean": mean, "weekday": weekday, "promoted": promoted, "sold": sold})


PRICES = 11


def _prices(record: Mapping[str, Value]) -> Sequence[Sequence[Value]]:
    low, high = float(str(record["low"])), float(str(record["high"]))
    if low > high:
        raise InvalidRecordError("low", f"must not be above high ({high:g})")
    return [[price, record["views"]] for price in np.linspace(low, high, PRICES).tolist()]


def _best(record: Mapping[str, Value], estimates: Estimates) -> Combined:
    """The price with the highest profit: its margin times the units."""
    prices = [float(str(row[0])) for row in _prices(record)]
    cost = float(str(record["cost"]))
    profits = [(price - cost) * units for price, units in zip(prices, estimates.estimate, strict=True)]
    best = profits.index(max(profits))
    weights = [prices[best] - cost if place == best else 0.0 for place in range(PRICES)]
    return Combined(
        score=profits[best] - 1.5,
        weights=weights,
        constant=-1.5,
        answer={"price": prices[best], "units": estimates.estimate[best]},
        warnings=("the best price is the lowest allowed",) if best == 0 else (),
        inputs={"price": prices[best]},
    )


optimiser = Definition(
    name="small_optimiser",
    title="Small optimiser",
    purpose="Tests.",
    kind=Kind.OPTIMISER,
    schema=Schema(
        (
            number("views", 0, 1000, 200, missing=True),
            number("cost", 0, 100, 5),
            number("low", 0, 100, 6),
            number("high", 0, 100, 20),
        )
    ),
    target=Target(column="units", description="Sold", unit="units"),
    recipe=Recipe(booster=dataclasses.replace(QUICK, monotone=(("price", -1),)), seed=3),
    policy=Expansion(
        inputs=Schema((number("price", 0, 100, 10), number("views", 0, 1000, 200, missing=True))),
        unit="EUR",
        rows=_prices,
        combine=_best,
    ),
    limits=("Tests only.",),
)


def optimiser_rows(rows: int = 2000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    price, views = random.uniform(1, 40, rows), random.uniform(0, 400, rows)
    units = 0.3 * views * np.exp(-price / 15) + random.normal(0, 2, rows)
    views[random.random(rows) < 0.05] = np.nan
    return pd.DataFrame({"price": price, "views": views, "units": units})


def with_policy(definition: Definition, **changed: Any) -> Definition:
    """The same model with other settings of its policy."""
    return dataclasses.replace(definition, policy=dataclasses.replace(definition.policy, **changed))


# --- all of them -----------------------------------------------------------------------------------------------------

ROWS: Mapping[str, tuple[Definition, Callable[[], pd.DataFrame]]] = MappingProxyType(
    {
        definition.name: (definition, rows)
        for definition, rows in (
            (several, several_rows),
            (quantity, quantity_rows),
            (additive, additive_rows),
            (odd, odd_rows),
            (horizon, horizon_rows),
            (optimiser, optimiser_rows),
        )
    }
)
DEFINITIONS: Mapping[str, Definition] = MappingProxyType({name: made for name, (made, _) in ROWS.items()})


@functools.cache
def version(name: str) -> Version:
    """A stored version of one of them, trained once in a test run."""
    definition, rows = ROWS[name]
    return train(definition, small.Given(rows()))


def _shared(rows: int, random: np.random.Generator) -> pd.DataFrame:
    """Features that several models have, each with missing values where their schemas allow it."""
    x = np.where(random.random(rows) < 0.1, np.nan, random.normal(0, 1, rows))
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 400 * 86_400, rows), unit="s")
    return pd.DataFrame(
        {
            "x": x,
            "f": np.where(random.random(rows) < 0.1, np.nan, random.random(rows) < 0.5),
            "at": pd.Series(at).where(random.random(rows) > 0.05),
            "city": np.array(CITIES, object)[random.integers(0, len(CITIES), rows)],
            "d": np.array(["low", "mid", "high"], object)[random.integers(0, 3, rows)],
        }
    )


def _drawn(margins: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A class for each row (rows, classes), drawn by the softmax of its margins."""
    return np.asarray((margins + random.gumbel(size=margins.shape)).argmax(axis=1))
