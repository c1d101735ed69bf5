"""Events are kept as long as the settings say, source by source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from features.errors import UnknownSourceError
from features.events import Events
from features.expiries import expiries
from features.settings import FeatureSettings
from features.sources import sources
from ledger.configuration import Configuration, from_json, to_json
from ledger.connection import connect
from ledger.retention import Rules
from ledger.retention import expire as expire_all
from storage import expiry
from storage.expiry import Expiry, expire
from storage.queries import Queries
from tests.features.made_up import joined, spent
from tests.storage.servers import execute

NOW = datetime.now(UTC)


def at(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def test_nothing_is_removed_by_default() -> None:
    assert expiries(FeatureSettings()) == []


def test_every_source_has_its_days_by_its_own_time() -> None:
    found = expiries(FeatureSettings(retention_days=800, retention={"customers": None, "payments": 30}))
    assert {one.table for one in found} == set(sources()) - {"customers"}
    assert Expiry("payments", "paid_at", 30) in found
    assert Expiry("transactions", "booked_at", 800) in found
    with pytest.raises(UnknownSourceError, match="did you mean 'payments'"):
        expiries(FeatureSettings(retention={"payment": 30}))


def test_what_the_shipper_is_told_arrives(tmp_path: object) -> None:
    told = Configuration(state_dir=tmp_path, database_url="x", events=(Expiry("sales", "sold_at", 9),))  # type: ignore[arg-type]
    assert from_json(to_json(told)).events == told.events


def test_old_events_are_removed_in_steps_and_nothing_else(
    queries: Queries, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BLOCKS", 2)
    ages = [0.1, 9.9, 10.1, 400]
    rows = [spent("ada", 1) | {"event_id": f"{day}-{n}", "booked_at": at(day)} for n in range(200) for day in ages]
    Events(queries, None).write("transactions", rows)
    Events(queries, None).write("customers", [joined("ada") | {"joined_at": at(400)}])
    connection = connect(migrated_url, "test")
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    assert expire(connection, Expiry("transactions", "booked_at", 10), NOW, is_over=count) == 400
    assert steps > 3
    assert expire(connection, Expiry("transactions", "booked_at", 10), NOW) == 0
    left = execute(
        migrated_url, "select split_part(event_id, '-', 1), count(*) from transactions group by 1 order by 1"
    )
    assert left == [("0.1", 200), ("9.9", 200)]
    assert execute(migrated_url, "select count(*) from customers") == [(1,)]
    connection.close()


def test_an_interrupted_removal_goes_on_the_next_time(
    queries: Queries, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BLOCKS", 1)
    rows = [spent("ada", 1) | {"event_id": f"{n}", "booked_at": at(400)} for n in range(500)]
    Events(queries, None).write("transactions", rows)
    connection = connect(migrated_url, "test")
    rule = Expiry("transactions", "booked_at", 10)
    steps = iter([False, True])
    first = expire(connection, rule, NOW, is_over=lambda: next(steps))
    assert 0 < first < 500
    assert first + expire(connection, rule, NOW) == 500
    connection.close()


def test_the_ledger_s_retention_clears_the_sources_too(queries: Queries, migrated_url: str) -> None:
    old, new = (spent("ada", 1) | {"booked_at": at(days)} for days in (50, 1))
    Events(queries, None).write("transactions", [old, new])
    connection = connect(migrated_url, "test")
    done = expire_all(connection, Rules(events=expiries(FeatureSettings(retention_days=20))), NOW)
    assert done is not None
    assert done.events == 1
    assert execute(migrated_url, "select event_id from transactions") == [(new["event_id"],)]
    over = expire_all(connection, Rules(events=[Expiry("transactions", "booked_at", 1)]), NOW, is_over=lambda: True)
    assert over is not None
    assert over.events == 0
    connection.close()


def test_a_table_that_is_not_there_is_said(migrated_url: str) -> None:
    connection = connect(migrated_url, "test")
    with pytest.raises(psycopg2.errors.UndefinedTable):
        expire(connection, Expiry('no "such"', "at", 1), NOW)
    connection.close()
