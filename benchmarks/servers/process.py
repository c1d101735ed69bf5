"""A server as a process tree: started on a free port, waited for, suspended while others are measured, stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.errors import ServerFailedError
from benchmarks.pinning import pinned

START_SECONDS = 120.0
STOP_SECONDS = 15.0
END_SECONDS = 5.0
POLL_SECONDS = 0.02
OK = 200

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}
"""Every numeric library keeps to the one core that its server has."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A running server. `startup_seconds` is the time from its start to the first 200 of its readiness path."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        ready_path: str,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        core: int | None,
    ) -> None:
        self.name, self.port, self.ready_path, self.log = name, port, ready_path, log
        self._suspended: list[psutil.Process] = []
        with log.open("wb") as output, pinned(core):
            self._popen = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **ONE_THREAD, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started = time.perf_counter()
        self._root = psutil.Process(self._popen.pid)
        self.startup_seconds = self._wait_until_ready()

    def _wait_until_ready(self) -> float:
        try:
            while (waited := time.perf_counter() - self._started) < START_SECONDS:
                if self._popen.poll() is not None:
                    raise ServerFailedError(self.name, f"ended with status {self._popen.returncode}", self.log)
                if self.status(self.ready_path) == OK:
                    return waited
                time.sleep(POLL_SECONDS)
            raise ServerFailedError(self.name, f"was not ready within {START_SECONDS:.0f} s", self.log)
        except BaseException:
            self.stop()
            raise

    def status(self, path: str) -> int | None:
        """The status of a GET, or None when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            return connection.getresponse().status
        return None

    def tree(self) -> list[psutil.Process]:
        """The server's process and all its descendants."""
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_seconds(self) -> float:
        """CPU time that the living processes of the tree have used."""
        total = 0.0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def suspend(self) -> None:
        """Stop the whole tree where it is, so that its polling and its unfinished work cost the others nothing."""
        self._suspended = self.tree()
        for process in self._suspended:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """Let a suspended tree go on, children first."""
        for process in reversed(self._suspended):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._suspended = []

    def stop(self) -> None:
        """Ask the root to end within `STOP_SECONDS`, then end what is left of the tree."""
        self.resume()
        family = self.tree()
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOP_SECONDS)
        end_all(family[1:])
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()


def end_all(processes: Sequence[psutil.Process]) -> None:
    """Terminate whichever of them still run, and kill those that do not end within `END_SECONDS`."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=END_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
