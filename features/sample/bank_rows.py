"""What happened at the synthetic bank, as rows of its sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.sample.bank_state import CARD, CURRENT, DAY, LOAN, SAVINGS, Book, Customers
from features.sample.columns import Columns, Floats, Ints, chosen, ids, joined, moments, ordered

PRODUCTS = np.array(["current", "savings", "credit_card", "loan"])
KINDS = np.array(["salary", "income", "spend", "payment", "transfer_in", "transfer_out"])


def accounts(random: np.random.Generator, who: Customers, end: float) -> Columns:
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


def transactions(book: Book, who: Customers, start: float, end: float) -> Columns:
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


def loans(book: Book, end: float) -> dict[str, Columns]:
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
