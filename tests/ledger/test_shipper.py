"""The shipper's thread: what makes it wait, and what must not."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger import folders
from ledger.courtesy import Courtesy
from ledger.positions import Positions
from ledger.rejected import Rejected
from ledger.settings import LedgerSettings
from ledger.shipper import Shipper
from ledger.sink import Sink
from ledger.spool import Spool
from ledger.tail import Tail
from storage.migrations import migrate
from tests.ledger import making
from tests.storage.servers import execute, wait_for

BUSY, IDLE = 0.0, 9.0


class Machine:
    """Says how many processors are idle."""

    idle = BUSY

    def __call__(self) -> float:
        return self.idle


@contextmanager
def shipping(url: str, tmp_path: Path, courtesy: Courtesy) -> Iterator[Shipper]:
    """A shipper of a spool in which a prediction waits."""
    writer = Spool.open(tmp_path, LedgerSettings())
    writer.add(making.frame(making.prediction(random.Random(1))))
    writer.flush()
    spool = folders.root(tmp_path)
    rejected = Rejected(spool)
    tail = Tail(spool, Positions(spool / "shipped.json"))
    shipper = Shipper(tail, Sink(url, "tiffin test", rejected.row), rejected, courtesy)
    shipper.start()
    try:
        yield shipper
    finally:
        writer.close()
        shipper.stop(10)


def test_patience_ends_in_time_though_the_clock_on_the_wall_is_set_back(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shipping(ledger_url, tmp_path, Courtesy(2.0, 1 << 30, Machine())) as shipper:
        before = time.time()
        monkeypatch.setattr(time, "time", lambda: before - 3600)
        wait_for(lambda: shipper.waiting_seconds > 0)
        assert shipper.shipped == 0
        wait_for(lambda: shipper.shipped == 1)


def test_after_a_failure_it_tries_again_however_busy_the_processors_are(database_url: str, tmp_path: Path) -> None:
    machine = Machine()
    machine.idle = IDLE
    with shipping(database_url, tmp_path, Courtesy(3600, 1 << 30, machine)) as shipper:
        wait_for(lambda: shipper.error != "")
        machine.idle = BUSY
        migrate(database_url)
        wait_for(lambda: shipper.shipped == 1, seconds=5)
        assert shipper.error == ""
        assert execute(database_url, "select count(*) from predictions") == [(1,)]


def test_what_makes_looking_fail_does_not_end_it(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = True
    segments = folders.segments

    def unreliable(writer: Path) -> list[Path]:
        if fails:
            raise PermissionError(13, "Permission denied")
        return segments(writer)

    monkeypatch.setattr(folders, "segments", unreliable)
    with shipping(ledger_url, tmp_path, Courtesy(0, 1 << 30, Machine())) as shipper:
        wait_for(lambda: shipper.error != "")
        assert shipper.is_alive
        fails = False
        wait_for(lambda: shipper.shipped == 1)
