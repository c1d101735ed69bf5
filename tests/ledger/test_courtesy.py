"""When the shipper holds back, and when it does not any more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ledger import courtesy as courtesy_module
from ledger.courtesy import FREE_PROCESSORS, SHORTEST_LOOK_SECONDS, Courtesy, IdleProcessors

IDLE = FREE_PROCESSORS * 2
BUSY = FREE_PROCESSORS / 2


class Machine:
    """Says what the test wants."""

    idle: float | None = BUSY

    def __call__(self) -> float | None:
        return self.idle


def test_it_holds_back_only_while_the_processors_are_busy() -> None:
    machine = Machine()
    courtesy = Courtesy(10, 1000, machine)
    assert courtesy.holds_back(0, 1)
    assert courtesy.holds_back(9.9, 999)
    machine.idle = IDLE
    assert not courtesy.holds_back(0, 1)
    machine.idle = None
    assert not courtesy.holds_back(0, 1)


def test_patience_and_room_are_limited_and_then_all_is_shipped() -> None:
    for seconds, size in ((10.0, 1), (0.0, 1000)):
        courtesy = Courtesy(10, 1000, Machine())
        assert courtesy.look_seconds > 0
        assert not courtesy.holds_back(seconds, size)
        assert not courtesy.holds_back(0, 1)  # a part is shipped now, the rest must be, too
        assert courtesy.look_seconds == 0
        courtesy.caught_up()
        assert courtesy.holds_back(0, 1)


def test_its_own_work_is_not_taken_for_that_of_others() -> None:
    windows = [BUSY, IDLE]  # one while it ships, one while it looks
    courtesy = Courtesy(10, 1000, lambda: windows.pop(0))
    courtesy.worked()
    assert not courtesy.holds_back(0, 1)


def test_without_patience_it_never_holds_back() -> None:
    assert not Courtesy(0, 1000, Machine()).holds_back(0, 1)


@pytest.mark.parametrize("said", [None, "", "cpu 1 2 3 4 5 6\n", "cpu0 1\ncpu1 2\n", "cpu0 a b c d e f g\n", "\0\xff"])
def test_where_the_kernel_says_nothing_of_use_nobody_is_held_back(
    said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    if said is not None:
        stat.write_text(said, "utf-8")
    monkeypatch.setattr(courtesy_module, "_STAT", stat)
    courtesy = Courtesy(10, 1000)
    time.sleep(2 * SHORTEST_LOOK_SECONDS)
    assert not courtesy.holds_back(0, 1)


def test_the_kernel_says_how_many_processors_are_idle() -> None:
    idle = IdleProcessors()
    assert idle.since_last() is None  # too soon to tell
    time.sleep(0.2)
    found = idle.since_last()
    assert found is not None
    assert 0 <= found <= 1.5 * len(os.sched_getaffinity(0))


def test_a_processor_that_this_process_burns_is_not_idle() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        idle = IdleProcessors()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass
        found = idle.since_last()
    finally:
        os.sched_setaffinity(0, allowed)
    assert found is not None
    assert found < FREE_PROCESSORS


def test_only_the_processors_that_this_process_may_use_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(own_idle: int, own_waiting: int) -> None:
        lines = [f"cpu{at} 5 5 5 {own_idle} {own_waiting} 5" for at in sorted(os.sched_getaffinity(0))]
        stat.write_text("\n".join(["cpu 9 9 9 9 9 9", *lines, f"cpu9999 5 5 5 {1000 * own_idle} 5 5"]), "ascii")

    stat = tmp_path / "stat"
    monkeypatch.setattr(courtesy_module, "_STAT", stat)
    say(100, 10)
    before = time.monotonic()
    idle = IdleProcessors()
    inner = time.monotonic()
    time.sleep(0.1)
    say(130, 30)
    shortest = time.monotonic() - inner
    found = idle.since_last()
    longest = time.monotonic() - before
    seconds_idle = 50 / os.sysconf("SC_CLK_TCK") * len(os.sched_getaffinity(0))
    assert found is not None
    assert seconds_idle / longest <= found <= seconds_idle / shortest
