"""Workers whose supervisor was killed: they end by themselves, and the next start ends those that do not.

Without that an orphan keeps the port and answers for a server that nobody runs any more.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from dataclasses import dataclass

import psutil

logger = logging.getLogger("tiffin.serving")

SUPERVISOR = "TIFFIN_SUPERVISOR"
"""The variable that tells a worker its supervisor's process id."""
POLL_SECONDS = 0.5
END_SECONDS = 10.0
_WORKER = "_bentoml_impl.worker.service"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A worker, and the process id that its supervisor had."""

    process: psutil.Process
    supervisor: str

    def end(self) -> None:
        """Let it finish what it answers for at most 10 s, then kill it."""
        try:
            self.process.terminate()
            self.process.wait(END_SECONDS)
        except psutil.TimeoutExpired:
            self.process.kill()
        except psutil.NoSuchProcess:
            pass


def orphans() -> list[Orphan]:
    """Every orphaned worker on this machine that belongs to this account, whichever checkout it is of."""
    found = []
    for process in psutil.process_iter(["cmdline", "ppid", "status"]):
        if _WORKER not in (process.info["cmdline"] or ()) or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            supervisor = process.environ().get(SUPERVISOR)
        except psutil.Error:  # ended meanwhile, or somebody else's
            continue
        if supervisor and supervisor != str(process.info["ppid"]):
            found.append(Orphan(process, supervisor))
    return found


def end_with_supervisor() -> None:
    """Send this process SIGTERM, which makes a worker drain and end, as soon as its supervisor is not its parent.

    The kernel gives the children of a dead process another parent. Does nothing in a process that is no worker.
    """
    supervisor = os.environ.get(SUPERVISOR, "")
    if supervisor.isdecimal() and int(supervisor) != os.getpid():
        threading.Thread(target=_watch, args=(int(supervisor),), name="tiffin-supervisor", daemon=True).start()


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(POLL_SECONDS)
    logger.warning("the supervisor, process %d, is gone: this worker ends", supervisor)
    os.kill(os.getpid(), signal.SIGTERM)
