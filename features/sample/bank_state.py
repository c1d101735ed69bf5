"""The customers of the synthetic bank, and its books: what `features.sample.bank` changes from month to month."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.sample.columns import SECONDS_PER_DAY, Bools, Columns, Floats, Ints

CURRENT, SAVINGS, CARD, LOAN = range(4)
SALARY, INCOME, SPEND, PAYMENT, TRANSFER_IN, TRANSFER_OUT = range(6)
DAY = float(SECONDS_PER_DAY)


@dataclass(slots=True)
class Customers:
    """One entry per customer: what stays, then what changes from month to month."""

    joined: Floats
    income: Floats
    salaried: Bools
    payday: Ints
    prudence: Floats
    cushion: Floats
    card_limit: Floats
    has_savings: Bools
    instalment: Floats
    due_day: Ints
    loan_month: Ints
    balance: Floats
    used: Floats
    lost: Bools
    surge: Floats
    missed_before: Bools


@dataclass(slots=True)
class Book:
    """What was booked, agreed and paid so far, in parts of one month each."""

    bookings: list[Columns] = field(default_factory=list)
    instalments: list[Columns] = field(default_factory=list)
    payments: list[Columns] = field(default_factory=list)

    def book(self, who: Ints, account: int, at: Floats, kind: int, amount: Floats) -> None:
        sign = -1.0 if kind in (SPEND, PAYMENT, TRANSFER_OUT) else 1.0
        cents = np.round(np.maximum(amount, 0.01) * 100).astype(np.int64)
        whole = {"who": who, "account": np.full(len(who), account), "at": at, "kind": np.full(len(who), kind)}
        self.bookings.append({**whole, "cents": cents, "change": (sign * cents).astype(np.int64)})


def new_customers(random: np.random.Generator, count: int, start: float, end: float) -> Customers:
    """Customers as they stand before the first month."""
    old = random.random(count) < 0.3
    before = start - random.uniform(0, 8 * 365 * DAY, count)
    within = random.uniform(start, max(start, end - 20 * DAY), count)
    income = random.lognormal(7.7, 0.45, count)
    prudence = random.beta(3, 2, count)
    has_card, has_loan = random.random(count) < 0.7, random.random(count) < 0.5
    cushion = 0.2 + random.gamma(1.3, 0.9, count) * prudence
    return Customers(
        joined=np.floor(np.where(old, before, within)),
        income=income,
        salaried=random.random(count) < 0.8,
        payday=random.choice([1, 2, 10, 15, 25, 26, 27, 28], count),
        prudence=prudence,
        cushion=cushion,
        card_limit=np.round(np.maximum(income * random.uniform(0.5, 2.5, count), 200), -2) * has_card,
        has_savings=random.random(count) < 0.3,
        instalment=np.round(income * random.gamma(4, 0.04, count) + 20, 2) * has_loan,
        due_day=random.integers(1, 29, count),
        loan_month=random.integers(0, 12, count),
        balance=cushion * income * random.lognormal(0, 0.3, count),
        used=np.zeros(count),
        lost=np.zeros(count, bool),
        surge=np.ones(count),
        missed_before=np.zeros(count, bool),
    )
