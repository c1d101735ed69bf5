"""The feed of the live stream: predictions as they happen, in a Redis stream that all replicas read."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import redis
from msgspec import Raw
from redis.backoff import NoBackoff
from redis.retry import Retry

from ledger.errors import FrameError
from ledger.frame import Frame
from ledger.identity import milliseconds
from ledger.removal import Removal
from storage.addresses import redact

logger = logging.getLogger("tiffin.ledger")

STREAM = "tiffin:predictions"
LISTENED = "tiffin:listened"
"""Exists while somebody listens to the stream, and for `LISTENED_SECONDS` afterwards, so that who was cut off misses
nothing. Without it nothing is added."""
LISTENED_SECONDS = 900
FORGOTTEN_SECONDS = 30.0
"""So long it is taken for there after it was seen: Redis may lose it, and listeners set it anew some seconds later."""
FIELD = "p"
"""Every entry has this one field: a prediction as compact JSON, see `Announcement`."""
LENGTH = 10_000
"""About so many entries are kept; a reader that falls further behind misses some."""
_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
_AT_ONCE = 500
_ADD = f"for _, one in ipairs(ARGV) do redis.call('xadd', KEYS[1], 'maxlen', '~', {LENGTH}, '*', '{FIELD}', one) end"


class _Made(msgspec.Struct, gc=False):
    """What is read of an answer, which has the entity's ids as an object."""

    prediction_id: str
    model: str
    version: str
    created_at: str
    role: str = ""
    score: Raw = Raw(b"null")
    label: Raw = Raw(b"null")
    level: str | None = None


class Announcement(_Made, gc=False):
    """What a reader of the stream gets of a prediction; `entity` is its canonical text."""

    entity: str | None = None
    operation: str = "predict"


class _Item(msgspec.Struct, gc=False):
    index: int
    prediction: _Made | None = None


class _Batch(msgspec.Struct, gc=False):
    items: list[_Item]


_read_one = msgspec.json.Decoder(_Made).decode
_read_announcement = msgspec.json.Decoder(Announcement).decode
_read_batch = msgspec.json.Decoder(_Batch).decode
_read_entities = msgspec.json.Decoder(list[str | None]).decode
_encode = msgspec.json.Encoder().encode


def announcements(frame: Frame, since_ms: int) -> list[bytes]:
    """The frame's predictions as the stream carries them, without those made before `since_ms` (Unix milliseconds).

    Raises FrameError when its answer does not read.
    """
    try:
        found = _several(frame) if frame.operation == "batch" else [_one(frame)]
        return [_encode(one) for one in found if milliseconds(one.prediction_id) >= since_ms]
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(str(error)) from error


def _one(frame: Frame) -> Announcement:
    return _announcement(_read_one(frame.answer), frame, frame.entity)


def _several(frame: Frame) -> list[Announcement]:
    entities = _read_entities(frame.entities) if frame.entities else []
    return [
        _announcement(item.prediction, frame, entities[item.index] if item.index < len(entities) else None)
        for item in _read_batch(frame.answer).items
        if item.prediction is not None
    ]


def _announcement(made: _Made, frame: Frame, entity: str | None) -> Announcement:
    return Announcement(**msgspec.structs.asdict(made), entity=entity, operation=frame.operation)


def _is_of(entry: bytes, removal: Removal) -> bool:
    """Whether it is to be removed; so is what does not read."""
    try:
        one = _read_announcement(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return True
    return removal.concerns(one.prediction_id, one.model, one.entity)


class Feed:
    """Adds to the stream, as well as that goes: what Redis does not take at once is counted and left out."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="tiffin-feed",
        )
        self._not_before = 0.0
        self._listened_until = -math.inf
        self.sent = 0
        self.skipped = 0

    def is_listened_to(self) -> bool:
        """Whether anybody may want what was read from the spool until now. Yes, when Redis does not say."""
        now = time.monotonic()
        if now < self._not_before:
            return True
        try:
            if self._client.exists(LISTENED) != 0:
                self._listened_until = now + FORGOTTEN_SECONDS
        except Exception as error:  # what its library makes of bytes that are no answer may be any error
            self._leave_alone(error)
            return True
        self._not_before = 0.0
        return now < self._listened_until

    def send(self, entries: Sequence[bytes]) -> None:
        """Add the entries in order. Never raises; after a failure Redis is left alone for a second."""
        for at in range(0, len(entries), _AT_ONCE):
            some = entries[at : at + _AT_ONCE]
            if time.monotonic() >= self._not_before and self._add(some):
                self.sent += len(some)
            else:
                self.skipped += len(some)

    def forget(self, removal: Removal) -> None:
        """Take these predictions out of the stream, as far as Redis is there; they leave it soon anyway."""
        try:
            entries: list[Any] = self._client.xrange(STREAM) or []
            found = [number for number, fields in entries if _is_of(fields.get(FIELD.encode(), b""), removal)]
            if found:
                self._client.xdel(STREAM, *found)
        except Exception as error:  # as above
            logger.warning("the live stream may still show what was purged: %s", redact(str(error), self._url))

    def close(self) -> None:
        self._client.close()

    def _add(self, entries: Sequence[bytes]) -> bool:
        try:
            self._client.eval(_ADD, 1, STREAM, *entries)
        except Exception as error:  # as above
            self._leave_alone(error)
            return False
        self._not_before = 0.0
        return True

    def _leave_alone(self, error: Exception) -> None:
        if self._not_before == 0.0:
            logger.warning("the live stream misses predictions: %s", redact(str(error), self._url))
        self._not_before = time.monotonic() + _PAUSE_SECONDS
