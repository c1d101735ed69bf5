"""The shipper's process as the supervisor sees it: started, started again when it dies, stopped last of all."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ledger.configuration import Configuration, to_json
from ledger.settings import LedgerSettings
from storage import Urls
from storage.expiry import Expiry
from storage.settings import StorageSettings

logger = logging.getLogger("tiffin.ledger")

POLL_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
CALM_SECONDS = 60.0
STOP_SECONDS = 8.0
_ROOT = Path(__file__).resolve().parents[1]
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""An arena for each thread would hold on to some megabytes each."""


def configuration(
    storage: StorageSettings,
    ledger: LedgerSettings,
    urls: Urls,
    *,
    log_level: str = "INFO",
    log_json: bool = True,
    events: Sequence[Expiry] = (),
) -> Configuration:
    """What the shipper is told by the process that calls this, which must be the one that keeps it.

    `events` are tables of other rooms that it clears once a day, too.
    """
    return Configuration(
        state_dir=storage.state_dir,
        database_url=urls.database,
        redis_url=urls.redis,
        parent_pid=os.getpid(),
        patience_seconds=ledger.patience_seconds,
        spool_max_bytes=ledger.spool_max_bytes,
        log_level=log_level.upper(),
        log_json=log_json,
        retention_days=ledger.retention_days,
        retention=dict(ledger.retention),
        hourly_rollup_days=ledger.hourly_rollup_days,
        daily_rollup_days=ledger.daily_rollup_days,
        pending_outcome_days=ledger.pending_outcome_days,
        events=tuple(events),
    )


class Keeper:
    """Keeps one shipper running from `start` to `stop`, for the process that supervises the workers.

        keeper = Keeper(configuration(settings.storage, settings.ledger, urls))
        keeper.start()   # before the workers; PostgreSQL need not be there
        keeper.stop()    # after the workers, before the local servers: it ships what they left

    The process has a session of its own: Ctrl-C reaches the workers first, and they write until they end.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = to_json(configuration)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="tiffin-keeper", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the running shipper."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it, and a thread that looks after it."""
        self._process = self._try_to_launch()
        self._thread.start()

    def stop(self) -> None:
        """Let it ship what is there and end, within some seconds. May be called twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _run(self) -> None:
        pause, started = POLL_SECONDS, time.monotonic()
        while not self._stopping.wait(POLL_SECONDS):
            process = self._process
            if process is not None and process.poll() is None:
                continue
            pause = POLL_SECONDS if time.monotonic() - started > CALM_SECONDS else min(2 * pause, LONGEST_PAUSE_SECONDS)
            if process is not None:
                logger.warning("the shipper ended (exit code %s); it starts again in %g s", process.returncode, pause)
            if self._stopping.wait(pause):
                break
            self._process, started = self._try_to_launch(), time.monotonic()

    def _try_to_launch(self) -> subprocess.Popen[bytes] | None:
        try:
            return self._launch()
        except OSError as error:  # no memory or no process left, now
            logger.warning("the shipper does not start, which is tried again: %s", error)
            return None

    def _launch(self) -> subprocess.Popen[bytes]:
        """Raises OSError when no process can be made. One that ends before it is told anything is returned, ended."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ledger.ship"],
            cwd=_ROOT,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                pipe.write(self._configuration)
        except OSError as error:  # it has ended already: whoever looks after it says with which code
            logger.warning("the shipper was not told its configuration: %s", error)
            process.kill()
            process.wait()
        return process
