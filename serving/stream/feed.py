"""Reading the feed of predictions from Redis."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import redis.asyncio

from ledger.feed import FIELD, LISTENED, LISTENED_SECONDS, STREAM
from serving.stream.event import Event, read_announced

READ_AT_ONCE = 2000
START = "0-0"


class Portion(NamedTuple):
    """Events in order, and the place of the last entry read; entries that do not read are somebody else's."""

    last: str
    events: list[Event]


class Feed:
    """All methods raise RedisError or OSError when Redis does not answer."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def listen(self) -> None:
        """Let shippers add predictions: they do so for a time only."""
        await self._client.set(LISTENED, b"", ex=LISTENED_SECONDS)

    async def next(self, after: str, block_milliseconds: int) -> Portion | None:
        """What lies after a place, as soon as there is something; None when nothing comes in that time."""
        found: Any = await self._client.xread({STREAM: after}, count=READ_AT_ONCE, block=block_milliseconds)
        return _portion(found[0][1]) if found else None

    async def between(self, after: str, until: str) -> Portion | None:
        """What lies after a place, up to and with another; None when there is nothing."""
        return _portion(await self._client.xrange(STREAM, min=f"({after}", max=until, count=READ_AT_ONCE))

    async def oldest(self) -> str | None:
        """The place of the oldest entry that is kept."""
        found = _portion(await self._client.xrange(STREAM, count=1))
        return found.last if found else None

    async def newest(self) -> str:
        """The place of the newest entry."""
        found = _portion(await self._client.xrevrange(STREAM, count=1))
        return found.last if found else START

    async def close(self) -> None:
        await self._client.aclose()


def is_before(one: str, other: str) -> bool:
    """Whether a place lies before another."""
    return _numbers(one) < _numbers(other)


def _numbers(place: str) -> tuple[int, int]:
    milliseconds, _, number = place.partition("-")
    return int(milliseconds), int(number or 0)


def _portion(entries: Any) -> Portion | None:
    if not entries:
        return None
    events = []
    for identity, fields in entries:
        data = fields.get(FIELD.encode())
        try:
            announced = read_announced(data)
        except (msgspec.MsgspecError, TypeError, UnicodeDecodeError):
            continue
        events.append(Event(identity.decode(), announced.model, announced.level, data))
    return Portion(entries[-1][0].decode(), events)
