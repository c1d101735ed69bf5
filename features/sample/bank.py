"""A synthetic bank: customers, accounts, bookings, loans that are paid or not. None of it is real.

Assumptions:

- Customers: three in ten joined up to eight years before the data begins, the others come evenly over its time.
  Log-normal monthly income, median 2 200 EUR; four in five earn a salary on a day of the month of their own, the others
  are paid now and then. Prudence (Beta distributed) shapes spending, the use of credit and late payments.
- Accounts: everybody has a current account, three in ten a savings account, seven in ten a credit card with a limit,
  half a loan. One card in ten gets a higher limit later; a few savings accounts are closed.
- Months: money is spent up to four times a month, more while there is much, less while there is little. One customer
  in forty loses the income each month and is without for five months on average; one in twenty begins to spend up to
  twice as much for some months. The card is used every other month, and paid back the less the less prudent.
- Loans: an instalment each month, agreed on a year at a time. It is not paid in time the more often the less of it the
  balance covers, the income is lost, the card is used up, one before was missed. Three in five of those come up to a
  month late, the others never.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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

CURRENT, SAVINGS, CARD, LOAN = range(4)
PRODUCTS = np.array(["current", "savings", "credit_card", "loan"])
KINDS = np.array(["salary", "income", "spend", "payment", "transfer_in", "transfer_out"])
SALARY, INCOME, SPEND, PAYMENT, TRANSFER_IN, TRANSFER_OUT = range(6)
SPENDS_PER_MONTH, JOBS_PER_MONTH = 4, 3
BUYS = 0.45
"""The chance of each of a month's spends."""
AHEAD_MONTHS = 12
"""Instalments are agreed on for so long beyond the end of the data."""
DAY = float(SECONDS_PER_DAY)


@dataclass(slots=True)
class _Customers:
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
class _Book:
    """What was booked, agreed and paid so far, in parts of one month each."""

    bookings: list[Columns] = field(default_factory=list)
    instalments: list[Columns] = field(default_factory=list)
    payments: list[Columns] = field(default_factory=list)

    def book(self, who: Ints, account: int, at: Floats, kind: int, amount: Floats) -> None:
        sign = -1.0 if kind in (SPEND, PAYMENT, TRANSFER_OUT) else 1.0
        cents = np.round(np.maximum(amount, 0.01) * 100).astype(np.int64)
        whole = {"who": who, "account": np.full(len(who), account), "at": at, "kind": np.full(len(who), kind)}
        self.bookings.append({**whole, "cents": cents, "change": (sign * cents).astype(np.int64)})


def generate(random: np.random.Generator, customers: int, start: float, end: float) -> dict[str, Columns]:
    """Rows of the bank's sources by table; `start` and `end` are Unix seconds, all rows lie before `end`."""
    who = _customers(random, customers, start, end)
    book = _Book()
    _open(random, who, book, start)
    months = _months(start, end)
    for number, (begins, days) in enumerate(months):
        _month(random, who, book, number, begins, days, has_ended=begins >= end, months=months)
    return {
        "customers": {"customer_id": ids("C", np.arange(customers), 6), "joined_at": moments(who.joined)},
        "accounts": _accounts(random, who, end),
        "transactions": _transactions(book, who, start, end),
        **_loans(book, end),
    }


