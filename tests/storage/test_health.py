"""The monitor sees servers go, hang and return, and never blocks or raises."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from pydantic import ValidationError

from storage import Urls, urls
from storage.health import LONGEST_PAUSE_SECONDS, StorageHealth
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import execute, server_processes, wait_for

RETURN_SECONDS = 5.0  # R8.7


@pytest.fixture(scope="module")
def servers(state_dir: Path) -> Iterator[tuple[LocalServers, StorageSettings]]:
    """Servers that may be killed."""
    settings = StorageSettings(state_dir=state_dir, health_interval_seconds=0.05, health_timeout_seconds=0.3)
    with LocalServers.for_settings(settings) as local:
        yield local, settings


@contextmanager
def monitor(found: Urls, settings: StorageSettings) -> Iterator[StorageHealth]:
    health = StorageHealth(found, settings)
    health.start()
    try:
        yield health
    finally:
        health.stop()


def states(health: StorageHealth) -> dict[str, bool]:
    return {name: dependency.ok for name, dependency in health.snapshot().items()}


UP = {"postgresql": True, "redis": True}
DOWN = {"postgresql": False, "redis": False}


def test_before_the_first_check_nothing_is_ok() -> None:
    health = StorageHealth(Urls("postgresql://localhost/x", "redis://localhost"), StorageSettings())
    assert states(health) == DOWN
    assert health.snapshot()["redis"].error == "not checked yet"
    health.stop()


def test_answering_servers_are_ok_with_their_latency(servers: tuple[LocalServers, StorageSettings]) -> None:
    _, settings = servers
    with monitor(urls(settings), settings) as health:
        wait_for(lambda: states(health) == UP)
        first = health.snapshot()["postgresql"]
        assert first.error == ""
        assert first.latency_ms
        wait_for(lambda: health.snapshot()["postgresql"].latency_ms != first.latency_ms)
        assert health.snapshot()["postgresql"].since == first.since


def test_servers_that_die_and_return_are_seen_within_five_seconds(
    servers: tuple[LocalServers, StorageSettings],
) -> None:
    local, settings = servers
    with monitor(urls(settings), settings) as health:
        wait_for(lambda: states(health) == UP)
        since = health.snapshot()["redis"].since
        for process in server_processes(settings.state_dir).values():
            process.kill()
        wait_for(lambda: states(health) == DOWN, seconds=RETURN_SECONDS)
        assert health.snapshot()["redis"].since > since
        assert health.snapshot()["postgresql"].error
        local.start()
        assert wait_for(lambda: states(health) == UP) < RETURN_SECONDS


def test_connections_that_were_ended_are_no_outage(servers: tuple[LocalServers, StorageSettings]) -> None:
    _, settings = servers
    with monitor(urls(settings), settings) as health:
        wait_for(lambda: states(health) == UP)
        first = health.snapshot()
        look = "select pid from pg_stat_activity where application_name = 'tiffin health'"
        ((pid,),) = execute(urls(settings).database, look)
        assert execute(urls(settings).database, f"select pg_terminate_backend({pid})") == [(True,)]
        with redis.Redis.from_url(urls(settings).redis) as client:
            killed = client.client_kill_filter(_type="normal", skipme=True)
        assert killed
        wait_for(lambda: execute(urls(settings).database, look) not in ([], [(pid,)]))
        checked = health.snapshot()["redis"].latency_ms
        wait_for(lambda: health.snapshot()["redis"].latency_ms != checked)
        assert {name: found.since for name, found in health.snapshot().items()} == {
            name: found.since for name, found in first.items()
        }
        assert states(health) == UP


def test_the_longest_pause_and_the_longest_check_fit_into_five_seconds() -> None:
    longest = StorageSettings(health_interval_seconds=LONGEST_PAUSE_SECONDS, health_timeout_seconds=2)
    assert longest.health_interval_seconds + longest.health_timeout_seconds < RETURN_SECONDS
    with pytest.raises(ValidationError):
        StorageSettings(health_timeout_seconds=2.1)


def test_servers_that_hang_are_down_and_return(servers: tuple[LocalServers, StorageSettings]) -> None:
    _, settings = servers
    with monitor(urls(settings), settings) as health:
        wait_for(lambda: states(health) == UP)
        with stopped(settings.state_dir):
            wait_for(lambda: states(health) == DOWN, seconds=RETURN_SECONDS)
            assert "no answer in time" in health.snapshot()["postgresql"].error
            started = time.perf_counter()
            health.snapshot()
            assert time.perf_counter() - started < 0.05
        assert wait_for(lambda: states(health) == UP) < RETURN_SECONDS


@contextmanager
def stopped(state_dir: Path) -> Iterator[None]:
    """All processes of the servers there halted, as by a machine that swaps or a cut network."""
    processes: list[psutil.Process] = []
    for server in server_processes(state_dir).values():
        processes += [server, *server.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def test_errors_name_the_trouble_but_not_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = Urls(f"postgresql://tiffin:hunter2@{address}/tiffin", f"redis://:hunter2@{address}")
        with monitor(found, StorageSettings(health_timeout_seconds=0.3)) as health:
            wait_for(lambda: all("refused" in dependency.error for dependency in health.snapshot().values()))
            assert "hunter2" not in repr(health.snapshot())


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_is_down(answer: bytes) -> None:
    with nonsense(answer) as url, monitor(Urls("postgresql://localhost/x", url), StorageSettings()) as health:
        wait_for(lambda: health.snapshot()["redis"].error not in {"", "not checked yet"})
        assert not health.snapshot()["redis"].ok


def test_tables_that_are_not_made_yet_are_said_and_seen_when_they_are(
    settings: StorageSettings, database_url: str
) -> None:
    known = Urls(database_url, urls(settings).redis)
    with monitor(known, settings) as health:
        wait_for(lambda: states(health) == UP)
        assert "revision none" in health.snapshot()["postgresql"].lacking
        migrate(database_url)
        assert wait_for(lambda: not health.snapshot()["postgresql"].lacking) < RETURN_SECONDS
        execute(database_url, "update alembic_version set version_num = '0001'")
        wait_for(lambda: "revision 0001" in health.snapshot()["postgresql"].lacking)


def test_a_silent_port_is_down_within_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = Urls(f"postgresql://tiffin@{address}/tiffin", f"redis://{address}")
        with monitor(found, StorageSettings(health_timeout_seconds=0.2)) as health:
            wait_for(lambda: "not checked yet" not in {d.error for d in health.snapshot().values()}, seconds=2)
            assert states(health) == DOWN


def test_nonsense_for_a_url_is_down_and_raises_nothing() -> None:
    with monitor(Urls("postgresql://[", "nonsense"), StorageSettings()) as health:
        wait_for(lambda: "not checked yet" not in {d.error for d in health.snapshot().values()})
        assert states(health) == DOWN
