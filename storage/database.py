"""SQLAlchemy engines on PostgreSQL, and the one way to run a transaction on them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from storage import arrays
from storage.addresses import redact
from storage.errors import MigrationError, StorageUnavailableError
from storage.faults import Complaints, is_servers
from storage.settings import StorageSettings

logger = logging.getLogger("tiffin.storage")

T = TypeVar("T")
_UNDEFINED_TABLE_OR_COLUMN = {"42P01", "42703"}
_complaints = Complaints("PostgreSQL")


def open_engine(url: str, settings: StorageSettings, *, application: str = "tiffin") -> Engine:
    """An engine on the libpq URL `url`; it connects at its first use. The caller disposes of it.

    No ping before each use (a round trip per transaction): `transact` tries once more when a pooled connection had
    died, and the first failure empties the pool. Keep-alives find a vanished host within 10 s; TCP alone takes 2 h.
    """
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg2:", 1),
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_use_lifo=True,  # idle connections age at the end of the stack instead of being kept busy in turn
        hide_parameters=True,  # values are personal data and do not belong into error messages
        connect_args={
            "connect_timeout": ceil(settings.connect_timeout_seconds),
            "options": f"-c statement_timeout={_milliseconds(settings.statement_timeout_seconds)} -c timezone=UTC",
            "application_name": application,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 10_000,
        },
    )
    event.listen(engine, "connect", lambda connection, record: arrays.teach(connection))
    return engine


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """What `work` returns, run in one transaction that is committed when it returns and rolled back when it raises.

    When a statement finds its pooled connection dead (the server was restarted), `work` runs a second time on a new
    one; nothing of the first run was committed. A connection lost during the commit itself is not tried again: nobody
    knows how it ended.

    Raises StorageUnavailableError when PostgreSQL does not answer (in time), or cannot do it as it is now (read-only,
    no rights, no connections left); MigrationError when tables are missing; other database errors pass as they are.
    """
    try:
        try:
            return _once(engine, work)
        except _LostConnection:
            logger.info("a pooled connection to PostgreSQL had died; trying once more on a new one")
            return _once(engine, work)
    except _LostConnection as error:
        raise _unavailable(engine, error.cause) from error.cause
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise _unavailable(engine, error) from error
    except DBAPIError as error:
        code = getattr(error.orig, "pgcode", None)
        if code in _UNDEFINED_TABLE_OR_COLUMN:
            raise MigrationError(
                f"the database is not migrated to this version of Tiffin: {error.orig}".strip()
            ) from error
        if code is not None and is_servers(code):
            raise _unavailable(engine, error) from error
        raise


class _LostConnection(Exception):  # noqa: N818 - a signal inside this file, not an error of its own
    def __init__(self, cause: DBAPIError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        try:
            with_transaction = connection.begin()
            result = work(connection)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _LostConnection(error) from error
            raise
        with_transaction.commit()
        return result


def _unavailable(engine: Engine, error: Exception) -> StorageUnavailableError:
    reason = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    reason = redact(reason, engine.url.render_as_string(hide_password=False))
    _complaints.hear(reason)
    return StorageUnavailableError("postgresql", reason)


def _milliseconds(seconds: float) -> int:
    return ceil(timedelta(seconds=seconds) / timedelta(milliseconds=1))
