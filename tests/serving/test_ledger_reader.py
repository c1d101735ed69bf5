"""Questions to the ledger end in time, and cost no time while PostgreSQL answers none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import create_engine

from ledger.errors import QueryError
from serving.ledger_reader import FAILURES, LedgerReader
from serving.recent import Recent
from storage.errors import StorageUnavailableError

DEADLINE_SECONDS = 0.2


def reading(work: Callable[[LedgerReader], Awaitable[None]]) -> None:
    async def whole() -> None:
        reader = LedgerReader(create_engine("postgresql+psycopg2://nowhere/nothing"), DEADLINE_SECONDS)
        try:
            await work(reader)
        finally:
            reader.close()

    asyncio.run(whole())


async def fails(reader: LedgerReader, work: Callable[[object], object]) -> float:
    """The seconds until it is unavailable."""
    started = time.monotonic()
    with pytest.raises(StorageUnavailableError):
        await reader.run(work)
    return time.monotonic() - started


def test_while_deadlines_are_missed_callers_do_not_wait_and_it_passes() -> None:
    hangs = threading.Event()

    async def work(reader: LedgerReader) -> None:
        for _ in range(FAILURES):
            assert await fails(reader, lambda _: hangs.wait(10)) >= DEADLINE_SECONDS
        assert await fails(reader, lambda _: 1) < DEADLINE_SECONDS
        hangs.set()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await reader.run(lambda _: 7) == 7
                    break
                except StorageUnavailableError:
                    await asyncio.sleep(0.05)
        assert await reader.run(lambda _: 8) == 8

    reading(work)


def test_a_question_that_is_refused_was_answered_in_time() -> None:
    def refuse(_: object) -> None:
        raise QueryError("limit", "must be from 1 to 1000")

    async def work(reader: LedgerReader) -> None:
        for _ in range(FAILURES + 2):
            with pytest.raises(QueryError):
                await reader.run(refuse)

    reading(work)


def test_one_look_serves_all_who_ask_in_a_moment() -> None:
    looks: list[int] = []

    def look() -> int:
        looks.append(len(looks))
        return len(looks)

    recent = Recent(look, 60)
    assert [recent() for _ in range(5)] == [1] * 5
    recent = Recent(look, 0)
    assert [recent() for _ in range(3)] == [2, 3, 4]
