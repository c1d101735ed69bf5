"""A synthetic shop: items with prices, and visitors who look, put into the cart, and buy. None of it is real.

Assumptions:

- Items: log-normal popularity and price by category, a conversion of their own. The list price changes about twice a
  year by up to a tenth; a discount of 5 to 50 % holds for one to two weeks, about five times a year.
- Visitors: everybody of the learning service's users, with log-normal activity and an eagerness to buy. A session sees
  one to eight items, every fourth view is of one that was seen before in it, some seconds to minutes apart.
- Carts come from views: more for the eager, for items that convert well, for a second look, for a discount. Of what is
  in the cart, half is bought within the session (less on a phone when it is dear), a fifth of the rest is taken out.
- Ratings: three in ten buyers rate within a week; stars follow the item's conversion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sample.columns import (
    SECONDS_PER_DAY,
    Bools,
    Columns,
    Floats,
    Ints,
    chosen,
    ids,
    joined,
    logistic,
    moments,
    ordered,
)

CATEGORIES = np.array(("books", "clothing", "electronics", "garden", "groceries", "home", "sports", "toys"))
PRICES = np.array((14.0, 38.0, 160.0, 45.0, 6.0, 55.0, 48.0, 24.0))
DEVICES = np.array(("desktop", "phone", "tablet"))
DISCOUNTS = np.array((0.05, 0.1, 0.15, 0.2, 0.3, 0.5))
KINDS = np.array(("view", "cart", "uncart", "purchase"))
VIEW, CART, UNCART, PURCHASE = range(4)
SESSIONS_PER_USER = 8
MOST_VIEWS = 8
DAY = float(SECONDS_PER_DAY)


@dataclass(frozen=True, slots=True)
class _Items:
    """One entry per item; prices are one row per change, in order."""

    category: Ints
    popularity: Floats
    conversion: Floats
    prices: Columns


def generate(random: np.random.Generator, users: int, items: int, start: float, end: float) -> dict[str, Columns]:
    """Rows of the shop's sources by table; `start` and `end` are Unix seconds, all rows lie before `end`."""
    shelf = _items(random, items, start, end)
    events = _events(random, users, shelf, start, end)
    listed_at = start - 40 * DAY - 60.0 * np.arange(items)
    return {
        "items": {
            "item_id": ids("I", np.arange(items), 5),
            "changed_at": moments(listed_at),
            "category": CATEGORIES[shelf.category],
        },
        "item_prices": {
            "item_id": ids("I", shelf.prices["item"], 5),
            "changed_at": moments(shelf.prices["at"]),
            "list_price": shelf.prices["list_price"],
            "discount": shelf.prices["discount"],
        },
        "ratings": _ratings(random, shelf, events, end),
        "shop_events": {
            "user_id": ids("U", events["user"], 7),
            "item_id": ids("I", events["item"], 5),
            "session_id": ids("V", events["session"], 7),
            "happened_at": moments(events["at"]),
            "kind": KINDS[events["kind"]],
            "device": DEVICES[events["device"]],
        },
    }


def _items(random: np.random.Generator, count: int, start: float, end: float) -> _Items:
    category = random.integers(0, len(CATEGORIES), count)
    price = np.clip(PRICES[category] * random.lognormal(0, 0.6, count), 0.5, 40_000)
    return _Items(
        category, random.lognormal(0, 1.0, count), random.beta(2, 8, count), _prices(random, price, start, end)
    )


def _prices(random: np.random.Generator, price: Floats, start: float, end: float) -> Columns:
    """Changes of list prices and discounts: a row whenever one of the two changes."""
    parts = []
    for item, first in enumerate(price):
        changes = np.sort(random.uniform(start, end, random.poisson(2 * (end - start) / (365 * DAY))))
        spells = np.sort(random.uniform(start, end, random.poisson(5 * (end - start) / (365 * DAY))))
        lasts = random.uniform(7, 14, len(spells)) * DAY
        at = np.sort(np.concatenate([[start - 30 * DAY], changes, spells, spells + lasts]))
        levels = np.concatenate([[first], first * random.uniform(0.9, 1.1, len(changes))])
        off = np.zeros(len(at))
        for begins, long, part in zip(spells, lasts, random.choice(DISCOUNTS, len(spells)), strict=True):
            off[(at >= begins) & (at < begins + long)] = part
        list_price = np.round(levels[np.searchsorted(changes, at, side="right")], 2)
        parts.append({"item": np.full(len(at), item), "at": at, "list_price": list_price, "discount": off})
    rows = joined(parts)
    return chosen(rows, rows["at"] < end)


