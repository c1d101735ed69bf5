"""The names under which Redis keeps the last predictions of entities, and their removal when an entity is purged."""

from __future__ import annotations

import re
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PREDICTION = "tiffin:prediction"
EXPLANATION = "tiffin:explanation"
FORGOTTEN = "tiffin:forgotten"
KEPT_SECONDS = 86_400
"""So long an entity's last prediction is kept for when its model cannot answer."""
_TIMEOUT_SECONDS = 2.0
_AT_ONCE = 1000
_SPECIAL = re.compile(r"([\\*?\[\]^-])")


def key(prefix: str, model: str, entity: str) -> str:
    return f"{prefix}:{model}:{entity}"


def mark(entity: str) -> str:
    """Where it stands until when, in Unix milliseconds, the entity's predictions are forgotten."""
    return f"{FORGOTTEN}:{entity}"


class Memory:
    """The remembered predictions as the shipper's process sees them: something to be removed."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="tiffin-memory",
        )

    def forget(self, entity: str) -> None:
        """Remove what is there, and mark what workers have not written yet. Raises redis.exceptions.RedisError."""
        self._client.set(mark(entity), int(time.time() * 1000), ex=2 * KEPT_SECONDS)
        escaped = _SPECIAL.sub(r"\\\1", entity)
        for prefix in (PREDICTION, EXPLANATION):
            for found in self._client.scan_iter(match=f"{prefix}:*:{escaped}", count=_AT_ONCE):
                self._client.delete(found)

    def close(self) -> None:
        self._client.close()
