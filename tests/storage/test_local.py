"""Embedded servers: who starts them, who stops them, and that they never meet others."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from storage import urls
from storage.errors import LocalServerError, StorageUnavailableError
from storage.local import LocalServers
from storage.local.process import alive
from storage.settings import StorageSettings
from tests.storage.servers import ROOT, User, execute, server_processes, wait_for


@pytest.fixture(autouse=True)
def nothing_is_left_running(state_dir: Path) -> Iterator[None]:
    yield
    assert server_processes(state_dir) == {}


def ping(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


def test_a_stop_leaves_no_process_and_no_file_but_the_data(state_dir: Path) -> None:
    servers = LocalServers(state_dir)
    found = servers.start()
    sockets = Path(json.loads((state_dir / "servers.json").read_text())["sockets"])
    assert execute(found["postgresql"], "select 1") == [(1,)]
    assert ping(found["redis"])
    assert set(server_processes(state_dir)) == {"postgresql", "redis"}
    assert (state_dir / "servers.json").stat().st_mode & 0o777 == 0o600
    assert sockets.stat().st_mode & 0o777 == 0o700
    servers.stop()
    servers.stop()
    assert server_processes(state_dir) == {}
    assert not sockets.exists()
    assert sorted(path.name for path in state_dir.iterdir()) == ["servers", "servers.change.lock", "servers.lock"]


def test_rows_survive_a_restart(state_dir: Path) -> None:
    with LocalServers(state_dir) as servers:
        execute(servers.start()["postgresql"], "create table kept as select 42 as answer")
    with LocalServers(state_dir) as servers:
        assert execute(servers.start()["postgresql"], "select answer from kept") == [(42,)]
        execute(servers.start()["postgresql"], "drop table kept")


def test_servers_are_safe_and_small(state_dir: Path) -> None:
    with LocalServers(state_dir) as servers:
        found = servers.start()
        for setting, value in {
            "fsync": "on",
            "listen_addresses": "",
            "shared_buffers": "128MB",
            "TimeZone": "UTC",
        }.items():
            assert execute(found["postgresql"], f"show {setting}") == [(value,)]
        with redis.Redis.from_url(found["redis"], decode_responses=True) as client:
            assert client.config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lru"
            assert int(client.config_get("maxmemory")["maxmemory"]) > 0
            assert client.config_get("port") == {"port": "0"}
        wrong = found["redis"].replace("unix://:", "unix://:not")
        with redis.Redis.from_url(wrong) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_servers_left_by_a_killed_user_are_replaced(state_dir: Path) -> None:
    with User(state_dir) as user:
        user.urls()
        user.process.kill()
        user.process.wait()
    stale = server_processes(state_dir)
    assert set(stale) == {"postgresql", "redis"}
    with LocalServers(state_dir) as servers:
        found = servers.start()
        assert execute(found["postgresql"], "select 1") == [(1,)]
        assert ping(found["redis"])
        living = server_processes(state_dir)
        assert {process.pid for process in living.values()}.isdisjoint(process.pid for process in stale.values())


def test_the_last_user_stops_the_servers_whoever_started_them(state_dir: Path) -> None:
    with User(state_dir) as training:
        started = training.urls()
        processes = server_processes(state_dir)
        with LocalServers(state_dir) as service:
            assert service.start() == started
            assert training.leave() == 0
            assert server_processes(state_dir) == processes
            assert execute(started["postgresql"], "select 1") == [(1,)]


def test_a_user_that_comes_and_goes_stops_nothing(state_dir: Path) -> None:
    with LocalServers(state_dir) as service:
        started = service.start()
        with User(state_dir) as training:
            assert training.urls() == started
            assert training.leave() == 0
        assert ping(started["redis"])


def test_users_that_start_together_share_one_pair(state_dir: Path) -> None:
    with User(state_dir) as one, User(state_dir) as two:
        assert one.urls() == two.urls()
        assert set(server_processes(state_dir)) == {"postgresql", "redis"}
        assert one.leave() == two.leave() == 0


def test_a_terminated_user_stops_its_servers(state_dir: Path) -> None:
    with User(state_dir) as user:
        user.urls()
        user.process.terminate()
        assert user.process.wait(20) == 128 + signal.SIGTERM
    assert server_processes(state_dir) == {}


def test_a_second_start_revives_dead_servers_under_the_same_urls(state_dir: Path) -> None:
    with LocalServers(state_dir) as servers, ThreadPoolExecutor() as pool:
        before = servers.start()
        busy = pool.submit(execute, before["postgresql"], "do 'begin loop end loop; end'")
        running = "select pid from pg_stat_activity where query like 'do %' and state = 'active'"
        wait_for(lambda: execute(before["postgresql"], running) != [])
        (backend,) = (psutil.Process(pid) for (pid,) in execute(before["postgresql"], running))
        for process in server_processes(state_dir).values():
            process.kill()
        wait_for(lambda: server_processes(state_dir) == {})
        assert alive(backend)  # it does not notice, and still has the data open
        assert servers.start() == before
        assert not alive(backend)
        with pytest.raises(psycopg2.OperationalError):
            busy.result()
        assert execute(before["postgresql"], "select 1") == [(1,)]
        assert ping(before["redis"])


def test_watched_servers_that_are_killed_come_back_under_the_same_urls(
    state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with LocalServers(state_dir) as servers, User(state_dir) as other:
        before = servers.start()
        servers.watch()
        assert other.urls() == before
        killed = server_processes(state_dir).values()
        for process in killed:
            process.kill()
        wait_for(lambda: not any(map(alive, killed)) and answers(before))
        assert "ended without being asked to; starting again" in caplog.text
        assert other.leave() == 0
        assert answers(before)
    assert server_processes(state_dir) == {}


def answers(found: dict[str, str]) -> bool:
    try:
        return execute(found["postgresql"], "select 1") == [(1,)] and ping(found["redis"])
    except (psycopg2.OperationalError, redis.ConnectionError):
        return False


def test_only_wanted_servers_are_revived(state_dir: Path) -> None:
    with LocalServers(state_dir, database=False) as servers:
        assert not servers.revive()
        server_processes(state_dir)["redis"].kill()
        wait_for(lambda: server_processes(state_dir) == {})
        assert servers.revive()
        assert set(server_processes(state_dir)) == {"redis"}


def test_a_sockets_folder_that_was_tidied_away_is_made_again(state_dir: Path) -> None:
    with LocalServers(state_dir) as servers:
        before = servers.start()
        for process in server_processes(state_dir).values():
            process.kill()
        wait_for(lambda: server_processes(state_dir) == {})
        shutil.rmtree(json.loads((state_dir / "servers.json").read_text())["sockets"])
        assert servers.revive()
        assert answers(before)


def test_a_signal_during_the_start_leaves_nothing_running(state_dir: Path) -> None:
    with User(state_dir) as user:
        wait_for(lambda: "postgresql" in server_processes(state_dir))
        user.process.terminate()
        assert user.process.wait(20) == 128 + signal.SIGTERM
    assert server_processes(state_dir) == {}
    assert not (state_dir / "servers.json").exists()


def test_another_process_with_the_number_of_a_dead_server_is_left_alone(state_dir: Path) -> None:
    (state_dir / "servers" / "redis" / "redis.pid").write_text(f"{os.getpid()}\n")
    postmaster = [str(os.getpid()), str(state_dir), "0", "5432", "/tmp", "", "1 1", "ready"]
    (state_dir / "servers" / "postgres" / "data" / "postmaster.pid").write_text("\n".join(postmaster))
    with LocalServers(state_dir) as servers:
        found = servers.start()
        assert execute(found["postgresql"], "select 1") == [(1,)]
        assert ping(found["redis"])


def test_a_damaged_servers_file_is_replaced(state_dir: Path) -> None:
    (state_dir / "servers.json").write_text("{")
    with pytest.raises(StorageUnavailableError, match="does not read"):
        urls(StorageSettings(state_dir=state_dir))
    with LocalServers(state_dir) as servers:
        assert ping(servers.start()["redis"])


def test_only_servers_without_a_url_are_started(state_dir: Path) -> None:
    settings = StorageSettings.model_validate({"state_dir": state_dir, "database_url": "postgresql://db/tiffin"})
    with LocalServers.for_settings(settings):
        assert set(server_processes(state_dir)) == {"redis"}
        assert urls(settings).database == "postgresql://db/tiffin"
        assert ping(urls(settings).redis)
        with LocalServers(state_dir) as both:
            assert both.start()["redis"] == urls(settings).redis
            assert set(server_processes(state_dir)) == {"postgresql", "redis"}


def test_nothing_is_started_when_both_urls_are_set(tmp_path: Path) -> None:
    settings = StorageSettings.model_validate(
        {"state_dir": tmp_path / "none", "database_url": "postgresql://db/tiffin", "redis_url": "redis://cache"}
    )
    with LocalServers.for_settings(settings) as servers:
        assert servers.start() == {}
    assert not (tmp_path / "none").exists()


def test_two_folders_with_long_strange_names_do_not_meet(state_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / ("a long path " * 10) / "with 'quotes\" and $dollars" / ("x" * 100)
    assert len(str(other)) > 250
    with LocalServers(state_dir) as here, LocalServers(other) as there:
        first, second = here.start(), there.start()
        assert first["postgresql"] != second["postgresql"]
        execute(first["postgresql"], "create table only_here ()")
        assert execute(second["postgresql"], "select to_regclass('only_here')") == [(None,)]
        with redis.Redis.from_url(first["redis"]) as one, redis.Redis.from_url(second["redis"]) as two:
            one.set("only", "here")
            assert two.get("only") is None
        there.stop()
        assert set(server_processes(state_dir)) == {"postgresql", "redis"}
        assert server_processes(other) == {}
        execute(first["postgresql"], "drop table only_here")


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else; the other tests run as an ordinary user then"
)
def test_they_run_for_an_ordinary_user_too() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        launcher = (sys.executable, "-I", "-S", str(ROOT / "storage/local/launch.py"), "--account", "nobody", "--")
        with User(Path(folder), prefix=launcher) as user:
            user.urls()
            assert {process.uids().real for process in server_processes(Path(folder)).values()} == {65534}
            assert psutil.Process(user.process.pid).uids().real == 65534
            assert user.leave() == 0
        assert server_processes(Path(folder)) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another account")
def test_servers_of_root_do_not_run_as_root_and_change_no_modes(state_dir: Path) -> None:
    modes = [parent.stat().st_mode for parent in state_dir.parents]
    with LocalServers(state_dir):
        assert all(process.uids().real != 0 for process in server_processes(state_dir).values())
    assert modes == [parent.stat().st_mode for parent in state_dir.parents]


def test_without_the_wheels_the_message_says_which_url_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalServerError, match="DATABASE_URL"):
        LocalServers(tmp_path).start()
    with pytest.raises(LocalServerError, match="REDIS_URL"):
        LocalServers(tmp_path, database=False).start()


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(state_dir: Path) -> None:
    version = state_dir / "servers" / "postgres" / "data" / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(LocalServerError, match="PostgreSQL 12"):
        LocalServers(state_dir).start()
    assert not (state_dir / "servers.json").exists()
    version.write_text("18\n")
