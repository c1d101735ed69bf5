"""A model whose answers show whose rows they are, and an executor whose calls run when the test says so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.isolation import ModelCall, Output
from inference.runner import Runner, Work
from inference.settings import RunnerSettings

INLINE = 1e9
"""`inline_ms` with which every call runs on the loop; with 0 every call runs in the executor."""
NEVER_SLOW, ALWAYS_SLOW = 1e9, 1e-9
"""`target_latency_ms`."""


class Poisoned(Exception):
    """What the model raises."""


class Numbers:
    """Row n -> (2 n, -n). Remembers the rows of every call; raises for a call that holds a poisonous row."""

    def __init__(self, poison: Collection[int] = ()) -> None:
        self.poison = frozenset(poison)
        self.calls: list[list[int]] = []

    def __call__(self, rows: NDArray[np.float32]) -> Output:
        assert rows.dtype == np.float32
        assert rows.shape[1] == 2
        numbers = rows[:, 0].astype(int).tolist()
        self.calls.append(numbers)
        found = self.poison.intersection(numbers)
        if found:
            raise Poisoned(sorted(found))
        return np.column_stack([rows[:, 0] * 2.0, -rows[:, 0].astype(np.float64)])

    @property
    def sizes(self) -> list[int]:
        """How many rows each call had."""
        return [len(call) for call in self.calls]


def rows(numbers: Iterable[int]) -> list[list[float]]:
    return [[float(number), 0.5] for number in numbers]


def answers(numbers: Iterable[int]) -> list[list[float]]:
    return [[2.0 * number, -1.0 * number] for number in numbers]


def outputs(work: Work) -> list[list[float]]:
    """The outputs of work without failures."""
    assert work.failed == {}
    assert work.outputs is not None
    return [list(map(float, row)) for row in work.outputs]


class HeldExecutor(Executor):
    """Holds calls until `release`, which runs them in the test's own thread. One that is not released hangs."""

    def __init__(self) -> None:
        self.held: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append((future, lambda: fn(*args, **kwargs)))
        return future

    def release(self) -> None:
        """Run the call that was submitted first."""
        future, call = self.held.popleft()
        if future.set_running_or_notify_cancel():
            future.set_result(call())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for future, _ in self.held:
                future.cancel()


class Ended:
    """Callbacks that count: `ended(name)` is the `done` of one work."""

    def __init__(self) -> None:
        self.works: list[tuple[object, Work]] = []

    def __call__(self, name: object) -> Callable[[Work], None]:
        return lambda work: self.works.append((name, work))

    @property
    def names(self) -> list[object]:
        return [name for name, _ in self.works]

    def work(self, name: object) -> Work:
        """The work of that name. Fails when it did not end exactly once."""
        (found,) = [work for ended, work in self.works if ended == name]
        return found


def runner_of(call: ModelCall, executor: Executor | None = None, **changes: Any) -> Runner:
    """A runner on the running loop. Without `changes` every call runs inline and nothing adapts or expires."""
    settings = {
        "inline_ms": INLINE if executor is None else 0,
        "target_latency_ms": NEVER_SLOW,
        "initial_rows": 10,
        "max_rows": 10,
        "deadline_ms": 60_000,
        **changes,
    }
    return Runner("model test", call, RunnerSettings(**settings), executor or HeldExecutor())


async def release_all(executor: HeldExecutor) -> list[int]:
    """Release calls until none is held any more; how many there were at each turn."""
    seen = []
    while executor.held:
        seen.append(len(executor.held))
        executor.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return seen


def failures(work: Work) -> dict[int, str]:
    """Row -> the name of its error's class."""
    return {row: type(error).__name__ for row, error in work.failed.items()}


def numbered(sizes: Sequence[int]) -> list[list[int]]:
    """Works of those sizes, whose rows are all different."""
    found, at = [], 0
    for size in sizes:
        found.append(list(range(at, at + size)))
        at += size
    return found
