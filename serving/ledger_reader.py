"""Questions to PostgreSQL from the event loop, none of which hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine

from storage.errors import StorageUnavailableError

T = TypeVar("T")
THREADS = 4
"""Questions that run at once; others wait for their turn, within their deadline."""


class LedgerReader:
    """Runs functions of an engine in threads of its own. `deadline_seconds` is for waiting and running together."""

    def __init__(self, engine: Engine, deadline_seconds: float) -> None:
        self._engine = engine
        self._deadline = deadline_seconds
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")

    async def run(self, work: Callable[[Engine], T]) -> T:
        """What `work` returns. Raises what it raises, and StorageUnavailableError when the deadline is over."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline):
                return await loop.run_in_executor(self._executor, work, self._engine)
        except TimeoutError:
            raise StorageUnavailableError("postgresql", "no answer in time") from None

    def close(self) -> None:
        """End the threads; one that hangs in a server that does not answer is left behind."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()
