"""How much sample data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Entities of each kind. The default makes about 1.2 million events.

    `days` is the time that the data covers.
    """

    customers: int = 10_000
    users: int = 5_000
    items: int = 600
    stores: int = 6
    articles: int = 16
    days: int = 730


FULL = Size()
SMALL = Size(customers=200, users=120, items=30, stores=2, articles=4, days=450)
"""A few ten thousand events, in a second: for tests."""
