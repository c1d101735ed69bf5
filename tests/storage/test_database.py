"""Engines, transactions and migrations on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from storage.database import open_engine, transact
from storage.errors import MigrationError, StorageUnavailableError
from storage.migrations import current, head, migrate
from storage.settings import StorageSettings
from storage.tables import metadata
from tests.storage.servers import ROOT, execute

NOWHERE = "postgresql://tiffin:hunter2@127.0.0.1:1/tiffin"


@pytest.fixture
def engine(database_url: str, settings: StorageSettings) -> Iterator[Engine]:
    engine = open_engine(database_url, settings.model_copy(update={"statement_timeout_seconds": 0.5}))
    yield engine
    engine.dispose()


def value(connection: Connection, statement: str) -> object:
    return connection.execute(text(statement)).scalar_one()


def test_a_migrated_database_is_what_the_tables_say(database_url: str, engine: Engine) -> None:
    assert current(database_url) is None
    assert migrate(database_url) == head()
    assert current(database_url) == head()
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    execute(database_url, "insert into releases (model, champion, updated_by) values ('fraud', 'fraud:a', 'test')")
    assert migrate(database_url) == head()
    assert execute(database_url, "select champion from releases") == [("fraud:a",)]


def test_replicas_may_migrate_at_the_same_time(database_url: str) -> None:
    script = "import sys; from storage.migrations import migrate; sys.stdin.read(1); migrate(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, database_url]
    replicas = [subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) for _ in range(2)]
    for replica in replicas:
        assert replica.stdin
        replica.stdin.write(b"x")
        replica.stdin.flush()
    for replica in replicas:
        with replica:
            assert replica.wait(30) == 0
    assert current(database_url) == head()


def test_a_database_of_a_newer_tiffin_is_refused(database_url: str) -> None:
    migrate(database_url)
    execute(database_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(MigrationError, match="newer version"):
        migrate(database_url)


def test_missing_tables_say_that_the_database_is_not_migrated(engine: Engine) -> None:
    with pytest.raises(MigrationError, match="not migrated"):
        transact(engine, lambda connection: value(connection, "select champion from releases"))


@pytest.mark.parametrize("use", [migrate, current])
def test_a_database_that_is_not_there_is_unavailable(use: object) -> None:
    assert callable(use)
    with pytest.raises(StorageUnavailableError, match="refused") as caught:
        use(NOWHERE)
    assert "hunter2" not in str(caught.value)


def test_a_transaction_on_a_database_that_is_not_there_is_unavailable(settings: StorageSettings) -> None:
    engine = open_engine(NOWHERE, settings)
    with pytest.raises(StorageUnavailableError, match="refused") as caught:
        transact(engine, lambda connection: value(connection, "select 1"))
    assert caught.value.dependency == "postgresql"
    assert "hunter2" not in str(caught.value)


def test_a_transaction_survives_the_death_of_pooled_connections(database_url: str, engine: Engine) -> None:
    first = transact(engine, lambda connection: value(connection, "select pg_backend_pid()"))
    execute(database_url, f"select pg_terminate_backend({first}, 5000)")
    assert transact(engine, lambda connection: value(connection, "select pg_backend_pid()")) != first


def test_work_that_loses_its_connection_twice_is_unavailable(engine: Engine) -> None:
    runs = []

    def suicide(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StorageUnavailableError):
        transact(engine, suicide)
    assert len(runs) == 2


def test_what_the_server_may_not_do_as_it_is_set_now_is_unavailable(database_url: str, engine: Engine) -> None:
    ((database,),) = execute(database_url, "select current_database()")
    execute(database_url, f"alter database {database} set default_transaction_read_only = on")
    with pytest.raises(StorageUnavailableError, match="read-only"):
        transact(engine, lambda connection: connection.execute(text("create table numbers (n integer)")))


def test_a_slow_statement_is_cancelled(engine: Engine) -> None:
    with pytest.raises(StorageUnavailableError, match="statement timeout"):
        transact(engine, lambda connection: value(connection, "select pg_sleep(5)::text"))


def test_work_that_raises_leaves_nothing(database_url: str, engine: Engine) -> None:
    execute(database_url, "create table numbers (n int primary key)")

    def insert_twice(connection: Connection) -> None:
        connection.execute(text("insert into numbers values (1)"))
        connection.execute(text("insert into numbers values (:n)"), {"n": 1})

    with pytest.raises(IntegrityError) as caught:
        transact(engine, insert_twice)
    assert "{'n': 1}" not in str(caught.value)  # values stay out of messages
    assert execute(database_url, "select count(*) from numbers") == [(0,)]


def test_sessions_are_in_utc_and_named(engine: Engine) -> None:
    assert transact(engine, lambda connection: value(connection, "show timezone")) == "UTC"
    assert transact(engine, lambda connection: value(connection, "show application_name")) == "tiffin"
