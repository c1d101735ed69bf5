"""Redis clients, blocking and asynchronous, that give up quickly."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from storage.settings import StorageSettings


def open_client(url: str, settings: StorageSettings) -> redis.Redis:
    """A client that answers in bytes; it connects at its first use. The caller closes it.

    A command is tried once more at once when its connection was lost (Redis was restarted), never after a timeout.
    Raises redis.exceptions.RedisError on use.
    """
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 1, (RedisConnectionError,)), **_options(settings))


def open_async_client(url: str, settings: StorageSettings) -> redis.asyncio.Redis:
    """The same for an event loop. The caller awaits `aclose()`."""
    retry = AsyncRetry(NoBackoff(), 1, (RedisConnectionError,))
    return redis.asyncio.Redis.from_url(url, retry=retry, **_options(settings))


def _options(settings: StorageSettings) -> dict[str, Any]:
    return {
        "socket_connect_timeout": settings.redis_timeout_seconds,
        "socket_timeout": settings.redis_timeout_seconds,
        "max_connections": settings.redis_pool_size,
        "client_name": "tiffin",
    }
