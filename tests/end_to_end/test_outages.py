"""What goes on while a part is missing: PostgreSQL, Redis, a worker."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from models import catalogue
from storage.local.lock import UsersLock
from tests.end_to_end.load import Load
from tests.end_to_end.server import Server
from tests.storage.servers import server_processes, wait_for

PREDICT = "/v1/models/churn/predict"
BODY = {"record": catalogue()["churn"].schema.example}


@contextlib.contextmanager
def without(server: Server, dependency: str) -> Iterator[None]:
    """Stop one of the server's embedded servers, and keep it from being started again for a while."""
    with UsersLock(server.state_dir).change():
        process = server_processes(server.state_dir)[dependency]
        process.send_signal(signal.SIGINT)
        psutil.wait_procs([process], timeout=10)
        yield
    server.wait_for_status("/readyz", 200, seconds=15)
    wait_for(lambda: server.get("/v1/health").json()["status"] == "ok", seconds=10)


def test_without_postgresql_the_server_is_alive_and_predicts_but_is_not_ready(server: Server) -> None:
    with Load(server.url, PREDICT, BODY, clients=2) as load, without(server, "postgresql"):
        server.wait_for_status("/readyz", 503, seconds=10)
        answer = server.get("/readyz").json()
        assert (answer["code"], answer["retry_after"]) == ("not_ready", 1.0)
        assert answer["detail"].startswith("database: ")
        assert server.status("/livez") == 200
        health = server.get("/v1/health").json()
        assert health["status"] == "degraded"
        down = {item["name"]: item for item in health["dependencies"]}
        assert (down["database"]["status"], down["redis"]["status"]) == ("down", "up")
        assert down["database"]["error"]
        metrics = server.get("/metrics").text
        assert 'tiffin_dependency_up{dependency="postgresql"} 0.0' in metrics
        before = load.answered
        wait_for(lambda: load.answered > before + 20)
    assert set(load.counts) == {200}, load.counts
    wait_for(lambda: 'tiffin_dependency_up{dependency="postgresql"} 1.0' in server.get("/metrics").text)


def test_without_redis_the_server_is_ready_and_says_that_it_is_degraded(server: Server) -> None:
    with without(server, "redis"):
        wait_for(lambda: server.get("/v1/health").json()["status"] == "degraded")
        (reason,) = server.get("/v1/health").json()["reasons"]
        assert reason.startswith("redis: not available since ")
        assert server.status("/readyz") == 200
        assert server.post(PREDICT, BODY).status_code == 200


def test_a_killed_worker_is_replaced_while_the_other_goes_on(server: Server) -> None:
    killed, kept = server.workers()
    with Load(server.url, PREDICT, BODY, keep_alive=False, clients=4) as load:
        wait_for(lambda: load.answered > 20)
        killed.kill()
        psutil.wait_procs([killed], timeout=10)
        answered = load.answered
        wait_for(lambda: load.answered > answered + 20)
        wait_for(lambda: len(server.workers()) == 2)
        (new,) = set(server.workers()) - {killed, kept}
        wait_for(lambda: any(gauges.stem.endswith(f"_{new.pid}") for gauges in live_gauges(server)), seconds=60)
        server.wait_until_ready()
        answered = load.answered
        wait_for(lambda: load.answered > answered + 20)
    assert {status for status in load.counts if not str(status).startswith("lost")} == {200}
    assert sum(load.counts.values()) - load.answered <= 4, "a killed worker loses what it was answering, no more"
    server.get("/metrics")
    assert not [gauges for gauges in live_gauges(server) if gauges.stem.endswith(f"_{killed.pid}")]


def live_gauges(server: Server) -> list[Path]:
    """The files through which workers share what is true of them now."""
    return list((server.state_dir / "metrics").glob("*/gauge_live*.db"))
