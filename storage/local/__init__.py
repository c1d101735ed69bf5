"""Embedded PostgreSQL and Redis for local use and tests: real servers, one pair per state folder.

The servers belong to all processes that use them (`bentoml serve`, `tiffin train`, ...): the first starts them, the
last one out stops them, so training that ends cannot take the database away from a service that came later. A user that
was killed does not count; what it left running is stopped and started afresh by the next first user.

They listen on Unix sockets only, which no other machine, port or checkout can meet. A socket's path may have about 100
bytes, fewer than many a checkout's path, so the sockets live in a folder of random name below the system's temporary
folder; `servers.json` in the state folder, readable by its owner only, says where.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from storage.addresses import SERVERS_FILE, read_servers
from storage.errors import StorageError
from storage.files import write_atomically
from storage.local import process
from storage.local.lock import UsersLock
from storage.local.postgres import Postgres
from storage.local.redis_server import Redis
from storage.local.watch import Watch
from storage.settings import StorageSettings
from storage.signals import end_in_order, held_back

logger = logging.getLogger("tiffin.storage")

_SOCKETS = "sockets"
_SOCKET_PATH_BYTES = 100  # sockaddr_un holds 104 on macOS, 108 on Linux
_LONGEST_SOCKET = "/tiffin-01234567/.s.PGSQL.5432.lock"


class Server(Protocol):
    """What PostgreSQL and Redis have in common here."""

    key: str

    def url(self, sockets: Path) -> str: ...
    def running(self) -> process.Process | None: ...
    def start(self, url: str, sockets: Path) -> None: ...
    def stop(self) -> None: ...


class LocalServers:
    """This process's use of the embedded servers below `state_dir`; `database` and `redis` say which are wanted.

        with LocalServers(Path(".tiffin")) as servers:
            ...  # storage.urls(settings) now finds them, here and in every child process

    Without `with`: `start()` and `stop()`. An exit stops them too, and so do SIGTERM and SIGHUP where nothing else
    handles them. A user that lives long calls `watch()` as well: what ends then starts again.
    """

    def __init__(self, state_dir: Path, *, database: bool = True, redis: bool = True) -> None:
        self._state_dir = state_dir.expanduser().resolve()
        self._wanted = {Postgres.key: database, Redis.key: redis}
        self._lock = UsersLock(self._state_dir)
        self._process: int | None = None
        self._watch: Watch | None = None

    @classmethod
    def for_settings(cls, settings: StorageSettings) -> Self:
        """Those servers for which the settings hold no URL; none of them is fine: then `start()` does nothing."""
        return cls(settings.state_dir, database=settings.database_url is None, redis=settings.redis_url is None)

    def start(self) -> dict[str, str]:
        """Start what is wanted and does not run, and return the URLs under "postgresql" and "redis".

        Raises LocalServerError when a server cannot be started or is not installed (as in the container image).
        """
        if not any(self._wanted.values()):
            return {}
        self._state_dir.mkdir(parents=True, exist_ok=True)
        end_in_order()
        with held_back():  # a server whose process id is not on disk yet cannot be found and stopped
            with self._lock.change():
                try:
                    known = self._start()
                except BaseException:
                    self._leave()
                    raise
            if self._process is None:
                self._process = os.getpid()
                atexit.register(self.stop)
        return {key: url for key, url in known.items() if self._wanted.get(key)}

    def watch(self) -> None:
        """Start again, under the same URL and within seconds, whatever ends before `stop()`. Call it once, started."""
        if self._process == os.getpid():
            self._watch = Watch(self.revive)
            self._watch.start()

    def revive(self) -> bool:
        """Start what is wanted and has ended; whether there was such a server. Raises LocalServerError."""
        if not self._ended():
            return False
        with self._lock.change():
            ended = self._ended()  # another user may have been faster
            if ended:
                logger.warning("local %s ended without being asked to; starting again", " and ".join(ended))
                self._start()
        return bool(ended)

    def stop(self) -> None:
        """Stop using the servers; the last user's call stops them. May be called twice. Failures end in the log."""
        if self._process != os.getpid():  # not started, stopped already, or a fork that inherited this object
            return
        if self._watch is not None:
            self._watch.stop()
        self._process = None
        atexit.unregister(self.stop)
        try:
            with self._lock.change():
                self._leave()
        except (StorageError, OSError):
            logger.exception("the local servers of %s did not stop", self._state_dir)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> dict[str, str]:
        home = self._state_dir / "servers"
        account = process.private_folder(home)
        if self._process is None and self._lock.alone():
            self._clear()
        self._lock.use()
        known = read_servers(self._state_dir)
        sockets = Path(known.setdefault(_SOCKETS, "") or _new_sockets_folder(account))
        known[_SOCKETS] = str(sockets)
        if not sockets.is_dir():  # something tidied up the temporary folder
            sockets.mkdir(mode=0o700)
            process.give(sockets, account)
        self._write(known)  # first, so that the folder is found and removed whatever happens next
        for server in self._servers(account):
            if self._wanted[server.key] and not (server.key in known and server.running()):
                known.setdefault(server.key, server.url(sockets))
                server.start(known[server.key], sockets)
                logger.info("started local %s, data in %s", server.key, home)
        self._write(known)
        return known

    def _ended(self) -> list[str]:
        return [server.key for server in self._servers(None) if self._wanted[server.key] and not server.running()]

    def _leave(self) -> None:
        """Release, after stopping everything if nobody else is left."""
        try:
            if self._lock.alone():
                self._clear()
        finally:
            self._lock.release()

    def _clear(self) -> None:
        """Stop whatever runs, Redis first, and forget it: at the end, or at a start what a killed user left behind."""
        try:
            known = read_servers(self._state_dir)
        except StorageError as error:
            logger.warning("%s; it is replaced", error)
            known = {}
        for server in reversed(self._servers(None)):
            if server.running():
                server.stop()
                logger.info("stopped local %s", server.key)
        (self._state_dir / SERVERS_FILE).unlink(missing_ok=True)
        if known.get(_SOCKETS):
            shutil.rmtree(known[_SOCKETS], ignore_errors=True)

    def _servers(self, account: str | None) -> list[Server]:
        home = self._state_dir / "servers"
        return [Postgres(home / "postgres", account), Redis(home / "redis", account)]

    def _write(self, known: dict[str, str]) -> None:
        write_atomically(self._state_dir / SERVERS_FILE, json.dumps(known, indent=1).encode())


def _new_sockets_folder(account: str | None) -> Path:
    """A new folder of a short name that only `account` may enter."""
    temporary = tempfile.gettempdir()
    if len(os.fsencode(temporary + _LONGEST_SOCKET)) > _SOCKET_PATH_BYTES:
        temporary = "/tmp"  # noqa: S108 - mkdtemp makes a private folder of random name in it
    folder = Path(tempfile.mkdtemp(prefix="tiffin-", dir=temporary))
    process.give(folder, account)
    return folder
