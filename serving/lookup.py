"""Features of entities for many callers: concurrent ones share queries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from features.entity import Entity
from features.online import Answer
from storage.errors import StorageUnavailableError

Fetch = Callable[[Sequence[Entity], datetime | None], Sequence[Answer]]
"""From entities and a moment (None: now) to what was found of each, in order. Blocks."""
MOST_ENTITIES = 1000
"""Entities of one query."""
PARALLEL = 2
"""Queries of one view that run at once before entities that are asked as of now wait for the next."""


@dataclass(slots=True)
class _Asked:
    entities: Sequence[Entity]
    answer: asyncio.Future[Sequence[Answer]]


class Lookup:
    """Finds the features of one view's entities. Belongs to the event loop's thread; `fetch` runs in `executor`.

    It conserves work as the model's runner does: what is asked while queries run goes into the next one together.
    """

    def __init__(self, fetch: Fetch, executor: Executor, deadline_seconds: float) -> None:
        self._fetch = fetch
        self._executor = executor
        self._deadline = deadline_seconds
        self._waiting: deque[_Asked] = deque()
        self._running = 0
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, entities: Sequence[Entity], as_of: datetime | None = None) -> Sequence[Answer]:
        """What was found of each, in order. Raises StorageUnavailableError at the latest when the deadline is over."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline):
                if as_of is not None:
                    return await loop.run_in_executor(self._executor, self._fetch, entities, as_of)
                asked = _Asked(entities, loop.create_future())
                self._waiting.append(asked)
                self._schedule(loop)
                return await asked.answer
        except TimeoutError:
            raise StorageUnavailableError("postgresql", "features were not there in time") from None

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Dispatch at the end of this turn, with everything that is asked in it."""
        if not self._scheduled and self._running < PARALLEL:
            self._scheduled = True
            loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._scheduled = False
        while self._waiting and self._running < PARALLEL:
            group = self._next_group()
            if group:
                self._running += 1
                task = asyncio.create_task(self._answer(group))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[_Asked]:
        """Who is served by the next query: all that fit into it and still wait."""
        group: list[_Asked] = []
        count = 0
        while self._waiting and (not group or count + len(self._waiting[0].entities) <= MOST_ENTITIES):
            asked = self._waiting.popleft()
            if not asked.answer.done():
                group.append(asked)
                count += len(asked.entities)
        return group

    async def _answer(self, group: Sequence[_Asked]) -> None:
        entities = [entity for asked in group for entity in asked.entities]
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._executor, self._fetch, entities, None)
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
            self._running -= 1
            self._dispatch()
