"""The memory of predictions goes on whatever stands in Redis' place."""

from __future__ import annotations

import asyncio

import pytest

from serving.remembered import FLUSH_SECONDS, Remembered
from storage import urls
from storage.cache import open_async_client
from storage.settings import StorageSettings
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import settings

__all__ = ["settings"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_remembers_nothing_and_nothing_fails(settings: StorageSettings, answer: bytes) -> None:
    async def work(url: str) -> None:
        remembered = Remembered(open_async_client(url, settings), 60)
        writing = asyncio.create_task(remembered.keep_writing())
        remembered.keep("churn", "U1", {"score": 1})
        await asyncio.sleep(3 * FLUSH_SECONDS)
        assert not writing.done()
        assert await remembered.recall("churn", "U2") is None
        writing.cancel()
        await remembered.close()

    with nonsense(answer) as url:
        asyncio.run(work(url))


def test_what_does_not_read_is_not_recalled(settings: StorageSettings) -> None:
    async def work() -> None:
        client = open_async_client(urls(settings).redis, settings)
        remembered = Remembered(client, 60)
        for content in (b"[1]", b"{", b"\xff"):
            await client.set("tiffin:prediction:churn:U3", content, ex=60)
            assert await remembered.recall("churn", "U3") is None
        await client.delete("tiffin:prediction:churn:U3")
        await remembered.close()

    asyncio.run(work())
