"""A failure stays with the rows that cause it, and every work ends exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.errors import RowFailedError
from inference.isolation import MOST_CALLS, Output
from inference.runner import Runner, Work
from tests.inference.fakes import (
    ALWAYS_SLOW,
    INLINE,
    NEVER_SLOW,
    Ended,
    HeldExecutor,
    Numbers,
    Poisoned,
    answers,
    numbered,
    outputs,
    release_all,
    rows,
    runner_of,
)
from tests.inference.loops import LOOPS, MakeLoop, on_both_loops, run, turns


@on_both_loops
async def test_one_poisonous_row_of_a_batch_fails_alone() -> None:
    runner = runner_of(Numbers({6}))
    work = await runner.run(rows(range(10)))
    assert list(work.failed) == [6]
    assert isinstance(work.failed[6], RowFailedError)
    assert isinstance(work.failed[6].__cause__, Poisoned)
    assert work.outputs is not None
    assert np.delete(work.outputs, 6, axis=0).tolist() == answers([0, 1, 2, 3, 4, 5, 7, 8, 9])


@on_both_loops
async def test_one_caller_s_poison_does_not_reach_the_others_of_the_call() -> None:
    model, ended = Numbers({1, 21}), Ended()
    runner = runner_of(model)
    for name, numbers in {"a": [0], "b": [1], "c": [20, 21, 22], "d": [3]}.items():
        runner.submit(rows(numbers), ended(name))
    await turns()
    assert model.calls[0] == [0, 1, 20, 21, 22, 3], "they did share the call"
    assert outputs(ended.work("a")) == answers([0])
    assert outputs(ended.work("d")) == answers([3])
    assert list(ended.work("b").failed) == [0]
    assert list(ended.work("c").failed) == [1]
    found = ended.work("c").outputs
    assert found is not None
    assert found[[0, 2]].tolist() == answers([20, 22])


@on_both_loops
async def test_poison_in_one_part_of_cut_work_leaves_the_other_parts_right() -> None:
    runner = runner_of(Numbers({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17}))
    work = await runner.run(rows(range(25)))
    assert sorted(work.failed) == [*range(10), 17]
    assert work.outputs is not None
    good = [row for row in range(25) if row not in work.failed]
    assert work.outputs[good].tolist() == answers(good)


@on_both_loops
async def test_a_model_that_fails_on_everything_ends_soon() -> None:
    model = Numbers(range(3000))
    runner = runner_of(model, initial_rows=3000, max_rows=3000)
    work = await runner.run(rows(range(3000)))
    assert len(work.failed) == 3000
    assert all(isinstance(error, RowFailedError) for error in work.failed.values())
    assert len(model.calls) <= MOST_CALLS + 1
    model.poison = frozenset()
    assert outputs(await runner.run(rows([1]))) == answers([1])


@pytest.mark.parametrize("shape", ["too few", "too many", "a vector", "a cube", "a list", "text"])
@on_both_loops
async def test_outputs_of_the_wrong_shape_are_failures_and_nothing_hangs(shape: str) -> None:
    def call(rows: NDArray[np.float32]) -> Output:
        right = np.zeros((len(rows), 2))
        wrong: dict[str, Any] = {
            "too few": right[:-1],
            "too many": np.zeros((len(rows) + 1, 2)),
            "a vector": right[:, 0],
            "a cube": right[:, :, None],
            "a list": right.tolist(),
            "text": right.astype(object),
        }
        return cast(Output, wrong[shape])

    runner = runner_of(call)
    work = await runner.run(rows(range(25)))
    assert len(work.failed) == 25
    assert all(isinstance(error, RowFailedError) for error in work.failed.values())
    await runner.drain()


@on_both_loops
async def test_failed_calls_teach_neither_costs_nor_the_row_limit() -> None:
    runner = runner_of(Numbers(range(8)), initial_rows=8, max_rows=100)
    before = runner.cost.seconds(100)
    await runner.run(rows(range(8)))
    assert runner.cost.seconds(100) == before
    assert runner.row_limit == 8


@on_both_loops
async def test_rows_that_are_no_matrix_end_with_an_error_and_later_work_is_answered() -> None:
    ended = Ended()
    runner = runner_of(Numbers())
    runner.submit([[1.0, 2.0], [3.0]], ended("ragged"))
    await turns()
    assert [type(error) for error in ended.work("ragged").failed.values()] == [ValueError, ValueError]
    assert outputs(await runner.run(rows([1]))) == answers([1])
    await runner.drain()


# --- everything at once ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """One work of a scenario: `size` rows after `wait` turns, given up `leave` turns later (None: never)."""

    size: int
    wait: int
    leave: int | None
    coroutine: bool


callers = st.builds(
    Caller,
    size=st.integers(0, 23),
    wait=st.sampled_from([0, 0, 0, 1, 2]),
    leave=st.one_of(st.none(), st.none(), st.integers(0, 4)),
    coroutine=st.booleans(),
)


@pytest.mark.parametrize("make_loop", LOOPS)
@given(
    plan=st.lists(callers, min_size=1, max_size=12),
    poison=st.frozensets(st.integers(0, 60), max_size=8),
    limits=st.tuples(st.integers(1, 16), st.integers(1, 24)),
    inline_ms=st.sampled_from([0, INLINE]),
    target=st.sampled_from([ALWAYS_SLOW, NEVER_SLOW]),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_every_work_ends_once_with_its_own_answers(
    make_loop: MakeLoop,
    plan: Sequence[Caller],
    poison: frozenset[int],
    limits: tuple[int, int],
    inline_ms: float,
    target: float,
) -> None:
    model, executor, ended = Numbers(poison), HeldExecutor(), Ended()
    works = numbered([caller.size for caller in plan])

    async def scenario() -> None:
        initial, most = limits
        runner = runner_of(
            model, executor, initial_rows=initial, max_rows=most, inline_ms=inline_ms, target_latency_ms=target
        )
        asking = []
        for name, (caller, numbers) in enumerate(zip(plan, works, strict=True)):
            await turns(caller.wait)
            asking.append(asyncio.create_task(ask(runner, name, caller, numbers)))
            if name % 3 == 2 and executor.held:
                executor.release()
        while not all(task.done() for task in asking) or runner.queued_rows:
            await turns()
            if executor.held:
                executor.release()
        await asyncio.gather(*asking)
        draining = asyncio.create_task(runner.drain())
        await turns(3)
        await release_all(executor)
        await draining
        assert runner.queued_rows == 0

    async def ask(runner: Runner, name: int, caller: Caller, numbers: list[int]) -> None:
        if caller.coroutine:
            asked = asyncio.create_task(runner.run(rows(numbers)))
            if caller.leave is not None:
                await turns(caller.leave)
                asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                ended(name)(await asked)
            return
        over = asyncio.Event()

        def done(work: Work) -> None:
            ended(name)(work)
            over.set()

        work = runner.submit(rows(numbers), done)
        if caller.leave is None:
            await over.wait()
        else:
            await turns(caller.leave)
            work.cancel()

    run(scenario(), make_loop)
    assert len(set(ended.names)) == len(ended.works), "no work ends twice"
    assert {name for name, caller in enumerate(plan) if caller.leave is None} <= set(ended.names)
    assert max(model.sizes, default=0) <= limits[1]
    for name, work in ended.works:
        assert isinstance(name, int)
        numbers = works[name]
        assert {numbers[row] for row in work.failed} == poison.intersection(numbers)
        good = [row for row in range(len(numbers)) if row not in work.failed]
        if good:
            assert work.outputs is not None
            assert work.outputs[good].tolist() == answers(numbers[row] for row in good)
