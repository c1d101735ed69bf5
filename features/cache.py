"""Computed rows in Redis, which are never fresh after an event that they do not know.

Per view and key value there is a *mark*, `token:latest`, that every arriving event replaces: `token` only grows,
`latest` is the latest time of an event, which may lie ahead of a clock. Per entity there is an *entry*: the marks of
all its keys as they were before its row was computed, the row, and as of when. An entry is fresh while its marks are
still those, its row is of after `latest`, and it is younger than the view's `ttl`. Marks outlive entries' freshness, so
one that has expired is as good as none. A pair's entry has a mark for each of its two ids: a price that changes makes
the rows of all visitors with that item stale at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
import redis

from features.entity import Entity
from features.reader import FeatureRow
from features.views import View
from storage.breaker import Breaker

logger = logging.getLogger("tiffin.features")

T = TypeVar("T")

PREFIX = "tiffin:features"
MOST_MISSED = 10_000
"""Marks that could not be set while Redis was away and are set when it is back; of more, rows age by their `ttl`."""
BATCH_KEYS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Redis' own clock makes tokens that grow even after a mark has expired: counts that began anew could meet their likes.
_MARK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for place, key in ipairs(KEYS) do
    local token, latest = now, tonumber(ARGV[place + 1])
    local old = redis.call('GET', key)
    if old then
        local colon = string.find(old, ':', 1, true)
        token = math.max(token, tonumber(string.sub(old, 1, colon - 1)) + 1)
        latest = math.max(latest, tonumber(string.sub(old, colon + 1)))
    end
    redis.call('SET', key, string.format('%.0f:%.0f', token, latest), 'EX', ARGV[1])
end
"""


class _Entry(NamedTuple):
    """What is stored; times in microseconds since 1970."""

    marks: list[str]
    as_of: int
    since: int | None
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Cached:
    """A row from the cache, as of when it was computed, and whether nothing has happened since."""

    row: FeatureRow
    as_of: datetime
    fresh: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The entity's row, if there is one, and its marks at that moment: they belong to a row that is computed next."""

    cached: Cached | None
    marks: tuple[str, ...]


class FeatureCache:
    """Rows of all views in Redis. Never raises because of Redis: it then finds nothing and keeps nothing.

    While Redis does not answer, one call a second tries. `hear` is told of every failure. Thread-safe.
    """

    def __init__(self, client: redis.Redis, *, hear: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._mark = client.register_script(_MARK)
        self._breaker = Breaker()
        self._missed: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._hear = hear

    def get(self, view: View, entities: Sequence[Entity], now: datetime) -> list[Found] | None:
        """What is there of each entity, in one round trip; None when Redis does not answer."""
        self._catch_up()
        keys = [_entry_key(view, entity) for entity in entities]
        keys += [_mark_key(view, place, id_) for entity in entities for place, id_ in enumerate(entity.ids)]
        answers = self._ask(lambda: self._read_all(keys))
        if answers is None:
            return None
        entries, marks = (
            answers[: len(entities)],
            [(mark or b"").decode("latin-1") for mark in answers[len(entities) :]],
        )
        width = len(view.keys)
        of_each = [tuple(marks[place * width : (place + 1) * width]) for place in range(len(entities))]
        return [Found(_cached(view, entry, mark, now), mark) for entry, mark in zip(entries, of_each, strict=True)]

    def _read_all(self, keys: Sequence[str]) -> list[bytes | None]:
        answers = cast("list[bytes | None]", self._client.mget(keys))
        if len(answers) != len(keys) or not all(one is None or isinstance(one, bytes) for one in answers):
            raise redis.exceptions.InvalidResponse("what answers is not Redis")
        return answers

    def put(self, view: View, rows: Sequence[tuple[Entity, FeatureRow, tuple[str, ...]]], as_of: datetime) -> None:
        """Keep rows, each with the marks that were found before it was computed."""
        pipeline = self._client.pipeline(transaction=False)
        for entity, row, marks in rows:
            since = None if row.since is None else _write(row.since)
            entry = _Entry(list(marks), _write(as_of), since, list(row.values))
            pipeline.set(_entry_key(view, entity), msgspec.msgpack.encode(entry), ex=view.stale)
        self._ask(pipeline.execute)

    def invalidate(self, view: View, key: str, ids: Mapping[str, datetime]) -> None:
        """Make all rows of the view with these ids under `key` stale; a value is the time of the id's latest event.

        What Redis does not take now is done when it answers again.
        """
        place = view.key_names.index(key)
        seconds = round(view.stale.total_seconds())
        marks = {_mark_key(view, place, id_): (seconds, _write(at)) for id_, at in ids.items()}
        self._catch_up()
        if not self._set(marks):
            self._remember(marks)

    def _catch_up(self) -> None:
        """Set the marks that were missed while Redis was away."""
        if not self._missed:
            return
        with self._lock:
            missed, self._missed = self._missed, {}
        if not self._set(missed):
            self._remember(missed)

    def _remember(self, marks: Mapping[str, tuple[int, int]]) -> None:
        with self._lock:
            for mark, aims in marks.items():
                if mark in self._missed or len(self._missed) < MOST_MISSED:
                    self._missed[mark] = max(aims, self._missed.get(mark, aims))

    def _set(self, marks: Mapping[str, tuple[int, int]]) -> bool:
        """Whether Redis has taken all of them."""

        def work() -> bool:
            keys = list(marks)
            for begins in range(0, len(keys), BATCH_KEYS):
                part = keys[begins : begins + BATCH_KEYS]
                longest = max(marks[key][0] for key in part)
                self._mark(keys=part, args=[longest, *(marks[key][1] for key in part)])
            return True

        return bool(self._ask(work))

    def _ask(self, work: Callable[[], T]) -> T | None:
        """What Redis answers; None, told to `hear`, when it does not, or is not asked as it just did not."""
        if not self._breaker.allows():
            self._hear()
            return None
        try:
            answer = work()
        except Exception as error:  # what its library makes of bytes that are no answer may be any error
            self._hear()
            self._breaker.failed()
            logger.warning("features are computed without their cache: %s", type(error).__name__)
            return None
        self._breaker.worked()
        return answer


def _cached(view: View, entry: bytes | None, marks: tuple[str, ...], now: datetime) -> Cached | None:
    """The row that is stored, if it reads."""
    if entry is None:
        return None
    try:
        read = msgspec.msgpack.decode(entry, type=_Entry)
        row = FeatureRow(tuple(read.values), None if read.since is None else _read(read.since))
        as_of = _read(read.as_of)
        latest = max((int(mark.partition(":")[2]) for mark in marks if mark), default=read.as_of - 1)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        logger.warning("an entry of %s in Redis does not read and is computed anew: %s", view.name, error)
        return None
    fresh = tuple(read.marks) == marks and read.as_of > latest and now - as_of < view.ttl
    return Cached(row, as_of, fresh)


def _entry_key(view: View, entity: Entity) -> str:
    return f"{PREFIX}:{view.name}:{view.fingerprint}:{entity.text}"


def _mark_key(view: View, place: int, id_: str) -> str:
    """Without the fingerprint: processes with an older text of the view are told too."""
    return f"{PREFIX}:{view.name}:@{view.keys[place].name}:{id_}"


def _write(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _read(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
