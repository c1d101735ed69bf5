"""The listening socket, which a worker shares with the other workers and with BentoML's supervisor.

A worker that closes it is not rid of it: the supervisor holds it until its last worker has ended, and so long the
kernel goes on accepting connections that nobody will serve. Shutting the socket down ends that for all who hold it, so
it is for the last worker that accepts. A worker that starts later listens on it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from pathlib import Path
from typing import IO

import psutil

LOOK_SECONDS = 0.02


class Listening:
    """One worker's part in it. `lock` is a file of this server's workers; each holds a share of its lock."""

    def __init__(self, lock: Path) -> None:
        self._path = lock
        self._lock: IO[bytes] | None = None

    def start(self) -> None:
        """Before this worker begins to accept."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._path.open("ab")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    async def stop(self) -> None:
        """Wait until the HTTP server has closed its listening sockets; shut them down if no worker accepts any more."""
        with contextlib.ExitStack() as stack:
            sockets = [(fd, stack.enter_context(socket.socket(fileno=os.dup(fd)))) for fd in _listening()]
            while any(_is_open(fd, held) for fd, held in sockets):
                await asyncio.sleep(LOOK_SECONDS)
            self._shut_down([held for _, held in sockets])

    def close(self) -> None:
        """Give the share back."""
        if self._lock is not None:
            self._lock.close()

    def _shut_down(self, sockets: list[socket.socket]) -> None:
        """Give the share back. Shut the sockets down if no other worker has one; one that starts waits meanwhile."""
        if self._lock is None:
            return
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for shared in sockets:
                with contextlib.suppress(OSError):  # a system that does not know this
                    shared.shutdown(socket.SHUT_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_UN)


def _listening() -> list[int]:
    """File descriptors of this process's listening TCP sockets."""
    connections = psutil.Process().net_connections("tcp")
    return [one.fd for one in connections if one.status == psutil.CONN_LISTEN and one.fd >= 0]


def _is_open(fd: int, held: socket.socket) -> bool:
    """Whether `fd` still is the socket that it was when `held` was made of it."""
    try:
        return os.path.sameopenfile(fd, held.fileno())
    except OSError:
        return False
