"""Reading the feed of predictions from Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import redis.asyncio
from redis.exceptions import InvalidResponse, ResponseError

from ledger.feed import FIELD, LISTENED, LISTENED_SECONDS, STREAM
from serving.stream.event import Event, read_announced

READ_AT_ONCE = 2000
START = "0-0"


class Portion(NamedTuple):
    """Events in order, and the place of the last entry read; entries that do not read are somebody else's.

    `entries` is how many there are of all.
    """

    last: str
    events: list[Event]
    entries: int


class Feed:
    """All methods raise RedisError or OSError when Redis does not answer."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def listen(self) -> None:
        """Let shippers add predictions: they do so for a time only."""
        with _answers():
            await self._client.set(LISTENED, b"", ex=LISTENED_SECONDS)

    async def next(self, after: str, block_milliseconds: int) -> Portion | None:
        """What lies after a place, as soon as there is something; None when nothing comes in that time."""
        with _answers():
            found: Any = await self._client.xread({STREAM: after}, count=READ_AT_ONCE, block=block_milliseconds)
            return _portion(found[0][1]) if found else None

    async def between(self, after: str, until: str) -> Portion | None:
        """What lies after a place, up to and with another; None when there is nothing."""
        with _answers():
            return _portion(await self._client.xrange(STREAM, min=f"({after}", max=until, count=READ_AT_ONCE))

    async def oldest(self) -> str | None:
        """The place of the oldest entry that is kept."""
        with _answers():
            found = _portion(await self._client.xrange(STREAM, count=1))
            return found.last if found else None

    async def newest(self) -> str:
        """The place of the newest entry."""
        with _answers():
            found = _portion(await self._client.xrevrange(STREAM, count=1))
            return found.last if found else START

    async def end(self) -> str:
        """The place of the newest entry that there has ever been, removed ones too; the beginning without a stream."""
        with _answers():
            try:
                told: Any = await self._client.xinfo_stream(STREAM)
            except ResponseError as error:
                if "no such key" in str(error):
                    return START
                raise
            return str(told["last-generated-id"].decode())

    async def close(self) -> None:
        await self._client.aclose()


@contextmanager
def _answers() -> Iterator[None]:
    """What is no answer of Redis, so that its library stumbles, is an error of Redis, too."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise InvalidResponse("what answers is not Redis") from error


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
    return Portion(entries[-1][0].decode(), events, len(entries))
