"""The names under which Redis keeps the last predictions of entities, and their removal when an entity is purged."""

from __future__ import annotations

import re
import time
from itertools import islice

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ledger.purged import hashed
from ledger.removal import Removal

PREDICTION = "tiffin:prediction"
EXPLANATION = "tiffin:explanation"
FORGOTTEN = "tiffin:forgotten"
FORGOTTEN_OF = "tiffin:forgotten-of"
ALL = "*"
"""In the place of a model's or an entity's id."""
KEPT_SECONDS = 86_400
"""So long an entity's last prediction is kept for when its model cannot answer."""
_TIMEOUT_SECONDS = 2.0
_AT_ONCE = 1000
_MARK = """
local before = tonumber(redis.call('get', KEYS[1])) or 0
redis.call('set', KEYS[1], math.max(before, tonumber(ARGV[1])), 'ex', ARGV[2])
"""
_SPECIAL = re.compile(r"([\\*?\[\]^-])")


def key(prefix: str, model: str, entity: str) -> str:
    return f"{prefix}:{model}:{entity}"


def mark(entity: str) -> str:
    """Where it stands until when, in Unix milliseconds, the entity's predictions are forgotten; it does not name it."""
    return f"{FORGOTTEN}:{hashed(entity).hex()}"


def mark_of(model: str) -> str:
    """Where it stands until when the predictions of a model, or of `ALL`, are forgotten."""
    return f"{FORGOTTEN_OF}:{model}"


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

    def forget(self, removal: Removal) -> None:
        """Remove what is there, and mark what workers have not written yet. Raises redis.exceptions.RedisError.

        An entity is forgotten by all models, and up to now: what it was to one of them is of no use to the others.
        """
        if removal.entity is not None:
            self._mark(mark(removal.entity), int(time.time() * 1000))
            self._remove(ALL, _SPECIAL.sub(r"\\\1", removal.entity))
            return
        before = removal.before.timestamp()
        if before > time.time() - KEPT_SECONDS:
            self._mark(mark_of(removal.model or ALL), int(before * 1000))
            self._remove(removal.model or ALL, ALL)

    def _mark(self, name: str, until_ms: int) -> None:
        """No earlier than another purge has set it."""
        self._client.eval(_MARK, 1, name, until_ms, 2 * KEPT_SECONDS)

    def _remove(self, model: str, entity: str) -> None:
        for prefix in (PREDICTION, EXPLANATION):
            found = self._client.scan_iter(match=key(prefix, model, entity), count=_AT_ONCE)
            while some := list(islice(found, _AT_ONCE)):
                self._client.unlink(*some)

    def close(self) -> None:
        self._client.close()
