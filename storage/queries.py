"""Statements on PostgreSQL that end by a deadline, whatever the server does.

libpq's blocking calls wait for ever on a server that hangs. These connections are asynchronous and polled, so that a
thread gets its answer, or an error, in time. Imported by serving workers: no SQLAlchemy here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from storage import arrays
from storage.addresses import redact
from storage.breaker import Breaker
from storage.errors import MigrationError, StorageUnavailableError
from storage.faults import Complaints, is_servers
from storage.polling import wait

logger = logging.getLogger("tiffin.storage")

Rows = list[tuple[Any, ...]]
LONGEST_STATEMENT_SECONDS = 300
"""The server cancels what nobody waits for any more: at once when it sees the client gone, after this in any case."""
FAILURES = 3
"""Deadlines missed one after the other until callers stop waiting; one costly statement may miss its own."""
_OPTIONS = (
    "-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan -c client_connection_check_interval=2s"
    f" -c statement_timeout={LONGEST_STATEMENT_SECONDS}s"
)
_MISSING = (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A statement that each connection plans once, for any parameters: `text` has $1, $2 for them, cast to types."""

    name: str
    text: str
    parameters: int


class Queries:
    """A small pool of connections, each statement in a transaction of its own. Thread-safe; connects when first used.

    While PostgreSQL misses deadlines, most calls fail at once and one a second tries.
    """

    def __init__(self, url: str, *, connections: int = 4, application: str = "tiffin") -> None:
        self._url = url
        self._application = application
        self._places = threading.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._breaker = Breaker(failures=FAILURES)
        self._complaints = Complaints("PostgreSQL")
        self._closed = False

    def run(self, statement: str | Prepared, parameters: Sequence[Any] = (), *, seconds: float) -> Rows:
        """The rows of one statement, within `seconds` from now; `parameters` replace %s, or $1 of a prepared one.

        A statement whose pooled connection had died is sent again on a new one, so it must be harmless to run twice.

        Raises StorageUnavailableError when there is no answer in time, or PostgreSQL cannot do it as it is now
        (read-only, no rights, no connections left); MigrationError when tables are missing; other errors of the
        database pass as they are.
        """
        deadline = time.monotonic() + seconds
        if not self._breaker.allows():
            raise StorageUnavailableError("postgresql", "it did not answer in time and is tried again within a second")
        try:
            rows = self._run(statement, parameters, deadline)
        except _MISSING as error:
            raise MigrationError(f"the database is not migrated to this version of Tiffin: {error}".strip()) from error
        except (TimeoutError, psycopg2.Error) as error:
            if isinstance(error, TimeoutError):
                self._breaker.failed()
            elif not _is_servers(error):
                raise
            reason = redact(str(error).strip() or type(error).__name__, self._url)
            self._complaints.hear(reason)
            raise StorageUnavailableError("postgresql", reason) from error
        self._breaker.worked()
        return rows

    def close(self) -> None:
        """Close idle connections now, busy ones when they are done."""
        self._closed = True
        self._drop_idle()

    def _run(self, statement: str | Prepared, parameters: Sequence[Any], deadline: float) -> Rows:
        with self._place(deadline):
            while True:
                connection, pooled = self._connection(deadline)
                try:
                    rows = connection.run(statement, parameters, deadline)
                except BaseException as error:
                    lost = isinstance(error, psycopg2.Error) and connection.lost
                    outdated = isinstance(error, psycopg2.NotSupportedError)  # a table changed under what was prepared
                    connection.close()
                    if not (lost or outdated):
                        raise
                    self._drop_idle()  # what ended one connection ended all
                    if not pooled:
                        raise
                else:
                    self._keep(connection)
                    return rows

    @contextmanager
    def _place(self, deadline: float) -> Iterator[None]:
        if not self._places.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise StorageUnavailableError("postgresql", "all connections were busy until the deadline")
        try:
            yield
        finally:
            self._places.release()

    def _connection(self, deadline: float) -> tuple[_Connection, bool]:
        """A connection, and whether it lay in the pool."""
        try:
            return self._idle.pop(), True
        except IndexError:
            return _Connection(self._url, self._application, deadline), False

    def _keep(self, connection: _Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread was faster
                return


def _is_servers(error: psycopg2.Error) -> bool:
    """Whether the statement may work later. A connection that is cut off in an answer is an error without a code."""
    if error.pgcode is not None and is_servers(error.pgcode):
        return True
    return (
        isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) or type(error) is psycopg2.DatabaseError
    )


class _Connection:
    """One asynchronous connection and what it has prepared."""

    def __init__(self, url: str, application: str, deadline: float) -> None:
        self._prepared: set[Prepared] = set()
        self._connection = psycopg2.connect(url, async_=1, application_name=application, options=_OPTIONS)
        try:
            wait(self._connection, deadline)
            arrays.teach(self._connection)
        except BaseException:
            self._connection.close()
            raise

    @property
    def lost(self) -> bool:
        """Whether the server ended it."""
        return bool(self._connection.closed)

    def run(self, statement: str | Prepared, parameters: Sequence[Any], deadline: float) -> Rows:
        if isinstance(statement, Prepared):
            statement = self._prepare(statement, deadline)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters) or None)
            wait(self._connection, deadline)
            return list(cursor.fetchall()) if cursor.description else []

    def _prepare(self, prepared: Prepared, deadline: float) -> str:
        """The statement that executes it."""
        if prepared not in self._prepared:
            with self._connection.cursor() as cursor:
                cursor.execute(f"prepare {prepared.name} as {prepared.text}")
                wait(self._connection, deadline)
            self._prepared.add(prepared)
        places = ", ".join(["%s"] * prepared.parameters)
        return f"execute {prepared.name} ({places})"

    def close(self) -> None:
        self._connection.close()
