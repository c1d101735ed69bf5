"""Statements with a deadline: every call ends in time, whatever PostgreSQL does, and works again when it does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from storage import urls
from storage.errors import MigrationError, StorageUnavailableError
from storage.local import LocalServers
from storage.queries import FAILURES, Prepared, Queries
from storage.settings import StorageSettings
from tests.storage.servers import execute, server_processes, wait_for

RETURN_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""What a busy machine may add to a deadline."""
ADD = Prepared("add", "select $1::integer + $2::integer", 2)


@pytest.fixture(scope="module")
def servers(state_dir: Path) -> Iterator[tuple[LocalServers, StorageSettings]]:
    """Servers that may be stopped and killed."""
    settings = StorageSettings(state_dir=state_dir)
    with LocalServers.for_settings(settings) as local:
        local.start()
        yield local, settings


@pytest.fixture
def queries(database_url: str) -> Iterator[Queries]:
    queries = Queries(database_url, connections=2)
    yield queries
    queries.close()


def backends(url: str) -> int:
    ours = "datname = current_database() and application_name = 'tiffin'"
    ((count,),) = execute(url, f"select count(*) from pg_stat_activity where {ours}")
    assert isinstance(count, int)
    return count


def works(queries: Queries) -> bool:
    try:
        return queries.run("select 1", seconds=1) == [(1,)]
    except StorageUnavailableError:
        return False


def test_a_statement_returns_its_rows(queries: Queries) -> None:
    assert queries.run("select %s || %s, 1", ["a%s", "'b"], seconds=5) == [("a%s'b", 1)]
    assert queries.run("create table numbers (n integer)", seconds=5) == []
    assert queries.run("insert into numbers values (7) returning n", seconds=5) == [(7,)]


def test_a_prepared_statement_is_planned_once_per_connection(queries: Queries, database_url: str) -> None:
    for number in range(3):
        assert queries.run(ADD, [number, 1], seconds=5) == [(number + 1,)]
    assert queries.run("select name, generic_plans from pg_prepared_statements", seconds=5) == [("add", 3)]
    assert backends(database_url) == 1


def test_sessions_are_in_utc(queries: Queries, database_url: str) -> None:
    ((database,),) = execute(database_url, "select current_database()")
    execute(database_url, f"alter database {database} set timezone = 'Asia/Tokyo'")
    assert queries.run("show timezone", seconds=5) == [("UTC",)]


def test_an_error_of_the_statement_passes_and_the_next_one_works(queries: Queries) -> None:
    with pytest.raises(psycopg2.DataError):
        queries.run("select 1 / 0", seconds=5)
    with pytest.raises(MigrationError, match="not migrated"):
        queries.run("select * from nowhere", seconds=5)
    assert works(queries)


def test_what_the_server_may_not_do_as_it_is_set_now_is_unavailable(queries: Queries, database_url: str) -> None:
    ((database,),) = execute(database_url, "select current_database()")
    execute(database_url, "create table numbers (n integer)")
    execute(database_url, f"alter database {database} set default_transaction_read_only = on")
    with pytest.raises(StorageUnavailableError, match="read-only"):
        queries.run("insert into numbers values (1)", seconds=5)
    assert works(queries)


def test_what_the_role_may_not_do_is_unavailable(queries: Queries, database_url: str) -> None:
    ((database,),) = execute(database_url, "select current_database()")
    execute(database_url, f"create table numbers (n integer); create role {database}_nobody")
    execute(database_url, f"alter role current_user in database {database} set role to {database}_nobody")
    try:
        with pytest.raises(StorageUnavailableError, match="permission denied"):
            queries.run("select * from numbers", seconds=5)
    finally:
        elsewhere = database_url.replace(f"/{database}?", "/postgres?")
        execute(elsewhere, f"alter role current_user in database {database} reset role")
        execute(elsewhere, f"drop role {database}_nobody")


def test_a_prepared_statement_survives_a_change_of_its_table(queries: Queries, database_url: str) -> None:
    execute(database_url, "create table numbers as select 7 as n")
    everything = Prepared("everything", "select * from numbers where n = $1::integer", 1)
    assert queries.run(everything, [7], seconds=5) == [(7,)]
    execute(database_url, "alter table numbers add column more integer")
    assert queries.run(everything, [7], seconds=5) == [(7, None)]


