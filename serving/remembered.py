"""The last prediction of every entity, for when a model cannot answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
import redis.asyncio

from ledger.remembered import ALL, EXPLANATION, PREDICTION, key, mark, mark_of
from storage.breaker import Breaker

logger = logging.getLogger("tiffin.serving")

FLUSH_SECONDS = 0.2
"""How long predictions gather before they are written together."""
MOST_PENDING = 20_000
"""Predictions that may wait to be written; beyond, new ones are not remembered."""
AT_ONCE = 250
"""Predictions of one call. A pipeline of 1000 commands holds the event loop for 20 ms; four of these for 1 ms each."""
_SET = "for place, key in ipairs(KEYS) do redis.call('set', key, ARGV[place + 1], 'ex', ARGV[1]) end"
PREFIXES = {"predict": PREDICTION, "batch": PREDICTION, "explain": EXPLANATION}
"""By operation; what a batch says of an entity is what a single request says."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Remembered:
    """Predictions in Redis, kept for `keep_seconds`. Best effort: without Redis nothing is remembered or recalled.

    While Redis does not answer, one call a second tries. `hear` is told of each failure.
    """

    def __init__(
        self, client: redis.asyncio.Redis, keep_seconds: int, *, hear: Callable[[], None] = lambda: None
    ) -> None:
        self._client = client
        self._keep = keep_seconds
        self._hear = hear
        self._pending: dict[str, bytes] = {}
        self._breaker = Breaker()
        self._down = False

    def keep(self, model: str, entity: str, answer: dict[str, Any], operation: str = "predict") -> None:
        """Remember this answer; it is written within `FLUSH_SECONDS`."""
        if len(self._pending) < MOST_PENDING:
            self._pending[key(PREFIXES[operation], model, entity)] = _encode(answer)

    async def recall(
        self, model: str, entities: Sequence[str], operation: str = "predict"
    ) -> list[dict[str, Any] | None]:
        """The last answer about each entity, marked as stale; None where there is none or Redis does not answer."""
        if not entities:
            return []
        keys = [key(PREFIXES[operation], model, entity) for entity in entities]
        found = await self._read([*keys, *map(mark, entities), mark_of(model), mark_of(ALL)])
        if found is None:
            found = [None] * (2 * len(entities) + 2)
        contents = [self._pending.get(name, kept) for name, kept in zip(keys, found, strict=False)]
        *marks, of_model, of_all = found[len(entities) :]
        return [_recalled(content, (one, of_model, of_all)) for content, one in zip(contents, marks, strict=True)]

    async def _read(self, keys: Sequence[str]) -> list[bytes | None] | None:
        if not self._breaker.allows():
            self._hear()
            return None
        try:
            found = cast("list[bytes | None]", await self._client.mget(keys))
            if len(found) != len(keys):
                raise redis.exceptions.InvalidResponse("what answers is not Redis")
        except Exception as error:  # what its library makes of bytes that are no answer may be any error
            self._note(error)
            return None
        self._note(None)
        return found

    async def keep_writing(self) -> None:
        """Write what gathers, again and again; to be run as a task."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what has gathered. What Redis does not take is dropped."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        if not self._breaker.allows():
            self._hear()
            return
        try:
            for some in _parts(list(pending.items())):
                names, contents = zip(*some, strict=True)
                await self._client.eval(_SET, len(names), *names, self._keep, *contents)
        except Exception as error:  # as above
            self._note(error)
        else:
            self._note(None)

    def _note(self, error: Exception | None) -> None:
        """How a call of Redis went; the first failure is logged."""
        if error is None:
            self._breaker.worked()
        else:
            self._breaker.failed()
            self._hear()
            if not self._down:
                logger.warning("predictions are not remembered while Redis does not answer: %s", type(error).__name__)
        self._down = error is not None

    async def close(self) -> None:
        await self.flush()
        await self._client.aclose()


def _parts(pending: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    return (pending[at : at + AT_ONCE] for at in range(0, len(pending), AT_ONCE))


def _recalled(content: bytes | None, marks: Sequence[bytes | None]) -> dict[str, Any] | None:
    """The answer marked as stale; None for what is not there, does not read, or was purged.

    Each of `marks` says until when answers are forgotten, in Unix milliseconds.
    """
    if content is None:
        return None
    try:
        answer: dict[str, Any] = _decode(content)
        made_ms = datetime.fromisoformat(answer["created_at"]).timestamp() * 1000
        purged = any(made_ms <= int(until_ms) for until_ms in marks if until_ms is not None)
        whole = isinstance(answer["warnings"], list) and isinstance(answer["version"], str) and "level" in answer
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        logger.warning("what is remembered of an entity does not read")
        return None
    return {**answer, "cached": True, "stale": True} if whole and not purged else None
