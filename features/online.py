"""Features for serving: from the cache while nothing has happened, else computed; old ones when nothing else works.

Blocking, for calls from threads; every call ends within the seconds that it is given, and some for Redis.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

import psycopg2

from features.cache import Cached, FeatureCache, Found
from features.entity import Entity
from features.errors import UncomputableError, UnknownEntityError
from features.reader import FeatureRow, Pair, Query, read, statement
from features.views import View
from storage.errors import StorageUnavailableError
from storage.queries import Prepared, Queries, Rows

logger = logging.getLogger("tiffin.features")

Event = Literal["hit", "miss", "stale", "unavailable", "failed"]
Hears = Callable[[str, Event, int], None]
"""Is told the view, what happened, and to how many entities."""


@dataclass(frozen=True, slots=True)
class Features:
    """An entity's values in the order of the view's columns, as of a moment.

    `cached`: they come from the cache. `stale`: something may have happened since, but the database does not answer.
    `thin`: the entity is known, since `since`, for less than the view's least history.
    """

    entity: Entity
    values: tuple[Any, ...]
    as_of: datetime
    since: datetime
    cached: bool
    stale: bool
    thin: bool

    def named(self, view: View) -> dict[str, Any]:
        """The values by column."""
        return dict(zip(view.columns, self.values, strict=True))


Answer = Features | UnknownEntityError | UncomputableError | StorageUnavailableError


class OnlineFeatures:
    """Features of entities as of now, or as of a past moment. Thread-safe. Without a cache everything is computed."""

    def __init__(
        self,
        database: Queries,
        cache: FeatureCache | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        hear: Hears = lambda view, event, count: None,
    ) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock
        self._hear = hear

    def fetch(
        self, view: View, entities: Sequence[Entity], *, as_of: datetime | None = None, seconds: float = 1.0
    ) -> list[Answer]:
        """An answer for each entity, in their order, with one query to each server; errors stand in for features.

        An entity of which nothing was known is an UnknownEntityError. Where PostgreSQL does not answer within
        `seconds`, the row that the cache still has is returned as stale; where it has none, a StorageUnavailableError
        is. One on whose data the view fails is an UncomputableError, alone. With `as_of` the cache is neither asked nor
        filled. Raises MigrationError.
        """
        wanted = list(dict.fromkeys(entities))
        answers = self._now(view, wanted, seconds) if as_of is None else self._at(view, wanted, as_of, seconds)
        return [answers[entity] for entity in entities]

    def _at(self, view: View, entities: Sequence[Entity], as_of: datetime, seconds: float) -> Mapping[Entity, Answer]:
        try:
            rows = self._read(view, entities, as_of, seconds)
        except StorageUnavailableError as error:
            self._hear(view.name, "unavailable", len(entities))
            return dict.fromkeys(entities, error)
        return {
            entity: row if isinstance(row, Exception) else _answer(view, entity, Cached(row, as_of, True), asked=as_of)
            for entity, row in zip(entities, rows, strict=True)
        }

    def _now(self, view: View, entities: Sequence[Entity], seconds: float) -> Mapping[Entity, Answer]:
        now = self._clock()
        found = self._found(view, entities, now)
        missing = [entity for entity in entities if not _is_fresh(found.get(entity))]
        self._tell(view, "hit", len(entities) - len(missing))
        answers = {
            entity: _answer(view, entity, one.cached, cached=True)
            for entity, one in found.items()
            if one.cached is not None and one.cached.fresh
        }
        if missing:
            answers |= self._compute(view, missing, found, now, seconds)
        return answers

    def _found(self, view: View, entities: Sequence[Entity], now: datetime) -> Mapping[Entity, Found]:
        found = self._cache.get(view, entities, now) if self._cache is not None else None
        return dict(zip(entities, found, strict=True)) if found is not None else {}

    def _compute(
        self, view: View, entities: Sequence[Entity], found: Mapping[Entity, Found], now: datetime, seconds: float
    ) -> Mapping[Entity, Answer]:
        """Rows for those that are not fresh, kept with the marks that were found before; else what is left of them."""
        try:
            rows = dict(zip(entities, self._read(view, entities, now, seconds), strict=True))
        except StorageUnavailableError as error:
            return {entity: self._left(view, entity, found.get(entity), error) for entity in entities}
        computed = {entity: row for entity, row in rows.items() if not isinstance(row, Exception)}
        failed = {entity: error for entity, error in rows.items() if isinstance(error, Exception)}
        self._tell(view, "miss", len(computed))
        if self._cache is not None and found and computed:
            self._cache.put(view, [(entity, row, found[entity].marks) for entity, row in computed.items()], now)
        return failed | {entity: _answer(view, entity, Cached(row, now, True)) for entity, row in computed.items()}

    def _left(self, view: View, entity: Entity, found: Found | None, error: StorageUnavailableError) -> Answer:
        if found is None or found.cached is None or found.cached.row.since is None:
            self._tell(view, "unavailable", 1)
            return error
        self._tell(view, "stale", 1)
        return _answer(view, entity, found.cached, cached=True)

    def _read(
        self, view: View, entities: Sequence[Entity], as_of: datetime, seconds: float
    ) -> list[FeatureRow | UncomputableError]:
        """A row of each. Those on which the view fails are found by halving."""
        until = time.monotonic() + seconds

        def rows(some: Sequence[Entity]) -> list[FeatureRow | UncomputableError]:
            left = until - time.monotonic()
            try:
                query = _online(self._database, view, left)
                return list(read(view, [Pair(entity, as_of) for entity in some], query))
            except psycopg2.DataError as error:
                if len(some) > 1:
                    half = len(some) // 2
                    return rows(some[:half]) + rows(some[half:])
                logger.error("the view %s fails on an entity: %s", view.name, error)
                self._tell(view, "failed", 1)
                return [UncomputableError(view.name, some[0].text, _in_words(error))]

        return rows(entities)

    def _tell(self, view: View, event: Event, count: int) -> None:
        if count:
            self._hear(view.name, event, count)


def _online(database: Queries, view: View, seconds: float) -> Query:
    """Runs the view's statement as each connection has prepared it: planning one pair takes longer than reading it."""

    def run(_: str, parameters: Sequence[str]) -> Rows:
        return database.run(prepared(view), parameters, seconds=seconds)

    return run


@cache
def prepared(view: View) -> Prepared:
    """The reader's statement, with $1, $2 in place of %s."""
    count = len(view.keys) + 1
    text = statement(view)
    for number in range(1, count + 1):
        text = text.replace("%s", f"${number}", 1)
    return Prepared(f"tiffin_{view.name}_{view.fingerprint}", text.replace("%%", "%"), count)


def _in_words(error: psycopg2.Error) -> str:
    """The kind of error, as "division by zero": PostgreSQL's own message may hold a person's data."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _is_fresh(found: Found | None) -> bool:
    return found is not None and found.cached is not None and found.cached.fresh


def _answer(
    view: View, entity: Entity, cached_row: Cached, *, cached: bool = False, asked: datetime | None = None
) -> Answer:
    row, as_of = cached_row.row, cached_row.as_of
    if row.since is None:
        return UnknownEntityError(view.name, entity.text, asked, view.known)
    stale = not cached_row.fresh
    return Features(entity, row.values, as_of, row.since, cached, stale, thin=row.is_thin(view, as_of))
