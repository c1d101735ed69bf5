"""Every prediction that a caller has been given is in the ledger once, whatever happens to the processes.

`make chaos` runs the same for longer: TIFFIN_CHAOS_SECONDS says how long.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger import status
from models import catalogue
from storage.local.lock import UsersLock
from tests.end_to_end.clients import Clients
from tests.end_to_end.server import Server
from tests.serving.versions import store, trained
from tests.storage.servers import execute, server_processes, wait_for

SECONDS = float(os.environ.get("TIFFIN_CHAOS_SECONDS", "15"))
"""How long faults happen."""
AWAY_SECONDS = min(30.0, SECONDS / 6)
"""How long a server stays away."""
CLIENTS = 32
EMPTY_BYTES = 200
"""Less than any prediction: the heads of open segments."""
EXAMPLES = {name: definition.schema.example for name, definition in catalogue().items()}
REQUESTS: list[tuple[str, Any]] = [
    ("/v1/models/fraud/predict", {"record": EXAMPLES["fraud"]}),
    ("/v1/models/churn/predict", {"record": EXAMPLES["churn"]}),
    ("/v1/models/fraud/batch", {"records": [EXAMPLES["fraud"]] * 20}),
    ("/v1/models/purchase/explain", {"record": EXAMPLES["purchase"]}),
    ("/v1/models/fraud/predict", {"record": {**EXAMPLES["fraud"], "Amount": -1}}),
]


@pytest.fixture
def chaotic(tmp_path: Path) -> Iterator[Server]:
    """Two workers with servers and a spool of their own, to be killed."""
    trained()
    with Server(tmp_path, home=store(), settings={"TIFFIN_SERVING__WORKERS": "2"}) as server:
        server.wait_until_ready()
        yield server


def database(server: Server) -> str:
    return str(json.loads((server.state_dir / "servers.json").read_text())["postgresql"])


def kill_worker(server: Server) -> None:
    workers = server.workers()
    if len(workers) == 2:  # or else it is being replaced
        random.choice(workers).kill()
    time.sleep(min(3.0, SECONDS / 6))


def kill_shipper(server: Server) -> None:
    for child in psutil.Process(server.process.pid).children():
        if "ledger.ship" in child.cmdline():
            child.kill()
    time.sleep(1)


def stop(dependency: str, how: signal.Signals) -> Callable[[Server], None]:
    """The server ends at once, and is not started again for a while."""

    def act(server: Server) -> None:
        with UsersLock(server.state_dir).change():
            process = server_processes(server.state_dir)[dependency]
            process.send_signal(how)
            psutil.wait_procs([process], timeout=20)
            time.sleep(AWAY_SECONDS)
        wait_for(lambda: dependency in server_processes(server.state_dir), seconds=15)

    return act


def freeze(dependency: str) -> Callable[[Server], None]:
    """The server answers nothing for a while, and holds on to its connections."""

    def act(server: Server) -> None:
        process = server_processes(server.state_dir)[dependency]
        frozen = [process, *process.children()]
        for one in frozen:
            one.suspend()
        time.sleep(AWAY_SECONDS)
        for one in frozen:
            one.resume()

    return act


FAULTS = (
    kill_worker,
    stop("postgresql", signal.SIGQUIT),
    kill_shipper,
    stop("redis", signal.SIGKILL),
    freeze("postgresql"),
    freeze("redis"),
)


def check_after_a_restart(server: Server, acknowledged: list[str]) -> None:
    """Nothing that was acknowledged is missing, and the sums count every prediction once."""
    server.terminate()
    server.wait_until_gone()
    with Server(server.state_dir.parent, home=store()) as again:
        wait_for(lambda: nothing_waits(again), seconds=60)
        url = database(again)
        stored = {str(row[0]) for row in execute(url, "select prediction_id from predictions")}
        ((counted,),) = execute(url, "select sum(predictions) from rollups where width = 'day'")
    assert len(set(acknowledged)) == len(acknowledged)
    missing = set(acknowledged) - stored
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged predictions are missing"
    assert counted == len(stored)


def nothing_waits(server: Server) -> bool:
    """Whether all that was in the spool when the server started has been shipped; nobody asks it for predictions."""
    said = status.read(server.state_dir)
    return said.running and not said.oldest_unshipped_seconds and said.spool_bytes < EMPTY_BYTES


def test_nothing_acknowledged_is_lost_or_doubled(chaotic: Server) -> None:
    until = time.monotonic() + SECONDS
    with Clients(chaotic.port, REQUESTS, clients=CLIENTS) as clients:
        clients.more(seconds=20)
        for act in itertools.cycle(FAULTS):
            act(chaotic)
            clients.more(seconds=20)
            if time.monotonic() > until and act is FAULTS[-1]:
                break
    assert clients.counts["hung"] == 0, clients.counts
    assert clients.slowest < 10, clients.slowest
    assert set(clients.counts) <= {200, 422, 503, "lost", "hung"}, clients.counts
    check_after_a_restart(chaotic, clients.acknowledged)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount a small disk")
def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_kept(tmp_path: Path) -> None:
    trained()
    spool = tmp_path / "state" / "spool"
    spool.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(spool)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with Server(tmp_path, home=store()) as server:
            server.wait_until_ready()
            with UsersLock(server.state_dir).change():  # nobody starts PostgreSQL again, so the spool fills
                process = server_processes(server.state_dir)["postgresql"]
                process.send_signal(signal.SIGQUIT)
                psutil.wait_procs([process], timeout=20)
                with Clients(server.port, REQUESTS, clients=8) as clients:
                    wait_for(lambda: clients.counts[503] > 50)
            assert clients.acknowledged
            assert set(clients.counts) <= {200, 422, 503}, clients.counts
            server.wait_for_status("/readyz", 200)
            wait_for(lambda: server.post(*REQUESTS[0]).status_code == 200)
            check_after_a_restart(server, clients.acknowledged)
    finally:
        subprocess.run(["umount", str(spool)], check=False)
