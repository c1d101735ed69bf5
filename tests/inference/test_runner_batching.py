"""Who shares a call with whom, and when it runs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
import pytest
import uvloop
from numpy.typing import NDArray

from inference.errors import RunnerClosedError
from inference.isolation import Output
from tests.inference.fakes import (
    ALWAYS_SLOW,
    NEVER_SLOW,
    Ended,
    HeldExecutor,
    Numbers,
    answers,
    numbered,
    outputs,
    release_all,
    rows,
    runner_of,
)
from tests.inference.loops import MakeLoop, on_both_loops, turns


def _no_timer(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a timer was set")


class TimerlessLoop(asyncio.SelectorEventLoop):
    call_later = call_at = _no_timer


class TimerlessUvloop(uvloop.Loop):
    call_later = call_at = _no_timer


@pytest.mark.parametrize("make_loop", [TimerlessLoop, TimerlessUvloop])
def test_an_idle_runner_answers_in_the_next_turn_of_the_loop_without_a_timer(make_loop: MakeLoop) -> None:
    async def scenario() -> None:
        model, executor = Numbers(), HeldExecutor()
        runner = runner_of(model, executor, inline_ms=1.0)
        for number in range(5):
            ended = Ended()
            runner.submit(rows([number]), ended("single"))
            assert model.calls == [[n] for n in range(number)], "not inside submit: rows of this turn may still come"
            await asyncio.sleep(0)
            assert outputs(ended.work("single")) == answers([number])
        assert not executor.held

    with asyncio.Runner(loop_factory=make_loop) as loop:
        loop.run(scenario())


@on_both_loops
async def test_rows_that_arrive_in_one_turn_share_one_call() -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)
    for number in range(5):
        runner.submit(rows([number]), ended(number))
    await turns()
    assert model.calls == [[0, 1, 2, 3, 4]]
    assert ended.names == [0, 1, 2, 3, 4]
    for number in range(5):
        assert outputs(ended.work(number)) == answers([number])


@on_both_loops
async def test_rows_may_come_as_a_matrix_or_as_lists() -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)
    runner.submit(np.array(rows([1, 2]), np.float32), ended("matrix"))
    runner.submit(rows([3, 4]), ended("lists"))
    runner.submit(np.array(rows([5]), np.float64), ended("double"))
    await turns()
    assert model.calls == [[1, 2, 3, 4, 5]]
    assert [outputs(work) for _, work in ended.works] == [answers([1, 2]), answers([3, 4]), answers([5])]


@on_both_loops
async def test_rows_that_arrive_while_a_call_runs_share_the_next_one() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    runner.submit(rows([0]), ended(0))
    await turns(2)
    for number in range(1, 6):
        runner.submit(rows([number]), ended(number))
        await turns(2)
    assert len(executor.held) == 1, "one call at a time"
    assert ended.works == []
    executor.release()
    await turns(2)
    assert ended.names == [0]
    executor.release()
    await turns(2)
    assert model.calls == [[0], [1, 2, 3, 4, 5]]
    assert ended.names == [0, 1, 2, 3, 4, 5]
    assert outputs(ended.work(3)) == answers([3])


@on_both_loops
async def test_short_calls_run_on_the_loop_and_long_ones_in_the_executor() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor, inline_ms=1.0)
    runner.cost.observe(1, 0.0009)
    runner.submit(rows([0]), ended("short"))
    await turns()
    assert ended.names == ["short"]
    runner.cost.observe(1, 1.0)
    runner.submit(rows([1]), ended("long"))
    await turns()
    assert len(executor.held) == 1
    await release_all(executor)
    assert ended.names == ["short", "long"]


@on_both_loops
async def test_the_limit_counts_rows_not_requests() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    works = numbered([7, 7, 7])
    for name, numbers in enumerate(works):
        runner.submit(rows(numbers), ended(name))
    await turns()
    await release_all(executor)
    assert model.sizes == [10, 10, 1]
    for name, numbers in enumerate(works):
        assert outputs(ended.work(name)) == answers(numbers)


@on_both_loops
async def test_large_work_takes_turns_with_small_ones() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    runner.submit(rows(range(100)), ended("large"))
    await turns()
    runner.submit(rows([1000]), ended("small"))
    runner.submit(rows(range(2000, 2025)), ended("middle"))
    for _ in range(3):
        executor.release()
        await turns(2)
    assert ended.names == ["small"], "it waited for the large one's present turn and one more"
    await release_all(executor)
    assert ended.names == ["small", "middle", "large"]
    assert max(model.sizes) == 10
    assert sum(model.sizes) == 126
    assert outputs(ended.work("large")) == answers(range(100))
    assert outputs(ended.work("middle")) == answers(range(2000, 2025))


class Timed(Numbers):
    """A model whose calls take as long as it says, by the clock that measures them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, call_seconds: float = 0, row_seconds: float = 0) -> None:
        super().__init__()
        self.now = 0.0
        self.call_seconds, self.row_seconds = call_seconds, row_seconds
        monkeypatch.setattr("inference.isolation.perf_counter", lambda: self.now)

    def __call__(self, rows: NDArray[np.float32]) -> Output:
        self.now += self.call_seconds + self.row_seconds * len(rows)
        return super().__call__(rows)


