"""Signals that end a command."""

from __future__ import annotations

import os
import signal

import pytest

from storage.signals import ENDING, held_back


def test_the_first_signal_waits_for_the_end_of_the_block_and_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    done = []
    with pytest.raises(SystemExit) as caught, held_back():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("the rest of the block")
    assert done
    assert caught.value.code == 128 + signal.SIGTERM
    assert [signal.getsignal(number) for number in ENDING] == before


def test_the_second_signal_does_not_wait() -> None:
    with pytest.raises(SystemExit) as caught, held_back():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the block went on")
    assert caught.value.code == 128 + signal.SIGTERM


def test_an_interruption_that_waited_is_still_one() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the rest of the block")
    assert done


def test_nothing_happens_without_a_signal() -> None:
    with held_back():
        pass
