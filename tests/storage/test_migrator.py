"""Tables are made as soon as that is possible, by a thread, on a real PostgreSQL."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from storage.errors import NewerDatabaseError
from storage.migrations import current, head, migrate
from storage.migrator import Migrator, bring_up_to_date
from storage.revision import is_current, lacking, needed
from storage.settings import StorageSettings
from tests.storage.servers import execute, fresh_database, wait_for

RETURN_SECONDS = 5.0


def test_the_revision_that_is_needed_is_the_last_migration() -> None:
    assert needed() == head()


def test_only_an_older_database_lacks_anything() -> None:
    assert "revision none" in lacking(None)
    assert "revision 0001" in lacking("0001")
    assert lacking(needed()) == ""
    assert lacking("9999") == ""


def test_a_database_is_current_at_exactly_the_needed_revision(database_url: str) -> None:
    assert not is_current("postgresql://nobody@127.0.0.1:1/nowhere")
    assert not is_current(database_url)
    migrate(database_url)
    assert is_current(database_url)
    for other in ("0001", "9999"):
        execute(database_url, f"update alembic_version set version_num = '{other}'")
        assert not is_current(database_url)


def test_what_is_older_is_migrated_and_what_is_newer_refused(database_url: str) -> None:
    for _ in range(2):
        bring_up_to_date(database_url)
        assert is_current(database_url)
    execute(database_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(NewerDatabaseError):
        bring_up_to_date(database_url)


def test_a_database_that_is_there_is_migrated_when_the_start_goes_on(database_url: str) -> None:
    Migrator(partial(migrate, database_url)).start()
    assert current(database_url) == head()


def test_a_database_that_comes_later_is_migrated_then(settings: StorageSettings, database_url: str) -> None:
    late = database_url.replace("/test_", "/late_test_")
    name = late.split("?")[0].rpartition("/")[2]
    Migrator(partial(migrate, late)).start()
    execute(database_url, f"create database {name}")
    try:
        wait_for(lambda: current(late) == head(), seconds=RETURN_SECONDS)
    finally:
        execute(database_url, f"drop database {name} with (force)")


def test_who_may_not_make_tables_is_told_what_to_do_and_goes_on_when_it_is_done(
    settings: StorageSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with fresh_database(settings) as url:
        name = url.split("?")[0].rpartition("/")[2]
        execute(url, f"create role {name}_reader")
        execute(url, f"alter role current_user in database {name} set role to {name}_reader")
        try:
            Migrator(partial(migrate, url)).start()
            assert "permission denied" in caplog.text
            assert "`tiffin migrate`" in caplog.text
            assert current(url) is None
            execute(url.replace(f"/{name}?", "/postgres?"), f"alter role current_user in database {name} reset role")
            wait_for(lambda: current(url) == head(), seconds=RETURN_SECONDS)
        finally:
            execute(url, f"drop owned by {name}_reader; drop role {name}_reader")


def test_a_database_of_a_newer_version_stops_the_start(database_url: str) -> None:
    migrate(database_url)
    execute(database_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(NewerDatabaseError):
        Migrator(partial(migrate, database_url)).start()


def test_a_start_does_not_wait_for_a_migration_that_hangs() -> None:
    hangs = threading.Event()
    started = time.monotonic()
    Migrator(partial(hangs.wait, 20)).start(wait_seconds=0.1)
    assert time.monotonic() - started < 10
    hangs.set()
