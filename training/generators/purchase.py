"""Synthetic items seen in shop sessions. None of it is real.

Assumptions:

- Rows: one (session, item) pair each, about three per session and two sessions per visitor (`user_id`); about 10 % are
  bought within the session.
- Visitors: log-normal activity; views lead to carts and carts to purchases, so the counters fall in that order. 7-day
  counters are a binomial part of the 30-day ones, never more.
- Items: a catalogue of 3 000 with log-normal popularity and price, a conversion rate of their own and a category. The
  rating follows that conversion and is missing where an item was bought fewer than five times in 30 days.
- Buying grows with: the item in the cart, looking at it again, the visitor's purchases per view, the item's purchases
  per view, a discount (much in electronics, little in groceries), a rating above 4. It falls with the price
  (on a phone more than on a desktop) and is highest about 15 minutes into a session. Noise on the log-odds stands
  for all that a shop does not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CATEGORIES = ("books", "clothing", "electronics", "garden", "groceries", "home", "sports", "toys")
CATEGORY_PRICES = np.array([14.0, 38.0, 160.0, 45.0, 6.0, 55.0, 48.0, 24.0])
CATEGORY_EFFECTS = np.array([0.3, 0.0, -0.3, -0.2, 0.6, 0.0, -0.1, 0.1])
DISCOUNT_EFFECTS = np.array([1.5, 4.0, 4.0, 2.0, 0.5, 2.0, 2.5, 2.0])
DEVICES = ("desktop", "phone", "tablet")
DEVICE_SHARES = (0.35, 0.55, 0.10)
PRICE_EFFECTS = np.array([-0.15, -0.5, -0.25])
DISCOUNTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
DISCOUNT_SHARES = (0.58, 0.06, 0.1, 0.08, 0.08, 0.07, 0.03)
ITEMS = 3_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Items:
    """The catalogue; every array has shape (items,)."""

    category: Ints
    list_price: Floats
    views: tuple[Ints, Ints]
    purchases: tuple[Ints, Ints]
    rating: Floats


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` session items in random order, with the features of the purchase model, `purchased` and `user_id`."""
    random = np.random.default_rng(seed)
    session = random.integers(0, max(1, rows // 3), rows)
    visitor = random.integers(0, max(1, rows // 6), int(session.max()) + 1)
    items = _items(random)
    item = random.choice(ITEMS, rows, p=items.views[1] / items.views[1].sum())
    columns = _visitors(random, visitor, session)
    columns |= {"item_views_7d": items.views[0][item], "item_views_30d": items.views[1][item]}
    columns |= {"item_purchases_7d": items.purchases[0][item], "item_purchases_30d": items.purchases[1][item]}
    columns["session_minutes"] = np.round(np.minimum(random.lognormal(2.2, 0.9, rows), 1440), 1)
    columns["session_item_views"] = 1 + random.poisson(random.gamma(0.8, 0.8, rows))
    cart_chance = 0.05 + 0.07 * np.minimum(columns["session_item_views"].astype(float) - 1, 4)
    columns["in_cart"] = random.random(rows) < cart_chance
    columns["discount"] = random.choice(DISCOUNTS, rows, p=DISCOUNT_SHARES)
    columns["price"] = np.round(items.list_price[item] * (1 - columns["discount"].astype(float)), 2)
    columns["rating"] = items.rating[item]
    category = items.category[item]
    device = random.choice(3, len(visitor), p=DEVICE_SHARES)[session]
    columns["category"] = np.array(CATEGORIES, object)[category]
    columns["device"] = np.array(DEVICES, object)[device]
    margin = _margin(columns, category, device) + random.normal(0, 0.4, rows)
    columns["purchased"] = (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    columns["user_id"] = np.char.add("U", np.char.zfill(visitor[session].astype(str), 7))
    return pd.DataFrame(columns)


def _items(random: np.random.Generator) -> _Items:
    category = random.integers(0, len(CATEGORIES), ITEMS)
    month = np.minimum(random.lognormal(5.5, 1.2, ITEMS).astype(int) + 5, 1_000_000)
    conversion = random.beta(2, 50, ITEMS)
    bought = random.binomial(month, conversion)
    stars = np.clip(3.6 + 10 * conversion + random.normal(0, 0.4, ITEMS), 1, 5)
    return _Items(
        category=category,
        list_price=np.clip(CATEGORY_PRICES[category] * random.lognormal(0, 0.7, ITEMS), 0.5, 50_000),
        views=(random.binomial(month, 7 / 30), month),
        purchases=(random.binomial(bought, 7 / 30), bought),
        rating=np.where(bought < 5, np.nan, np.round(stars, 1)),
    )


def _visitors(random: np.random.Generator, visitor: Ints, session: Ints) -> Columns:
    """The visitor's counters, drawn once per session: whoever comes twice is seen at two moments."""
    visitors = int(visitor.max()) + 1
    activity = random.lognormal(2.8, 1.0, visitors)[visitor]
    eagerness = random.beta(1.5, 12, visitors)[visitor]
    views = np.minimum(random.poisson(activity), 10_000)
    carts = np.minimum(random.binomial(views, np.clip(2 * eagerness, 0, 0.9)), 1_000)
    purchases = np.minimum(random.binomial(carts, 0.5), 500)
    recent = random.beta(2, 6, len(visitor))
    counters: Columns = {}
    for name, month in (("user_views", views), ("user_carts", carts), ("user_purchases", purchases)):
        counters[f"{name}_7d"] = random.binomial(month, recent)[session]
        counters[f"{name}_30d"] = month[session]
    return counters


def _margin(columns: Columns, category: Ints, device: Ints) -> Floats:
    """The log-odds of a purchase, before the noise."""

    def number(name: str) -> Floats:
        return columns[name].astype(float)

    visitor_rate = (number("user_purchases_30d") + 0.5) / (number("user_views_30d") + 8)
    item_rate = (number("item_purchases_30d") + 0.5) / (number("item_views_30d") + 15)
    minutes = np.log(np.maximum(number("session_minutes"), 0.1) / 15)
    margin = -3.6 + CATEGORY_EFFECTS[category] + 2.2 * number("in_cart")
    margin += 0.9 * np.log(number("session_item_views")) - 0.25 * minutes**2
    margin += 0.8 * np.log(visitor_rate / 0.06) + 0.8 * np.log(item_rate / 0.04)
    margin += DISCOUNT_EFFECTS[category] * number("discount") + 0.5 * (np.nan_to_num(number("rating")) >= 4)
    margin += PRICE_EFFECTS[device] * np.log(np.maximum(number("price"), 0.5) / CATEGORY_PRICES[category])
    return margin
