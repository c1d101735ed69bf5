"""One listener: what waits to be sent to it, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from serving.stream.event import Event, Filter, Notice

MOST_WAITING = 1000
"""Predictions that wait for a slow reader; the oldest give way."""
MOST_REPLAYED = 10_000


class Listener:
    """Belongs to the event loop's thread. A sender takes from it with `next`."""

    def __init__(self, wants: Filter) -> None:
        self.wants = wants
        self._events: deque[Event] = deque()
        self._notices: deque[Notice] = deque(maxlen=20)
        self._dropped = 0
        self._skipped = 0
        self._last: Notice | None = None
        self._wake = asyncio.Event()

    def offer(self, events: Sequence[Event], *, replayed: bool = False) -> None:
        """Let these be sent; the oldest give way when too many wait."""
        self._events.extend(events)
        most = MOST_REPLAYED if replayed else MOST_WAITING
        while len(self._events) > most:
            self._events.popleft()
            self._dropped += 1
        self._wake.set()

    def skip(self, count: int) -> None:
        """There were more predictions than are shown."""
        self._skipped += count
        self._wake.set()

    def notify(self, notice: Notice) -> None:
        self._notices.append(notice)
        self._wake.set()

    def end(self, notice: Notice) -> None:
        """Send this last."""
        self._last = notice
        self._wake.set()

    @property
    def ended(self) -> bool:
        return self._last is not None

    async def next(self, timeout_seconds: float) -> tuple[list[Notice], list[Event]]:
        """What waits, as soon as there is something; nothing after the timeout. Events come after the notices."""
        if not self._wake.is_set():
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._wake.wait()
            except TimeoutError:
                return [], []
        self._wake.clear()
        notices, events = list(self._notices), list(self._events)
        self._notices.clear()
        self._events.clear()
        notices += self._counted()
        if self._last is not None:
            notices.append(self._last)
        return notices, events

    def _counted(self) -> list[Notice]:
        notices = []
        if self._dropped:
            notices.append(Notice("skipped", "this connection reads more slowly than predictions come", self._dropped))
        if self._skipped:
            notices.append(Notice("skipped", "there are more predictions than a stream shows", self._skipped))
        self._dropped = self._skipped = 0
        return notices
