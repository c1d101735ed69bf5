from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.errors import ServerFailedError
from benchmarks.servers.process import ServerProcess, free_port

WITH_A_CHILD = """
import subprocess, sys, http.server
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def start(program: str, folder: Path) -> ServerProcess:
    port = free_port()
    return ServerProcess(
        "test",
        [sys.executable, "-c", program, str(port)],
        port=port,
        ready_path="/",
        environment={},
        folder=folder,
        log=folder / "log",
        core=None,
    )


def alive(process: psutil.Process) -> bool:
    return bool(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    )  # nobody may be there to reap an orphan


def wait_until_stopped(process: psutil.Process) -> None:
    deadline = time.monotonic() + 10
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stopped_server_leaves_no_child_behind_even_when_it_was_suspended(tmp_path: Path) -> None:
    server = start(WITH_A_CHILD, tmp_path)
    try:
        family = server.tree()
        assert len(family) == 2
        server.suspend()
        for process in family:
            wait_until_stopped(process)
    finally:
        server.stop()
    assert not any(alive(process) for process in family)


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailedError, match=r"status 3.*\n.*no model"):
        start("import sys; print('no model', flush=True); sys.exit(3)", tmp_path)
