"""The breaker: open after failures in a row, one trial at a time, closed by the first that works."""

from __future__ import annotations

from storage.breaker import Breaker
from tests.storage.servers import wait_for


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=2, pause_seconds=60)
    breaker.failed()
    breaker.worked()
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()


def test_while_open_one_trial_at_a_time_goes_through() -> None:
    breaker = Breaker(pause_seconds=0.05)
    breaker.failed()
    wait_for(breaker.allows)
    assert not breaker.allows()
    breaker.worked()
    assert breaker.allows()
    assert breaker.allows()
