"""The shipper's process: `python -m ledger.ship`, which reads its configuration from standard input.

It is lean: psycopg2, msgspec and redis, 45 MB. `ledger.keeper` starts it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ledger import folders, status
from ledger.configuration import Configuration, from_json
from ledger.courtesy import Courtesy
from ledger.feed import Feed
from ledger.feeder import Feeder
from ledger.housekeeper import Housekeeper
from ledger.positions import Positions
from ledger.purging import Forget
from ledger.rejected import Rejected
from ledger.remembered import Memory
from ledger.removal import Removal
from ledger.retention import Rules
from ledger.shipper import Shipper
from ledger.sink import Sink
from ledger.status import Status
from ledger.tail import Tail

logger = logging.getLogger("tiffin.ledger")

TICK_SECONDS = 0.5
END_SECONDS = 5.0
"""So long it goes on shipping when it is told to end."""


def main() -> None:
    """Ship until SIGTERM, SIGINT or the death of the parent, then what is left, for at most 5 s."""
    configuration = from_json(sys.stdin.buffer.read())
    _configure_logs(configuration)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())

    def is_over() -> bool:
        parent = configuration.parent_pid
        return ending.is_set() or (parent is not None and os.getppid() != parent)

    spool = folders.root(configuration.state_dir)
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(spool / status.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _wait_for(lock, is_over):
        _run(configuration, ending, is_over)
    logging.shutdown()
    os._exit(0)  # a thread may hang in a server that does not answer; nothing is lost with it


def _wait_for(lock: int, is_over: Callable[[], bool]) -> bool:
    """Become the only shipper of this folder; False when it is over before that."""
    waiting = False
    while not is_over():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waiting:
                logger.info("another shipper works for this folder; waiting for its end")
            waiting = True
            time.sleep(TICK_SECONDS / 5)
        else:
            return True
    return False


def _run(configuration: Configuration, ending: threading.Event, is_over: Callable[[], bool]) -> None:
    spool = folders.root(configuration.state_dir)
    folders.remove_half_made(spool)
    rejected = Rejected(spool)
    sink = Sink(configuration.database_url, "tiffin shipper", rejected.row)
    courtesy = Courtesy(configuration.patience_seconds, configuration.spool_max_bytes // 4)
    shipper = Shipper(Tail(spool, Positions(spool / status.SHIPPED)), sink, rejected, courtesy)
    feed = Feed(configuration.redis_url) if configuration.redis_url else None
    memory = Memory(configuration.redis_url) if configuration.redis_url else None
    feeder = Feeder(Tail(spool, Positions(spool / "fed.json")), feed) if feed else None
    housekeeper = Housekeeper(configuration.database_url, _rules(configuration), _forget(rejected, feed, memory))
    started_at = time.time()

    def say() -> None:
        status.write(configuration.state_dir, _status(started_at, shipper, rejected, feed))

    if feeder:
        feeder.start()
    shipper.start()
    housekeeper.start()
    while not is_over() and shipper.is_alive:  # whoever keeps this process starts another
        say()
        ending.wait(TICK_SECONDS)
    housekeeper.stop(0)  # whatever it is at, it goes on at the next start
    if not shipper.stop(END_SECONDS):
        logger.warning("ending while predictions wait in the spool; the next shipper goes on with them")
    if feeder:
        feeder.stop(1.0)
    say()


def _rules(configuration: Configuration) -> Rules:
    return Rules(
        days=configuration.retention_days,
        by_model=configuration.retention,
        hourly_rollup_days=configuration.hourly_rollup_days,
        daily_rollup_days=configuration.daily_rollup_days,
        pending_outcome_days=configuration.pending_outcome_days,
        events=configuration.events,
    )


def _forget(rejected: Rejected, feed: Feed | None, memory: Memory | None) -> Forget:
    def forget(removal: Removal) -> None:
        rejected.forget(removal)
        if memory is not None:
            memory.forget(removal)
        if feed is not None:
            feed.forget(removal)

    return forget


def _status(started_at: float, shipper: Shipper, rejected: Rejected, feed: Feed | None) -> Status:
    now = time.time()
    return Status(
        pid=os.getpid(),
        started_at=started_at,
        updated_at=now,
        oldest_unshipped_seconds=shipper.waiting_seconds,
        shipped=shipper.shipped,
        repeated=shipper.repeated,
        rejected=rejected.count,
        fed=feed.sent if feed else 0,
        feed_skipped=feed.skipped if feed else 0,
        error=shipper.error,
    )


class _Lines(logging.Formatter):
    """JSON lines as the other processes write them, without their library."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _configure_logs(configuration: Configuration) -> None:
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(_Lines() if configuration.log_json else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("tiffin").setLevel(configuration.log_level)


if __name__ == "__main__":
    main()
