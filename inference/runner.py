"""The adaptive micro-batching runner: concurrent callers share model calls.

It conserves work: an idle runner calls the model in the same turn of the event loop in which rows arrive, together with
all other rows of that turn, and never waits for more. While a call runs, arriving rows queue up and the next call takes
them together, up to a row limit that follows a latency target by additive increase and multiplicative decrease
(Crankshaw et al. 2017, "Clipper", NSDI). Rows are counted, not requests; a large request is cut to the row limit and
takes turns with small ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from inference.cost import CostModel
from inference.errors import DeadlineExceededError, OverloadedError, RowFailedError, RunnerClosedError
from inference.isolation import ModelCall, Output, run_isolated
from inference.settings import RunnerSettings

logger = logging.getLogger("tiffin.inference")

Rows = Sequence[Sequence[float]] | NDArray[np.float32]
Observer = Callable[[int, float, float], None]
"""Told of every call: rows, seconds the oldest row waited, seconds the call took."""
DECREASE = 0.9


class Work:
    """Rows of one caller. `outputs` fills as calls finish; `failed` maps a row's index to its error."""

    __slots__ = ("arrived", "deadline", "done", "failed", "finished", "outputs", "remaining", "rows", "taken")

    def __init__(self, rows: Rows, arrived: float, deadline: float, done: Callable[[Work], None]) -> None:
        self.rows = rows
        self.arrived = arrived
        self.deadline = deadline
        self.done = done
        self.outputs: Output | None = None
        self.failed: dict[int, Exception] = {}
        self.taken = 0
        self.remaining = len(rows)
        self.finished = False

    def cancel(self) -> None:
        """Nobody waits for the outputs any more: rows not yet taken are dropped, the others' results ignored."""
        self.finished = True

    def fail(self, error: Exception) -> None:
        """Every row ends with `error`."""
        if not self.finished:
            self.failed = dict.fromkeys(range(len(self.rows)), error)
            self.end()

    def end(self) -> None:
        """Tell the caller, who may raise without harm to others. Only the first call does anything."""
        if not self.finished:
            self.finished = True
            try:
                self.done(self)
            except Exception:
                logger.exception("a caller's callback failed")


Slice = tuple[Work, int, int]


