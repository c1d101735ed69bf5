"""What tests need of real servers: one pair per session, a database per test, users in other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg2
import pytest

from storage.local import LocalServers
from storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 20.0


def wait_for(condition: Callable[[], bool], *, seconds: float = WAIT_SECONDS) -> float:
    """The seconds it took until `condition()`; fails the test when it takes longer than `seconds`."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"waited {seconds} s in vain"
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageSettings]:
    """Settings whose embedded servers run for the whole session; every room that asks attaches to the same pair."""
    settings = StorageSettings(state_dir=tmp_path_factory.getbasetemp() / "servers")
    with LocalServers.for_settings(settings) as servers:
        url = servers.start()["postgresql"]
        execute(
            url, "alter system set fsync = off"
        )  # nothing here is to survive the machine; creating databases is faster
        execute(url, "select pg_reload_conf()")
        yield settings


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tests that start, stop and kill; shared, as a new cluster takes ten times as long as a start."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def database_url(settings: StorageSettings) -> Iterator[str]:
    """An empty database of the test's own."""
    with fresh_database(settings) as url:
        yield url


@contextmanager
def fresh_database(settings: StorageSettings) -> Iterator[str]:
    """An empty database, dropped afterwards with all connections to it."""
    server = json.loads((settings.state_dir / "servers.json").read_text())["postgresql"]
    name = f"test_{uuid.uuid4().hex}"
    execute(server, f"create database {name}")
    try:
        yield server.replace("/tiffin?", f"/{name}?")
    finally:
        execute(server, f"drop database {name} with (force)")


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run one statement outside of any transaction and return its rows."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def server_processes(state_dir: Path) -> dict[str, psutil.Process]:
    """The living embedded servers of that folder: "postgresql" and "redis"."""
    found = {}
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(state_dir.resolve()) in part for part in command):
            for program, key in (("postgres", "postgresql"), ("redis-server", "redis")):
                if Path(command[0]).name == program:
                    assert key not in found, f"two {key} servers for {state_dir}"
                    found[key] = process
    return found


_USER = """
import json, sys
from pathlib import Path
from storage.local import LocalServers
servers = LocalServers(Path(sys.argv[1]))
print(json.dumps(servers.start()), flush=True)
sys.stdin.read()
"""


class User:
    """Another process that uses the embedded servers of `state_dir` until told to end."""

    def __init__(self, state_dir: Path, *, prefix: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-W", "error", "-c", _USER, str(state_dir)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def urls(self) -> dict[str, str]:
        """What its `start()` returned; waits for it."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the other process failed; see its traceback above"
        urls: dict[str, str] = json.loads(line)
        return urls

    def leave(self) -> int:
        """Let it end by itself and return its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.process:  # closes the pipes and waits
            if self.process.poll() is None:
                self.process.terminate()
