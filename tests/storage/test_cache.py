"""Redis clients: quick to give up, and back after a lost connection."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
import redis

from storage import urls
from storage.cache import open_async_client, open_client
from storage.settings import StorageSettings


def test_a_client_survives_the_loss_of_its_connection(settings: StorageSettings) -> None:
    with open_client(urls(settings).redis, settings) as client, open_client(urls(settings).redis, settings) as other:
        client.set("cache-test", "kept", ex=60)
        assert other.client_kill_filter(_id=str(client.client_id())) == 1
        assert client.get("cache-test") == b"kept"


def test_an_asynchronous_client_does_too(settings: StorageSettings) -> None:
    async def use() -> object:
        async with open_async_client(urls(settings).redis, settings) as client:
            await client.set("cache-test-async", "kept", ex=60)
            identity = await client.client_id()
            with open_client(urls(settings).redis, settings) as other:
                assert other.client_kill_filter(_id=str(identity)) == 1
            return await client.get("cache-test-async")

    assert asyncio.run(use()) == b"kept"


def test_a_silent_server_costs_one_timeout() -> None:
    settings = StorageSettings(redis_timeout_seconds=0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with open_client(f"redis://127.0.0.1:{silent.getsockname()[1]}", settings) as client:
            started = time.monotonic()
            with pytest.raises(redis.TimeoutError):
                client.ping()
            assert time.monotonic() - started < 1
