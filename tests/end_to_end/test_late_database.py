"""A server that starts before its PostgreSQL does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from models import catalogue
from storage.addresses import read_servers
from storage.local import LocalServers
from tests.end_to_end.server import Server
from tests.serving.versions import store, trained
from tests.storage.servers import server_processes, wait_for

RETURN_SECONDS = 5.0
PREDICT = "/v1/models/fraud/predict"
BODY = {"record": catalogue()["fraud"].schema.example}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[LocalServers]:
    """Servers that no Tiffin starts; PostgreSQL is empty, and stopped."""
    with LocalServers(tmp_path / "outside") as servers:
        stop_postgresql(tmp_path)
        yield servers


def stop_postgresql(folder: Path) -> None:
    process = server_processes(folder / "outside")["postgresql"]
    process.send_signal(signal.SIGINT)
    psutil.wait_procs([process], timeout=10)


def test_it_predicts_and_says_why_it_is_not_ready_and_makes_the_tables_within_seconds(
    outside: LocalServers, tmp_path: Path
) -> None:
    trained()
    urls = read_servers(tmp_path / "outside")
    settings = {
        "DATABASE_URL": urls["postgresql"],
        "REDIS_URL": urls["redis"],
        "TIFFIN_SERVING__WORKERS": "2",
    }
    with Server(tmp_path, home=store(), settings=settings) as server:
        server.wait_for_status("/v1/models/fraud/health", 200)
        wait_for(lambda: server.get("/v1/models/fraud/health").json()["status"] == "ready")
        made = [server.post(PREDICT, BODY) for _ in range(8)]
        assert {answer.status_code for answer in made} == {200}
        ready = server.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["detail"].startswith("database: not available since ")
        assert server.get("/v1/health").json()["ledger"]["spool_bytes"] > 0
        outside.revive()
        server.wait_for_status("/readyz", 200, seconds=RETURN_SECONDS)
        for answer in made:
            path = f"/v1/predictions/{answer.json()['prediction_id']}"
            server.wait_for_status(path, 200, seconds=RETURN_SECONDS)
        wait_for(lambda: server.get("/v1/health").json()["status"] == "ok", seconds=RETURN_SECONDS)