class Runner:
    """Runs one model call for many callers. All methods belong to the event loop's thread.

    `name` appears in messages; `observe` is told of every call.
    """

    def __init__(
        self,
        name: str,
        call: ModelCall,
        settings: RunnerSettings,
        executor: Executor,
        observe: Observer | None = None,
    ) -> None:
        self.name = name
        self._call = call
        self._settings = settings
        self._executor = executor
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Work] = deque()
        self._running: list[Slice] = []
        self._busy = False
        self._scheduled = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._watch: asyncio.TimerHandle | None = None
        self._watched_until = math.inf
        self._earliest = math.inf
        """No queued work has an earlier deadline."""
        self.cost = CostModel()
        self.queued_rows = 0
        self.row_limit = float(min(settings.initial_rows, settings.max_rows))
        self._slow_start = True

    # --- callers ---------------------------------------------------------------------------------------------------

    def submit(self, rows: Rows, done: Callable[[Work], None], deadline_seconds: float | None = None) -> Work:
        """Queue encoded rows; `done(work)` is called once in the loop's thread when all of them have ended.

        Raises OverloadedError when the queue is full or cannot meet the deadline, RunnerClosedError when draining.
        """
        if self._closed:
            raise RunnerClosedError(f"{self.name} is shutting down")
        now = self._loop.time()
        allowed = self._settings.deadline_ms / 1000 if deadline_seconds is None else deadline_seconds
        size = len(rows)
        waiting = self.queued_rows + size
        if waiting > self._settings.max_queued_rows and self.queued_rows:
            raise self._overloaded("its queue is full")
        if self.queued_rows and self._seconds(waiting) > allowed:
            raise self._overloaded("its queue is too long for the deadline")
        work = Work(rows, perf_counter(), now + allowed, done)
        if not size:
            work.outputs = np.empty((0, 0))
            self._loop.call_soon(work.end)
            return work
        self._queue.append(work)
        self.queued_rows = waiting
        self._earliest = min(self._earliest, work.deadline)
        self._idle.clear()
        if self._busy:
            self._watch_until(work.deadline)
        else:
            self._schedule()
        return work

    async def run(self, rows: Rows, deadline_seconds: float | None = None) -> Work:
        """`submit` for coroutines: the finished work. Cancelling the coroutine cancels only its own rows."""
        future: asyncio.Future[Work] = self._loop.create_future()

        def done(work: Work) -> None:
            if not future.done():
                future.set_result(work)

        work = self.submit(rows, done, deadline_seconds)
        try:
            return await future
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def drain(self) -> None:
        """Take no new work and return when everything queued has been answered."""
        self._closed = True
        await self._idle.wait()

    def abandon(self) -> None:
        """Take no new work and end what is unanswered with RunnerClosedError. A running call is not stopped."""
        self._closed = True
        self._unwatch()
        for work in self._unanswered():
            work.fail(RunnerClosedError(f"{self.name} is shutting down"))

    # --- the loop --------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Take what fits into one call and run it: here when it is short, in a thread when it is long."""
        self._scheduled = False
        if self._busy:
            return
        batch, count = self._take()
        try:
            rows = _stack(batch) if batch else None
        except Exception as error:  # rows that are no matrix are a bug of the caller, but nobody may wait for ever
            rows = None
            for work, _, _ in batch:
                work.fail(error)
        if rows is None:
            self._go_on()
            return
        self._running = batch
        self._busy = True
        oldest = perf_counter() - batch[0][0].arrived
        if self.cost.seconds(count) * 1000 <= self._settings.inline_ms:
            self._finish(*run_isolated(self._call, rows), oldest)
            return
        self._watch_until(min(self._earliest, *(work.deadline for work, _, _ in batch)))
        future = self._executor.submit(run_isolated, self._call, rows)
        future.add_done_callback(lambda future: self._hand_over(future, oldest))

    def _hand_over(self, future: Future[tuple[Output, dict[int, Exception], float]], oldest: float) -> None:
        """Called in the call's thread, or where the executor was shut down before the call began."""
        if not future.cancelled():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._finish, *future.result(), oldest)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._dispatch)

    def _go_on(self) -> None:
        """What follows a call: the next one, or rest."""
        if self._queue:
            self._schedule()
        else:
            self._rest()

    def _take(self) -> tuple[list[Slice], int]:
        """Slices of queued work up to the row limit, oldest first; expired and cancelled work is left out.

        Work that does not fit goes to the queue's end with what is left of it.
        """
        now = self._loop.time()
        room = max(int(self.row_limit), 1)
        batch: list[Slice] = []
        count = 0
        while self._queue and room > 0:
            work = self._queue[0]
            left = len(work.rows) - work.taken
            if work.finished or work.deadline < now:
                self._queue.popleft()
                self.queued_rows -= left
                work.fail(self._late())
                continue
            size = min(left, room)
            batch.append((work, work.taken, work.taken + size))
            work.taken += size
            self.queued_rows -= size
            room -= size
            count += size
            self._queue.popleft()
            if size < left:
                self._queue.append(work)
        if not self._queue:
            self._earliest = math.inf
        return batch, count

    def _finish(self, outputs: Output, failures: dict[int, Exception], seconds: float, waited: float) -> None:
        batch, self._running = self._running, []
        self._busy = False
        self._unwatch()
        count = len(outputs)
        if failures:
            logger.warning(
                "%s: %d of %d rows failed: %r", self.name, len(failures), count, next(iter(failures.values()))
            )
        else:
            self.cost.observe(count, seconds)
            self._adapt(count, seconds)
        if self._observe is not None:
            try:
                self._observe(count, waited, seconds)
            except Exception:
                logger.exception("%s: an observer failed", self.name)
        if self._queue:
            self._schedule()
        _deliver(batch, outputs, failures)
        self._go_on()

    def _adapt(self, count: int, seconds: float) -> None:
        """Additive increase while full calls meet the latency target, multiplicative decrease when one does not.

        Until the target is first missed the limit doubles, as TCP's window does in slow start. It does not fall where
        most of a call's time is overhead: smaller calls would take about as long, and there would be more of them.
        (With 8 ms of overhead and 128 callers it fell to 1, giving 117 rows/s; it stays near 40 and gives 4 000.)
        """
        if seconds * 1000 > self._settings.target_latency_ms:
            if count >= int(self.row_limit) * DECREASE:
                self._slow_start = False
                if self.cost.slope * count >= self.cost.overhead:
                    self.row_limit = max(1.0, self.row_limit * DECREASE)
        elif count >= int(self.row_limit):
            step = self.row_limit if self._slow_start else max(1.0, self._settings.initial_rows / 8)
            self.row_limit = min(float(self._settings.max_rows), self.row_limit + step)

    def _expire(self) -> None:
        """The running call outlasts a deadline: whoever is late is told now, the call goes on."""
        self._unwatch()
        now = self._loop.time()
        for work in self._unanswered():
            if work.deadline <= now:
                work.fail(self._late())
        self._earliest = min((work.deadline for work in self._unanswered()), default=math.inf)
        if self._earliest < math.inf:
            self._watch_until(self._earliest)

    def _watch_until(self, deadline: float) -> None:
        """While a call runs in a thread, look at `deadline` at the latest for work whose time is over."""
        if deadline < self._watched_until:
            self._unwatch()
            self._watched_until = deadline  # uvloop's handles do not all know when they are due
            self._watch = self._loop.call_at(deadline, self._expire)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
            self._watched_until = math.inf

    def _unanswered(self) -> list[Work]:
        """All work that is running or queued and has not ended."""
        return [work for work in [*(work for work, _, _ in self._running), *self._queue] if not work.finished]

    def _rest(self) -> None:
        if not self._queue and not self._busy:
            self._idle.set()

    def _late(self) -> DeadlineExceededError:
        return DeadlineExceededError(f"{self.name} could not answer in time", self._retry_after())

    def _overloaded(self, reason: str) -> OverloadedError:
        return OverloadedError(f"{self.name} is overloaded: {reason}", self._retry_after())

    def _retry_after(self) -> float:
        """Seconds until the queue as it stands will be worked off."""
        return max(self._seconds(self.queued_rows), 0.05)

    def _seconds(self, rows: int) -> float:
        """How long calls for that many rows will take, cut to the row limit as they are."""
        return self.cost.seconds(rows, calls=math.ceil(rows / int(self.row_limit)))


