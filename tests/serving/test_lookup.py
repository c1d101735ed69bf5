"""Concurrent look-ups of features share queries, and none hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from features.entity import Entity
from serving.lookup import MOST_ENTITIES, PARALLEL, SMALL, USUAL_ENTITIES, Lookup
from storage.errors import StorageUnavailableError

LONG = 30.0


class Queries:
    """Answers every entity with its own text; holds back while `gate` is closed."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], datetime | None]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def __call__(self, entities: Sequence[Entity], as_of: datetime | None, until: float) -> Any:
        self.asked.append(([entity.text for entity in entities], as_of))
        self.gate.wait(LONG)
        if self.error is not None:
            raise self.error
        return [entity.text for entity in entities]


def entities(*texts: str) -> list[Entity]:
    return [Entity((text,)) for text in texts]


async def _until(condition: Any) -> None:
    async with asyncio.timeout(LONG):
        while not condition():
            await asyncio.sleep(0.001)


def run(work: Any, queries: Queries, deadline: float = LONG) -> Any:
    """`work(lookup)` on a loop with a look-up of its own."""

    async def whole() -> Any:
        with ThreadPoolExecutor(4) as executor:
            try:
                return await work(Lookup(queries, executor, deadline))
            finally:
                queries.gate.set()

    return asyncio.run(whole())


def test_one_entity_is_looked_up_at_once() -> None:
    queries = Queries()
    assert run(lambda lookup: lookup.find(entities("a")), queries) == ["a"]
    assert queries.asked == [(["a"], None)]


def test_what_is_asked_in_the_same_turn_shares_a_query_and_everyone_gets_their_own() -> None:
    queries = Queries()

    async def work(lookup: Lookup) -> Any:
        return await asyncio.gather(*(lookup.find(entities(*text)) for text in ("ab", "c", "def")))

    assert run(work, queries) == [["a", "b"], ["c"], ["d", "e", "f"]]
    assert queries.asked == [(list("abcdef"), None)]


def test_what_is_asked_while_queries_run_waits_for_the_next_together() -> None:
    queries = Queries()
    queries.gate.clear()

    async def work(lookup: Lookup) -> Any:
        tasks = []
        for number in range(PARALLEL):
            tasks.append(asyncio.create_task(lookup.find(entities(f"first {number}"))))
            await _until(lambda: len(queries.asked) == len(tasks))
        later = [asyncio.create_task(lookup.find(entities(text))) for text in "xyz"]
        await asyncio.sleep(0)
        queries.gate.set()
        return await asyncio.gather(*tasks, *later)

    assert run(work, queries)[PARALLEL:] == [["x"], ["y"], ["z"]]
    assert queries.asked[PARALLEL:] == [(["x", "y", "z"], None)]


def test_a_batch_is_cut_into_queries_and_comes_back_whole() -> None:
    queries = Queries()
    many = [str(number) for number in range(3 * MOST_ENTITIES + 1)]
    assert run(lambda lookup: lookup.find(entities(*many)), queries) == many
    assert sorted(len(texts) for texts, _ in queries.asked) == [1, *[MOST_ENTITIES] * 3]


