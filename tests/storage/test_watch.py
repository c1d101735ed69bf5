"""The watch over local servers, with time made short."""

from __future__ import annotations

import itertools
import time

import pytest

from storage.errors import LocalServerError
from storage.local import watch
from storage.local.watch import Watch
from tests.storage.servers import wait_for


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(watch, "LONGEST_PAUSE_SECONDS", 0.08)


def test_the_first_revivals_come_at_once_and_more_follow_more_and_more_slowly() -> None:
    times: list[float] = []

    def revive() -> bool:
        times.append(time.monotonic())
        return True

    over = Watch(revive)
    over.start()
    wait_for(lambda: len(times) >= 8)
    over.stop()
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[0] < 0.06  # as after a poll that found nothing
    assert min(pauses[-3:]) >= 0.08


def test_what_does_not_start_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    attempts: list[bool] = []

    def revive() -> bool:
        attempts.append(True)
        if len(attempts) < 3:
            raise LocalServerError("no space left")
        return False

    over = Watch(revive)
    over.start()
    wait_for(lambda: len(attempts) > 4)
    over.stop()
    assert caplog.text.count("do not start again") == 2
    assert "no space left" in caplog.text
