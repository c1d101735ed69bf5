"""Slow, silent and too many connections: one timer looks at all connections of a worker once a second.

Requests cost nothing here: what a connection waits for can be seen from what its protocol keeps anyway, and the clock
of a wait starts when the timer first sees it. So a wait may last up to two seconds longer than its limit.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import resource
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from monitoring import metrics

logger = logging.getLogger("tiffin.serving")
SWEEP_SECONDS = 1.0
LOG_SECONDS = 10.0
"""Between two lines about connections that were ended."""
RESERVED_FILES = 100
"""Open files that a worker needs for itself: models, log, metrics, PostgreSQL, Redis."""


class Awaited(enum.Enum):
    """What a connection waits for from its client. The values are the metric's labels."""

    REQUEST = "silent"
    HEAD = "headers"
    BODY = "body"
    READING = "reading"


REFUSED = "refused"


class Connection(Protocol):
    """What `Watch` needs of a connection."""

    wait: Wait | None

    def awaited(self) -> tuple[Awaited, object] | None:
        """What it waits for and in which state; another state is progress. None: for the server, or it may rest."""

    def expire(self, awaited: Awaited) -> None:
        """It has waited for too long."""


class Wait:
    """A wait that the timer has seen. It holds on to the state, so that no other can have its identity."""

    __slots__ = ("awaited", "since", "state")

    def __init__(self, awaited: Awaited, state: object, since: float) -> None:
        self.awaited = awaited
        self.state = state
        self.since = since

    def goes_on(self, awaited: Awaited, state: object) -> bool:
        """Whether this is still the same wait: for the same thing of the same request, or the same unread bytes."""
        return self.awaited is awaited and (self.state is state or (isinstance(state, int) and self.state == state))


class Watch:
    """All connections of a worker. Belongs to its event loop."""

    def __init__(self, *, header_seconds: float, body_seconds: float, max_connections: int) -> None:
        self._limits = {
            Awaited.REQUEST: header_seconds,
            Awaited.HEAD: header_seconds,
            Awaited.BODY: body_seconds,
            Awaited.READING: body_seconds,
        }
        self.most = at_most(max_connections)
        self._connections: set[Connection] = set()
        self._ended = {reason: metrics.Tally(metrics.connections_ended.labels(reason)) for reason in REASONS}
        self._unlogged: Counter[str] = Counter()
        self._logged = -LOG_SECONDS
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> bool:
        """Watch it from now on; False when there are too many already."""
        if len(self._connections) >= self.most:
            self._note(REFUSED)
            return False
        self._connections.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        return True

    def discard(self, connection: Connection) -> None:
        """It is gone."""
        self._connections.discard(connection)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            self._look(connection, now)
        self._log(now)
        metrics.connections.labels("open").set(len(self._connections))
        again = self._connections or self._unlogged
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep) if again else None

    def _look(self, connection: Connection, now: float) -> None:
        found = connection.awaited()
        wait = connection.wait
        if found is None:
            connection.wait = None
        elif wait is None or not wait.goes_on(*found):
            connection.wait = Wait(*found, now)
        elif now - wait.since >= self._limits[wait.awaited]:
            self._note(wait.awaited.value)
            connection.wait = Wait(*found, now)
            connection.expire(wait.awaited)

    def _note(self, reason: str) -> None:
        self._ended[reason].inc()
        self._unlogged[reason] += 1

    def _log(self, now: float) -> None:
        if self._unlogged and now - self._logged >= LOG_SECONDS:
            counts = ", ".join(f"{count} {MEANINGS[reason]}" for reason, count in self._unlogged.items())
            logger.warning("connections ended: %s; open: %d of %d", counts, len(self._connections), self.most)
            self._unlogged.clear()
            self._logged = now


MEANINGS = {
    Awaited.REQUEST.value: "without a request",
    Awaited.HEAD.value: "with slow headers",
    Awaited.BODY.value: "with a slow body",
    Awaited.READING.value: "whose answer was not read",
    REFUSED: "refused because there were too many",
}
REASONS = tuple(MEANINGS)


def at_most(max_connections: int, limit: Callable[[], int] | None = None) -> int:
    """As many of `max_connections` as the limit of open files leaves room for, and at least one."""
    files = limit() if limit else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY or max_connections <= files - RESERVED_FILES:
        return max_connections
    room = max(1, files - RESERVED_FILES)
    logger.warning("the limit of open files, %d, leaves room for %d connections of %d", files, room, max_connections)
    return room
