"""The thread that keeps the ledger in order: partitions ahead of time, retention every day, purges when asked for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from ledger import partitions
from ledger.attempts import Attempts
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


@dataclass(slots=True)
class _Task:
    """One of its tasks, and when it is due, by the monotonic clock."""

    name: str
    work: Callable[[Connection], object]
    every_seconds: float
    due: float


class Housekeeper:
    """Works on a connection of its own; a task that fails keeps no other back. `start` and `stop` it once."""

    def __init__(self, url: str, rules: Rules, forget: Forget) -> None:
        self._url = url
        self._rules = rules
        self._forget = forget
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._attempts = Attempts()
        settled = time.monotonic() + SETTLE_SECONDS
        self._tasks = (
            _Task("purges", self._purge, 0.0, 0.0),
            _Task("partitions", _make_partitions, DAY_SECONDS, settled),
            _Task("retention", self._expire, DAY_SECONDS, settled),
        )
        self._thread = threading.Thread(target=self._run, name="tiffin-housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let it finish its step, for at most so long; the next process goes on."""
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for task in self._tasks:
                if time.monotonic() >= task.due and not self._stopping.is_set():
                    pause = self._attempt(task)
                    task.due = time.monotonic() + pause
        self._close()

    def _attempt(self, task: _Task) -> float:
        """Do it, and return after how many seconds it is due again."""
        try:
            task.work(self._connected())
        except (StorageUnavailableError, psycopg2.Error) as error:
            away = self._connection is None or self._connection.closed != 0
            logger.log(logging.DEBUG if away else logging.WARNING, "%s: housekeeping waits: %s", task.name, error)
            self._close()
            return AWAY_SECONDS if away else STUMBLE_SECONDS
        except Exception:
            logger.exception("%s: housekeeping stumbles; it tries again", task.name)
            self._close()
            return STUMBLE_SECONDS
        return task.every_seconds

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, "tiffin housekeeper")
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _purge(self, connection: Connection) -> None:
        carry_out(connection, self._forget, is_over=self._stopping.is_set, attempts=self._attempts)

    def _expire(self, connection: Connection) -> None:
        expire(connection, self._rules, datetime.now(UTC), is_over=self._stopping.is_set)


def _make_partitions(connection: Connection) -> None:
    with transaction(connection) as cursor:
        partitions.make(cursor, partitions.ahead(datetime.now(UTC)))