@on_both_loops
async def test_the_row_limit_falls_while_calls_are_slow_and_never_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Timed(monkeypatch, call_seconds=0.0001, row_seconds=0.01)
    runner = runner_of(model, initial_rows=64, max_rows=4096, target_latency_ms=5.0)
    await runner.run(rows(range(2000)))
    assert model.sizes[0] == 64
    assert all(after <= before for before, after in pairwise(model.sizes))
    assert model.sizes[-1] == 1
    assert runner.row_limit == 1.0


@on_both_loops
async def test_the_row_limit_does_not_fall_where_fewer_rows_would_not_make_calls_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Timed(monkeypatch, call_seconds=0.008, row_seconds=0.00001)
    runner = runner_of(model, initial_rows=64, max_rows=4096, target_latency_ms=5.0)
    for _ in range(3000):
        await runner.run(rows(range(int(runner.row_limit))))
    assert runner.row_limit > 40


@on_both_loops
async def test_the_row_limit_grows_while_calls_are_full_and_fast_up_to_its_bound() -> None:
    model = Numbers()
    runner = runner_of(model, initial_rows=8, max_rows=20, target_latency_ms=NEVER_SLOW)
    await runner.run(rows(range(300)))
    assert model.sizes[:2] == [8, 16]
    assert set(model.sizes[2:-1]) == {20}
    assert runner.row_limit == 20.0


@on_both_loops
async def test_calls_that_are_not_full_teach_the_limit_nothing() -> None:
    slow = runner_of(Numbers(), initial_rows=64, max_rows=4096, target_latency_ms=ALWAYS_SLOW)
    fast = runner_of(Numbers(), initial_rows=64, max_rows=4096, target_latency_ms=NEVER_SLOW)
    for _ in range(20):
        await slow.run(rows(range(32)))
        await fast.run(rows(range(32)))
    assert slow.row_limit == fast.row_limit == 64.0


@on_both_loops
async def test_the_row_limit_falls_by_a_tenth_and_recovers_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Timed(monkeypatch, row_seconds=0.0001)
    runner = runner_of(model, initial_rows=64, max_rows=80, target_latency_ms=5.0)
    limits = []
    for _ in range(7):
        await runner.run(rows(range(int(runner.row_limit))))
        limits.append(runner.row_limit)
    low = 64 * 0.9**3
    assert limits[:3] == pytest.approx([57.6, 51.84, low])
    assert limits[3:] == pytest.approx([low + 8, (low + 8) * 0.9, (low + 8) * 0.9 + 8, ((low + 8) * 0.9 + 8) * 0.9])
    model.row_seconds = 0.00001
    before = runner.row_limit
    for step in (8, 16, 24, 80 - before, 80 - before):
        await runner.run(rows(range(int(runner.row_limit))))
        assert runner.row_limit == pytest.approx(before + step)


@on_both_loops
async def test_no_call_ever_exceeds_max_rows_not_even_the_first() -> None:
    model = Numbers()
    runner = runner_of(model, initial_rows=64, max_rows=5)
    await runner.run(rows(range(23)))
    assert model.sizes == [5, 5, 5, 5, 3]


@on_both_loops
async def test_work_without_rows_ends_without_a_call() -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)
    runner.submit([], ended("empty"))
    assert ended.works == [], "done is never called inside submit"
    await turns()
    work = ended.work("empty")
    assert work.outputs is not None
    assert len(work.outputs) == 0
    assert work.failed == {}
    assert model.calls == []
    assert (await runner.run([])).failed == {}


@on_both_loops
async def test_cancelling_a_caller_harms_nobody_else_in_its_call() -> None:
    model, executor = Numbers(), HeldExecutor()
    runner = runner_of(model, executor)
    callers = [asyncio.create_task(runner.run(rows([number]))) for number in range(4)]
    await turns(2)
    assert len(executor.held) == 1
    callers[1].cancel()
    await turns(2)
    assert callers[1].cancelled()
    await release_all(executor)
    for number in (0, 2, 3):
        assert outputs(await callers[number]) == answers([number])


@on_both_loops
async def test_rows_of_a_caller_who_left_before_their_call_are_not_scored() -> None:
    model, executor = Numbers(), HeldExecutor()
    runner = runner_of(model, executor)
    first = asyncio.create_task(runner.run(rows([0])))
    await turns(2)
    gone = asyncio.create_task(runner.run(rows(range(10, 35))))
    last = asyncio.create_task(runner.run(rows([1])))
    await turns()
    gone.cancel()
    await turns()
    await release_all(executor)
    assert outputs(await first) == answers([0])
    assert outputs(await last) == answers([1])
    assert model.calls == [[0], [1]]
    assert runner.queued_rows == 0