def test_a_slow_statement_ends_at_its_deadline_here_and_there(queries: Queries, database_url: str) -> None:
    started = time.monotonic()
    with pytest.raises(StorageUnavailableError, match="in time"):
        queries.run("select pg_sleep(60)", seconds=0.2)
    assert time.monotonic() - started < 0.2 + SLACK_SECONDS
    running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
    wait_for(lambda: execute(database_url, running) == [(0,)], seconds=10)
    assert works(queries)


def test_one_statement_that_is_always_slow_does_not_stop_the_others(queries: Queries) -> None:
    for _ in range(FAILURES + 2):
        with pytest.raises(StorageUnavailableError):
            queries.run("select pg_sleep(60)", seconds=0.05)
        assert works(queries)


def test_connections_are_shared_and_no_more_than_allowed(queries: Queries, database_url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: queries.run(ADD, [n, n], seconds=10), range(200)))
    assert answers == [[(2 * n,)] for n in range(200)]
    assert backends(database_url) <= 2


def test_who_waits_for_a_connection_waits_no_longer_than_the_deadline(queries: Queries, database_url: str) -> None:
    sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep(1.5)%' and state = 'active'"
    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(queries.run, "select pg_sleep(1.5)::text", (), seconds=10) for _ in range(2)]
        wait_for(lambda: execute(database_url, f"{sleeping} and pid <> pg_backend_pid()") == [(2,)])
        with pytest.raises(StorageUnavailableError, match="busy"):
            queries.run("select 1", seconds=0.1)
        assert [one.result() for one in busy] == [[("",)], [("",)]]


def test_a_pooled_connection_that_died_is_replaced_without_an_error(queries: Queries, database_url: str) -> None:
    ((first,),) = queries.run("select pg_backend_pid()", seconds=5)
    execute(database_url, f"select pg_terminate_backend({first}, 5000)")
    ((second,),) = queries.run("select pg_backend_pid()", seconds=5)
    assert second != first


def test_what_ends_its_own_connection_every_time_is_unavailable(queries: Queries) -> None:
    works(queries)
    with pytest.raises(StorageUnavailableError):
        queries.run("select pg_terminate_backend(pg_backend_pid())", seconds=5)
    assert works(queries)


def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    queries = Queries("postgresql://tiffin:hunter2@127.0.0.1:1/tiffin")
    with pytest.raises(StorageUnavailableError, match="refused") as caught:
        queries.run("select 1", seconds=30)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("warm", [True, False])
def test_calls_end_in_time_while_the_server_hangs_and_work_soon_after(
    servers: tuple[LocalServers, StorageSettings], warm: bool
) -> None:
    _, settings = servers
    queries = Queries(urls(settings).database, connections=4)
    if warm:
        wait_for(lambda: works(queries))
    postmaster = server_processes(settings.state_dir)["postgresql"]
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(8) as threads:
            started = time.monotonic()
            answers = list(threads.map(lambda _: works(queries), range(24)))
            took = time.monotonic() - started
        assert not any(answers)
        assert took < 3 * (1 + SLACK_SECONDS), "after some failures nobody waits any more"
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGCONT)
    wait_for(lambda: works(queries), seconds=RETURN_SECONDS)
    queries.close()


def test_calls_work_soon_after_the_server_was_killed_and_came_back(
    servers: tuple[LocalServers, StorageSettings],
) -> None:
    local, settings = servers
    queries = Queries(urls(settings).database)
    wait_for(lambda: works(queries))
    server_processes(settings.state_dir)["postgresql"].kill()
    wait_for(lambda: not works(queries))
    back = threading.Thread(target=local.start)
    back.start()
    wait_for(lambda: works(queries))
    back.join()
    queries.close()


def test_closing_leaves_no_connection(database_url: str) -> None:
    queries = Queries(database_url)
    works(queries)
    assert backends(database_url) == 1
    queries.close()
    wait_for(lambda: backends(database_url) == 0)
