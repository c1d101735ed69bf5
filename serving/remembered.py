"""The last prediction of every entity, for when a model cannot answer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
import redis.asyncio

logger = logging.getLogger("tiffin.serving")

FLUSH_SECONDS = 0.2
"""How long predictions gather before they are written together."""
MOST_PENDING = 20_000
"""Predictions that may wait to be written; beyond, new ones are not remembered."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Remembered:
    """Predictions in Redis, kept for `keep_seconds`. Best effort: without Redis nothing is remembered or recalled."""

    def __init__(self, client: redis.asyncio.Redis, keep_seconds: int) -> None:
        self._client = client
        self._keep = keep_seconds
        self._pending: dict[str, bytes] = {}
        self._down = False

    def keep(self, model: str, entity: str, answer: dict[str, Any]) -> None:
        """Remember this answer; it is written within `FLUSH_SECONDS`."""
        if len(self._pending) < MOST_PENDING:
            self._pending[_key(model, entity)] = _encode(answer)

    async def recall(self, model: str, entity: str) -> dict[str, Any] | None:
        """The last answer about this entity, marked as stale; None when there is none or Redis does not answer."""
        key = _key(model, entity)
        content: bytes | str | None = self._pending.get(key)
        if content is None:
            try:
                content = await self._client.get(key)
            except Exception:  # as below
                return None
        if content is None:
            return None
        try:
            answer: dict[str, Any] = _decode(content)
        except (msgspec.MsgspecError, TypeError, UnicodeDecodeError):
            logger.warning("what is remembered of an entity does not read")
            return None
        return {**answer, "cached": True, "stale": True}

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
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for key, content in pending.items():
                    pipeline.set(key, content, ex=self._keep)
                await pipeline.execute()
        except Exception as error:  # what its library makes of bytes that are no answer may be any error
            if not self._down:
                logger.warning("predictions are not remembered while Redis does not answer: %s", type(error).__name__)
            self._down = True
        else:
            self._down = False

    async def close(self) -> None:
        await self.flush()
        await self._client.aclose()


def _key(model: str, entity: str) -> str:
    return f"tiffin:prediction:{model}:{entity}"
