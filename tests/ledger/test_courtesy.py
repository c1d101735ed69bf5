"""When the shipper holds back, and when it does not any more."""

from __future__ import annotations

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
    assert found >= 0
