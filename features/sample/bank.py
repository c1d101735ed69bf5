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

from itertools import pairwise

import numpy as np

from features.sample.bank_rows import accounts, loans, transactions
from features.sample.bank_state import (
    CARD,
    CURRENT,
    DAY,
    INCOME,
    PAYMENT,
    SALARY,
    SAVINGS,
    SPEND,
    TRANSFER_IN,
    TRANSFER_OUT,
    Book,
    Customers,
    new_customers,
)
from features.sample.columns import SECONDS_PER_DAY, Bools, Columns, Floats, ids, logistic, moments

SPENDS_PER_MONTH, JOBS_PER_MONTH = 4, 3
BUYS = 0.45
"""The chance of each of a month's spends."""
AHEAD_MONTHS = 12
"""Instalments are agreed on for so long beyond the end of the data."""


def generate(random: np.random.Generator, customers: int, start: float, end: float) -> dict[str, Columns]:
    """Rows of the bank's sources by table; `start` and `end` are Unix seconds, all rows lie before `end`."""
    who = new_customers(random, customers, start, end)
    book = Book()
    _open(random, who, book, start)
    months = _months(start, end)
    for number, (begins, days) in enumerate(months):
        _month(random, who, book, number, begins, days, has_ended=begins >= end, months=months)
    return {
        "customers": {"customer_id": ids("C", np.arange(customers), 6), "joined_at": moments(who.joined)},
        "accounts": accounts(random, who, end),
        "transactions": transactions(book, who, start, end),
        **loans(book, end),
    }


def _months(start: float, end: float) -> list[tuple[float, int]]:
    """Unix seconds at which each month begins, and its days; from the one that holds `start` to a year past `end`."""
    first = np.datetime64(int(start), "s").astype("datetime64[M]")
    last = np.datetime64(int(end), "s").astype("datetime64[M]") + AHEAD_MONTHS
    begins = np.arange(first, last + 2).astype("datetime64[s]").astype(np.int64)
    return [(float(at), int((after - at) // SECONDS_PER_DAY)) for at, after in pairwise(begins)]


def _open(random: np.random.Generator, who: Customers, book: Book, start: float) -> None:
    """The first booking on current and savings accounts: what is on them when the data begins."""
    everyone = np.arange(len(who.joined))
    at = np.maximum(who.joined, start) + 60
    book.book(everyone, CURRENT, at, TRANSFER_IN, who.balance)
    savers = everyone[who.has_savings]
    saved = who.income[savers] * random.uniform(0.1, 4, len(savers)) * who.prudence[savers]
    book.book(savers, SAVINGS, at[savers], TRANSFER_IN, saved)


def _month(
    random: np.random.Generator,
    who: Customers,
    book: Book,
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


def _turn(random: np.random.Generator, who: Customers) -> None:
    """Fortune: incomes are lost and found, sprees begin and end."""
    count = len(who.joined)
    who.lost = np.where(who.lost, random.random(count) > 0.2, random.random(count) < 0.025)
    going_on = (who.surge > 1) & (random.random(count) > 0.4)
    begins = random.random(count) < 0.05
    who.surge = np.where(going_on, who.surge, np.where(begins, random.uniform(1.2, 2.2, count), 1.0))


def _earn(random: np.random.Generator, who: Customers, book: Book, begins: float, there: Bools) -> Floats:
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


def _spend(random: np.random.Generator, who: Customers, book: Book, begins: float, days: int, there: Bools) -> Floats:
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


def _use_card(random: np.random.Generator, who: Customers, book: Book, begins: float, there: Bools) -> None:
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


def _agree(who: Customers, book: Book, number: int, due_at: Floats, months: list[tuple[float, int]]) -> Bools:
    """The month's instalments, agreed on at the beginning of the loan's year; returns who owes one."""
    year_began = np.maximum(number - (number + who.loan_month) % 12, 0)
    agreed_at = np.maximum(np.array([begins for begins, _ in months])[year_began], who.joined)
    owes: Bools = (who.instalment > 0) & (due_at > agreed_at + 5 * DAY)
    rows = np.flatnonzero(owes)
    part = {"who": rows, "number": np.full(len(rows), number), "agreed_at": agreed_at[rows], "due_at": due_at[rows]}
    book.instalments.append({**part, "amount": who.instalment[rows]})
    return owes


def _pay(
    random: np.random.Generator, who: Customers, book: Book, number: int, due_at: Floats, owes: Bools, flow: Floats
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
