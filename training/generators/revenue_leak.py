"""Synthetic invoice lines with what an audit found on each. None of it is real.

Assumptions:

- Rows: one invoice line each, of 1 to about 12 lines of one contract (`contract_id`) in one month; about 8 % leak.
- Contracts: log-normal price and volume by product line; list discounts of 0 to 30 %. Goods and services have no
  meter.
- Causes of a leak: metered usage not billed (cloud and telecom most, badly estimated meters more), a price that was
  not raised after a change or an amendment (old contracts most), a discount left in place after it ran out or typed
  too large (by hand most). Together they leave a gap between what the contract says and what was billed.
- Innocent gaps: usage within an allowance (half of the telecom lines), exchange rates outside the euro (spread 1.5
  %), credits that somebody approved (nearly all gaps under a manual override of an account that has had disputes),
  meters that count too much (spread 2 %, 8 % where over a fifth of the readings is estimated).
- The audit: finds a real gap the more surely the larger it is against 20 EUR, confirms nothing else but one in a
  thousand, and books a part of the gap (most of it, Beta distributed) as `leak_amount`, EUR; NaN where there is no
  leak.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LINES = ("cloud", "telecom", "software", "support", "services", "goods")
LINE_SHARES = (0.25, 0.2, 0.2, 0.12, 0.13, 0.1)
PRICES = np.array([0.9, 0.12, 45.0, 60.0, 110.0, 75.0])
VOLUMES = np.array([1500.0, 9000.0, 25.0, 12.0, 14.0, 18.0])
METERED = np.array([True, True, True, False, False, False])
UNBILLED = np.array([0.06, 0.05, 0.02, 0.03, 0.05, 0.005])
"""The chance that usage or work goes unbilled, by product line."""
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK")
CURRENCY_SHARES = (0.55, 0.2, 0.12, 0.08, 0.05)
SYSTEMS = ("automatic", "imported", "manual")
SYSTEM_SHARES = (0.65, 0.25, 0.1)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` lines: the features of the revenue_leak model, `leak`, `leak_amount` and `contract_id`."""
    random = np.random.default_rng(seed)
    contract = random.integers(0, max(1, rows // 5), rows)
    line = _per_contract(random.choice(6, int(contract.max()) + 1, p=LINE_SHARES), contract)
    columns, system = _context(random, contract, line)
    columns |= _agreed(random, contract, line)
    used = _used(random, contract, line)
    price, price_gap = _billed_price(random, columns)
    discount, discount_gap = _applied_discount(random, columns, system)
    units, units_gap = _billed_units(random, columns, line, used)
    columns |= {"billed_price": price, "discount_applied": discount, "billed_units": units}
    columns |= _metered(random, columns, units, units_gap, line)
    columns["invoice_amount"] = np.round(price * units * (1 - discount), 2)
    owed = columns["contracted_price"] * (units + units_gap) * (1 - columns["discount_agreed"])
    real = (price_gap > 0) | (discount_gap > 0) | (units_gap > 0)
    innocent = _approved(random, columns) | _allowance(random, columns, line)
    gap = np.where(real & ~innocent, np.maximum(owed - columns["invoice_amount"], 0.0), 0.0)
    columns |= _audit(random, gap)
    columns["contract_id"] = np.char.add("K", np.char.zfill(contract.astype(str), 6))
    return pd.DataFrame(columns)


def _per_contract(values: NDArray[Any], contract: Ints) -> NDArray[Any]:
    return np.asarray(values[contract])


def _context(random: np.random.Generator, contract: Ints, line: Ints) -> tuple[Columns, Ints]:
    rows, contracts = len(contract), int(contract.max()) + 1
    age = _per_contract(random.gamma(1.5, 400, contracts), contract) + random.integers(0, 360, rows)
    term = _per_contract(random.choice((365, 730, 1095), contracts), contract)
    system = random.choice(3, rows, p=SYSTEM_SHARES)
    columns: Columns = {
        "product_line": np.array(LINES, object)[line],
        "currency": np.array(CURRENCIES, object)[
            _per_contract(random.choice(5, contracts, p=CURRENCY_SHARES), contract)
        ],
        "billing_system": np.array(SYSTEMS, object)[system],
        "contract_age_days": np.minimum(age, 9000).astype(np.int64),
        "days_to_renewal": (term - age % (term + 90)).astype(np.int64),
        "days_since_price_change": np.where(random.random(rows) < 0.4, np.nan, np.floor(random.uniform(0, 720, rows))),
        "amendments": np.minimum(random.poisson(age / 700), 40),
        "disputes_365d": np.minimum(_per_contract(random.poisson(random.gamma(0.5, 1.2, contracts)), contract), 50),
        "manual_override": random.random(rows) < np.array([0.03, 0.06, 0.35])[system],
    }
    return columns, system


def _agreed(random: np.random.Generator, contract: Ints, line: Ints) -> Columns:
    """What the contract says: price and discount stay with it."""
    contracts = int(contract.max()) + 1
    price = PRICES[line] * _per_contract(random.lognormal(0, 0.4, contracts), contract)
    discount = _per_contract(random.choice((0, 0, 0.05, 0.1, 0.15, 0.2, 0.3), contracts), contract)
    return {"contracted_price": np.round(price, 4), "discount_agreed": discount}


def _used(random: np.random.Generator, contract: Ints, line: Ints) -> Floats:
    """Units used or delivered, whole, at least 1."""
    volume = _per_contract(random.lognormal(0, 0.8, int(contract.max()) + 1), contract)
    used = np.round(VOLUMES[line] * volume * random.lognormal(0, 0.25, len(line)))
    return np.asarray(np.maximum(used, 1.0), np.float64)


def _billed_price(random: np.random.Generator, columns: Columns) -> tuple[Floats, Bools]:
    """The price on the line and where it should have been raised: after a change, more so with many amendments."""
    rows = len(columns["amendments"])
    since = columns["days_since_price_change"].astype(float)
    stale = 0.10 * (since < 90) * (1 + columns["amendments"] * (columns["contract_age_days"] > 700))
    old = random.random(rows) < np.minimum(stale, 0.6)
    rate = np.where(columns["currency"] == "EUR", 1.0, random.normal(1, 0.015, rows))
    rise = np.where(old, random.uniform(0.03, 0.15, rows), 0.0)
    return np.round(columns["contracted_price"] * (1 - rise) * rate, 4), old


def _applied_discount(random: np.random.Generator, columns: Columns, system: Ints) -> tuple[Floats, Bools]:
    """The discount on the line, and where it is too large: run out with the term, or a slip of the hand.

    Where it ran out, `columns` says from then on that none is agreed.
    """
    rows = len(system)
    agreed = columns["discount_agreed"].astype(float)
    over = (columns["days_to_renewal"] < 0) & (agreed > 0) & (random.random(rows) < 0.35)
    slip = random.random(rows) < np.array([0.002, 0.008, 0.06])[system]
    extra = np.where(slip, random.choice((0.05, 0.1, 0.2), rows), 0.0)
    columns["discount_agreed"] = np.where(over, 0.0, agreed)
    return np.round(np.minimum(agreed + extra, 0.9), 4), over | slip


def _billed_units(random: np.random.Generator, columns: Columns, line: Ints, used: Floats) -> tuple[Floats, Floats]:
    """The units on the line, and the units used beyond them."""
    rows = len(line)
    columns["estimated_readings"] = np.round(np.where(METERED[line], random.beta(0.5, 5, rows), 0.0), 3)
    chance = UNBILLED[line] * (1 + 4 * (columns["estimated_readings"] > 0.2) + (columns["amendments"] > 2))
    part = np.where(random.random(rows) < chance, random.beta(1.2, 4, rows), 0.0)
    gap = np.round(used * part)
    return np.maximum(used - gap, 1.0), gap


def _metered(random: np.random.Generator, columns: Columns, units: Floats, gap: Floats, line: Ints) -> Columns:
    """What the meter counted: the use with an error; NaN without a meter. The usual month: a noisy mean of six."""
    rows = len(line)
    spread = np.where(columns["estimated_readings"] > 0.2, 0.08, 0.02)
    metered = np.round((units + gap) * np.maximum(random.normal(1, spread), 0.5), 1)
    usual = np.round((units + gap) * random.lognormal(0, 0.15, rows), 1)
    return {"metered_units": np.where(METERED[line], metered, np.nan), "usual_units": usual}


def _approved(random: np.random.Generator, columns: Columns) -> Bools:
    """Credits: with an override somebody meant the gap, nearly always where there were disputes."""
    chance = np.where(columns["disputes_365d"] > 0, 0.95, 0.25)
    return np.asarray(columns["manual_override"] & (random.random(len(chance)) < chance))


def _allowance(random: np.random.Generator, columns: Columns, line: Ints) -> Bools:
    """Telecom usage that the plan includes: half of the gaps in units of small lines."""
    small = columns["invoice_amount"] < 900
    return np.asarray((line == 1) & small & (random.random(len(line)) < 0.6))


def _audit(random: np.random.Generator, gap: Floats) -> Columns:
    rows = len(gap)
    found = (random.random(rows) < gap / (gap + 20)) | ((gap == 0) & (random.random(rows) < 0.001))
    booked = np.where(gap > 0, gap * random.beta(8, 2, rows), random.lognormal(3, 0.8, rows))
    amount = np.where(found, np.round(np.maximum(booked, 0.01), 2), np.nan)
    return {"leak": found.astype(np.int64), "leak_amount": amount}
