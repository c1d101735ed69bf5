"""The sample data that a database holds: how much, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from features.sample.size import Size
from features.sampled import OURS

_HELD = f"""
    select
        (select count(*) from customers where {OURS}),
        (select count(distinct user_id) from users where {OURS}),
        (select count(*) from items where {OURS}),
        count(distinct store_id),
        count(distinct sku_id),
        (select date_trunc('day', min(changed_at), 'UTC') from shelf_prices where {OURS}),
        date_trunc('day', max(sold_at), 'UTC')
    from sales
    where {OURS}
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Held:
    """`ends_at` is the midnight that all of it lies before."""

    size: Size
    ends_at: datetime


def held(connection: Connection) -> Held | None:
    """What there is; None where there is none. Some hundredths of a second."""
    customers, users, items, stores, articles, first, last = connection.exec_driver_sql(_HELD).one()
    if first is None or last is None:
        return None
    ends_at: datetime = last + timedelta(days=1)
    days = (ends_at - first).days
    size = Size(customers=customers, users=users, items=items, stores=stores, articles=articles, days=days)
    return Held(size, ends_at)
