"""Connections of the processes that write the ledger: psycopg2 alone, without SQLAlchemy's 15 MB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from storage.addresses import redact
from storage.errors import StorageUnavailableError

CONNECT_SECONDS = 2
STATEMENT_SECONDS = 60
_OPTIONS = (
    f"-c statement_timeout={STATEMENT_SECONDS}s "
    "-c lock_timeout=10s "
    # A process that is stopped in the middle of a transaction must not hold up the others' totals for ever.
    "-c idle_in_transaction_session_timeout=30s "
    "-c timezone=UTC"
)
_ROWS_FAULT = ("22", "23", "54")
"""Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded."""


def connect(url: str, application: str) -> Connection:
    """A connection in autocommit mode, so that transactions begin where they are written down.

    Keep-alives find a vanished host within 10 s. Raises StorageUnavailableError.
    """
    try:
        connection = psycopg2.connect(
            url,
            connect_timeout=CONNECT_SECONDS,
            application_name=application,
            options=_OPTIONS,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=2,
            tcp_user_timeout=10_000,
        )
    except psycopg2.Error as error:
        raise StorageUnavailableError("postgresql", redact(str(error).strip(), url)) from error
    connection.autocommit = True
    return connection


def is_rows_fault(error: psycopg2.Error) -> bool:
    """Whether PostgreSQL refused what was to be written, so that trying again with the same rows does not help."""
    return error.pgcode is not None and error.pgcode[:2] in _ROWS_FAULT


@contextmanager
def transaction(connection: Connection) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor in a transaction that is committed at the end and rolled back on any error."""
    with connection.cursor() as cursor:
        cursor.execute("begin")
        try:
            yield cursor
            cursor.execute("commit")
        except BaseException:
            if not connection.closed:
                _roll_back(cursor)
            raise


def _roll_back(cursor: psycopg2.extensions.cursor) -> None:
    try:
        cursor.execute("rollback")
    except psycopg2.Error:
        cursor.connection.close()  # whatever state it is in, it is not used again
