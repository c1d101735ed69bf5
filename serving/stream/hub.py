"""Reads the feed once for all listeners of a worker, and hands every listener what it asked for."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from serving.stream.event import Event, Filter, Notice
from serving.stream.feed import READ_AT_ONCE, Feed, is_before
from serving.stream.listener import Listener

logger = logging.getLogger("tiffin.serving")

TICK_SECONDS = 0.25
"""Between two deliveries: predictions of that time travel together, so that listeners cost little."""
AT_ONCE = 10
"""So many listeners are served in one turn of the event loop, then predictions have theirs."""
PAUSE_SECONDS = 0.005
MOST_IN_TICK = 100
"""Predictions that one listener gets of one delivery; the others are counted in a notice."""
BLOCK_MILLISECONDS = 200
"""How long a read waits for news; shorter than the time in which a Redis client gives up."""
LISTEN_AGAIN_SECONDS = 10.0
"""Redis may have been started anew meanwhile."""
RETRY_SECONDS = 1.0
CLOSED = Notice("closed", "the server is shutting down; connect again with the last id")
PAUSED = Notice("paused", "Redis does not answer; predictions go on, and are not shown here until it does")
RESUMED = Notice("resumed", "predictions arrive again")
OVERTAKEN = Notice("skipped", "predictions came faster than they could be read; some were not kept long enough")


class Hub:
    """Belongs to the event loop's thread. Reads only while somebody listens."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._groups: dict[Filter, set[Listener]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._paused = False
        self._last = ""
        """The place of the last event that was handed out; empty while nobody listens."""
        self._joining = 0
        self._listened_at = -math.inf
        self.closed = False

    @property
    def listeners(self) -> int:
        return sum(map(len, self._groups.values()))

    async def join(self, listener: Listener, after: str | None) -> None:
        """Hand events to `listener` from now on; with `after`, also those since that place, as far as they are kept."""
        self._joining += 1  # meanwhile the last of the others may leave: the place in the feed must not be lost
        try:
            await self._begin()
            self._resume()
            if after is not None:
                await self._replay(listener, after)
        except (RedisError, OSError) as error:
            self._pause(error)
        except BaseException:
            self._joining -= 1
            self._rest_if_alone()
            raise
        self._joining -= 1
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
        self._rest_if_alone()

    def end(self) -> None:
        """Tell all listeners that the stream ends, and take no more."""
        self.closed = True
        self._each(lambda listener: listener.end(CLOSED))

    async def close(self) -> None:
        self.end()
        if self._reading is not None:
            self._reading.cancel()
        await self._feed.close()

    def _rest_if_alone(self) -> None:
        """Stop reading when nobody listens; who comes later begins with the present."""
        if self._groups or self._joining:
            return
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None
        self._last = ""

    async def _begin(self) -> None:
        """Have a place in the feed, and let shippers fill it."""
        await self._listen()
        if not self._last:
            newest = await self._feed.newest()
            self._last = self._last or newest  # another may have begun meanwhile, and have handed out what follows

    async def _keep_reading(self) -> None:
        while True:
            try:
                await self._begin()
                await self._read()
            except (RedisError, OSError) as error:
                self._pause(error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("the live stream stumbled")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._resume()

    async def _listen(self) -> None:
        now = time.monotonic()
        if now - self._listened_at >= LISTEN_AGAIN_SECONDS:
            await self._feed.listen()
            self._listened_at = now
            end = await self._feed.end()
            if self._last and is_before(end, self._last):  # Redis has lost what it held; places begin anew
                self._last = end

    async def _read(self) -> None:
        portion = await self._feed.next(self._last, BLOCK_MILLISECONDS)
        if portion is None:
            return
        self._last = portion.last
        await self._hand_out(portion.events)
        if portion.entries < READ_AT_ONCE:
            await asyncio.sleep(TICK_SECONDS)
            return
        oldest = await self._feed.oldest()
        if oldest is not None and is_before(portion.last, oldest):
            self._each(lambda listener: listener.notify(OVERTAKEN))
        await asyncio.sleep(TICK_SECONDS / 5)

    async def _hand_out(self, events: Sequence[Event]) -> None:
        """What is wanted is found once for all listeners that want the same. Who joins meanwhile gets what follows."""
        served = 0
        for wants, group in [(wants, list(group)) for wants, group in self._groups.items()]:
            wanted = [event for event in events if wants(event)]
            shown, more = wanted[:MOST_IN_TICK], len(wanted) - MOST_IN_TICK
            for listener in group if wanted else ():
                listener.offer(shown)
                if more > 0:
                    listener.skip(more)
                served += 1
                if served % AT_ONCE == 0:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _replay(self, listener: Listener, after: str) -> None:
        """What lies between a place and the last event that was handed out: what comes later is handed out to all."""
        oldest = await self._feed.oldest()
        if oldest is not None and is_before(after, oldest):
            listener.notify(Notice("skipped", "some predictions since then may not be kept any more"))
        while is_before(after, until := self._last):  # it moves on, and what it passes is handed out to the others
            portion = await self._feed.between(after, until)
            events = portion.events if portion is not None else []
            listener.offer([event for event in events if listener.wants(event)], replayed=True)
            after = portion.last if portion is not None else until

    def _pause(self, error: Exception) -> None:
        self._listened_at = -math.inf
        if not self._paused:
            logger.warning("the live stream is paused, as Redis does not answer: %s", type(error).__name__)
            self._paused = True
            self._each(lambda listener: listener.notify(PAUSED))

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._each(lambda listener: listener.notify(RESUMED))

    def _each(self, act: Callable[[Listener], None]) -> None:
        for group in list(self._groups.values()):
            for listener in list(group):
                act(listener)
