"""Rows that are older than they are to be kept, removed in small transactions from any table with a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

BLOCKS = 128
"""Of a table in one transaction: 1 MB, some 10 000 rows at most."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Rows of `table` are kept for `days` from the moment in `column`."""

    table: str
    column: str
    days: int


def expire(
    connection: Connection, expiry: Expiry, now: datetime, *, is_over: Callable[[], bool] = lambda: False
) -> int:
    """Remove the rows that are too old, and return how many there were.

    The table is walked from its first block to its last as it lies on the disk, which needs no index on the time; each
    step is a statement of its own. `is_over` is asked between steps; a later call begins again. The connection is in
    autocommit mode. Raises psycopg2.Error.
    """
    removed = 0
    names = {"table": sql.Identifier(expiry.table), "column": sql.Identifier(expiry.column)}
    statement = sql.SQL(_DELETE).format(**names)
    cutoff = now - timedelta(days=expiry.days)
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKS, (expiry.table,))
        ((blocks,),) = cursor.fetchall()
        for begin in range(0, blocks, BLOCKS):
            if is_over():
                break
            cursor.execute(statement, (f"({begin},0)", f"({begin + BLOCKS},0)", cutoff))
            removed += int(cursor.rowcount)
    return removed


_BLOCKS = "select pg_relation_size(quote_ident(%s)::regclass) / current_setting('block_size')::bigint"
_DELETE = "delete from {table} where ctid >= %s::tid and ctid < %s::tid and {column} < %s"
