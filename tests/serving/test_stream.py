"""The live stream's hub and listeners, on a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from ledger.feed import FIELD, LISTENED, LISTENED_SECONDS, STREAM
from serving.stream import Feed, Hub
from serving.stream import feed as feed_module
from serving.stream import hub as hub_module
from serving.stream.event import Event, Filter, Notice
from serving.stream.feed import Portion
from serving.stream.hub import MOST_IN_TICK
from serving.stream.listener import MOST_WAITING, Listener
from storage import urls
from storage.cache import open_async_client
from storage.settings import StorageSettings
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import settings

__all__ = ["settings"]
LONG = 20.0


class Announcer:
    """Adds predictions to the feed, as the shipper does."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self.count = 0

    def __call__(
        self, model: str = "fraud", level: str | None = "LOW", count: int = 1, kept: int | None = None
    ) -> list[str]:
        """The places of the new entries."""
        pipeline = self._client.pipeline()
        for _ in range(count):
            self.count += 1
            entry = {"prediction_id": str(self.count), "model": model, "level": level}
            pipeline.xadd(STREAM, {FIELD: json.dumps(entry)}, maxlen=kept, approximate=False)
        return [place.decode() for place in pipeline.execute()]

    def add_at(self, place: str) -> None:
        self.count += 1
        entry = {"prediction_id": str(self.count), "model": "fraud", "level": "LOW"}
        self._client.xadd(STREAM, {FIELD: json.dumps(entry)}, id=place)

    def add(self, fields: Any) -> None:
        self._client.xadd(STREAM, fields)

    def is_listened_to(self) -> bool:
        return 0 < int(str(self._client.ttl(LISTENED))) <= LISTENED_SECONDS

    def forget(self) -> None:
        self._client.delete(STREAM, LISTENED)


@pytest.fixture
def announce(settings: StorageSettings) -> Iterator[Announcer]:
    announcer = Announcer(urls(settings).redis)
    announcer.forget()
    yield announcer
    announcer.forget()


def listen(settings: StorageSettings, work: Callable[[Hub], Awaitable[None]]) -> None:
    """Run `work` with a hub of its own."""

    async def whole() -> None:
        hub = Hub(Feed(open_async_client(urls(settings).redis, settings)))
        try:
            async with asyncio.timeout(LONG):
                await work(hub)
        finally:
            await hub.close()

    asyncio.run(whole())


async def received(listener: Listener, count: int) -> tuple[list[Notice], list[str]]:
    """Notices and the numbers of predictions, until there are `count` of these."""
    notices: list[Notice] = []
    numbers: list[str] = []
    while len(numbers) < count:
        new, events = await listener.next(LONG)
        notices += new
        numbers += [json.loads(event.data)["prediction_id"] for event in events]
    return notices, numbers


def event(number: int) -> Event:
    return Event(f"{number}-0", "fraud", "LOW", b'{"prediction_id":"%d"}' % number)


def test_everyone_gets_what_they_want_in_order_from_their_joining_on(
    settings: StorageSettings, announce: Announcer
) -> None:
    async def work(hub: Hub) -> None:
        announce()
        everything, churn, critical = (
            Listener(Filter()),
            Listener(Filter(models=frozenset({"churn"}))),
            Listener(Filter(models=frozenset({"churn", "fraud"}), levels=frozenset({"CRITICAL"}))),
        )
        for listener in (everything, churn, critical):
            await hub.join(listener, None)
        announce("fraud", "LOW")
        announce("churn", "LOW")
        announce("churn", "CRITICAL")
        announce("demand", None)
        assert await received(everything, 4) == ([], ["2", "3", "4", "5"])
        assert await received(churn, 2) == ([], ["3", "4"])
        assert await received(critical, 1) == ([], ["4"])

    listen(settings, work)


