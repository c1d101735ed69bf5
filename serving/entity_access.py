"""What a worker holds to answer about entities: a look-up for each view, and the memory of predictions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from features.entity import Entity
from features.events import Events, Written
from features.online import Answer, Event, OnlineFeatures
from features.views import View
from models.definition import Definition
from monitoring import metrics
from serving.entities import view_of
from serving.entity_endpoint import EntityEndpoint, Scorer
from serving.lookup import Lookup
from serving.remembered import Remembered

THREADS = 4
"""Queries and looks into the cache that run at once."""


DATABASE_SHARE = 0.7
"""Of the deadline: when the database takes longer there is still time to answer with what the cache has."""


class EntityAccess:
    """Belongs to the event loop's thread. `deadline_seconds` is the time that finding features may take."""

    def __init__(
        self, features: OnlineFeatures, events: Events, remembered: Remembered, deadline_seconds: float
    ) -> None:
        self._features = features
        self._events = events
        self._remembered = remembered
        self._deadline = deadline_seconds
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="features")
        self._lookups: dict[str, Lookup] = {}
        self._writing: asyncio.Task[None] | None = None

    def endpoint(self, definition: Definition, scorer: Scorer, *, keeps_values: bool) -> EntityEndpoint | None:
        """The operations of a model with a view; None for one that takes records only.

        `keeps_values`: what is remembered of predictions may tell values of features.
        """
        view = view_of(definition)
        if view is None:
            return None
        lookup = self._lookup(view)
        return EntityEndpoint(definition, view, scorer, lookup, self._remembered, keeps_values=keeps_values)

    async def write(self, source: str, rows: Sequence[object]) -> Written:
        """Take events into a source table. Raises StorageUnavailableError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._events.write, source, rows)

    def start(self) -> None:
        self._writing = asyncio.create_task(self._remembered.keep_writing())

    async def close(self) -> None:
        """Write what is still to be remembered, end the threads and the connections."""
        if self._writing is not None:
            self._writing.cancel()
        await self._remembered.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _lookup(self, view: View) -> Lookup:
        if view.name not in self._lookups:
            fetch = partial(self._fetch, view)
            self._lookups[view.name] = Lookup(fetch, self._executor, self._deadline)
        return self._lookups[view.name]

    def _fetch(self, view: View, entities: Sequence[Entity], as_of: datetime | None) -> Sequence[Answer]:
        return self._features.fetch(view, entities, as_of=as_of, seconds=self._deadline * DATABASE_SHARE)


def count_lookups(view: str, event: Event, count: int) -> None:
    """Tell the metrics how entities' features were found."""
    metrics.lookups.labels(view, event).inc(count)
