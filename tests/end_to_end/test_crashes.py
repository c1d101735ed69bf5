"""What happens when a process of the server is killed: a worker, an embedded server, the supervisor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from models import catalogue
from serving.orphans import orphans
from storage.local.process import alive
from tests.end_to_end.server import Server
from tests.serving.versions import store, trained
from tests.storage.servers import ROOT, server_processes, wait_for

PREDICT = "/v1/models/churn/predict"
BODY = {"record": catalogue()["churn"].schema.example}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One worker, as is the default."""
    trained()
    with Server(tmp_path, home=store()) as server:
        server.wait_until_ready()
        yield server


def test_a_killed_worker_is_noticed_replaced_and_said(server: Server) -> None:
    (worker,) = server.workers()
    worker.kill()
    wait_for(lambda: f"worker process {worker.pid} ended (killed by SIGKILL)" in server.log.read_text(), seconds=20)
    assert server.post(PREDICT, BODY).status_code == 200  # it waited in the socket that the supervisor holds open
    (new,) = server.workers()
    assert new.pid != worker.pid
    server.terminate()
    server.wait_until_gone()
    assert server.log.read_text().count("worker process") == 1, "an orderly end is no crash"
    assert "ConflictError" not in server.log.read_text()


def test_killed_embedded_servers_are_started_again(server: Server) -> None:
    killed = server_processes(server.state_dir)
    for process in killed.values():
        process.kill()
    psutil.wait_procs(killed.values(), timeout=5)
    wait_for(lambda: set(server_processes(server.state_dir)) == set(killed), seconds=15)
    wait_for(lambda: server.get("/v1/health").json()["status"] == "ok", seconds=15)
    assert "ended without being asked to; starting again" in server.log.read_text()


def test_a_killed_supervisor_takes_its_worker_along_and_the_next_start_works(tmp_path: Path) -> None:
    trained()
    with Server(tmp_path, home=store()) as server:
        server.wait_until_ready()
        (worker,) = server.workers()
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not alive(worker), seconds=10)
        assert "is gone: this worker ends" in server.log.read_text()
        with Server(tmp_path, home=store()) as again:
            again.wait_until_ready()


def test_a_start_ends_an_orphan_that_does_not_end_by_itself(server: Server) -> None:
    """Seen from outside: a suspended worker notices nothing, like one that hangs."""
    (worker,) = server.workers()
    worker.suspend()
    server.process.kill()
    server.process.wait()
    wait_for(lambda: [orphan.process.pid for orphan in orphans() if orphan.process == worker] == [worker.pid])
    port = str(server.port)
    done = subprocess.run(
        [sys.executable, "-c", f"from cli.address import *; end_orphans(Address('127.0.0.1', {port}))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"end worker process {worker.pid}, whose server was killed" in done.stderr
    assert not alive(worker)
