"""A circuit breaker: while a server does not answer, one caller tries now and then, and the others do not wait."""

from __future__ import annotations

import threading
import time


class Breaker:
    """Opens after `failures` in a row; then lets one trial through every `pause_seconds`, until one works.

    Thread-safe. Several failures in a row, where one costly request may fail by itself.
    """

    def __init__(self, *, failures: int = 1, pause_seconds: float = 1.0) -> None:
        self._limit = failures
        self._pause = pause_seconds
        self._failures = 0
        self._next_trial = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether to try now; who is told True while it is open is the trial, and should report how it went."""
        if self._failures < self._limit:
            return True
        with self._lock:
            if self._failures < self._limit:
                return True
            now = time.monotonic()
            if now < self._next_trial:
                return False
            self._next_trial = now + self._pause
            return True

    def worked(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._next_trial = time.monotonic() + self._pause
