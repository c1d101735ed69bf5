"""Which of PostgreSQL's errors are the server's state and not the statement's fault."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger("tiffin.storage")

_CLASSES = ("08", "28", "3D", "53", "55", "57", "58", "F0", "XX")
"""Of SQLSTATE: connection, authorization, no such database, resources, not in its state, operator, system, internal."""
_CODES = ("25006", "25P03", "25P04", "42501")
"""Read-only, transaction timeouts, no rights: what an operator has set, and may set otherwise again."""
AGAIN_SECONDS = 60.0


def is_servers(code: str) -> bool:
    """Whether the same statement may work when the server is mended. `code` is the error's SQLSTATE."""
    return code[:2] in _CLASSES or code in _CODES


class Complaints:
    """Logs why a server cannot be used: each reason when it is new, and once a minute. Thread-safe."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._reason = ""
        self._until = 0.0

    def hear(self, reason: str) -> None:
        now = time.monotonic()
        with self._lock:
            if reason == self._reason and now < self._until:
                return
            self._reason, self._until = reason, now + AGAIN_SECONDS
        logger.warning("%s cannot be used: %s", self._server, reason.partition("\n")[0])
