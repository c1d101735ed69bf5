"""How batches and training sets run a view: on an SQLAlchemy engine, planned anew for the pairs that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from features.reader import Query
from storage.database import transact


def engine_query(engine: Engine, *, statement_seconds: float | None = None) -> Query:
    """A query for `features.reader` on an engine of `storage.database`, whose sessions are in UTC.

    `statement_seconds` replaces the engine's limit for one statement; 0 is none. Raises StorageUnavailableError and
    MigrationError.
    """

    def run(statement: str, parameters: Sequence[str]) -> Sequence[Sequence[Any]]:
        def work(connection: Connection) -> Sequence[Sequence[Any]]:
            connection.exec_driver_sql("set local jit = off")  # compiling takes longer than any view's whole work
            if statement_seconds is not None:
                milliseconds = round(statement_seconds * 1000)
                connection.exec_driver_sql(f"set local statement_timeout = {milliseconds}")
            return connection.exec_driver_sql(statement, tuple(parameters)).fetchall()

        return transact(engine, work)

    return run
