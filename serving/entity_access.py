"""What a worker holds to answer about entities: a look-up for each view, and the memory of predictions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from features.entity import Entity
from features.events import Events
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
WRITERS = 2
"""Requests with events that are worked at at once, and the connections that they need."""
T = TypeVar("T")
LEAST_SECONDS = 0.05
"""For the database, however late a thread was free."""


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
        self._intake = ThreadPoolExecutor(WRITERS, thread_name_prefix="events")
        for use in ("features", "predictions"):
            metrics.cache_failures.labels(use)  # it is there, with 0, before anything fails
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

    @property
    def ahead(self) -> timedelta:
        """How far in the future an event, or an outcome, may lie, as clocks differ."""
        return self._events.ahead

    async def write(self, work: Callable[[Events], T]) -> T:
        """What `work` returns, done with the events in a thread that no look-up needs. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._intake, work, self._events)

    def start(self) -> None:
        self._writing = asyncio.create_task(self._remembered.keep_writing())

    async def close(self) -> None:
        """Write what is still to be remembered, end the threads and the connections."""
        if self._writing is not None:
            self._writing.cancel()
        await self._remembered.close()
        for executor in (self._executor, self._intake):
            executor.shutdown(wait=False, cancel_futures=True)

    def _lookup(self, view: View) -> Lookup:
        if view.name not in self._lookups:
            fetch = partial(self._fetch, view)
            self._lookups[view.name] = Lookup(fetch, self._executor, self._deadline)
        return self._lookups[view.name]

    def _fetch(self, view: View, entities: Sequence[Entity], as_of: datetime | None, until: float) -> Sequence[Answer]:
        seconds = max(LEAST_SECONDS, until - time.monotonic())
        return self._features.fetch(view, entities, as_of=as_of, seconds=seconds)


def count_lookups(view: str, event: Event, count: int) -> None:
    """Tell the metrics how entities' features were found."""
    metrics.lookups.labels(view, event).inc(count)


def count_failure(use: str) -> None:
    """Tell the metrics that Redis did not help: "features" or "predictions"."""
    metrics.cache_failures.labels(use).inc()
