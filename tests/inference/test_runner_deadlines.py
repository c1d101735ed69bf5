"""What the runner refuses, and when it gives up: nothing hangs."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import uvloop
from numpy.typing import NDArray

from inference.errors import DeadlineExceededError, OverloadedError
from inference.isolation import Output
from inference.runner import Runner, Work
from tests.inference.fakes import (
    Ended,
    HeldExecutor,
    Numbers,
    answers,
    failures,
    outputs,
    release_all,
    rows,
    runner_of,
)
from tests.inference.loops import MakeLoop, on_both_loops, turns

LATE = "DeadlineExceededError"
MUCH_LATER = 1.5
"""Seconds after which a machine that is merely busy would have told a caller about a deadline of hundredths."""


async def late(runner: Runner, numbers: list[int], deadline_seconds: float) -> tuple[Work, float]:
    """Work whose deadline passes, and how many seconds after its submission its caller was told."""
    begun = perf_counter()
    work = await runner.run(rows(numbers), deadline_seconds)
    return work, perf_counter() - begun


async def held(
    runner: Runner, executor: HeldExecutor, numbers: list[int], deadline: float = 60.0
) -> asyncio.Task[Work]:
    """A caller whose call now runs, and goes on until it is released."""
    caller = asyncio.create_task(runner.run(rows(numbers), deadline))
    await turns(2)
    assert len(executor.held) == 1
    return caller


@on_both_loops
async def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor, max_queued_rows=10)
    first = await held(runner, executor, [0])
    runner.submit(rows(range(1, 11)), ended("full"))
    assert runner.queued_rows == 10
    with pytest.raises(OverloadedError, match="model test is overloaded: its queue is full") as caught:
        runner.submit(rows([11]), ended("refused"))
    assert not isinstance(caught.value, DeadlineExceededError)
    assert caught.value.retry_after_seconds > 0
    await release_all(executor)
    assert outputs(await first) == answers([0])
    assert ended.names == ["full"]
    assert runner.queued_rows == 0
    assert outputs(await asyncio.wait_for(answered(runner, executor, [12]), 5)) == answers([12])


async def answered(runner: Runner, executor: HeldExecutor, numbers: list[int]) -> Work:
    caller = asyncio.create_task(runner.run(rows(numbers)))
    await turns(2)
    await release_all(executor)
    return await caller


@on_both_loops
async def test_rows_of_callers_who_left_make_room_again() -> None:
    executor = HeldExecutor()
    runner = runner_of(Numbers(), executor, max_queued_rows=10)
    await held(runner, executor, [0])
    gone = asyncio.create_task(runner.run(rows(range(1, 11))))
    await turns()
    gone.cancel()
    await turns(2)
    await release_all(executor)
    assert runner.queued_rows == 0
    assert outputs(await answered(runner, executor, list(range(20, 30)))) == answers(range(20, 30))


@on_both_loops
async def test_one_work_larger_than_the_queue_is_taken_when_nothing_else_waits() -> None:
    runner = runner_of(Numbers(), max_queued_rows=10)
    assert outputs(await runner.run(rows(range(35)))) == answers(range(35))


@on_both_loops
async def test_a_deadline_that_the_queue_cannot_meet_is_refused_at_once() -> None:
    executor, ended = HeldExecutor(), Ended()
    runner = runner_of(Numbers(), executor, initial_rows=100, max_rows=100)
    runner.cost.observe(100, 10.0)
    await held(runner, executor, [0])
    runner.submit(rows(range(10)), ended("queued"))
    with pytest.raises(OverloadedError, match="too long for the deadline") as caught:
        runner.submit(rows([10]), ended("refused"), 0.5)
    assert not isinstance(caught.value, DeadlineExceededError)
    assert caught.value.retry_after_seconds == pytest.approx(1.0)
    runner.submit(rows([10]), ended("patient"), 5.0)
    await release_all(executor)
    assert ended.names == ["queued", "patient"]


@on_both_loops
async def test_the_estimate_knows_that_a_queue_takes_several_calls() -> None:
    executor, ended = HeldExecutor(), Ended()
    runner = runner_of(Numbers(), executor, initial_rows=2, max_rows=2)
    runner.cost.observe(1, 0.1)
    runner.cost.observe(100, 0.1)
    await held(runner, executor, [0])
    for number in range(20):
        runner.submit(rows([number]), ended(number))
    with pytest.raises(OverloadedError) as caught:
        runner.submit(rows([20]), ended("refused"), 0.9)
    assert caught.value.retry_after_seconds == pytest.approx(1.0, rel=0.01)
    runner.submit(rows([20]), ended("patient"), 1.2)
    await release_all(executor)


@on_both_loops
async def test_an_idle_runner_takes_work_whatever_it_remembers_of_slow_calls() -> None:
    runner = runner_of(Numbers())
    runner.cost.observe(1, 1000.0)
    assert outputs(await runner.run(rows([1]), 5.0)) == answers([1])


@on_both_loops
async def test_a_call_that_hangs_ends_running_and_queued_work_at_the_deadline() -> None:
    executor = HeldExecutor()
    runner = runner_of(Numbers(), executor)
    running = asyncio.create_task(late(runner, [0], 0.05))
    await turns(2)
    assert len(executor.held) == 1
    queued = asyncio.create_task(late(runner, list(range(1, 25)), 0.08))
    for task, deadline in ((running, 0.05), (queued, 0.08)):
        work, seconds = await task
        assert set(failures(work).values()) == {LATE}
        assert len(work.failed) == len(work.rows)
        assert "model test could not answer in time" in str(work.failed[0])
        assert deadline - 0.003 <= seconds < MUCH_LATER


@on_both_loops
async def test_work_that_comes_after_all_others_gave_up_on_a_hanging_call_gives_up_too() -> None:
    executor = HeldExecutor()
    runner = runner_of(Numbers(), executor)
    await late(runner, [0], 0.02)
    for number in range(1, 4):
        work, seconds = await asyncio.wait_for(late(runner, [number], 0.02), 5)
        assert failures(work) == {0: LATE}
        assert seconds < MUCH_LATER
    assert len(executor.held) == 1


@on_both_loops
async def test_work_with_less_time_than_the_running_call_is_told_at_its_own_deadline() -> None:
    executor = HeldExecutor()
    runner = runner_of(Numbers(), executor)
    patient = await held(runner, executor, [0], deadline=60.0)
    work, seconds = await asyncio.wait_for(late(runner, [1], 0.03), 5)
    assert failures(work) == {0: LATE}
    assert seconds < MUCH_LATER
    await release_all(executor)
    assert outputs(await patient) == answers([0])


@on_both_loops
async def test_work_that_did_not_fit_into_the_call_is_told_at_its_own_deadline() -> None:
    executor = HeldExecutor()
    runner = runner_of(Numbers(), executor, initial_rows=2, max_rows=2)
    patient = asyncio.create_task(runner.run(rows([0, 1]), 60.0))
    work, seconds = await asyncio.wait_for(late(runner, [2], 0.03), 5)
    assert failures(work) == {0: LATE}
    assert seconds < MUCH_LATER
    await release_all(executor)
    assert outputs(await patient) == answers([0, 1])


@on_both_loops
async def test_deadlines_within_the_clock_s_resolution_are_kept_like_others() -> None:
    executor, ended = HeldExecutor(), Ended()
    runner = runner_of(Numbers(), executor)
    runner.cost.slope = 1e-9
    for number, deadline in enumerate((0.0001, 0.0004, 0.0006, 0.0001)):
        runner.submit(rows([number]), ended(number), deadline)
        await turns(2)
        runner.submit(rows([10 + number]), ended(10 + number), 60.0)
        await turns(2)
    while len(ended.works) < 4:
        await asyncio.sleep(0.001)
    assert {LATE} == {name for number in range(4) for name in failures(ended.work(number)).values()}
    await release_all(executor)
    for number in range(10, 14):
        assert outputs(ended.work(number)) == answers([number])


@on_both_loops
async def test_the_result_of_a_call_that_came_too_late_is_dropped_and_later_work_is_answered() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    runner.submit(rows(range(15)), ended("late"), 0.02)
    while not ended.works:
        await asyncio.sleep(0.001)
    assert set(failures(ended.work("late")).values()) == {LATE}
    runner.submit(rows([20]), ended("next"), 60.0)
    await release_all(executor)
    assert outputs(ended.work("next")) == answers([20])
    assert failures(ended.work("late")).keys() == set(range(15)), "the result that came after changes nothing"
    assert model.calls == [list(range(10)), [20]], "rows whose caller was told are not scored"
    await runner.drain()


@on_both_loops
async def test_a_callback_that_raises_on_a_deadline_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    executor, ended = HeldExecutor(), Ended()
    runner = runner_of(Numbers(), executor)

    def broken(_: Work) -> None:
        raise ZeroDivisionError("the caller's own fault")

    runner.submit(rows([0]), broken, 0.02)
    await turns()
    runner.submit(rows([1]), broken, 0.02)
    runner.submit(rows([2]), ended("late"), 0.02)
    runner.submit(rows([3]), ended("patient"), 60.0)
    while not ended.works:
        await asyncio.sleep(0.001)
    assert failures(ended.work("late")) == {0: LATE}
    assert len(caplog.records) == 2
    await release_all(executor)
    assert outputs(ended.work("patient")) == answers([3])


@on_both_loops
async def test_a_callback_that_raises_for_work_found_late_in_the_queue_harms_nobody_else() -> None:
    ended = Ended()
    runner = runner_of(Numbers())

    def broken(_: Work) -> None:
        raise ZeroDivisionError("the caller's own fault")

    runner.submit(rows([0]), ended(0))
    runner.submit(rows([1]), broken).deadline = 0.0
    runner.submit(rows([2]), ended(2))
    await turns()
    assert ended.names == [0, 2]
    assert outputs(ended.work(0)) == answers([0])


@on_both_loops
async def test_work_whose_time_was_over_before_its_call_is_not_scored() -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)
    runner.submit(rows([0]), ended("in time"))
    runner.submit(rows([1, 2]), ended("late")).deadline = 0.0
    await turns()
    assert failures(ended.work("late")) == {0: LATE, 1: LATE}
    assert outputs(ended.work("in time")) == answers([0])
    assert model.calls == [[0]]


@on_both_loops
async def test_work_submitted_by_a_caller_who_was_told_too_late_waits_its_turn() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor, initial_rows=1, max_rows=1)

    def again(_: Work) -> None:
        runner.submit(rows([2]), ended("again"))

    runner.submit(rows([0]), again).deadline = 0.0
    runner.submit(rows([1]), ended("first"))
    await turns(4)
    assert len(executor.held) == 1, "one call at a time"
    await release_all(executor)
    assert ended.names == ["first", "again"]
    assert outputs(ended.work("again")) == answers([2])


class RecordingLoop(asyncio.SelectorEventLoop):
    def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        timers.append(super().call_at(*args, **kwargs))
        return timers[-1]


class RecordingUvloop(uvloop.Loop):
    def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        timers.append(super().call_at(*args, **kwargs))
        return timers[-1]


timers: list[asyncio.TimerHandle] = []
"""What the recording loops have set."""


@pytest.mark.parametrize("make_loop", [RecordingLoop, RecordingUvloop])
def test_no_timer_is_left_behind_by_calls_that_end_in_time(make_loop: MakeLoop) -> None:
    async def scenario() -> None:
        executor, ended = HeldExecutor(), Ended()
        runner = runner_of(Numbers(), executor)
        for number in range(5):
            runner.submit(rows([number]), ended("a"), 60.0)
            await turns()
            runner.submit(rows([number]), ended("b"), 50.0 - number)
            await release_all(executor)

    timers.clear()
    with asyncio.Runner(loop_factory=make_loop) as loop:
        loop.run(scenario())
    assert len(timers) >= 10
    assert all(timer.cancelled() for timer in timers)


@on_both_loops
async def test_a_real_thread_that_hangs_does_not_keep_others_waiting() -> None:
    release, model = threading.Event(), Numbers()

    def call(rows: NDArray[np.float32]) -> Output:
        assert release.wait(20)
        return model(rows)

    with ThreadPoolExecutor(1) as executor:
        runner = runner_of(call, executor)
        try:
            work, seconds = await late(runner, [0], 0.05)
            assert failures(work) == {0: LATE}
            assert 0.047 <= seconds < MUCH_LATER
        finally:
            release.set()
        assert outputs(await runner.run(rows([1]))) == answers([1])
        await runner.drain()
