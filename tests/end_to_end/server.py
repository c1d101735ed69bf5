"""`bentoml serve` as a process of its own, on a free port, with state and settings of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from tests.storage.servers import ROOT, server_processes, wait_for

BENTOML = Path(sys.executable).with_name("bentoml")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
SETTINGS = ("TIFFIN_", "DATABASE_URL", "REDIS_URL", "BENTOML_", "PROMETHEUS_", "prometheus_")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server that is started at once. Leaving the `with` stops it and fails if anything of it stays behind.

    `home` is its BENTOML_HOME; `settings` are environment variables; `bento` is the tag of a Bento in `home`, without
    which the project itself is served. A Bento's state lies where it does by default.
    """

    def __init__(
        self, folder: Path, *, home: Path, settings: Mapping[str, str] | None = None, bento: str | None = None
    ) -> None:
        self.port = free_port()
        self.state_dir = folder / ("tiffin" if bento else "state")
        state = {"XDG_STATE_HOME": str(folder)} if bento else {"TIFFIN_STORAGE__STATE_DIR": str(self.state_dir)}
        self.log = folder / "log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(BENTOML), "serve", *([bento] if bento else []), "--host", "127.0.0.1", "-p", str(self.port)],
                cwd=folder if bento else ROOT,
                env={
                    **inherited,
                    "BENTOML_HOME": str(home),
                    "BENTOML_DO_NOT_TRACK": "True",
                    **state,
                    "TIFFIN_SERVING__DRAIN_SECONDS": "0.2",
                    "TIFFIN_LEDGER__PATIENCE_SECONDS": "0.5",
                    **(settings or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request on a connection of its own, so that with several workers any of them may answer."""
        return httpx.request(method, self.url + path, timeout=30, **options)

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.request("POST", path, json=body)

    def status(self, path: str) -> int | None:
        """The status of a GET; None when nobody answers."""
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return None

    def wait_for_status(self, path: str, status: int, *, seconds: float = START_SECONDS) -> None:
        """Return when a GET answers with that status. Fails with the log when the server ends or the time does."""

        def answers() -> bool:
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            return self.status(path) == status

        try:
            wait_for(answers, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{path} is {self.status(path)}, not {status}:\n{self.log.read_text()}") from error

    def wait_until_ready(self) -> None:
        """Return when every worker is ready."""
        self.wait_for_status("/readyz", 200)
        wait_for(lambda: self.log.read_text().count("Completed async startup hook") >= len(self.workers()) > 0)

    def workers(self) -> list[psutil.Process]:
        """The living worker processes."""
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if _alive(child) and "_bentoml_impl.worker.service" in " ".join(child.cmdline())
        ]

    def family(self) -> list[psutil.Process]:
        """Every process of this server, its PostgreSQL and Redis included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True), *server_processes(self.state_dir).values()]
        return list(server_processes(self.state_dir).values())

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        self.process.send_signal(signal.SIGTERM)

    def wait_until_gone(self) -> float:
        """The seconds until the server has ended. Fails when it takes too long or leaves a process behind."""
        started = time.monotonic()
        family = self.family()
        self.process.wait(STOP_SECONDS)
        taken = time.monotonic() - started
        left = [process for process in [*family, *server_processes(self.state_dir).values()] if _alive(process)]
        assert not left, left
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        family = self.family()
        try:
            if self.process.poll() is None:
                self.terminate()
                self.wait_until_gone()
        finally:
            for process in [*family, *server_processes(self.state_dir).values()]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self.process.wait(STOP_SECONDS)


def _alive(process: psutil.Process) -> bool:
    """A zombie is dead: nobody may be there to reap an orphan."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