def _months(start: float, end: float) -> list[tuple[float, int]]:
    """Unix seconds at which each month begins, and its days; from the one that holds `start` to a year past `end`."""
    first = np.datetime64(int(start), "s").astype("datetime64[M]")
    last = np.datetime64(int(end), "s").astype("datetime64[M]") + AHEAD_MONTHS
    begins = np.arange(first, last + 2).astype("datetime64[s]").astype(np.int64)
    return [(float(at), int((after - at) // SECONDS_PER_DAY)) for at, after in pairwise(begins)]


def _customers(random: np.random.Generator, count: int, start: float, end: float) -> _Customers:
    old = random.random(count) < 0.3
    before = start - random.uniform(0, 8 * 365 * DAY, count)
    within = random.uniform(start, max(start, end - 20 * DAY), count)
    income = random.lognormal(7.7, 0.45, count)
    prudence = random.beta(3, 2, count)
    has_card, has_loan = random.random(count) < 0.7, random.random(count) < 0.5
    cushion = 0.2 + random.gamma(1.3, 0.9, count) * prudence
    return _Customers(
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


def _open(random: np.random.Generator, who: _Customers, book: _Book, start: float) -> None:
    """The first booking on current and savings accounts: what is on them when the data begins."""
    everyone = np.arange(len(who.joined))
    at = np.maximum(who.joined, start) + 60
    book.book(everyone, CURRENT, at, TRANSFER_IN, who.balance)
    savers = everyone[who.has_savings]
    saved = who.income[savers] * random.uniform(0.1, 4, len(savers)) * who.prudence[savers]
    book.book(savers, SAVINGS, at[savers], TRANSFER_IN, saved)


def _month(
    random: np.random.Generator,
    who: _Customers,
    book: _Book,
    number: int,
    begins: float,
    days: int,
    *,
    has_ended: bool,
    months: list[tuple[float, int]],
) -> None:
    """Everything of one month. Past the end of the data only instalments are agreed on."""
    due_at = begins + who.due_day * DAY - 1
    owes = _agree(who, book, number, due_at, months)
    if has_ended:
        return
    there = who.joined < begins + days * DAY
    _turn(random, who)
    early = _earn(random, who, book, begins, there)
    spent_early = _spend(random, who, book, begins, days, there)
    if number % 2 == 0:
        _use_card(random, who, book, begins, there)
    _pay(random, who, book, number, due_at, owes & there, early - spent_early)


def _turn(random: np.random.Generator, who: _Customers) -> None:
    """Fortune: incomes are lost and found, sprees begin and end."""
    count = len(who.joined)
    who.lost = np.where(who.lost, random.random(count) > 0.2, random.random(count) < 0.025)
    going_on = (who.surge > 1) & (random.random(count) > 0.4)
    begins = random.random(count) < 0.05
    who.surge = np.where(going_on, who.surge, np.where(begins, random.uniform(1.2, 2.2, count), 1.0))


def _earn(random: np.random.Generator, who: _Customers, book: _Book, begins: float, there: Bools) -> Floats:
    """Book the month's incomes; returns what came before the instalment falls due."""
    count = len(who.joined)
    paid = np.flatnonzero(who.salaried & ~who.lost & there)
    at = begins + (who.payday - 1) * DAY + random.uniform(4, 20, count) * 3600
    salary = who.income * random.normal(1, 0.02, count).clip(0.9, 1.1)
    book.book(paid, CURRENT, at[paid], SALARY, salary[paid])
    came = np.zeros(count)
    came[paid] = salary[paid] * (who.payday[paid] < who.due_day[paid])
    who.balance[paid] += salary[paid]
    jobs = random.poisson(np.where(who.lost, 0.15, 1.3), count).clip(0, JOBS_PER_MONTH)
    for job in range(JOBS_PER_MONTH):
        hired = np.flatnonzero(~who.salaried & there & (jobs > job))
        fee = who.income[hired] * random.gamma(2.0, 0.5, len(hired)) * 0.8
        day = random.uniform(0, 28, len(hired))
        book.book(hired, CURRENT, begins + day * DAY, INCOME, fee)
        came[hired] += fee * (day < who.due_day[hired])
        who.balance[hired] += fee
    return came


def _spend(random: np.random.Generator, who: _Customers, book: _Book, begins: float, days: int, there: Bools) -> Floats:
    """Book the month's spending; returns what was spent before the instalment falls due."""
    count = len(who.joined)
    wealth = who.balance / (who.cushion * who.income + 1)
    total = who.income * (0.95 - 0.25 * who.prudence) * who.surge * (0.7 + 0.2 * wealth).clip(0.45, 1.6)
    total = np.maximum(total - who.instalment, 0.1 * who.income)
    early = np.zeros(count)
    for _ in range(SPENDS_PER_MONTH):
        buys = np.flatnonzero(there & (random.random(count) < BUYS))
        amount = total[buys] / (SPENDS_PER_MONTH * BUYS) * random.gamma(4, 0.25, len(buys))
        day = random.uniform(0, days, len(buys))
        book.book(buys, CURRENT, begins + day * DAY, SPEND, amount)
        early[buys] += amount * (day < who.due_day[buys])
        who.balance[buys] -= amount
    return early


def _use_card(random: np.random.Generator, who: _Customers, book: _Book, begins: float, there: Bools) -> None:
    """Buy on credit, then pay a part of it back from the current account."""
    holders = np.flatnonzero(there & (who.card_limit > 0))
    limit, prudence = who.card_limit[holders], who.prudence[holders]
    wanted = limit * random.beta(0.5 + 1.5 * (1 - prudence), 2.5) * who.surge[holders]
    bought = np.clip(wanted, 5, np.maximum(1.1 * limit - who.used[holders], 5))
    book.book(holders, CARD, begins + random.uniform(0, 14, len(holders)) * DAY, SPEND, bought)
    who.used[holders] += bought
    share = np.where(who.lost[holders], 0.05, (0.3 + 0.7 * prudence) * random.uniform(0.5, 1, len(holders)))
    back = who.used[holders] * share
    at = begins + random.uniform(15, 27, len(holders)) * DAY
    book.book(holders, CARD, at, TRANSFER_IN, back)
    book.book(holders, CURRENT, at, TRANSFER_OUT, back)
    who.used[holders] -= back
    who.balance[holders] -= back


def _agree(who: _Customers, book: _Book, number: int, due_at: Floats, months: list[tuple[float, int]]) -> Bools:
    """The month's instalments, agreed on at the beginning of the loan's year; returns who owes one."""
    year_began = np.maximum(number - (number + who.loan_month) % 12, 0)
    agreed_at = np.maximum(np.array([begins for begins, _ in months])[year_began], who.joined)
    owes: Bools = (who.instalment > 0) & (due_at > agreed_at + 5 * DAY)
    rows = np.flatnonzero(owes)
    part = {"who": rows, "number": np.full(len(rows), number), "agreed_at": agreed_at[rows], "due_at": due_at[rows]}
    book.instalments.append({**part, "amount": who.instalment[rows]})
    return owes


def _pay(
    random: np.random.Generator, who: _Customers, book: _Book, number: int, due_at: Floats, owes: Bools, flow: Floats
) -> None:
    """Who pays in time, late, or never. `flow` is what came and went this month before the due date."""
    count = len(who.joined)
    covered = (who.balance + flow) / np.maximum(who.instalment, 1)
    used = who.used / np.maximum(who.card_limit, 1)
    margin = -5.0 - 1.5 * np.tanh(0.5 * (covered - 2)) + 3.2 * who.lost * (covered < 4) + 3.5 * used**2
    margin += 2.6 * who.missed_before + 2.5 * (0.5 - who.prudence) + random.normal(0, 0.2, count)
    fails = owes & (random.random(count) < logistic(margin))
    late = fails & (random.random(count) < 0.6)
    never = fails & ~late
    delay = np.where(late, 1 + random.exponential(9, count).clip(0, 29), -random.uniform(0, 3, count))
    paying = np.flatnonzero(owes & ~never)
    paid_at = due_at[paying] + delay[paying] * DAY
    who.balance[paying] -= who.instalment[paying]
    who.missed_before = np.where(owes, never, who.missed_before)
    book.book(paying, CURRENT, paid_at, PAYMENT, who.instalment[paying])
    amount = who.instalment[paying]
    part = {"who": paying, "number": np.full(len(paying), number), "paid_at": paid_at, "amount": amount}
    book.payments.append(part)


def _accounts(random: np.random.Generator, who: _Customers, end: float) -> Columns:
    """How every account is, from its opening and from every change on."""
    everyone = np.arange(len(who.joined))
    parts = []
    for product, holders in (
        (CURRENT, everyone),
        (SAVINGS, everyone[who.has_savings]),
        (CARD, everyone[who.card_limit > 0]),
        (LOAN, everyone[who.instalment > 0]),
    ):
        limit = who.card_limit[holders] if product == CARD else np.zeros(len(holders))
        at = who.joined[holders] + 30
        later = at + random.uniform(30, 600, len(holders)) * DAY
        parts.append(_states(holders, product, at, limit, closed=False))
        if product == CARD:
            some = (random.random(len(holders)) < 0.1) & (later < end)
            parts.append(_states(holders[some], product, later[some], limit[some] * 1.5, closed=False))
        elif product == SAVINGS:
            some = (random.random(len(holders)) < 0.05) & (later < end)
            parts.append(_states(holders[some], product, later[some], limit[some], closed=True))
    rows = ordered(joined(parts), "who", "at")
    return {
        "account_id": _account_ids(rows["who"], rows["product"]),
        "customer_id": ids("C", rows["who"], 6),
        "changed_at": moments(rows["at"]),
        "product": PRODUCTS[rows["product"]],
        "status": np.where(rows["closed"], "closed", "open"),
        "credit_limit": np.round(rows["limit"], 2),
    }


def _states(who: Ints, product: int, at: Floats, limit: Floats, *, closed: bool) -> Columns:
    count = len(who)
    fixed = {"product": np.full(count, product), "closed": np.full(count, closed)}
    return {"who": who, "at": at, "limit": limit, **fixed}


def _account_ids(who: Ints, product: Ints) -> NDArray[np.str_]:
    return ids("A", who * 4 + product, 7)


def _transactions(book: _Book, who: _Customers, start: float, end: float) -> Columns:
    """All bookings with the balance of their account after each."""
    rows = joined(book.bookings)
    rows = chosen(rows, (rows["at"] < end) & (rows["at"] >= np.maximum(who.joined, start)[rows["who"]] + 60))
    rows["at"] = np.floor(rows["at"])
    account = rows["who"] * 4 + rows["account"]
    order = np.lexsort([rows["at"], account])
    total = np.cumsum(rows["change"][order])
    account = account[order]
    begins = np.flatnonzero(np.diff(account, prepend=-1))
    before = np.repeat(total[begins] - rows["change"][order][begins], np.diff(begins, append=len(account)))
    rows = chosen(rows, order)
    rows["balance"] = total - before
    rows = ordered(rows, "who", "at")
    return {
        "account_id": _account_ids(rows["who"], rows["account"]),
        "customer_id": ids("C", rows["who"], 6),
        "booked_at": moments(rows["at"]),
        "kind": KINDS[rows["kind"]],
        "amount": rows["cents"] / 100,
        "balance_after": rows["balance"] / 100,
    }


def _loans(book: _Book, end: float) -> dict[str, Columns]:
    """Instalments that were agreed on, and payments that came, before the end."""
    agreed = joined(book.instalments)
    agreed = ordered(chosen(agreed, agreed["agreed_at"] < end), "who", "due_at")
    paid = joined(book.payments)
    paid = ordered(chosen(paid, paid["paid_at"] < end), "who", "paid_at")
    return {
        "instalments": {
            "instalment_id": ids("L", agreed["who"] * 64 + agreed["number"], 7),
            "customer_id": ids("C", agreed["who"], 6),
            "agreed_at": moments(agreed["agreed_at"]),
            "due_at": moments(agreed["due_at"]),
            "amount": agreed["amount"],
        },
        "payments": {
            "instalment_id": ids("L", paid["who"] * 64 + paid["number"], 7),
            "customer_id": ids("C", paid["who"], 6),
            "paid_at": moments(paid["paid_at"]),
            "amount": paid["amount"],
        },
    }
