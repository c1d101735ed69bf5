"""When the shipper holds back, and when it does not any more."""

from __future__ import annotations

import time

from ledger.courtesy import FREE_PROCESSORS, Courtesy, IdleProcessors

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


def test_the_kernel_says_how_many_processors_are_idle() -> None:
    idle = IdleProcessors()
    assert idle.since_last() is None  # too soon to tell
    time.sleep(0.2)
    found = idle.since_last()
    assert found is not None
    assert found >= 0
