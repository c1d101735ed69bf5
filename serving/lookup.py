"""Features of entities for many callers: concurrent ones share queries, and large batches let single ones through."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime

from features.entity import Entity
from features.online import Answer
from storage.errors import StorageUnavailableError

Fetch = Callable[[Sequence[Entity], datetime | None, float], Sequence[Answer]]
"""From entities, a moment (None: now) and the end of the database's time (by time.monotonic()) to what was found of
each, in order. Blocks."""
MOST_ENTITIES = 1000
"""Entities of one query; a larger batch is cut."""
USUAL_ENTITIES = 250
"""So many, or fewer, have the deadline's seconds; more have more in proportion. Small groups together are no more."""
SMALL = 20
"""Entities of one caller that share queries with others'."""
PARALLEL = 3
"""Queries of one view that run at once before more wait for the next; neither kind takes all of them from the other."""
DATABASE_SHARE = 0.7
"""Of a query's time: when the database takes longer there is still time to answer with what the cache has."""


@dataclass(slots=True, eq=False)
class _Asked:
    entities: Sequence[Entity]
    as_of: datetime | None
    answer: asyncio.Future[Sequence[Answer]]
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_small(self) -> bool:
        return len(self.entities) <= SMALL


class Lookup:
    """Finds the features of one view's entities. Belongs to the event loop's thread; `fetch` runs in `executor`.

    It conserves work as the model's runner does: what is asked while queries run goes into the next one together.
    """

    def __init__(self, fetch: Fetch, executor: Executor, deadline_seconds: float) -> None:
        self._fetch = fetch
        self._executor = executor
        self._deadline = deadline_seconds
        self._small: deque[_Asked] = deque()
        self._large: deque[_Asked] = deque()
        self._running = {True: 0, False: 0}
        """Queries by whether they are for small groups."""
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, entities: Sequence[Entity], as_of: datetime | None = None) -> Sequence[Answer]:
        """What was found of each, in order.

        They wait for the deadline's seconds at most, and their query may take as many; more of both for more than
        `USUAL_ENTITIES`. Raises StorageUnavailableError when the time is over; of a batch in parts, it stands in place
        of what is missing.
        """
        parts = [entities[at : at + MOST_ENTITIES] for at in range(0, len(entities), MOST_ENTITIES)]
        patience_seconds = self._seconds(len(entities))
        if len(parts) == 1:
            return await self._part(entities, as_of, patience_seconds)
        found = await asyncio.gather(*(self._part_or_error(part, as_of, patience_seconds) for part in parts))
        return [answer for part in found for answer in part]

    def _seconds(self, entities: int) -> float:
        return self._deadline * max(1.0, entities / USUAL_ENTITIES)

    async def _part_or_error(
        self, part: Sequence[Entity], as_of: datetime | None, patience_seconds: float
    ) -> Sequence[Answer]:
        try:
            return await self._part(part, as_of, patience_seconds)
        except StorageUnavailableError as error:
            return [error] * len(part)

    async def _part(self, part: Sequence[Entity], as_of: datetime | None, patience_seconds: float) -> Sequence[Answer]:
        """The answers of one query, which begins within the patience and ends within the deadline after that."""
        loop = asyncio.get_running_loop()
        asked = _Asked(part, as_of, loop.create_future())
        (self._small if asked.is_small else self._large).append(asked)
        self._schedule(loop)
        try:
            async with asyncio.timeout(patience_seconds):
                await asked.begun.wait()
            async with asyncio.timeout(self._seconds(len(part))):
                return await asked.answer
        except TimeoutError:
            raise StorageUnavailableError("postgresql", "features were not there in time") from None
        finally:
            asked.answer.cancel()  # nobody waits for it any more

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Dispatch at the end of this turn, with everything that is asked in it."""
        if not self._scheduled and sum(self._running.values()) < PARALLEL:
            self._scheduled = True
            loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._scheduled = False
        while sum(self._running.values()) < PARALLEL:
            group = self._next_group()
            if not group:
                return
            small = group[0].is_small
            self._running[small] += 1
            task = asyncio.create_task(self._answer(group, small))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[_Asked]:
        """Who is served by the next query: small ones together, or one large part; none when neither may have one."""
        for queue in (self._small, self._large):
            while queue and queue[0].answer.done():
                queue.popleft()
        if self._small and (not self._large or self._running[True] < PARALLEL - 1):
            return self._small_group()
        if self._large and self._running[False] < PARALLEL - 1:
            return [self._large.popleft()]
        return []

    def _small_group(self) -> list[_Asked]:
        """All small ones that fit into one query and still wait; who asks of a past moment is served alone."""
        group = [self._small.popleft()]
        count = len(group[0].entities)
        while group[0].as_of is None and self._small and self._small[0].as_of is None:
            if count + len(self._small[0].entities) > USUAL_ENTITIES:
                break
            asked = self._small.popleft()
            if not asked.answer.done():
                group.append(asked)
                count += len(asked.entities)
        return group

    async def _answer(self, group: Sequence[_Asked], small: bool) -> None:
        entities = [entity for asked in group for entity in asked.entities]
        until = time.monotonic() + self._seconds(len(entities)) * DATABASE_SHARE
        for asked in group:
            asked.begun.set()
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._executor, self._fetch, entities, group[0].as_of, until)
        except Exception as error:
            for asked in group:
                if not asked.answer.done():
                    asked.answer.set_exception(error)
        else:
            at = 0
            for asked in group:
                if not asked.answer.done():
                    asked.answer.set_result(found[at : at + len(asked.entities)])
                at += len(asked.entities)
        finally:
            self._running[small] -= 1
            self._dispatch()
