"""Synthetic stores: daily sales of articles, with prices and promotions. None of it is real.

Assumptions:

- Every store sells every article; log-normal level per article, times the store's size. One article in four is a slow
  mover, sold on few days.
- Calendar: Saturdays sell most, Sundays least; a yearly wave by category; a linear trend per series of up to a fifth a
  year either way; the two weeks before Christmas lift toys by three quarters.
- Price: changed every 75 days by up to a tenth; elasticity 1 to 2.5 by category. A promotion runs 7 days every eighth
  week, takes 20 % off and lifts sales by a third more; the three days after it sell a fifth less.
- Noise: Poisson counts with a Gamma spread of 20 % between days. A day's sales are one row at 21:00 UTC, a day without
  any is no row.
"""

from __future__ import annotations

import numpy as np

from features.sample.columns import SECONDS_PER_DAY, Columns, Floats, Ints, chosen, ids, joined, moments

CATEGORIES = np.array(("bakery", "drinks", "household", "toys"))
LEVELS = np.array((18.0, 14.0, 6.0, 4.0))
PRICES = np.array((2.5, 1.8, 6.0, 19.0))
ELASTICITIES = np.array((1.0, 1.8, 1.4, 2.5))
WAVES = np.array((0.05, 0.35, 0.05, 0.15))
PEAK_DAYS = np.array((20, 200, 90, 345))
WEEKDAYS = np.array((0.92, 0.9, 0.95, 1.0, 1.2, 1.45, 0.58))
CYCLE_DAYS, PROMOTION_DAYS, AFTERMATH_DAYS, PRICE_DAYS = 56, 7, 3, 75
CLOSES, CHANGES = 21 * 3600, 5 * 3600
"""Seconds of the day at which sales are added up, and prices changed."""


def generate(random: np.random.Generator, stores: int, articles: int, start: float, end: float) -> dict[str, Columns]:
    """Rows of the stores' sources by table; `start` and `end` are Unix seconds, all rows lie before `end`."""
    category = random.permutation(np.arange(articles) % len(CATEGORIES))
    level = LEVELS[category] * random.lognormal(0, 0.4, articles) * np.where(np.arange(articles) % 4 == 2, 0.05, 1)
    sizes = random.lognormal(0, 0.3, stores)
    days = int(start // SECONDS_PER_DAY) + np.arange(round((end - start) / SECONDS_PER_DAY))
    sold, priced = [], []
    for store in range(stores):
        for sku in range(articles):
            rows, changes = _series(random, int(category[sku]), float(level[sku] * sizes[store]), days)
            here = {"store": store, "sku": sku}
            sold.append({**{name: np.full(len(rows["at"]), value) for name, value in here.items()}, **rows})
            priced.append({**{name: np.full(len(changes["at"]), value) for name, value in here.items()}, **changes})
    listed_at = start - SECONDS_PER_DAY - 60.0 * np.arange(articles)
    return {
        "articles": {
            "sku_id": ids("K", np.arange(articles), 4),
            "changed_at": moments(listed_at),
            "category": CATEGORIES[category],
        },
        "shelf_prices": _of_series(joined(priced), "changed_at", end),
        "sales": _of_series(joined(sold), "sold_at", end),
    }


def _of_series(rows: Columns, time: str, end: float) -> Columns:
    rows = chosen(rows, rows["at"] < end)
    named = {"store_id": ids("S", rows["store"], 3), "sku_id": ids("K", rows["sku"], 4), time: moments(rows["at"])}
    return named | {name: values for name, values in rows.items() if name not in ("store", "sku", "at")}


def _series(random: np.random.Generator, category: int, level: float, days: Ints) -> tuple[Columns, Columns]:
    """Sales and price changes of one article in one store."""
    spell = (days + random.integers(PRICE_DAYS)) // PRICE_DAYS
    change = random.uniform(0.9, 1.1, int(spell[-1] - spell[0]) + 1)[spell - spell[0]]
    cycle = (days + random.integers(CYCLE_DAYS)) % CYCLE_DAYS
    promotion = cycle < PROMOTION_DAYS
    aftermath = (cycle >= PROMOTION_DAYS) & (cycle < PROMOTION_DAYS + AFTERMATH_DAYS)
    usual = PRICES[category] * random.uniform(0.7, 1.3)
    price = np.round(usual * change * np.where(promotion, 0.8, 1.0), 2)
    mean = level * _calendar(random, category, days) * (price / usual) ** -ELASTICITIES[category]
    mean = mean * np.where(promotion, 1.33, 1.0) * np.where(aftermath, 0.8, 1.0)
    units = random.poisson(mean * random.gamma(25, 0.04, len(days)))
    sold = np.flatnonzero(units)
    changed = np.flatnonzero((np.diff(price, prepend=-1) != 0) | (np.diff(promotion.astype(int), prepend=-1) != 0))
    return (
        {"at": days[sold] * SECONDS_PER_DAY + CLOSES, "units": units[sold].astype(float)},
        {
            "at": days[changed] * SECONDS_PER_DAY + CHANGES,
            "price": price[changed],
            "promotion": promotion[changed],
        },
    )


def _calendar(random: np.random.Generator, category: int, days: Ints) -> Floats:
    """The factor of the day: weekday, season, trend, Christmas."""
    dates = days.astype("datetime64[D]")
    of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    wave = 1 + WAVES[category] * np.cos((of_year - PEAK_DAYS[category]) / 365.25 * 2 * np.pi)
    trend = 1 + random.uniform(-0.2, 0.2) * (days - days[0]) / 365.25
    christmas = np.where((category == 3) & (of_year >= 343) & (of_year < 357), 1.75, 1.0)
    return np.asarray(WEEKDAYS[(days + 3) % 7] * wave * trend * christmas, np.float64)
