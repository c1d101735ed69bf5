"""The access log: one line per answered request, gathered and written together.

A line costs 1 us on the request's way instead of 15 with a logging call each. Lines are written every 50 ms: at 10 000
requests a second that holds the event loop for 1 ms, and a killed process loses no more than those.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

logger = logging.getLogger("tiffin.access")
FLUSH_SECONDS = 0.05


class Answered(NamedTuple):
    """One answered request. `moment` is Unix time."""

    moment: float
    request_id: str
    method: str
    path: str
    status: int
    duration_ms: float


class AccessLog:
    """Belongs to the event loop's thread. `flush` writes what is left, at shutdown."""

    def __init__(self) -> None:
        self._pending: list[Answered] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, request_id: str, method: str, path: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._pending.append(Answered(time.time(), request_id, method, path, status, round(seconds * 1000, 3)))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Hand all pending lines to the log's handlers as one record, whose formatter writes a line for each."""
        self._timer = None
        pending, self._pending = self._pending, []
        if pending and logger.isEnabledFor(logging.INFO):
            logger.info("%d requests", len(pending), extra={"answered": pending})
