"""Who uses the embedded servers of a state folder: file locks that the kernel gives back even after `kill -9`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import LocalServerError

_POLL_SECONDS = 0.02
CHANGE_SECONDS = 120.0


class UsersLock:
    """One per process and state folder.

    Every user holds `servers.lock` shared for as long as it uses the servers; who can hold it alone is the only one.
    Starting and stopping happen inside `change()`, one process at a time.
    """

    def __init__(self, state_dir: Path) -> None:
        self._users_path = state_dir / "servers.lock"
        self._change_path = state_dir / "servers.change.lock"
        self._users: int | None = None

    @contextmanager
    def change(self) -> Iterator[None]:
        """Only this process starts or stops servers meanwhile. Raises LocalServerError after 120 s in the queue."""
        descriptor = _open(self._change_path)
        try:
            _acquire(descriptor, self._change_path)
            yield
        finally:
            os.close(descriptor)

    def alone(self) -> bool:
        """Whether no other living process uses the servers; call it, and the two below, inside `change()`."""
        if self._users is None:
            self._users = _open(self._users_path)
        return _try(self._users, fcntl.LOCK_EX)

    def use(self) -> None:
        """Be counted as a user until `release`, or the death of this process."""
        if self._users is None:
            self._users = _open(self._users_path)
        fcntl.flock(self._users, fcntl.LOCK_SH)

    def release(self) -> None:
        """Be no user any more."""
        if self._users is not None:
            os.close(self._users)
            self._users = None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise LocalServerError(
            f"{path} belongs to another account; run as that account or set DATABASE_URL and REDIS_URL"
        ) from error


def _acquire(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + CHANGE_SECONDS
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise LocalServerError(
                f"another process has held {path} for {CHANGE_SECONDS:g} s; is it stuck while starting servers?"
            )
        time.sleep(_POLL_SECONDS)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
