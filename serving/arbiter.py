"""BentoML's supervisor of workers, made to look more often and to say when one has died.

BentoML 1.4.39 looks every 10 s, without a setting for it, and writes nothing: with one worker a crash meant a gap of
7.6 s, of which 5 s on average were waiting to be noticed.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from bentoml._internal.utils import circus

logger = logging.getLogger("tiffin.serving")

CHECK_SECONDS = 0.5


class Arbiter(circus.Arbiter):
    """The supervisor that `bentoml serve` is to use; `install()` before it makes its own."""

    def __init__(self, watchers: list[Any], *arguments: Any, **options: Any) -> None:
        self._known: dict[int, Any] = {}
        """The watchers of the worker processes whose end was not said yet."""
        for watcher in watchers:
            watcher.hooks["after_reap"] = _reaped
        super().__init__(watchers, *arguments, **{**options, "check_delay": CHECK_SECONDS})

    def manage_watchers(self) -> Any:
        """Look after the workers, unless that or a start is under way, which circus would call an error."""
        if self._exclusive_running_command:
            return None
        self._say_who_vanished()
        for watcher in self.iter_watchers():
            self._known.update(dict.fromkeys(watcher.processes, watcher))
        return super().manage_watchers()

    def _say_who_vanished(self) -> None:
        """A worker that is dead but cannot be reaped yet, as some thread of it still ends, circus drops in silence."""
        for pid, watcher in list(self._known.items()):
            if pid in watcher.processes:
                continue
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                _reaped(watcher, self, pid)
            else:
                if found:
                    _reaped(watcher, self, pid, os.waitstatus_to_exitcode(status))


def install() -> None:
    """For the process that calls it. BentoML looks its class up when it starts to supervise."""
    circus.Arbiter = Arbiter  # type: ignore[misc]


def _reaped(watcher: Any, arbiter: Any, process_pid: int, exit_code: int | None = None, **_: Any) -> None:
    arbiter._known.pop(process_pid, None)
    if watcher.is_stopping() or watcher.is_stopped() or arbiter._stopping:
        return
    then = "a new one starts" if watcher.respawn else "in a container none replaces it"
    logger.warning("worker process %d ended (%s); %s", process_pid, _how(exit_code), then)


def _how(exit_code: int | None) -> str:
    """The end in words; a negative exit code is the number of the signal that was the cause."""
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"