def test_small_groups_share_a_query_up_to_its_share() -> None:
    queries = Queries()
    groups = [[f"{group} {number}" for number in range(SMALL)] for group in range(USUAL_ENTITIES // SMALL + 1)]

    async def work(lookup: Lookup) -> Any:
        return await asyncio.gather(*(lookup.find(entities(*group)) for group in groups))

    assert run(work, queries) == groups
    assert sorted(len(texts) for texts, _ in queries.asked) == [SMALL, USUAL_ENTITIES // SMALL * SMALL]


def test_a_single_one_passes_large_batches_and_they_pass_many_single_ones() -> None:
    queries = Queries()
    queries.gate.clear()
    batches = [[f"{batch} {number}" for number in range(2 * MOST_ENTITIES)] for batch in range(3)]

    async def work(lookup: Lookup) -> Any:
        large = [asyncio.create_task(lookup.find(entities(*batch))) for batch in batches]
        await _until(lambda: len(queries.asked) == PARALLEL - 1)
        one = asyncio.create_task(lookup.find(entities("one")))
        await _until(lambda: len(queries.asked) == PARALLEL)
        assert queries.asked[-1] == (["one"], None)
        queries.gate.set()
        return await one, await asyncio.gather(*large)

    assert run(work, queries) == (["one"], batches)


def test_past_moments_count_among_the_queries_that_run() -> None:
    queries = Queries()
    queries.gate.clear()
    moment = datetime(2026, 3, 1, tzinfo=UTC)

    async def work(lookup: Lookup) -> Any:
        past = [asyncio.create_task(lookup.find(entities(text), moment)) for text in "abcdefgh"]
        await _until(lambda: len(queries.asked) >= PARALLEL)
        await asyncio.sleep(0.05)
        assert len(queries.asked) == PARALLEL
        queries.gate.set()
        return await asyncio.gather(*past)

    assert run(work, queries) == [[text] for text in "abcdefgh"]


def test_a_large_batch_has_more_time_than_one_entity() -> None:
    class Slow(Queries):
        def __call__(self, entities: Sequence[Entity], as_of: datetime | None, until: float) -> Any:
            time.sleep(0.15)
            return super().__call__(entities, as_of, until)

    many = [str(number) for number in range(6 * MOST_ENTITIES)]
    assert run(lambda lookup: lookup.find(entities(*many)), Slow(), deadline=0.3) == many


def test_what_is_missing_of_a_batch_in_parts_is_said_in_its_place() -> None:
    class Partly(Queries):
        def __call__(self, entities: Sequence[Entity], as_of: datetime | None, until: float) -> Any:
            if entities[0].text == "0":
                raise StorageUnavailableError("postgresql", "it is gone")
            return super().__call__(entities, as_of, until)

    many = [str(number) for number in range(MOST_ENTITIES + 5)]
    found = run(lambda lookup: lookup.find(entities(*many)), Partly())
    assert all(isinstance(answer, StorageUnavailableError) for answer in found[:MOST_ENTITIES])
    assert found[MOST_ENTITIES:] == many[MOST_ENTITIES:]


def test_a_past_moment_is_asked_alone() -> None:
    queries = Queries()
    moment = datetime(2026, 3, 1, tzinfo=UTC)

    async def work(lookup: Lookup) -> Any:
        return await asyncio.gather(lookup.find(entities("a"), moment), lookup.find(entities("b")))

    assert run(work, queries) == [["a"], ["b"]]
    assert sorted(queries.asked, key=lambda asked: asked[0]) == [(["a"], moment), (["b"], None)]


def test_a_failure_reaches_everyone_who_shared_the_query_and_nobody_after() -> None:
    queries = Queries()
    queries.error = StorageUnavailableError("postgresql", "it is gone")

    async def work(lookup: Lookup) -> Any:
        failed = await asyncio.gather(*(lookup.find(entities(text)) for text in "ab"), return_exceptions=True)
        queries.error = None
        return failed, await lookup.find(entities("c"))

    failed, found = run(work, queries)
    assert failed == [queries.error or failed[0]] * 2
    assert isinstance(failed[0], StorageUnavailableError)
    assert found == ["c"]


def test_nobody_waits_beyond_the_deadline_and_who_has_gone_is_not_looked_up() -> None:
    queries = Queries()
    queries.gate.clear()

    async def work(lookup: Lookup) -> Any:
        with pytest.raises(StorageUnavailableError, match="in time"):
            await asyncio.gather(*(lookup.find(entities(text)) for text in "ab"))
        waiting = [asyncio.create_task(lookup.find(entities(text))) for text in "cde"]
        gone = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, StorageUnavailableError) for error in gone)
        queries.gate.set()
        return await lookup.find(entities("f"))

    assert run(work, queries, deadline=0.05) == ["f"]


def test_a_caller_who_gives_up_harms_no_other() -> None:
    queries = Queries()
    queries.gate.clear()

    async def work(lookup: Lookup) -> Any:
        one, other = (asyncio.create_task(lookup.find(entities(text))) for text in "ab")
        await _until(lambda: queries.asked)
        one.cancel()
        queries.gate.set()
        return await other

    assert run(work, queries) == ["b"]
