"""Fills the source tables with sample data, by COPY, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import Connection, Engine

from features.errors import OtherRowsError
from features.sample import bank, learning, retail, shop
from features.sample.columns import Columns
from features.sample.held import held
from features.sample.size import FULL, Size
from features.sampled import PREFIX, others, remove
from storage.database import transact

_BATCH_ROWS = 50_000

Hears = Callable[[str, int, int], None]
"""Is told the table, its rows that are written, and how many it gets."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows written, by table; none when the sample data was there already. It ends at `ends_at`."""

    rows: dict[str, int]
    ends_at: datetime


def load_sample(
    engine: Engine,
    *,
    size: Size = FULL,
    end: datetime | None = None,
    seed: int = 7,
    among_others: bool = False,
    renew: bool = False,
    hear: Hears = lambda table, done, total: None,
) -> Loaded:
    """Write the sample data into the source tables, in one transaction; nothing where it is already.

    All events lie before `end`; default: the last midnight, UTC. `renew`: where it is already and ends earlier, it is
    taken out and made anew, as large as it was; rows of others stay. A run that is killed leaves all as it was, and who
    reads meanwhile does not wait. Raises OtherRowsError when there are rows of others and not `among_others`,
    StorageUnavailableError and MigrationError.
    """
    ends_at = end or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def work(connection: Connection) -> Loaded:
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('tiffin sample'))")
        connection.exec_driver_sql("set local statement_timeout = 0")
        connection.exec_driver_sql("set local synchronous_commit = off")
        there, wanted = held(connection), size
        if there is not None:
            if not renew or there.ends_at >= ends_at:
                return Loaded({}, there.ends_at)
            wanted = there.size
        elif not among_others and (strangers := others(connection)):
            raise OtherRowsError(strangers)
        remove(connection)
        rows = {}
        for table, columns in generate(wanted, ends_at, seed):
            rows[table] = _write(connection, table, columns, hear)
            connection.exec_driver_sql(f"analyze {table}")
        return Loaded(rows, ends_at)

    return transact(engine, work)


def generate(size: Size, end: datetime, seed: int) -> Iterator[tuple[str, Columns]]:
    """Every source's rows without their event ids; the same for the same arguments."""
    stop = end.timestamp()
    start = (end - timedelta(days=size.days)).timestamp()
    streams = np.random.default_rng(seed).spawn(4)
    yield from bank.generate(streams[0], size.customers, start, stop).items()
    yield from learning.generate(streams[1], size.users, start, stop).items()
    yield from shop.generate(streams[2], size.users, size.items, start, stop).items()
    yield from retail.generate(streams[3], size.stores, size.articles, start, stop).items()


def _write(connection: Connection, table: str, columns: Columns, hear: Hears) -> int:
    rows = _arrow(table, columns)
    total: int = rows.num_rows
    cursor: Any = connection.connection.cursor()
    statement = f"copy {table} ({', '.join(rows.column_names)}) from stdin (format csv)"
    with cursor:
        for begins in range(0, total, _BATCH_ROWS):
            part = rows.slice(begins, _BATCH_ROWS)
            sink = pa.BufferOutputStream()
            csv.write_csv(part, sink, csv.WriteOptions(include_header=False))
            cursor.copy_expert(statement, pa.BufferReader(sink.getvalue()))
            hear(table, begins + part.num_rows, total)
    return total


def _arrow(table: str, columns: Columns) -> Any:
    """The rows as an Arrow table, with their event ids."""
    arrays = {name: _array(values) for name, values in columns.items()}
    count = len(next(iter(arrays.values())))
    numbers = pc.utf8_lpad(pc.cast(pa.array(np.arange(count)), pa.string()), 8, "0")
    event_ids = pc.binary_join_element_wise(f"{PREFIX}-{table}", numbers, "-")
    return pa.table({"event_id": event_ids, **arrays})


def _array(values: Any) -> Any:
    if np.issubdtype(values.dtype, np.datetime64):
        return pa.array(values, pa.timestamp("s", tz="UTC"))
    return pa.array(values)
