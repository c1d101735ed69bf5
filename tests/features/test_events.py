"""Events in: what is right is written once, what is wrong is told by field, and nothing else is lost with it."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import CheckConstraint

from features.errors import UnknownSourceError
from features.events import Events, Written
from features.sources import MAX_SHOWN, source, sources
from features.views import view
from storage.queries import Queries
from storage.tables import SOURCES
from tests.features.histories import Row, histories
from tests.features.made_up import NOW, ago, joined, seen, spent
from tests.storage.servers import execute

HOSTILE = [
    None,
    True,
    7,
    -1.5,
    math.nan,
    math.inf,
    10**400,
    "",
    " ",
    "x" * 300,
    "a\0b",
    "\ud800",
    [],
    {},
    b"x",
    object(),
]


@pytest.fixture
def events(queries: Queries) -> Events:
    return Events(queries, None)


def faults(written: Written) -> list[tuple[int, str, str]]:
    return [(one.index, problem.field, problem.code) for one in written.rejected for problem in one.problems]


def test_a_row_is_written_with_all_its_values(events: Events, migrated_url: str) -> None:
    row = spent("ada", 12.345) | {"booked_at": "2026-03-01T13:00:00+02:00"}
    assert events.write("transactions", [row]) == Written(accepted=1)
    stored = execute(migrated_url, "select event_id, customer_id, booked_at, amount, recorded_at from transactions")
    ((event_id, customer, booked_at, amount, recorded_at),) = stored
    assert (event_id, customer, amount) == (row["event_id"], "ada", Decimal("12.34"))
    assert booked_at == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert isinstance(recorded_at, datetime)
    assert recorded_at > NOW


def test_a_row_counts_once_however_often_it_comes(events: Events, migrated_url: str) -> None:
    row = spent("ada", 1)
    assert events.write("transactions", [row, row | {"amount": 2}]) == Written(accepted=1, duplicates=1)
    assert events.write("transactions", [row, spent("ada", 3)]) == Written(accepted=1, duplicates=1)
    assert execute(migrated_url, "select sum(amount) from transactions") == [(Decimal(4),)]


def test_rows_that_come_at_the_same_time_count_once(events: Events, migrated_url: str) -> None:
    rows = [joined(f"customer {number}") for number in range(200)]
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: events.write("customers", rows, seconds=10), range(4)))
    assert sum(one.accepted for one in done) == 200
    assert sum(one.duplicates for one in done) == 600
    assert execute(migrated_url, "select count(*) from customers") == [(200,)]


def test_bad_rows_are_told_by_place_and_field_and_do_not_stop_the_others(events: Events, migrated_url: str) -> None:
    wrong = spent("ada", -1) | {"kind": "spent", "booked_at": "yesterday", "customerid": "x"}
    written = events.write("transactions", [spent("ada", 1), wrong, "no row", spent("bob", 2)])
    assert (written.accepted, written.duplicates) == (2, 0)
    assert faults(written) == [
        (1, "booked_at", "time"),
        (1, "kind", "level"),
        (1, "amount", "range"),
        (1, "customerid", "unknown"),
        (2, "", "type"),
    ]
    first = written.rejected[0]
    assert first.event_id == wrong["event_id"]
    messages = {problem.field: problem.message for problem in first.problems}
    assert messages["customerid"] == "is no column of this source; did you mean 'customer_id'?"
    assert messages["kind"].endswith("did you mean 'spend'?")
    assert messages["amount"] == "must be between 0 and 10000000"
    assert execute(migrated_url, "select count(*) from transactions") == [(2,)]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-03-01T12:00:00", "zone"),
        ("2026-03-01", "zone"),
        ("2026-02-30T12:00:00Z", "time"),
        ("0001-01-01T00:00:00+14:00", "range"),
        ("9999-12-31T23:59:59-14:00", "range"),
        ("1066-10-14T09:00:00Z", "range"),
        (1_772_000_000, "type"),
        ("9" * 5000, "time"),
    ],
)
def test_a_time_needs_a_zone_and_a_sensible_year(at: object, code: str, events: Events) -> None:
    assert faults(events.write("customers", [joined("ada") | {"joined_at": at}])) == [(0, "joined_at", code)]


def test_an_event_may_lie_ahead_as_far_as_clocks_differ(events: Events) -> None:
    now = datetime.now(UTC)
    near, far = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (4, 7))
    written = events.write("customers", [joined("ada") | {"joined_at": at} for at in (near, far)])
    assert written.accepted == 1
    assert faults(written) == [(1, "joined_at", "future")]


def test_what_is_agreed_for_later_may_lie_far_ahead(events: Events) -> None:
    row = {
        "event_id": "agreed",
        "instalment_id": "1",
        "customer_id": "ada",
        "agreed_at": ago(days=1),
        "due_at": (NOW + timedelta(days=700)).isoformat(),
        "amount": 100,
    }
    assert events.write("instalments", [row]).accepted == 1


def test_values_may_be_null_only_where_the_table_lets_them(events: Events) -> None:
    row = {"event_id": "1", "user_id": "ada", "changed_at": ago(days=1), "country": None}
    assert events.write("users", [row]).accepted == 1
    written = events.write("users", [{"country": "DE"}])
    assert faults(written) == [(0, name, "missing") for name in ("event_id", "user_id", "changed_at")]


@pytest.mark.parametrize("name", list(SOURCES))
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_no_value_of_any_column_gets_past_the_check_or_through_the_database(
    name: str, value: object, events: Events
) -> None:
    columns = list(source(name).columns)
    rows = [dict.fromkeys(columns, "x") | {column: value} for column in columns]
    written = events.write(name, [*rows, dict.fromkeys(columns, value), {f"field {n}": value for n in range(99)}])
    assert written.accepted == written.duplicates == 0
    assert all(problem.code != "database" for one in written.rejected for problem in one.problems)
    assert all(len(one.problems) <= MAX_SHOWN for one in written.rejected)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.one_of([histories(view(name)) for name in ("customer_behaviour", "shop_sessions", "sales_history")]))
def test_what_the_tables_admit_is_accepted_unless_it_lies_ahead(rows: list[Row], events: Events) -> None:
    for number, row in enumerate(rows[:8]):
        columns = [column for column in source(row.source).columns if column != "event_id"]
        values = dict(zip(columns, row.values, strict=True))
        sent = {column: value.isoformat() if isinstance(value, datetime) else value for column, value in values.items()}
        written = events.write(row.source, [{"event_id": f"e{number}", **sent}])
        if row.at <= datetime.now(UTC):
            assert not written.rejected
            assert written.accepted + written.duplicates == 1
        else:
            assert faults(written) == [(0, source(row.source).time, "future")]


def test_a_file_s_texts_are_read_as_the_columns_types(events: Events, migrated_url: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "event_id": "1",
            "user_id": "ada",
            "attempted_at": "2026-03-01 12:00:00+01:00",
            "succeeded": "True",
            "amount": " 9.5 ",
        },
        {"event_id": "2", "user_id": "7", "attempted_at": "2026-03-01T12:00Z", "succeeded": "0", "amount": "1e1"},
    ]
    assert events.write("payment_attempts", rows, as_text=True) == Written(accepted=2)
    stored = execute(migrated_url, "select user_id, succeeded, amount from payment_attempts order by event_id")
    assert stored == [("ada", True, Decimal("9.5")), ("7", False, Decimal(10))]
    for name, value in (
        ("succeeded", "maybe"),
        ("amount", "1,5"),
        ("amount", "nan"),
        ("amount", "1e99"),
        ("amount", "0x1"),
    ):
        written = events.write("payment_attempts", [rows[0] | {name: value}], as_text=True)
        assert [problem.field for problem in written.rejected[0].problems] == [name]
    assert events.write("payment_attempts", [rows[0] | {"amount": "9.5"}]).rejected, "JSON has numbers of its own"


def test_an_unknown_source_is_refused_with_the_nearest(events: Events) -> None:
    with pytest.raises(UnknownSourceError, match="did you mean 'transactions'"):
        events.write("transaction", [])


def test_every_limit_that_a_row_is_checked_for_is_kept_by_the_database_too(migrated_url: str) -> None:
    query = """
        select conrelid::regclass::text, conname from pg_constraint
        where contype = 'c' and connamespace = 'public'::regnamespace
    """
    found = set(execute(migrated_url, query))
    for table in SOURCES.values():
        wanted = {(table.name, str(one.name)) for one in table.constraints if isinstance(one, CheckConstraint)}
        assert wanted <= found
        limited = [column.name for column in table.c if {"minimum", "levels"} & set(column.info)]
        assert {f"ck_{table.name}_{name}" for name in limited} == {name for _, name in wanted}


def test_sources_say_which_views_read_them_under_which_ids() -> None:
    assert [(view.name, keys) for view, keys in source("item_prices").readers()] == [("shop_sessions", ("item_id",))]
    assert [keys for _, keys in source("ratings").readers()] == [("item_id",)]
    assert [(view.name, keys) for view, keys in source("shop_events").readers()] == [
        ("shop_sessions", ("user_id", "item_id"))
    ]
    assert all(list(found.readers()) for found in sources().values()), "every source is read by a view"


def test_many_rows_are_written_in_parts(events: Events, migrated_url: str) -> None:
    rows = [seen(f"user {number % 100}", "lamp") for number in range(12_000)]
    rows[7_000] = rows[7_000] | {"kind": "stare"}
    written = events.write("shop_events", rows, seconds=30)
    assert (written.accepted, [one.index for one in written.rejected]) == (11_999, [7_000])
    assert execute(migrated_url, "select count(*) from shop_events") == [(11_999,)]
