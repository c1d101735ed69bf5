"""Synthetic daily sales of articles in stores. None of it is real.

Assumptions:

- Rows: one (`store_id`, `sku_id`) series after the other, each day once, about 400 days each and at least three
  series; there are about as many stores as articles, and all series end on the same day.
- Level: log-normal per article, times the store's size (spread 30 %); one article in four is a slow mover, sold on
  few days, several at once.
- Calendar: Saturdays sell most, Sundays least; a yearly wave by category; a linear trend per series of up to a fifth
  a year either way; the two weeks before Christmas lift toys by three quarters.
- Price: the article's list price, changed every two to three months by up to a tenth; elasticity 1 to 2.5 by
  category. A promotion runs 7 days, about every eighth week, takes 20 % off and lifts sales by a further third; the
  three days after it sell a fifth less.
- Noise: Poisson counts with a Gamma spread of 20 % between days.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAYS = 400
LAST_DAY = np.datetime64("2026-02-28")
CATEGORIES = ("bakery", "drinks", "household", "toys")
LEVELS = np.array([18.0, 14.0, 6.0, 4.0])
PRICES = np.array([2.5, 1.8, 6.0, 19.0])
ELASTICITIES = np.array([1.0, 1.8, 1.4, 2.5])
WAVES = np.array([0.05, 0.35, 0.05, 0.15])
PEAK_DAYS = np.array([20, 200, 90, 345])
"""The day of the year with the highest sales, by category."""
WEEKDAYS = np.array([0.92, 0.9, 0.95, 1.0, 1.2, 1.45, 0.58])
PROMOTION_CYCLE, PROMOTION_DAYS, AFTERMATH_DAYS = 56, 7, 3
SLOW_ORDER = 3.0
"""Pieces of a slow mover that are sold at once, mean."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` days: `date`, `store_id`, `sku_id`, `units` (whole), `price` (EUR), `promotion` and `category`."""
    random = np.random.default_rng(seed)
    count = max(3, rows // DAYS)
    lengths = np.full(count, rows // count) + (np.arange(count) < rows % count)
    series = np.repeat(np.arange(count), lengths)
    age = np.concatenate([np.arange(length)[::-1] for length in lengths])
    date = LAST_DAY - age.astype("timedelta64[D]")
    stores = round(np.sqrt(count))
    store, sku = series % stores, series // stores
    category = random.permutation(np.arange(int(sku.max()) + 1) % 4)[sku]
    price, promotion, aftermath = _prices(random, series, sku, category, date)
    mean = _level(random, series, store, sku, category) * _calendar(random, series, category, date)
    mean = mean * (price / _list_price(sku, category)) ** -ELASTICITIES[category]
    mean = mean * np.where(promotion, 1.33, 1.0) * np.where(aftermath, 0.8, 1.0)
    columns: Columns = {
        "date": date.astype("datetime64[us]"),
        "store_id": np.char.add("S", np.char.zfill(store.astype(str), 3)),
        "sku_id": np.char.add("K", np.char.zfill(sku.astype(str), 4)),
        "units": _sold(random, mean, sku),
        "price": price,
        "promotion": promotion,
        "category": np.array(CATEGORIES, object)[category],
    }
    return pd.DataFrame(columns)


def _list_price(sku: Ints, category: Ints) -> Floats:
    """Fixed per article: between 0.7 and 1.3 times its category's price."""
    return np.asarray(np.round(PRICES[category] * (0.7 + 0.6 * ((sku * 37) % 61) / 60), 2), np.float64)


def _level(random: np.random.Generator, series: Ints, store: Ints, sku: Ints, category: Ints) -> Floats:
    """Pieces a day before calendar and price; a slow mover's are a twentieth of the others'."""
    article = random.lognormal(0, 0.4, int(sku.max()) + 1)[sku] * np.where(_slow(sku), 0.05, 1.0)
    size = random.lognormal(0, 0.3, int(store.max()) + 1)[store]
    return np.asarray(LEVELS[category] * article * size * random.lognormal(0, 0.15, int(series.max()) + 1)[series])


def _slow(sku: Ints) -> NDArray[np.bool_]:
    return np.asarray(sku % 4 == 2)


def _calendar(random: np.random.Generator, series: Ints, category: Ints, date: Dates) -> Floats:
    """The factor of the day: weekday, season, trend, Christmas."""
    days = date.astype("datetime64[D]").astype(np.int64)
    weekday = (days + 3) % 7
    of_year = days - date.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    wave = 1 + WAVES[category] * np.cos((of_year - PEAK_DAYS[category]) / 365.25 * 2 * np.pi)
    slope = random.uniform(-0.2, 0.2, int(series.max()) + 1)[series]
    trend = 1 + slope * (days - days.min()) / 365.25
    christmas = np.where((category == 3) & (of_year >= 343) & (of_year < 357), 1.75, 1.0)
    return np.asarray(WEEKDAYS[weekday] * wave * trend * christmas, np.float64)


def _prices(
    random: np.random.Generator, series: Ints, sku: Ints, category: Ints, date: Dates
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Price, promotion and aftermath of every day.

    A price holds for 75 days, a promotion comes every 56, each series at its own phase.
    """
    days = date.astype("datetime64[D]").astype(np.int64)
    count = int(series.max()) + 1
    spell = (days + random.integers(0, 75, count)[series]) // 75
    spell -= spell.min()
    change = random.uniform(0.9, 1.1, (count, int(spell.max()) + 1))[series, spell]
    cycle = (days + random.integers(0, PROMOTION_CYCLE, count)[series]) % PROMOTION_CYCLE
    promotion = cycle < PROMOTION_DAYS
    aftermath = (cycle >= PROMOTION_DAYS) & (cycle < PROMOTION_DAYS + AFTERMATH_DAYS)
    price = _list_price(sku, category) * change * np.where(promotion, 0.8, 1.0)
    return np.round(price, 2), promotion, aftermath


def _sold(random: np.random.Generator, mean: Floats, sku: Ints) -> Ints:
    """Counts around `mean`; a slow mover's buyers come seldom and take several."""
    spread = mean * random.gamma(25, 0.04, len(mean))
    buyers = random.poisson(spread / SLOW_ORDER)
    several = buyers + random.poisson(buyers * (SLOW_ORDER - 1))
    return np.asarray(np.where(_slow(sku), several, random.poisson(spread)), np.int64)
