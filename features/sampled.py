"""Sample data in a database, told from other rows by its event ids. Imports nothing of what makes it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from storage.tables import SOURCES

PREFIX = "sample"
"""What the ids of all sample events begin with."""
OURS = f"starts_with(event_id, '{PREFIX}-')"
"""The condition. No range: most collations do not sort by bytes."""


def last_sale(connection: Connection) -> datetime | None:
    """The latest sale of the sample's first article, within days of its end: an index lookup."""
    text = (
        f"select sold_at from sales where store_id = 'S000' and sku_id = 'K0000' and {OURS} "  # noqa: S608 - our names
        "order by sold_at desc limit 1"
    )
    at: datetime | None = connection.exec_driver_sql(text).scalar()
    return at


def others(connection: Connection) -> list[str]:
    """The sources that hold rows of others."""
    found = []
    for table in SOURCES:
        text = f"select 1 from {table} where not {OURS} limit 1"  # noqa: S608 - our own names
        if connection.exec_driver_sql(text).first() is not None:
            found.append(table)
    return found


def remove(connection: Connection) -> None:
    """Take the sample data out, and nothing else."""
    for table in SOURCES:
        connection.exec_driver_sql(f"delete from {table} where {OURS}")  # noqa: S608 - our own names
