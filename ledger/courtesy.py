"""Courtesy of the shipper: while the processors are busy it lets the workers go first, but not for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

FREE_PROCESSORS = 0.5
"""With so much of a processor idle, shipping takes nothing from anybody."""
SHORTEST_LOOK_SECONDS = 0.05
"""The kernel counts in hundredths of a second."""
_STAT = Path("/proc/stat")
_IDLE, _IDLE_FOR_DISK = 4, 5
"""Columns of a processor's line in /proc/stat, its name being the first, 0; see proc(5)."""


class Courtesy:
    """Says when to hold back. Ask before each transaction; for one thread.

    What waits is shipped at the latest after `patience_seconds`, or when `most_bytes` wait; it then ships until it has
    caught up, whoever is busy: under a load that never ends the spool would only grow otherwise.
    """

    def __init__(
        self, patience_seconds: float, most_bytes: int, idle: Callable[[], float | None] | None = None
    ) -> None:
        self._patience_seconds = patience_seconds
        self._most_bytes = most_bytes
        self._idle = idle or IdleProcessors().since_last
        self._hurrying = False

    def holds_back(self, waiting_seconds: float, waiting_bytes: int) -> bool:
        """Whether what has been waiting for so long, and is so much, should wait on."""
        idle = self._idle()
        if waiting_seconds >= self._patience_seconds or waiting_bytes >= self._most_bytes:
            self._hurrying = True
        return not self._hurrying and idle is not None and idle < FREE_PROCESSORS

    def worked(self) -> None:
        """A transaction has ended: the processors that it and PostgreSQL kept busy were not busy for others."""
        self._idle()

    def caught_up(self) -> None:
        """Hardly anything waits any more."""
        self._hurrying = False

    @property
    def look_seconds(self) -> float:
        """So long the shipper pauses between two transactions although more waits, to see who else is busy."""
        return 0.0 if self._hurrying else SHORTEST_LOOK_SECONDS


def _idle(columns: list[str]) -> int:
    """Of one processor, in ticks."""
    return int(columns[_IDLE]) + int(columns[_IDLE_FOR_DISK])


class IdleProcessors:
    """How many of the processors that this process may use have been idle, where Linux tells."""

    def __init__(self) -> None:
        self._before = self._read()

    def since_last(self) -> float | None:
        """Of the time since the last call, as a number of processors; None where it is not known."""
        before, now = self._before, self._read()
        if before is None or now is None:
            return None
        seconds = now[0] - before[0]
        if seconds < SHORTEST_LOOK_SECONDS / 2:
            return None
        self._before = now
        return (now[1] - before[1]) / seconds

    @staticmethod
    def _read() -> tuple[float, float] | None:
        """The moment, and the seconds that these processors have been idle in sum."""
        try:
            lines = _STAT.read_text("ascii").splitlines()
            ticks_per_second = os.sysconf("SC_CLK_TCK")
            allowed = {f"cpu{number}" for number in os.sched_getaffinity(0)}
            idle = [_idle(columns) for columns in map(str.split, lines) if columns and columns[0] in allowed]
        except (OSError, AttributeError, ValueError, IndexError):
            return None
        if not idle:  # a container's view may name the processors anew
            return None
        return time.monotonic(), sum(idle) / ticks_per_second
