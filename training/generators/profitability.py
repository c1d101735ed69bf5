"""Synthetic business clients of a service company with the margin of one month. None of it is real.

Assumptions:

- Rows: about four months per client (`client_id`); about one month in six brings a loss.
- Revenue: log-normal, median 4 000 EUR a month, larger in larger segments; list prices less a discount that large and
  old clients get. Product mix: Dirichlet shares of software, hardware and services that sum to 1.
- Cost of goods: software 10 % of its list revenue, hardware 80 %, services 62 % and more where the region is
  expensive.
- Support: hours per ticket times an hourly rate by segment; new clients take twice the hours, and from one ticket per
  seat and quarter on every further one costs three times as much (people fly there).
- Orders: a fee per order and per return; below 150 EUR an order the handling doubles.
- Money: clients who pay after more than 45 days cost interest and dunning, much more where the revenue is small.
- Fixed: an account manager for enterprise and public clients, shared among locations; custom interfaces are kept up.
- Noise: proportional to the revenue (6 %, 14 % where services dominate) and to the support cost (30 %): wide for
  large clients, narrow for small ones. One month in a hundred holds a write-off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SEGMENTS = ("small", "middle", "enterprise", "public")
SEGMENT_SHARES = (0.45, 0.33, 0.12, 0.10)
SIZES = np.array([0.5, 1.2, 3.0, 1.8])
HOURLY = np.array([48.0, 55.0, 75.0, 62.0])
FIXED = np.array([60.0, 140.0, 1400.0, 700.0])
REGIONS = ("north", "south", "east", "west", "abroad")
REGION_COSTS = np.array([1.0, 1.1, 0.85, 1.05, 1.35])
CHANNELS = ("direct", "partner", "online")
COMMISSIONS = np.array([0.04, 0.16, 0.0])

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` client months: the features of the profitability model, `margin` (EUR/month) and `client_id`."""
    random = np.random.default_rng(seed)
    client = random.integers(0, max(1, rows // 4), rows)
    clients = int(client.max()) + 1
    segment = random.choice(4, clients, p=SEGMENT_SHARES)[client]
    region = random.integers(0, 5, clients)[client]
    channel = random.choice(3, clients, p=(0.5, 0.3, 0.2))[client]
    columns = _relation(random, client, segment) | _use(random, client, segment)
    columns |= {
        "segment": np.array(SEGMENTS, object)[segment],
        "region": np.array(REGIONS, object)[region],
        "channel": np.array(CHANNELS, object)[channel],
    }
    support = _support(columns, segment)
    cost = _goods(columns, region) + support + _orders(columns) + _money(columns) + _fixed(columns, segment)
    margin = columns["revenue"] * (1 - COMMISSIONS[channel]) - cost + _noise(random, columns, support)
    columns["margin"] = np.round(margin, 2)
    columns["client_id"] = np.char.add("B", np.char.zfill(client.astype(str), 6))
    return pd.DataFrame(columns)


def _relation(random: np.random.Generator, client: Ints, segment: Ints) -> Columns:
    """What was sold, at what price, for how long."""
    clients, rows = int(client.max()) + 1, len(client)
    mix = random.dirichlet((1.0, 0.6, 0.8), clients)[client]
    tenure = np.minimum(random.gamma(1.3, 30, clients)[client] + random.integers(0, 12, rows), 480).astype(np.int64)
    scale = 4000 * SIZES[segment] * random.lognormal(0, 0.5, clients)[client]
    wish = 0.05 + 0.08 * (scale > 9000) + 0.05 * (tenure > 60) + random.normal(0, 0.06, clients)[client]
    discount = np.round(np.clip(wish, 0, 0.45), 3)
    software, hardware = np.round(mix[:, 0], 3), np.round(mix[:, 1], 3)
    return {
        "revenue": np.round(scale * (1 - discount) * random.lognormal(0, 0.15, rows), 2),
        "discount": discount,
        "software_share": software,
        "hardware_share": hardware,
        "services_share": np.round(np.maximum(1 - software - hardware, 0), 3),
        "tenure_months": tenure,
        "payment_days": np.floor(
            np.minimum(random.gamma(3, 11, clients)[client] * random.lognormal(0, 0.2, rows), 365)
        ),
        "locations": 1 + random.binomial(12, np.array([0.02, 0.1, 0.4, 0.25])[segment]),
        "custom_interfaces": random.binomial(6, np.array([0.02, 0.08, 0.25, 0.2])[segment]),
    }


def _use(random: np.random.Generator, client: Ints, segment: Ints) -> Columns:
    """How much work the client makes; calm and troublesome ones stay so."""
    clients = int(client.max()) + 1
    seats = 1 + random.poisson(np.array([6, 30, 180, 60])[segment] * random.gamma(2, 0.5, clients)[client])
    trouble = random.gamma(0.8, 1.2, clients)[client]
    orders = random.poisson(random.gamma(1.2, 8, clients)[client])
    hours = random.lognormal(0.1, 0.5, clients)[client]
    return {
        "seats": np.minimum(seats, 100_000),
        "tickets_90d": np.minimum(random.poisson(trouble * 0.35 * seats**0.8), 10_000),
        "hours_per_ticket": np.round(np.clip(hours, 0.1, 12), 2),
        "orders_30d": np.minimum(orders, 5_000),
        "returns_30d": random.binomial(orders, random.beta(1, 14, clients)[client]),
    }


def _goods(columns: Columns, region: Ints) -> Floats:
    list_revenue = columns["revenue"] / (1 - columns["discount"])
    rate = 0.10 * columns["software_share"] + 0.80 * columns["hardware_share"]
    return np.asarray(list_revenue * (rate + 0.62 * columns["services_share"] * REGION_COSTS[region]), np.float64)


def _support(columns: Columns, segment: Ints) -> Floats:
    """EUR a month: new clients ask twice as long, and tickets beyond one per seat and quarter mean a visit."""
    tickets, seats = columns["tickets_90d"].astype(float), columns["seats"].astype(float)
    visits = np.maximum(tickets - seats, 0)
    hours = (tickets + 2 * visits) / 3 * columns["hours_per_ticket"] * (1 + (columns["tenure_months"] < 9))
    return np.asarray(hours * HOURLY[segment], np.float64)


def _orders(columns: Columns) -> Floats:
    orders = columns["orders_30d"].astype(float)
    small = columns["revenue"] * columns["hardware_share"] / np.maximum(orders, 1) < 150
    return np.asarray(orders * 9.0 * (1 + small) + 35.0 * columns["returns_30d"], np.float64)


def _money(columns: Columns) -> Floats:
    late = np.maximum(columns["payment_days"] - 45, 0)
    return np.asarray(0.0015 * columns["revenue"] * late + 4.0 * late * (columns["revenue"] < 2500), np.float64)


def _fixed(columns: Columns, segment: Ints) -> Floats:
    return np.asarray(FIXED[segment] / np.sqrt(columns["locations"]) + 110.0 * columns["custom_interfaces"], np.float64)


def _noise(random: np.random.Generator, columns: Columns, support: Floats) -> Floats:
    rows = len(support)
    spread = np.where(columns["services_share"] > 0.5, 0.14, 0.06)
    written_off = (random.random(rows) < 0.01) * random.uniform(0.1, 0.5, rows)
    noise = columns["revenue"] * (random.normal(0, spread) - written_off)
    return np.asarray(noise + support * random.normal(0, 0.3, rows), np.float64)
