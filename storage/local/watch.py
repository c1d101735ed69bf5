"""A thread that starts servers again when they have ended, more and more slowly when they end again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from storage.errors import StorageError

logger = logging.getLogger("tiffin.storage")

POLL_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
CALM_SECONDS = 120.0
"""After so long without a revival the next one comes at once again."""


class Watch:
    """Calls `revive` every second; it returns whether anything had to be started. Daemon thread; stop it once."""

    def __init__(self, revive: Callable[[], bool]) -> None:
        self._revive = revive
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiffin-local-servers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when the thread has ended; a revival that is under way comes to its end first."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause, last = POLL_SECONDS, time.monotonic() - CALM_SECONDS
        while not self._stopping.wait(pause):
            if not self._once(pause):
                pause = POLL_SECONDS if time.monotonic() - last > CALM_SECONDS else pause
                continue
            calm = time.monotonic() - last > CALM_SECONDS
            pause = POLL_SECONDS if calm else min(2 * pause, LONGEST_PAUSE_SECONDS)
            last = time.monotonic()

    def _once(self, pause: float) -> bool:
        """Whether something had ended, be it running again or not."""
        try:
            return self._revive()
        except (StorageError, OSError) as error:
            logger.error("local servers do not start again, the next attempt follows in some %.0f s: %s", pause, error)
            return True