def test_who_comes_back_gets_what_was_missed_once_and_in_order(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        first, *_ = announce(count=5000)
        other = Listener(Filter())
        await hub.join(other, None)
        announce(count=50)
        back = Listener(Filter())
        await hub.join(back, first)
        announce(count=50)
        notices, numbers = await received(back, 5099)
        assert notices == []
        assert numbers == [str(number) for number in range(2, 5101)]

    listen(settings, work)


def test_what_is_no_longer_kept_is_told(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        announce(count=3)
        listener = Listener(Filter())
        await hub.join(listener, "1-0")
        notices, numbers = await received(listener, 3)
        assert [notice.kind for notice in notices] == ["skipped"]
        assert numbers == ["1", "2", "3"]

    listen(settings, work)


def test_more_predictions_than_a_stream_shows_are_counted(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        announce(count=2 * MOST_IN_TICK)
        notices, numbers = await received(listener, MOST_IN_TICK)
        while sum(notice.count or 0 for notice in notices) + len(numbers) < 2 * MOST_IN_TICK:
            more, further = await received(listener, 1)
            notices, numbers = notices + more, numbers + further
        assert {notice.kind for notice in notices} == {"skipped"}
        assert sum(notice.count or 0 for notice in notices) + len(numbers) == 2 * MOST_IN_TICK

    listen(settings, work)


def test_entries_that_do_not_read_are_passed_over(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        for fields in ({FIELD: "no JSON"}, {FIELD: b"\xff\xfe"}, {"other": "{}"}, {FIELD: "[]"}, {FIELD: "{}"}):
            announce.add(fields)
        announce()
        assert await received(listener, 1) == ([], ["1"])

    listen(settings, work)


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many() -> None:
    async def work() -> None:
        listener = Listener(Filter())
        for number in range(MOST_WAITING + 7):
            listener.offer([event(number)])
        notices, events = await listener.next(LONG)
        assert [(notice.kind, notice.count) for notice in notices] == [("skipped", 7)]
        assert [one.identity for one in events] == [f"{number}-0" for number in range(7, MOST_WAITING + 7)]
        assert await listener.next(0.01) == ([], [])

    asyncio.run(work())


def test_the_end_is_told_last_and_nobody_new_is_served(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        listener.offer([event(1)])
        hub.end()
        notices, events = await listener.next(LONG)
        assert [notice.kind for notice in notices] == ["closed"]
        assert len(events) == 1
        assert listener.ended
        assert hub.closed

    listen(settings, work)


def test_without_redis_listeners_are_told_and_nothing_fails(settings: StorageSettings) -> None:
    async def work() -> None:
        hub = Hub(Feed(open_async_client("redis://127.0.0.1:1/0", settings)))
        early, late = Listener(Filter()), Listener(Filter())
        for listener in (early, late):
            await hub.join(listener, "1-0")
            notices, events = await listener.next(LONG)
            assert [notice.kind for notice in notices][:1] == ["paused"]
            assert events == []
        await hub.close()

    asyncio.run(work())


def test_who_comes_after_redis_has_returned_is_told_of_no_pause(settings: StorageSettings, announce: Announcer) -> None:
    async def work() -> None:
        class Returning(Feed):
            """Of a server that is not there until it returns."""

            def returns(self) -> None:
                self._client = open_async_client(urls(settings).redis, settings)

        feed = Returning(open_async_client("redis://127.0.0.1:1/0", settings))
        hub = Hub(feed)
        early, late = Listener(Filter()), Listener(Filter())
        await hub.join(early, None)
        hub.leave(early)
        feed.returns()
        await hub.join(late, None)
        announce()
        assert await received(late, 1) == ([], ["1"])
        await hub.close()

    asyncio.run(work())


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_pauses_the_stream_and_nothing_fails(settings: StorageSettings, answer: bytes) -> None:
    async def work(url: str) -> None:
        hub = Hub(Feed(open_async_client(url, settings)))
        listener = Listener(Filter())
        async with asyncio.timeout(LONG):
            await hub.join(listener, "1-0")
            notices: list[Notice] = []
            while not notices:
                notices, _ = await listener.next(LONG)
        assert notices[0].kind in {"paused", "skipped"}
        await hub.close()

    with nonsense(answer) as url:
        asyncio.run(work(url))


class Held(Feed):
    """Waits before it asks for a place or for what was missed, when it is told to."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        super().__init__(client)
        self.gates: list[asyncio.Event] = []

    async def newest(self) -> str:
        await self._wait()
        return await super().newest()

    async def between(self, after: str, until: str) -> Portion | None:
        await self._wait()
        return await super().between(after, until)

    async def _wait(self) -> None:
        if self.gates:
            await self.gates.pop(0).wait()


def hold(settings: StorageSettings, work: Callable[[Hub, Held], Awaitable[None]]) -> None:
    """As `listen`, with a feed that can be held."""

    async def whole() -> None:
        feed = Held(open_async_client(urls(settings).redis, settings))
        hub = Hub(feed)
        try:
            async with asyncio.timeout(LONG):
                await work(hub, feed)
        finally:
            await hub.close()

    asyncio.run(whole())


def test_who_joins_while_the_last_one_leaves_misses_nothing(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub, feed: Held) -> None:
        first, *_ = announce(count=3)
        leaves, joins = Listener(Filter()), Listener(Filter())
        await hub.join(leaves, None)
        gate = asyncio.Event()
        feed.gates.append(gate)
        joining = asyncio.create_task(hub.join(joins, first))
        while feed.gates:
            await asyncio.sleep(0.001)
        hub.leave(leaves)
        gate.set()
        await joining
        announce()
        assert await received(joins, 3) == ([], ["2", "3", "4"])

    hold(settings, work)


def test_two_who_join_at_once_miss_nothing(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub, feed: Held) -> None:
        announce()
        one, other = Listener(Filter()), Listener(Filter())
        opened, gate = asyncio.Event(), asyncio.Event()
        opened.set()
        feed.gates += [gate, opened]
        late = asyncio.create_task(hub.join(other, None))
        while len(feed.gates) == 2:
            await asyncio.sleep(0.001)
        await hub.join(one, None)
        announce()
        assert await received(one, 1) == ([], ["2"])
        announce()  # while the hub rests between two deliveries
        gate.set()
        await late
        announce()
        assert await received(one, 2) == ([], ["3", "4"])

    hold(settings, work)


def test_after_redis_has_lost_everything_the_stream_goes_on(
    settings: StorageSettings, announce: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LISTEN_AGAIN_SECONDS", 0.05)

    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        announce.add_at("9999999999999-1")  # by a clock that was ahead
        assert await received(listener, 1) == ([], ["1"])
        announce.forget()
        heard: list[Event] = []
        while not heard:  # it looks now and then whether places have begun anew
            announce()
            _, heard = await listener.next(0.1)
        assert announce.is_listened_to()

    listen(settings, work)


def test_who_is_overtaken_is_told(
    settings: StorageSettings, announce: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "READ_AT_ONCE", 10)
    monkeypatch.setattr(hub_module, "READ_AT_ONCE", 10)

    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        announce(count=100, kept=20)
        told = ""
        while "faster" not in told:
            notices, _ = await listener.next(LONG)
            told += " ".join(notice.reason for notice in notices)
            announce(count=100, kept=20)

    listen(settings, work)


def test_shippers_know_that_somebody_listens(settings: StorageSettings, announce: Announcer) -> None:
    assert not announce.is_listened_to()

    async def work(hub: Hub) -> None:
        await hub.join(Listener(Filter()), None)
        assert announce.is_listened_to()

    listen(settings, work)


def test_nothing_is_read_while_nobody_listens(settings: StorageSettings, announce: Announcer) -> None:
    async def work(hub: Hub) -> None:
        listener = Listener(Filter())
        await hub.join(listener, None)
        assert hub.listeners == 1
        hub.leave(listener)
        hub.leave(listener)
        assert hub.listeners == 0
        announce(count=3)
        again = Listener(Filter())
        await hub.join(again, None)
        announce()
        assert await received(again, 1) == ([], ["4"])

    listen(settings, work)
