"""Synthetic weekly sales of shop items at changing prices. None of it is real.

Assumptions:

- Rows: about 16 weeks per item (`item_id`), each with one price for the whole week; units sold is the target.
- Prices: three weeks in ten within 3 % of the item's usual price, the others evenly (in logarithm) from 0.65 to 1.4
  times of it, set without regard to demand: as in a price experiment, so that price effects can be read from the
  rows.
- Demand: views times conversion. Conversion depends on category and season (toys in winter, garden in spring), rises
  with the rating, and is lower for items that are dear for their category.
- Price: elasticity 1.5 to 3.0 by category, lower in the category's season; from 1.15 times the usual price on it
  grows by a half.
- Competitor: what is dearer than the competitor loses, the more the easier the category is compared; being cheaper
  wins less.
- Noise: Poisson counts with a spread of 10 % between weeks, and a spread of 10 % between items that nothing tells.
- Missing: the competitor's price in 15 % of the weeks, the rating of 8 % of the items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CATEGORIES = ("audio", "beauty", "fashion", "garden", "kitchen", "toys")
TYPICAL_PRICES = np.array([80.0, 18.0, 45.0, 60.0, 35.0, 25.0])
CONVERSIONS = np.array([0.05, 0.08, 0.055, 0.05, 0.06, 0.06])
ELASTICITIES = np.array([3.0, 1.5, 2.1, 1.9, 2.5, 2.3])
COMPARED = np.array([2.2, 0.5, 0.7, 0.9, 1.5, 1.2])
"""How much a competitor counts: the log of demand falls by this times the part by which the item is dearer."""
SEASONS = ("winter", "spring", "summer", "autumn")
SEASONAL = np.log([[1.3, 0.9, 0.8, 1.0], [1.1, 1.0, 0.9, 1.0], [0.9, 1.2, 1.0, 1.1],
                   [0.4, 1.8, 1.4, 0.6], [1.2, 0.9, 0.9, 1.0], [2.0, 0.7, 0.7, 0.9]])  # fmt: skip
"""Log of the season's factor, shape (categories, seasons)."""
RATIOS = (0.65, 1.4)
"""The prices tried, as parts of the item's usual price."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` weeks of items: the inputs of the pricing model's demand, `units` (units/week) and `item_id`."""
    random = np.random.default_rng(seed)
    item = random.integers(0, max(1, rows // 16), rows)
    items = int(item.max()) + 1
    category = random.integers(0, 6, items)[item]
    usual = np.round(TYPICAL_PRICES[category] * random.lognormal(0, 0.5, items)[item], 2)
    rating = np.clip(np.round(random.normal(4, 0.5, items), 1), 1.0, 5.0)[item]
    season = random.integers(0, 4, rows)
    price = np.round(usual * _ratio(random, rows), 2)
    rival = np.round(usual * (random.lognormal(0, 0.12, items)[item] * random.lognormal(0, 0.05, rows)), 2)
    views = np.round(random.lognormal(7.0, 0.25, items)[item] * random.lognormal(0, 0.15, rows))
    demand = expected_units(category, season, price, usual, rival, rating, views)
    demand = demand * random.lognormal(0, 0.1, items)[item] * random.gamma(100, 0.01, rows)
    columns: Columns = {
        "category": np.array(CATEGORIES, object)[category],
        "season": np.array(SEASONS, object)[season],
        "price": price,
        "price_vs_current": np.round(price / usual, 4),
        "price_vs_competitor": np.where(random.random(rows) < 0.15, np.nan, np.round(price / rival, 4)),
        "weekly_views": views.astype(np.int64),
        "rating": np.where((random.random(items) < 0.08)[item], np.nan, rating),
        "units": random.poisson(demand),
        "item_id": np.char.add("I", np.char.zfill(item.astype(str), 6)),
    }
    return pd.DataFrame(columns)


def expected_units(
    category: Ints, season: Ints, price: Floats, usual: Floats, rival: Floats, rating: Floats, views: Floats
) -> Floats:
    """The units that an item of average luck sells in a week. `category` and `season` are positions in their tables."""
    seasonal = SEASONAL[category, season]
    conversion = CONVERSIONS[category] * np.exp(seasonal + 0.35 * (rating - 4))
    conversion = conversion * (usual / TYPICAL_PRICES[category]) ** -0.3
    elasticity = ELASTICITIES[category] - 0.6 * np.maximum(seasonal, 0)
    change = np.log(price / usual)
    own = -elasticity * (change + 0.5 * np.maximum(change - np.log(1.15), 0))
    dearer = price / rival - 1
    against = -COMPARED[category] * np.where(dearer > 0, dearer, 0.4 * dearer)
    return np.asarray(views * conversion * np.exp(own + against), np.float64)


def _ratio(random: np.random.Generator, rows: int) -> Floats:
    low, high = np.log(RATIOS)
    tried = np.exp(np.where(random.random(rows) < 0.3, random.normal(0, 0.015, rows), random.uniform(low, high, rows)))
    return np.asarray(np.clip(tried, *RATIOS), np.float64)
