"""Signals that end a process, in order: what it started is stopped before it ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_in_order() -> None:
    """Let SIGTERM and SIGHUP raise SystemExit where Python's default, to die at once, is in force."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


@contextmanager
def held_back() -> Iterator[None]:
    """The first signal to end waits until the block has ended, and then does what it would have done; a second ends it.

    For starting processes: one that is not known yet cannot be found and stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if held:
            _exit(number, frame)
        held.append(number)

    before = {number: signal.signal(number, hold) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for first in held:
        then = before[signal.Signals(first)]
        if callable(then):
            then(first, None)
        else:
            _exit(first, None)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
