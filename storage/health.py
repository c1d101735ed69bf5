"""Whether PostgreSQL and Redis answer: a monitor in background threads, cheap to ask from an event loop.

Imported by serving workers: no SQLAlchemy here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.addresses import Urls, redact
from storage.polling import wait
from storage.revision import lacking
from storage.settings import StorageSettings

logger = logging.getLogger("tiffin.storage")

LONGEST_PAUSE_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
SILENCE_SECONDS = 10.0  # looking up a host's name has no timeout of ours; a check older than this says nothing
_JOIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """The last check of one server: `error` is empty when `ok` and holds no password; `since` is when `ok` changed.

    `lacking` is what an answering server lacks all the same, in words for anybody: tables that are not made yet.
    """

    name: str
    ok: bool
    latency_ms: float | None
    error: str
    since: datetime
    lacking: str = ""


class StorageHealth:
    """Checks both servers every `settings.health_interval_seconds`, each in a daemon thread, on its own connection.

    While a server is down the pause between checks starts at 0.1 s and doubles up to 2 s, so its return is seen within
    2 s and the time of one check. `snapshot()` only reads memory. Nothing here raises because of a server.
    """

    def __init__(self, urls: Urls, settings: StorageSettings) -> None:
        timeout = settings.health_timeout_seconds
        self._watches = (
            _Watch(
                "postgresql", _PostgresProbe(urls.database, timeout), urls.database, settings.health_interval_seconds
            ),
            _Watch("redis", _RedisProbe(urls.redis, timeout), urls.redis, settings.health_interval_seconds),
        )

    def start(self) -> None:
        """Begin to check. A second call does nothing."""
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        """Stop checking and close the connections; returns within 2 s per server. The last results stay readable."""
        for watch in self._watches:
            watch.stop()

    def snapshot(self) -> Mapping[str, DependencyHealth]:
        """The last result under "postgresql" and "redis". Before the first check nothing is ok."""
        return MappingProxyType({watch.name: watch.result() for watch in self._watches})


class _Watch:
    """One server's thread."""

    def __init__(self, name: str, probe: _Probe, url: str, interval_seconds: float) -> None:
        self.name = name
        self._probe = probe
        self._url = url
        self._interval = interval_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._checked = time.monotonic()
        self._last = DependencyHealth(name, ok=False, latency_ms=None, error="not checked yet", since=datetime.now(UTC))

    def start(self) -> None:
        if self._thread is None:
            self._checked = time.monotonic()
            self._thread = threading.Thread(target=self._run, name=f"tiffin-health-{self.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(_JOIN_SECONDS)

    def result(self) -> DependencyHealth:
        silent = time.monotonic() - self._checked
        running = self._thread is not None and not self._stopping.is_set()
        if running and silent > SILENCE_SECONDS:
            return replace(
                self._last, ok=False, latency_ms=None, error=f"the check has not come back for {silent:.0f} s"
            )
        return self._last

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            self._check()
            self._stopping.wait(self._interval if self._last.ok else pause)
            pause = FIRST_PAUSE_SECONDS if self._last.ok else min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._probe.close()

    def _check(self) -> None:
        started = time.perf_counter()
        try:
            lacking = self._asked()
        except Exception as error:  # whatever it is, the server could not be used
            self._probe.close()
            self._record(None, redact(str(error).strip() or type(error).__name__, self._url))
        else:
            self._record(round((time.perf_counter() - started) * 1000, 3), "", lacking)

    def _asked(self) -> str:
        """The probe's answer. A connection of before that has ended says nothing of the server: a new one is tried."""
        tried = self._probe.is_connected
        try:
            return self._probe.check()
        except (TimeoutError, redis.TimeoutError):
            raise
        except Exception:
            if not tried:
                raise
            self._probe.close()
            return self._probe.check()

    def _record(self, latency_ms: float | None, error: str, lacking: str = "") -> None:
        ok = not error
        changed = ok != self._last.ok
        if changed or (not ok and self._last.error == "not checked yet"):
            logger.log(
                logging.INFO if ok else logging.WARNING, "%s is %s", self.name, "available" if ok else f"down: {error}"
            )
        if lacking != self._last.lacking:
            logger.warning("%s: %s", self.name, lacking or "nothing is lacking any more")
        since = datetime.now(UTC) if changed else self._last.since
        self._last = DependencyHealth(
            self.name, ok=ok, latency_ms=latency_ms, error=error, since=since, lacking=lacking
        )
        self._checked = time.monotonic()


class _Probe(Protocol):
    """A check that raises when the server does not answer in time, and can be closed and used again.

    It returns what the server lacks all the same; mostly nothing.
    """

    @property
    def is_connected(self) -> bool: ...
    def check(self) -> str: ...
    def close(self) -> None: ...


class _PostgresProbe:
    """Asks on an asynchronous connection: libpq's blocking calls would wait for ever on a server that hangs."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._connection: psycopg2.extensions.connection | None = None

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def check(self) -> str:
        deadline = time.monotonic() + self._timeout
        if self._connection is None:
            self._connection = psycopg2.connect(self._url, async_=1, application_name="tiffin health")
            wait(self._connection, deadline)
        try:
            return lacking(self._revision(self._connection, deadline))
        except psycopg2.errors.InsufficientPrivilege:  # it answers; what the tables are like, others will say
            return ""

    @staticmethod
    def _revision(connection: psycopg2.extensions.connection, deadline: float) -> str | None:
        """The revision of the tables; None where there are none."""
        with connection.cursor() as cursor:
            try:
                cursor.execute("select max(version_num) from alembic_version")
                wait(connection, deadline)
            except psycopg2.errors.UndefinedTable:
                return None
            row = cursor.fetchone()
            return None if row is None or row[0] is None else str(row[0])

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _RedisProbe:
    """PING on a client of one connection."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._open: Callable[[], redis.Redis] = lambda: redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, retry=Retry(NoBackoff(), 0)
        )
        self._client: redis.Redis | None = None

    @property
    def is_connected(self) -> bool:
        return self._client is not None

    def check(self) -> str:
        if self._client is None:
            self._client = self._open()
        if self._client.ping() is not True:
            raise ConnectionError("what answers is not Redis")
        return ""

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
