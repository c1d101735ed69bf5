"""Versions installed, swapped and closed while callers are being answered."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import threading
import weakref

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import NotLoadedError, RunnerClosedError
from inference.isolation import Output
from inference.loaded import LoadedModel, load
from inference.pool import Pool, Stage
from inference.runner import Runner
from inference.settings import RunnerSettings
from tests.inference.loops import on_both_loops, turns
from tests.small_version import definition, save

POOLED = definition("pooled")
THREADED = RunnerSettings(inline_ms=0, deadline_ms=60_000)


class Slow(LoadedModel):
    """Scores are `mark`; calls wait until `free` is set."""

    mark: float
    free: threading.Event
    began: threading.Event

    def score(self, rows: NDArray[np.float32]) -> Output:
        self.began.set()
        assert self.free.wait(20)
        return np.full((len(rows), 2), self.mark)


@pytest.fixture(scope="module")
def stored() -> LoadedModel:
    return load(POOLED, save(POOLED))


def slow(stored: LoadedModel, mark: float) -> Slow:
    model = Slow(**{field.name: getattr(stored, field.name) for field in dataclasses.fields(LoadedModel)})
    for name, value in {"mark": mark, "free": threading.Event(), "began": threading.Event()}.items():
        object.__setattr__(model, name, value)
    return model


def rows(stored: LoadedModel, count: int = 1) -> NDArray[np.float32]:
    return stored.encoding.matrix([POOLED.schema.example] * count)


async def began(model: Slow) -> None:
    assert await asyncio.to_thread(model.began.wait, 10)


async def marks(runner: Runner, given: NDArray[np.float32]) -> set[float]:
    work = await runner.run(given)
    assert work.failed == {}
    assert work.outputs is not None
    return set(work.outputs[:, 0].tolist())


@on_both_loops
async def test_a_model_that_nobody_installed_says_why() -> None:
    pool = Pool(RunnerSettings())
    with pytest.raises(NotLoadedError, match="model 'pooled' cannot answer: it is not loaded yet"):
        pool.get("pooled")
    pool.refuse("pooled", "its trees are gone")
    with pytest.raises(NotLoadedError, match="its trees are gone") as caught:
        pool.get("pooled")
    assert (caught.value.model, caught.value.reason) == ("pooled", "its trees are gone")
    assert dict(pool.reasons) == {"pooled": "its trees are gone"}
    await pool.close(1)


@on_both_loops
async def test_an_installed_model_answers_and_has_no_reason_against_it(stored: LoadedModel) -> None:
    pool = Pool(RunnerSettings())
    pool.refuse("pooled", "not yet")
    pool.install(stored)
    assert pool.get("pooled").loaded is stored
    assert dict(pool.reasons) == {}
    assert list(pool.hosted) == ["pooled"]
    example = stored.details.example
    work = await pool.get("pooled").scoring.run(rows(stored))
    assert work.outputs is not None
    assert work.outputs[0] == pytest.approx([example.margin, example.score], abs=1e-5)
    await pool.close(1)


@on_both_loops
async def test_a_refused_swap_leaves_the_installed_version_serving(stored: LoadedModel) -> None:
    pool = Pool(RunnerSettings())
    pool.install(stored)
    pool.refuse("pooled", "the new one is damaged")
    assert pool.get("pooled").loaded is stored
    assert dict(pool.reasons) == {"pooled": "the new one is damaged"}
    await pool.close(1)


@on_both_loops
async def test_work_in_flight_at_a_swap_finishes_on_the_old_version(stored: LoadedModel) -> None:
    pool = Pool(THREADED)
    old, new = slow(stored, 1.0), slow(stored, 2.0)
    pool.install(old)
    before = pool.get("pooled")
    running = asyncio.create_task(marks(before.scoring, rows(stored)))
    await began(old)
    queued = asyncio.create_task(marks(before.scoring, rows(stored, 3)))
    await turns()
    pool.install(new)
    new.free.set()
    assert await marks(pool.get("pooled").scoring, rows(stored)) == {2.0}, "the new one does not wait for the old one"
    assert not running.done()
    old.free.set()
    assert await running == await queued == {1.0}
    assert await marks(before.scoring, rows(stored)) == {1.0}, "who still holds the old one may ask it"
    await pool.close(5)


@on_both_loops
async def test_close_answers_what_is_queued_also_on_replaced_versions(stored: LoadedModel) -> None:
    pool = Pool(THREADED)
    old, new = slow(stored, 1.0), slow(stored, 2.0)
    pool.install(old)
    asked = [asyncio.create_task(marks(pool.get("pooled").scoring, rows(stored))) for _ in range(2)]
    await began(old)
    asked.append(asyncio.create_task(marks(pool.get("pooled").scoring, rows(stored))))
    await turns()
    pool.install(new)
    hosted = pool.get("pooled")
    closing = asyncio.create_task(pool.close(15))
    await turns(3)
    with pytest.raises(RunnerClosedError):
        hosted.scoring.submit(rows(stored), print)
    assert not closing.done()
    old.free.set()
    await closing
    assert [await task for task in asked] == [{1.0}] * 3


@on_both_loops
async def test_close_ends_by_its_timeout_when_a_call_hangs(
    stored: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(THREADED)
    hanging = slow(stored, 1.0)
    pool.install(hanging)
    scoring = pool.get("pooled").scoring
    running = asyncio.create_task(scoring.run(rows(stored)))
    try:
        await began(hanging)
        queued = asyncio.create_task(scoring.run(rows(stored, 2)))
        await turns()
        async with asyncio.timeout(5):
            await pool.close(0.05)
            for task, count in ((running, 1), (queued, 2)):
                failed = (await task).failed
                assert [type(error) for error in failed.values()] == [RunnerClosedError] * count
    finally:
        hanging.free.set()
    await scoring.drain()
    assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == [logging.WARNING]


@on_both_loops
async def test_close_gives_up_calls_that_wait_for_a_thread(
    stored: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(RunnerSettings(inline_ms=0, threads=1, deadline_ms=60_000))
    hanging = slow(stored, 1.0)
    pool.install(hanging)
    hosted = pool.get("pooled")
    running = asyncio.create_task(hosted.scoring.run(rows(stored)))
    try:
        await began(hanging)
        waiting = asyncio.create_task(hosted.explaining.run(rows(stored)))
        await turns(2)
        async with asyncio.timeout(5):
            await pool.close(0.05)
            assert isinstance((await waiting).failed[0], RunnerClosedError)
            assert isinstance((await running).failed[0], RunnerClosedError)
    finally:
        hanging.free.set()
    await hosted.scoring.drain()
    assert all(record.levelno <= logging.WARNING for record in caplog.records)


@on_both_loops
async def test_every_call_is_observed_with_its_model_and_stage(stored: LoadedModel) -> None:
    heard: list[tuple[str, Stage, int]] = []
    pool = Pool(RunnerSettings(), lambda model, stage, count, waited, took: heard.append((model, stage, count)))
    pool.install(stored)
    await pool.get("pooled").scoring.run(rows(stored, 3))
    await pool.get("pooled").explaining.run(rows(stored, 2))
    await pool.close(5)
    assert heard == [("pooled", "score", 3), ("pooled", "explain", 2)]


@on_both_loops
async def test_a_replaced_version_leaves_memory_when_its_work_is_done(stored: LoadedModel) -> None:
    pool = Pool(THREADED)
    old = slow(stored, 1.0)
    old.free.set()
    pool.install(old)
    assert await marks(pool.get("pooled").scoring, rows(stored)) == {1.0}
    kept = weakref.ref(old)
    pool.install(stored)
    del old
    gc.collect()
    assert kept() is None
    await pool.close(5)