def _stack(batch: list[Slice]) -> NDArray[np.float32]:
    """The rows of all slices as one float32 matrix."""
    if len(batch) == 1:
        work, start, stop = batch[0]
        return np.asarray(work.rows[start:stop], np.float32)
    if all(stop - start == 1 for _, start, stop in batch):
        return np.array([work.rows[start] for work, start, _ in batch], np.float32)
    return np.concatenate([np.asarray(work.rows[start:stop], np.float32) for work, start, stop in batch])


def _deliver(batch: list[Slice], outputs: Output, failures: dict[int, Exception]) -> None:
    at = 0
    for work, start, stop in batch:
        size = stop - start
        if not work.finished:
            if size == len(work.rows):
                work.outputs = outputs[at : at + size]
            elif outputs.shape[1]:
                if work.outputs is None:
                    work.outputs = np.full((len(work.rows), outputs.shape[1]), np.nan)
                work.outputs[start:stop] = outputs[at : at + size]
            if failures:
                work.failed.update(
                    {start + i: _row_failed(failures[at + i]) for i in range(size) if at + i in failures}
                )
            _settle(work, size)
        at += size


def _row_failed(cause: Exception) -> RowFailedError:
    error = RowFailedError("the model failed on this row")
    error.__cause__ = cause
    return error


def _settle(work: Work, rows: int) -> None:
    """`rows` more rows of the work have ended; tell the caller when they were the last."""
    work.remaining -= rows
    if work.remaining == 0:
        work.end()
