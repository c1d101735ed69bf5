"""Questions to PostgreSQL from the event loop, none of which hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine

from storage.breaker import Breaker
from storage.errors import StorageUnavailableError

T = TypeVar("T")
THREADS = 4
"""Questions that run at once; others wait for their turn, within their deadline."""


FAILURES = 3
"""Deadlines missed one after the other until callers stop waiting; one costly question may miss its own."""


class LedgerReader:
    """Runs functions of an engine in threads of its own. `deadline_seconds` is for waiting and running together."""

    def __init__(self, engine: Engine, deadline_seconds: float) -> None:
        self._engine = engine
        self._deadline = deadline_seconds
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")
        self._breaker = Breaker(failures=FAILURES)

    async def run(self, work: Callable[[Engine], T]) -> T:
        """What `work` returns. Raises what it raises, and StorageUnavailableError when the deadline is over.

        While PostgreSQL misses deadlines, most calls fail at once and one a second tries.
        """
        if not self._breaker.allows():
            raise StorageUnavailableError("postgresql", "it did not answer in time and is tried again within a second")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline):
                answer = await loop.run_in_executor(self._executor, work, self._engine)
        except TimeoutError:
            self._breaker.failed()
            raise StorageUnavailableError("postgresql", "no answer in time") from None
        except Exception:
            self._breaker.worked()  # in time
            raise
        self._breaker.worked()
        return answer

    def close(self) -> None:
        """End the threads; one that hangs in a server that does not answer is left behind."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()
