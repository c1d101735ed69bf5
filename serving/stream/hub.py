"""Reads the feed once for all listeners of a worker, and hands every listener what it asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import redis.asyncio
from ledger.feed import FIELD, STREAM
from redis.exceptions import RedisError

from serving.stream.event import Event, Filter, Notice, read_announced
from serving.stream.listener import Listener

logger = logging.getLogger("tiffin.serving")

TICK_SECONDS = 0.25
"""Between two deliveries: predictions of that time travel together, so that listeners cost little."""
MOST_IN_TICK = 100
"""Predictions that one listener gets of one delivery; the others are counted in a notice."""
READ_AT_ONCE = 2000
BLOCK_MILLISECONDS = 200
"""How long a read waits for news; shorter than the time in which a Redis client gives up."""
RETRY_SECONDS = 1.0
START = "0-0"


class Hub:
    """Belongs to the event loop's thread. Reads only while somebody listens."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._groups: dict[Filter, set[Listener]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._paused = False
        self.last = ""
        """The place of the last event that was handed out; empty while nobody listens."""
        self.closed = False

    @property
    def listeners(self) -> int:
        return sum(map(len, self._groups.values()))

    async def join(self, listener: Listener, after: str | None) -> None:
        """Hand events to `listener` from now on; with `after`, also those since that place, as far as they are kept."""
        try:
            if not self.last:
                self.last = await self._end()
            if after is not None:
                await self._replay(listener, after)
        except (RedisError, OSError):
            self._paused = True
        if self._paused:
            listener.notify(PAUSED)
        self._groups.setdefault(listener.wants, set()).add(listener)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._keep_reading())

    def leave(self, listener: Listener) -> None:
        group = self._groups.get(listener.wants)
        if group is not None:
            group.discard(listener)
            if not group:
                del self._groups[listener.wants]
        if not self._groups and self._reading is not None:
            self._reading.cancel()
            self._reading = None
            self.last = ""

    def end(self) -> None:
        """Tell all listeners that the stream ends, and take no more."""
        self.closed = True
        self._each(lambda listener: listener.end(CLOSED))

    async def close(self) -> None:
        self.end()
        if self._reading is not None:
            self._reading.cancel()
        await self._client.aclose()

    async def _keep_reading(self) -> None:
        while True:
            try:
                if not self.last:
                    self.last = await self._end()
                await self._read()
            except (RedisError, OSError) as error:
                self._pause(error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("the live stream stumbled")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if self._paused:
                    self._paused = False
                    self._tell(Notice("resumed", "predictions arrive again"))

    async def _read(self) -> None:
        found = await self._client.xread({STREAM: self.last}, count=READ_AT_ONCE, block=BLOCK_MILLISECONDS)
        if not found:
            return
        events = _events(found[0][1])
        self.last = found[0][1][-1][0].decode()
        for wants, group in list(self._groups.items()):
            wanted = [event for event in events if wants(event)]
            if wanted:
                shown, more = wanted[:MOST_IN_TICK], len(wanted) - MOST_IN_TICK
                for listener in group:
                    listener.offer(shown)
                    if more > 0:
                        listener.skip(more)
        await asyncio.sleep(TICK_SECONDS)

    async def _end(self) -> str:
        """The place of the newest event."""
        newest = await self._client.xrevrange(STREAM, count=1)
        return newest[0][0].decode() if newest else START

    async def _replay(self, listener: Listener, after: str) -> None:
        """What lies between a place and the last event that was handed out: what comes later is handed out to all."""
        oldest = await self._client.xrange(STREAM, count=1)
        if oldest and _place(oldest[0][0].decode()) > _next(after):
            listener.notify(Notice("skipped", "some predictions since then may not be kept any more"))
        while _place(after) < _place(self.last):
            found = await self._client.xrange(STREAM, min=f"({after}", max=self.last, count=READ_AT_ONCE)
            if not found:
                return
            listener.offer([event for event in _events(found) if listener.wants(event)], replayed=True)
            after = found[-1][0].decode()

    def _pause(self, error: Exception) -> None:
        if not self._paused:
            logger.warning("the live stream is paused, as Redis does not answer: %s", type(error).__name__)
            self._paused = True
            self._tell(PAUSED)

    def _tell(self, notice: Notice) -> None:
        self._each(lambda listener: listener.notify(notice))

    def _each(self, act: Callable[[Listener], None]) -> None:
        for group in list(self._groups.values()):
            for listener in list(group):
                act(listener)


CLOSED = Notice("closed", "the server is shutting down; connect again with the last id")
PAUSED = Notice("paused", "Redis does not answer; predictions go on, and are not shown here until it does")


def _events(entries: Sequence[Any]) -> list[Event]:
    """The entries that read; others are somebody else's."""
    events = []
    for identity, fields in entries:
        data = fields.get(FIELD.encode())
        try:
            announced = read_announced(data)
        except (msgspec.MsgspecError, TypeError, UnicodeDecodeError):
            continue
        events.append(Event(identity.decode(), announced.model, announced.level, data))
    return events


def _place(identity: str) -> tuple[int, int]:
    milliseconds, _, number = identity.partition("-")
    return int(milliseconds), int(number or 0)


def _next(identity: str) -> tuple[int, int]:
    milliseconds, number = _place(identity)
    return milliseconds, number + 1
