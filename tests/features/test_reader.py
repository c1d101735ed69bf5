"""The reader: any number of pairs in, their rows in order out, whatever the server's time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, text

from features.entity import Entity
from features.errors import UnknownEntityError
from features.reader import UNKNOWN, Pair, Query, array, read
from features.views import view
from storage.database import open_engine
from storage.errors import MigrationError
from storage.settings import StorageSettings
from tests.features.conftest import ENDS_AT
from tests.features.querying import engine_query
from tests.storage.servers import execute

BANK, LEARNING, STORES = view("customer_behaviour"), view("user_engagement"), view("sales_history")
SOMEBODY = Entity(("C000003",))


def test_no_pairs_are_no_query() -> None:
    def run(statement: str, parameters: Sequence[str]) -> Sequence[Sequence[Any]]:
        raise AssertionError(statement)

    assert read(BANK, [], run) == []


def test_rows_come_in_the_order_of_their_pairs(query: Query) -> None:
    entities = [Entity((f"C{number:06d}",)) for number in (5, 3, 1, 4, 3)]
    pairs = [Pair(entity, ENDS_AT) for entity in entities]
    rows = read(BANK, pairs, query)
    assert rows == [read(BANK, [pair], query)[0] for pair in pairs]
    assert rows[1] == rows[4]


def test_one_entity_at_two_moments_gives_two_rows(query: Query) -> None:
    later, earlier = read(BANK, [Pair(SOMEBODY, ENDS_AT), Pair(SOMEBODY, ENDS_AT - timedelta(days=30))], query)
    tenure = BANK.columns.index("tenure_days")
    assert later.values[tenure] - earlier.values[tenure] == 30
    assert later.since == earlier.since


def test_an_entity_that_nobody_heard_of_is_unknown(query: Query) -> None:
    assert read(BANK, [Pair(Entity(("nobody",)), ENDS_AT)], query) == [UNKNOWN]


def test_an_entity_is_unknown_until_after_the_moment_at_which_it_came(query: Query) -> None:
    since = read(BANK, [Pair(SOMEBODY, ENDS_AT)], query)[0].since
    assert since is not None
    before, after = read(BANK, [Pair(SOMEBODY, since), Pair(SOMEBODY, since + timedelta(microseconds=1))], query)
    assert before == UNKNOWN
    assert after.since == since
    assert after.is_thin(BANK, since + timedelta(days=29))
    assert not after.is_thin(BANK, since + timedelta(days=30))


def test_a_moment_means_the_same_in_every_time_zone(query: Query) -> None:
    elsewhere = ENDS_AT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    here, there = read(BANK, [Pair(SOMEBODY, ENDS_AT), Pair(SOMEBODY, elsewhere)], query)
    assert here == there


@pytest.mark.parametrize("id_", ['"; drop table customers; --', "{a,b}", "a\\", 'b"', "%s", "NULL", "", "ü\u202e🦊"])
def test_ids_are_values_whatever_they_look_like(id_: str, sample: Engine) -> None:
    with sample.begin() as connection:
        insert = text("insert into customers (event_id, customer_id, joined_at) values (:id, :id, '2026-01-01Z')")
        connection.execute(insert, {"id": id_})

        def run(statement: str, parameters: Sequence[str]) -> Sequence[Sequence[Any]]:
            return connection.exec_driver_sql(statement, tuple(parameters)).fetchall()

        (row,) = read(BANK, [Pair(Entity((id_,)), ENDS_AT)], run)
        connection.rollback()
    assert row.since == datetime(2026, 1, 1, tzinfo=UTC)


def test_arrays_are_written_as_postgresql_reads_them(sample: Engine) -> None:
    texts = ["a", "", "NULL", 'b"', "c\\", "{d}", "e,f", " g ", "%s"]
    with sample.connect() as connection:
        statement = "select unnest(%s::text[])"
        assert connection.exec_driver_sql(statement, (array(texts),)).scalars().all() == texts


def test_days_are_utc_days_where_the_server_lives_elsewhere(
    sample_url: str, settings: StorageSettings, query: Query
) -> None:
    moments = [datetime(2025, 3, 30, hour, 30, tzinfo=UTC) for hour in (0, 1, 2, 22, 23)]
    moments += [datetime(2025, 10, 26, hour, 30, tzinfo=UTC) for hour in (0, 1, 22, 23)]
    store = Entity(("S001", "K0001"))
    expected = [
        read(found, [Pair(one, at) for at in moments], query) for found, one in ((BANK, SOMEBODY), (STORES, store))
    ]
    (database,) = execute(sample_url, "select current_database()")[0]
    execute(sample_url, f"alter database {database} set timezone = 'Europe/Berlin'")
    engine = open_engine(sample_url, settings)
    try:
        found = [read(BANK, [Pair(SOMEBODY, at) for at in moments], engine_query(engine))]
        found.append(read(STORES, [Pair(store, at) for at in moments], engine_query(engine)))
    finally:
        engine.dispose()
        execute(sample_url, f"alter database {database} reset timezone")
    assert found == expected


def test_a_database_without_the_tables_says_so(database_url: str, settings: StorageSettings) -> None:
    engine = open_engine(database_url, settings)
    with pytest.raises(MigrationError):
        read(BANK, [Pair(SOMEBODY, ENDS_AT)], engine_query(engine))
    engine.dispose()


def test_errors_say_what_the_caller_can_do() -> None:
    unknown = UnknownEntityError("customer_behaviour", "C9", None, BANK.known)
    assert str(unknown) == (
        "customer_behaviour knows nothing of entity 'C9' yet; "
        "an entity is known from the customer's first row in any source"
    )
