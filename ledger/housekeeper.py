"""The thread that keeps the ledger in order: partitions ahead of time, retention every day, purges when asked for."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from ledger import partitions
from ledger.connection import connect, transaction
from ledger.purging import Forget, carry_out
from ledger.retention import Rules, expire
from storage.errors import StorageUnavailableError

logger = logging.getLogger("tiffin.ledger")

LOOK_SECONDS = 1.0
DAY_SECONDS = 24 * 3600.0
SETTLE_SECONDS = 60.0
"""After a start there is more urgent work than retention."""
AWAY_SECONDS = 2.0
"""Between two attempts while PostgreSQL does not answer: a purge begins within seconds of its return."""
STUMBLE_SECONDS = 30.0


class Housekeeper:
    """Works on a connection of its own. `start` and `stop` it once."""

    def __init__(self, url: str, rules: Rules, forget: Forget) -> None:
        self._url = url
        self._rules = rules
        self._forget = forget
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._due = time.monotonic() + SETTLE_SECONDS
        self._thread = threading.Thread(target=self._run, name="tiffin-housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let it finish its step, for at most so long; the next process goes on."""
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._stopping.wait(pause):
            try:
                self._once(self._connected())
                pause = LOOK_SECONDS
            except (StorageUnavailableError, psycopg2.Error) as error:
                logger.debug("housekeeping waits: %s", error)
                pause = AWAY_SECONDS
                self._close()
            except Exception:
                logger.exception("housekeeping stumbles; it tries again")
                pause = STUMBLE_SECONDS
                self._close()
        self._close()

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, "tiffin housekeeper")
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _once(self, connection: Connection) -> None:
        carry_out(connection, self._forget, is_over=self._stopping.is_set)
        if time.monotonic() >= self._due:
            now = datetime.now(UTC)
            with transaction(connection) as cursor:
                partitions.make(cursor, partitions.ahead(now))
            expire(connection, self._rules, now, is_over=self._stopping.is_set)
            self._due = time.monotonic() + DAY_SECONDS
