"""The memory of predictions goes on whatever stands in Redis' place, and holds nothing that was purged."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio

from ledger.remembered import EXPLANATION, PREDICTION, Memory, key
from ledger.removal import Removal
from serving.remembered import AT_ONCE, FLUSH_SECONDS, Remembered
from storage import urls
from storage.cache import open_async_client
from storage.settings import StorageSettings
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import server_processes, settings

__all__ = ["settings"]


def made(at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """An answer as models give it, as far as it matters here."""
    moment = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"version": "churn:1", "level": "HIGH", "created_at": moment, "warnings": [], **more}


def with_memory(
    settings: StorageSettings, work: Callable[[Remembered, redis.asyncio.Redis], Awaitable[None]]
) -> list[None]:
    """Do the work with an empty Redis; what the memory heard of failures."""
    heard: list[None] = []

    async def whole() -> None:
        client = open_async_client(urls(settings).redis, settings)
        await client.flushdb()
        remembered = Remembered(client, 60, hear=lambda: heard.append(None))
        try:
            await work(remembered, client)
        finally:
            await remembered.close()

    asyncio.run(whole())
    return heard


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_remembers_nothing_and_nothing_fails(settings: StorageSettings, answer: bytes) -> None:
    async def work(url: str) -> None:
        remembered = Remembered(open_async_client(url, settings), 60)
        writing = asyncio.create_task(remembered.keep_writing())
        remembered.keep("churn", "U1", made())
        await asyncio.sleep(3 * FLUSH_SECONDS)
        assert not writing.done()
        assert await remembered.recall("churn", ["U2"]) == [None]
        writing.cancel()
        await remembered.close()

    with nonsense(answer) as url:
        asyncio.run(work(url))


def test_answers_are_recalled_before_and_after_they_are_written_each_operation_for_itself(
    settings: StorageSettings,
) -> None:
    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        remembered.keep("churn", "U1", made(score=1))
        remembered.keep("churn", "U1", made(score=2), "explain")
        for _ in range(2):
            one, nobody = await remembered.recall("churn", ["U1", "U2"])
            assert one is not None
            assert (one["score"], one["cached"], one["stale"], nobody) == (1, True, True, None)
            assert (await remembered.recall("churn", ["U1"], "batch"))[0] == one
            explained = (await remembered.recall("churn", ["U1"], "explain"))[0]
            assert explained is not None
            assert explained["score"] == 2
            await remembered.flush()

    assert with_memory(settings, work) == []


@pytest.mark.parametrize(
    "content",
    [b"[1]", b"{", b"\xff", b"{}", b'{"created_at":7,"warnings":[]}', b'{"created_at":"2026-03-01T00:00:00Z"}'],
)
def test_what_does_not_read_is_not_recalled(settings: StorageSettings, content: bytes) -> None:
    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        await client.set(key(PREDICTION, "churn", "U3"), content, ex=60)
        assert await remembered.recall("churn", ["U3"]) == [None]

    with_memory(settings, work)


def test_many_are_written_together(settings: StorageSettings) -> None:
    names = [f"U{number}" for number in range(2 * AT_ONCE + 7)]

    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        for name in names:
            remembered.keep("churn", name, made(entity=name))
        await remembered.flush()
        assert [one and one["entity"] for one in await remembered.recall("churn", names)] == names
        assert 0 < await client.ttl(key(PREDICTION, "churn", names[-1])) <= 60

    assert with_memory(settings, work) == []


def test_what_was_purged_is_gone_and_what_a_worker_still_held_is_not_recalled(settings: StorageSettings) -> None:
    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        written, held, other = "U*[1]", "U*[1]", "Uxx1"
        for entity in (written, other):
            remembered.keep("churn", entity, made())
        remembered.keep("demand", written, made(), "explain")
        await remembered.flush()
        remembered.keep("demand", held, made())
        memory = Memory(urls(settings).redis)
        await asyncio.to_thread(memory.forget, Removal(datetime.now(UTC), entity=written))
        memory.close()
        assert await client.exists(key(PREDICTION, "churn", written), key(EXPLANATION, "demand", written)) == 0
        assert await remembered.recall("demand", [held]) == [None]
        await remembered.flush()
        assert await remembered.recall("demand", [held]) == [None]
        assert (await remembered.recall("churn", [other]))[0] is not None
        remembered.keep("churn", written, made(datetime.now(UTC) + timedelta(seconds=1)))
        assert (await remembered.recall("churn", [written]))[0] is not None, "it was made after the purge"

    with_memory(settings, work)


@pytest.mark.parametrize("model", ["churn", None])
def test_what_was_purged_of_a_model_or_of_all_is_gone(settings: StorageSettings, model: str | None) -> None:
    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        for name in ("churn", "demand"):
            remembered.keep(name, "U1", made())
        await remembered.flush()
        remembered.keep("churn", "U2", made())
        memory = Memory(urls(settings).redis)
        long_ago, now = (datetime.now(UTC) - timedelta(days=days) for days in (3, 0))
        await asyncio.to_thread(memory.forget, Removal(long_ago, model=model))
        assert (await remembered.recall("churn", ["U1"]))[0] is not None
        await asyncio.to_thread(memory.forget, Removal(now, model=model))
        memory.close()
        assert await client.exists(key(PREDICTION, "churn", "U1")) == 0
        assert await remembered.recall("churn", ["U1", "U2"]) == [None, None]
        assert (await client.exists(key(PREDICTION, "demand", "U1"))) == (model is not None)
        remembered.keep("churn", "U1", made(datetime.now(UTC) + timedelta(seconds=1)))
        assert (await remembered.recall("churn", ["U1"]))[0] is not None, "it was made after the purge"

    with_memory(settings, work)


def test_while_redis_hangs_few_recalls_wait_for_it_and_all_are_heard_of(settings: StorageSettings) -> None:
    async def work(remembered: Remembered, client: redis.asyncio.Redis) -> None:
        await remembered.recall("churn", ["U1"])
        process = server_processes(settings.state_dir)["redis"]
        process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            for _ in range(20):
                assert await remembered.recall("churn", ["U1"]) == [None]
            assert time.monotonic() - started < 20 * settings.redis_timeout_seconds / 2
        finally:
            process.send_signal(signal.SIGCONT)

    assert len(with_memory(settings, work)) == 20
