"""Rows of sources as callers send them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

NOW = datetime.now(UTC)
_numbers = count()


def ago(**span: float) -> str:
    """A moment before now, as ISO 8601 writes it."""
    return (NOW - timedelta(**span)).isoformat()


def event_id() -> str:
    return f"event {next(_numbers)}"


def joined(customer: str, **span: float) -> dict[str, Any]:
    return {"event_id": event_id(), "customer_id": customer, "joined_at": ago(**(span or {"days": 400}))}


def spent(customer: str, amount: float, at: str | None = None) -> dict[str, Any]:
    return {
        "event_id": event_id(),
        "account_id": f"account of {customer}",
        "customer_id": customer,
        "booked_at": at or ago(seconds=1),
        "kind": "spend",
        "amount": amount,
        "balance_after": 0,
    }


def item(item_id: str) -> dict[str, Any]:
    return {"event_id": event_id(), "item_id": item_id, "changed_at": ago(days=300), "category": "home"}


def priced(item_id: str, price: float, at: str | None = None) -> dict[str, Any]:
    return {
        "event_id": event_id(),
        "item_id": item_id,
        "changed_at": at or ago(days=200),
        "list_price": price,
        "discount": 0.25,
    }


def seen(user: str, item_id: str, at: str | None = None, kind: str = "view") -> dict[str, Any]:
    return {
        "event_id": event_id(),
        "user_id": user,
        "item_id": item_id,
        "session_id": f"session of {user}",
        "happened_at": at or ago(minutes=5),
        "kind": kind,
        "device": "phone",
    }