@on_both_loops
async def test_cancelled_work_never_calls_back() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    running = runner.submit(rows(range(15)), ended("running"))
    await turns()
    queued = runner.submit(rows([20]), ended("queued"))
    empty = runner.submit([], ended("empty"))
    for work in (running, queued, empty):
        work.cancel()
    await release_all(executor)
    await runner.drain()
    assert ended.works == []
    assert model.calls == [list(range(10))], "the second part was not begun"


@on_both_loops
async def test_a_callback_that_raises_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)

    def broken(_: object) -> NoReturn:
        raise ZeroDivisionError("the caller's own fault")

    runner.submit(rows([0]), ended(0))
    runner.submit(rows([1]), broken)
    runner.submit([], broken)
    runner.submit(rows([2]), ended(2))
    await turns(2)
    assert ended.names == [0, 2]
    assert outputs(await runner.run(rows([3]))) == answers([3])
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


@on_both_loops
async def test_an_observer_hears_of_every_call_and_may_raise(caplog: pytest.LogCaptureFixture) -> None:
    from inference.runner import Runner
    from inference.settings import RunnerSettings

    heard: list[tuple[int, float, float]] = []

    def observe(*told: Any) -> None:
        heard.append(told)
        raise ZeroDivisionError("the observer's own fault")

    runner = Runner("model test", Numbers({3}), RunnerSettings(inline_ms=1e9), HeldExecutor(), observe)
    assert outputs(await runner.run(rows([0, 1]))) == answers([0, 1])
    await runner.run(rows([2, 3, 4]))
    assert [count for count, _, _ in heard] == [2, 3]
    assert all(waited >= 0 and took > 0 for _, waited, took in heard)
    assert "an observer failed" in caplog.text
    await runner.drain()


@on_both_loops
async def test_callbacks_may_submit_more_work() -> None:
    model, ended = Numbers(), Ended()
    runner = runner_of(model)
    left = [5, 4, 3, 2, 1]

    def again(work: Any) -> None:
        ended(len(left))(work)
        if left:
            runner.submit(rows([left.pop()]), again)

    runner.submit(rows([0]), again)
    await turns(7)
    assert model.calls == [[0], [1], [2], [3], [4], [5]]
    assert len(ended.works) == 6
    await runner.drain()


@on_both_loops
async def test_drain_answers_what_is_queued_and_takes_nothing_new() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    works = numbered([3, 15, 1])
    for name, numbers in enumerate(works):
        runner.submit(rows(numbers), ended(name))
    await turns()
    draining = asyncio.create_task(runner.drain())
    await turns(2)
    with pytest.raises(RunnerClosedError, match="model test is shutting down"):
        runner.submit(rows([99]), ended("late"))
    with pytest.raises(RunnerClosedError):
        await runner.run(rows([99]))
    assert not draining.done()
    await release_all(executor)
    await draining
    for name, numbers in enumerate(works):
        assert outputs(ended.work(name)) == answers(numbers)
    assert all(99 not in call for call in model.calls)


@on_both_loops
async def test_drain_returns_at_once_when_nothing_is_queued() -> None:
    fresh, used = runner_of(Numbers()), runner_of(Numbers())
    await used.run(rows([1]))
    for runner in (fresh, used, used):
        draining = asyncio.create_task(runner.drain())
        await turns(2)
        assert draining.done()


@on_both_loops
async def test_abandoned_work_ends_with_an_error_and_what_the_call_brings_is_dropped() -> None:
    model, executor, ended = Numbers(), HeldExecutor(), Ended()
    runner = runner_of(model, executor)
    runner.submit(rows(range(15)), ended("running"))
    await turns()
    runner.submit(rows([20]), ended("queued"))
    runner.abandon()
    for name in ("running", "queued"):
        assert {type(error) for error in ended.work(name).failed.values()} == {RunnerClosedError}
    with pytest.raises(RunnerClosedError):
        runner.submit(rows([21]), ended("late"))
    await release_all(executor)
    await runner.drain()
    assert sorted(map(str, ended.names)) == ["queued", "running"]
    assert model.calls == [list(range(10))]


@on_both_loops
async def test_real_threads_keep_answers_and_callers_together() -> None:
    model = Numbers({77})
    with ThreadPoolExecutor(2) as executor:
        runner = runner_of(model, executor, max_rows=64, initial_rows=16)
        works = numbered([1 + number % 7 for number in range(120)])
        found = await asyncio.gather(*(runner.run(rows(numbers)) for numbers in works))
        await runner.drain()
    for numbers, work in zip(works, found, strict=True):
        assert [numbers[row] for row in work.failed] == [77] * (77 in numbers)
        assert work.outputs is not None
        right = [(row, answer) for row, answer in enumerate(answers(numbers)) if row not in work.failed]
        assert [(row, work.outputs[row].tolist()) for row, _ in right] == right


def test_a_loop_that_closes_before_a_call_ends_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    executor = HeldExecutor()

    async def leave() -> None:
        runner_of(Numbers(), executor).submit(rows([1]), Ended()("left"))
        await turns()

    asyncio.run(leave())
    executor.release()
    assert caplog.records == []
