"""Attempts at what fails: how often so far, and when the next one is due."""

from __future__ import annotations

import time

MOST = 10
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 300.0


class Attempts:
    """Counts failures by key, for one thread. The pauses double; with all ten attempts they come to 14 minutes."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}

    def is_due(self, key: str) -> bool:
        """Whether it has not failed yet, or its pause is over."""
        return key not in self._failures or time.monotonic() >= self._failures[key][1]

    def failed(self, key: str) -> bool:
        """Count a failure; whether it is to be tried again, after a pause. After the last one it is forgotten."""
        count = self._failures.pop(key, (0, 0.0))[0] + 1
        if count >= MOST:
            return False
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (count - 1), LONGEST_PAUSE_SECONDS)
        self._failures[key] = count, time.monotonic() + pause
        return True

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)
