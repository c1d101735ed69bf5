"""The thread that hands committed predictions to the feed, so that a Redis that hangs holds up no commit."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from ledger.errors import FrameError
from ledger.feed import Feed, announcements
from ledger.frame import Frame

logger = logging.getLogger("tiffin.ledger")

MOST_BYTES = 16_000_000
"""So much may wait for Redis; the live stream misses what comes beyond that."""


class Announcer:
    """Hands frames on in order, as well as that goes. `start` and `stop` it once."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waiting: deque[tuple[Sequence[Frame], int]] = deque()
        self._waiting_bytes = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tiffin-announcer", daemon=True)
        self.skipped = 0
        """Frames that were left out, as too much was waiting."""

    def start(self) -> None:
        self._thread.start()

    def add(self, frames: Sequence[Frame], size_bytes: int) -> None:
        """Announce these frames soon. Never blocks and never fails."""
        with self._changed:
            if self._waiting and self._waiting_bytes + size_bytes > MOST_BYTES:
                self.skipped += len(frames)
                return
            self._waiting.append((frames, size_bytes))
            self._waiting_bytes += size_bytes
            self._changed.notify()

    def stop(self, seconds: float) -> None:
        """Let it announce what is there, for at most so long."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while (frames := self._next()) is not None:
            try:
                if self._feed.is_listened_to():
                    self._feed.send(_entries(frames))
            except Exception:
                logger.exception("the feed stumbles; it goes on with what follows")
        self._feed.close()

    def _next(self) -> Sequence[Frame] | None:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            if not self._waiting:
                return None
            frames, size_bytes = self._waiting.popleft()
            self._waiting_bytes -= size_bytes
            return frames


def _entries(frames: Sequence[Frame]) -> list[bytes]:
    found: list[bytes] = []
    for frame in frames:
        with suppress(FrameError):  # it was set aside when it was to be committed
            found += announcements(frame, 0)
    return found
