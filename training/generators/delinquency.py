"""Synthetic bank customers, as they stood on some day, with what they owe in the next 30 days. None of it is real.

Assumptions:

- Rows: about three observations per customer (`customer_id`), on different days; about 8 % miss a payment.
- Customers: log-normal monthly income, median 2 200 EUR; four in five earn a monthly salary, the others are paid now
  and then. Three in four have a credit line. Prudence (Beta distributed) shapes cushion, utilisation and late
  payments.
- Days: one customer in twelve has just lost the income, one in seven has begun to spend more. Windows are consistent
  by construction: days 1 to 7, 8 to 30 and 31 to 90 are drawn apart and added up; 90 days are a part of the 365.
- Missing a payment grows where balance and expected income hardly cover spending and what is due, the more so the
  more of the credit line is used; with missed and late payments, which count for less where the cushion is large;
  when an income that used to come stays away; with overdrafts of the irregularly paid. It is highest in the first
  year. What is nowhere in the features is noise on the log-odds, spread 0.5.
- Missing: `credit_utilisation` without a credit line, trends and `salary_regularity` without any income or spending
  in 90 days, days since an event that never happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SPAN_DAYS = np.array([7.0, 23.0, 60.0])
"""Days 1 to 7, 8 to 30 and 31 to 90 before the observation: the parts that windows are added up from."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Customers:
    """What stays with a customer, one entry per row."""

    income: Floats
    salaried: Bools
    prudence: Floats
    cushion: Floats
    credit_limit: Floats
    products: Ints


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` observations in random order: the features of the delinquency model, `missed_payment`, `customer_id`."""
    random = np.random.default_rng(seed)
    customer = np.sort(random.integers(0, max(1, rows // 3), rows))
    who = _customers(random, customer)
    lost = random.random(rows) < 1 / 12
    surge = np.where(random.random(rows) < 1 / 7, random.uniform(1.2, 2.2, rows), 1.0)
    since_income, income = _income(random, who, lost)
    spend = _spend(random, who, surge)
    columns = _balances(random, who, income, spend)
    columns |= _windows("spend", spend) | _windows("income", income)
    columns |= {"spend_trend": _trend(spend), "income_trend": _trend(income)}
    columns |= _payments(random, who, lost) | _credit(random, who, surge)
    columns |= _overdrafts(random, columns, who)
    columns["salary_regularity"] = _regularity(random, who, lost, income)
    columns["days_since_income"] = since_income
    columns["product_count"] = who.products
    columns["tenure_days"] = np.minimum(random.gamma(1.2, 1200, rows), 18_000).astype(np.int64)
    margin = _margin(columns) + random.normal(0, 0.5, rows)
    columns["missed_payment"] = (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    columns["customer_id"] = np.char.add("C", np.char.zfill(customer.astype(str), 6))
    return pd.DataFrame(columns).sample(frac=1, random_state=int(random.integers(2**31)), ignore_index=True)


def _customers(random: np.random.Generator, customer: Ints) -> _Customers:
    count = int(customer.max()) + 1
    income = random.lognormal(7.7, 0.45, count)
    prudence = random.beta(3, 2, count)
    limit = np.round(income * random.uniform(0.5, 4, count), -2) * (random.random(count) < 0.75)
    customers = _Customers(
        income=income,
        salaried=random.random(count) < 0.8,
        prudence=prudence,
        cushion=random.gamma(1.1, 2.2, count) * prudence,
        credit_limit=limit,
        products=1 + random.binomial(6, 0.15 + 0.2 * prudence),
    )
    return _Customers(**{name: getattr(customers, name)[customer] for name in customers.__dataclass_fields__})


def _income(random: np.random.Generator, who: _Customers, lost: Bools) -> tuple[Floats, Floats]:
    """Days since the last income (NaN for none in a year) and the income in each span, shape (3, rows).

    A salary comes every 30 days; who lost it has none in the last 30 to 75 days. The others are paid at random.
    """
    rows = len(lost)
    since = np.where(lost, random.uniform(30, 75, rows), random.uniform(0, 30, rows))
    spans = ((0, 7), (7, 30), (30, 90))
    dates = since + 30.0 * np.arange(3)[:, None]
    paid = np.stack([((a <= dates) & (dates < b)).sum(axis=0) for a, b in spans])
    jobs = random.poisson(np.where(lost, [[0.0], [0.1], [1.2]], [[0.5], [1.2], [4.0]]))
    fees = jobs * random.gamma(2.0, 0.5, jobs.shape) * 0.4
    income = who.income * np.where(who.salaried, paid * random.normal(1, 0.02, rows), fees)
    gap = np.select([jobs[0] > 0, jobs[1] > 0, jobs[2] > 0], [random.uniform(a, b, rows) for a, b in spans])
    never = random.random(rows) < 0.3
    gap = np.where(jobs.sum(axis=0) > 0, gap, np.where(never, np.nan, random.uniform(90, 300, rows)))
    return np.floor(np.where(who.salaried, since, gap)), np.round(income, 2)


def _spend(random: np.random.Generator, who: _Customers, surge: Floats) -> Floats:
    """Spending in each span, shape (3, rows); a surge has acted fully on the last week, half on the three before."""
    daily = who.income / 30 * random.normal(0.98 - 0.25 * who.prudence, 0.12, len(surge)).clip(0.2)
    powers = surge ** np.array([[1.0], [0.5], [0.0]])
    noise = random.gamma(SPAN_DAYS[:, None] / 3, 3 / SPAN_DAYS[:, None], powers.shape)
    return np.asarray(np.round(daily * SPAN_DAYS[:, None] * powers * noise, 2), np.float64)


def _balances(random: np.random.Generator, who: _Customers, income: Floats, spend: Floats) -> Columns:
    """The mean of 90 days is the cushion; what came in and went out in 30 days moves the later ones away from it."""
    mean90 = who.cushion * who.income * random.lognormal(0, 0.3, len(who.income))
    flow = (income[:2] - spend[:2]).sum(axis=0)
    mean30 = mean90 + 0.5 * flow + random.normal(0, 0.1, len(flow)) * who.income
    now = mean90 + 0.9 * flow + random.normal(0, 0.15, len(flow)) * who.income
    low = np.minimum(mean30, now) - random.gamma(1.5, 0.2, len(flow)) * who.income
    named = {"balance": now, "balance_min_30d": low, "balance_mean_30d": mean30, "balance_mean_90d": mean90}
    return {name: np.round(np.clip(values, -20_000, 5_000_000), 2) for name, values in named.items()}


def _windows(name: str, spans: Floats) -> Columns:
    totals = np.round(np.cumsum(spans, axis=0), 2)
    return {f"{name}_{days}d": total for days, total in zip((7, 30, 90), totals, strict=True)}


def _trend(spans: Floats) -> Floats:
    """The last 30 days over a third of the last 90, 0 to 3; NaN where there was nothing."""
    total = spans.sum(axis=0)
    trend = 3 * spans[:2].sum(axis=0) / np.where(total > 0, total, np.nan)
    return np.asarray(np.round(np.minimum(trend, 3), 3), np.float64)


def _payments(random: np.random.Generator, who: _Customers, lost: Bools) -> Columns:
    rows = len(lost)
    careless = (1 - who.prudence) ** 2
    late = random.poisson(np.stack([careless * 1.2 + 0.5 * lost, careless * 3.0]))
    missed = random.binomial(late, 0.1 + 0.3 * careless)
    due = who.income * random.gamma(4, 0.07, rows) + 15 * who.products
    since = np.where(random.random(rows) < 0.05, np.nan, np.floor(random.gamma(2, 8, rows) + 10 * missed[0]))
    return {
        "late_payments_90d": np.minimum(late[0], 90),
        "late_payments_365d": np.minimum(late.sum(axis=0), 365),
        "missed_payments_90d": np.minimum(missed[0], 90),
        "missed_payments_365d": np.minimum(missed.sum(axis=0), 365),
        "days_since_payment": np.minimum(since, 3650),
        "due_30d": np.round(due, 2),
    }


def _credit(random: np.random.Generator, who: _Customers, surge: Floats) -> Columns:
    used = random.beta(0.4 + 2.5 * (1 - who.prudence), 1.8) * surge**0.3
    utilisation = np.where(who.credit_limit > 0, np.round(np.minimum(used, 1.2), 3), np.nan)
    return {"credit_limit": who.credit_limit, "credit_utilisation": utilisation}


def _overdrafts(random: np.random.Generator, columns: Columns, who: _Customers) -> Columns:
    """Days below zero in the last 30 and 90 days, the more the lower the balances stood against the income."""

    def days(count: int, level: Floats) -> Ints:
        return random.binomial(count, 1 / (1 + np.exp(3 + 5 * level / who.income)))

    recent = days(30, columns["balance_min_30d"].astype(float) + 0.3 * who.income)
    return {
        "overdraft_days_30d": recent,
        "overdraft_days_90d": recent + days(60, columns["balance_mean_90d"] - 0.4 * who.income),
    }


def _regularity(random: np.random.Generator, who: _Customers, lost: Bools, income: Floats) -> Floats:
    """The part of the last six months with an income near its usual day, in sixths."""
    months = random.binomial(6, np.where(who.salaried, 0.95, 0.35)) - (lost & who.salaried)
    return np.asarray(np.where(income.sum(axis=0) > 0, np.round(np.maximum(months, 0) / 6, 3), np.nan), np.float64)


def _margin(columns: Columns) -> Floats:
    """The log-odds of missing a payment, before the noise."""
    c = {name: np.nan_to_num(values.astype(float)) for name, values in columns.items()}
    expected = c["income_90d"] / 3 * (0.4 + 0.6 * c["salary_regularity"])
    outgoing = c["spend_30d"] + c["due_30d"]
    cover = np.tanh(1.5 * ((c["balance"] + expected) / outgoing - 1.3))
    used = np.clip(c["credit_utilisation"], 0, 1.2)
    stays_away = (c["days_since_income"] > 32) & (c["salary_regularity"] > 0.6)
    history = np.minimum(
        0.5 * c["late_payments_90d"] + 1.2 * c["missed_payments_90d"] + 0.15 * c["late_payments_365d"], 3
    )
    margin = -4.5 - 0.6 * cover + 3.4 * used**2 * (cover < 0.2)
    margin += history * np.where(cover > 0.7, 0.25, 1.2) + 2.2 * (stays_away & (cover < 0.7))
    margin += 0.12 * np.minimum(c["overdraft_days_30d"], 15) * (c["salary_regularity"] < 0.6)
    margin += 5.0 * np.clip(c["spend_trend"] - 1.2, 0, 0.5) * (used > 0.4)
    margin += 0.9 * np.exp(-c["tenure_days"] / 250) + 0.7 * (c["days_since_payment"] > 35)
    return np.asarray(margin, np.float64)