def _events(random: np.random.Generator, users: int, shelf: _Items, start: float, end: float) -> Columns:
    views = _views(random, users, shelf, start, end)
    price, discount = _price_at(shelf, views)
    eager = random.beta(2, 6, users)[views["user"]]
    margin = -4.6 + 4 * eager + 5 * shelf.conversion[views["item"]] + 0.9 * views["again"] + 3.0 * discount
    carts = np.flatnonzero(random.random(len(margin)) < logistic(margin))
    cart_at = views["at"][carts] + random.uniform(5, 60, len(carts))
    dear = np.log(np.maximum(price[carts], 1) / PRICES[shelf.category[views["item"][carts]]])
    margin = 0.2 + 2 * eager[carts] - np.where(views["device"][carts] == 1, 0.7, 0.2) * dear + 2 * discount[carts]
    buys = random.random(len(carts)) < logistic(margin)
    returns = ~buys & (random.random(len(carts)) < 0.2)
    bought_at = cart_at + random.uniform(60, 900, len(carts))
    parts = [
        _kind(views, np.arange(len(views["at"])), views["at"], VIEW),
        _kind(views, carts, cart_at, CART),
        _kind(views, carts[buys], bought_at[buys], PURCHASE),
        _kind(views, carts[returns], bought_at[returns], UNCART),
    ]
    rows = joined(parts)
    return ordered(chosen(rows, rows["at"] < end), "user", "at", "kind")


def _kind(views: Columns, rows: Ints, at: Floats, kind: int) -> Columns:
    same = {name: views[name][rows] for name in ("user", "item", "session", "device")}
    return {**same, "at": np.floor(at), "kind": np.full(len(rows), kind)}


def _views(random: np.random.Generator, users: int, shelf: _Items, start: float, end: float) -> Columns:
    """Views of all sessions: shape (sessions, MOST_VIEWS) with the last ones left out, then flat."""
    active = random.lognormal(0, 0.8, users)
    user = np.repeat(np.arange(users), random.poisson(SESSIONS_PER_USER * active / np.exp(0.32)))
    sessions = len(user)
    begins = random.uniform(start, end, sessions)
    item = random.choice(len(shelf.category), (sessions, MOST_VIEWS), p=shelf.popularity / shelf.popularity.sum())
    again = random.random((sessions, MOST_VIEWS)) < 0.25
    again[:, 0] = False
    for place in range(1, MOST_VIEWS):  # a second look is at what was seen just before
        item[:, place] = np.where(again[:, place], item[:, place - 1], item[:, place])
    gaps = random.exponential(75, (sessions, MOST_VIEWS)) + 5
    at = begins[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    seen = np.arange(MOST_VIEWS)[None, :] < (1 + random.binomial(MOST_VIEWS - 1, 0.35, sessions))[:, None]
    device = random.choice(3, sessions, p=(0.35, 0.55, 0.10))
    session, _ = np.nonzero(seen)
    views: Columns = {"user": user[session], "session": session, "device": device[session]}
    views |= {"item": item[seen], "at": at[seen], "again": again[seen]}
    return chosen(views, views["at"] < end)


def _price_at(shelf: _Items, views: Columns) -> tuple[Floats, Floats]:
    """Price and discount of the viewed item at the moment of the view."""
    latest = np.searchsorted(_line(shelf.prices["item"], shelf.prices["at"]), _line(views["item"], views["at"])) - 1
    discount = shelf.prices["discount"][latest]
    return shelf.prices["list_price"][latest] * (1 - discount), discount


def _line(item: Ints, at: Floats) -> Floats:
    """Item and moment as one number that sorts by item, then moment."""
    return np.asarray(item * 1e11 + at, np.float64)


def _ratings(random: np.random.Generator, shelf: _Items, events: Columns, end: float) -> Columns:
    bought: Bools = (events["kind"] == PURCHASE) & (random.random(len(events["kind"])) < 0.3)
    at = events["at"][bought] + random.uniform(0.5, 7, int(bought.sum())) * DAY
    item = events["item"][bought]
    stars = np.clip(np.round(3 + 5 * shelf.conversion[item] + random.normal(0, 0.9, len(item))), 1, 5)
    rows = {"item": item, "user": events["user"][bought], "at": at, "stars": stars}
    rows = ordered(chosen(rows, at < end), "item", "at")
    return {
        "item_id": ids("I", rows["item"], 5),
        "user_id": ids("U", rows["user"], 7),
        "rated_at": moments(rows["at"]),
        "stars": rows["stars"],
    }
