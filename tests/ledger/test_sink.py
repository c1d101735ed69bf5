"""Rows into PostgreSQL: each once, counted once, and none kept back by another."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from ledger import partitions
from ledger.connection import connect, transaction
from ledger.identity import EPOCH, lowest, milliseconds
from ledger.partitions import Span
from ledger.rows import Row, rows_of
from ledger.sink import Sink
from storage.errors import StorageUnavailableError
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.ledger import making, truth
from tests.storage.servers import execute, fresh_database

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


class Rejections:
    """What a sink could not write."""

    def __init__(self) -> None:
        self.rows: list[tuple[Row, str]] = []

    def __call__(self, row: Row, reason: str) -> None:
        self.rows.append((row, reason))


def sink(url: str, rejections: Rejections | None = None) -> Sink:
    return Sink(url, "test", rejections or Rejections())


def row(seed: random.Random, entity: str | None = None, as_of: str | None = None, **given: Any) -> Row:
    (one,) = rows_of(making.frame(making.prediction(seed, **given), entity=entity, as_of=as_of))
    return one


def test_rows_that_are_written_again_are_not_counted_again(ledger_url: str) -> None:
    seed = random.Random(1)
    rows = [row(seed, f"C{number % 5}") for number in range(40)]
    writer = sink(ledger_url)
    assert writer.write(rows[:20]) == 20
    assert writer.write(rows[10:30]) == 10
    assert writer.write([*rows, *rows]) == 10
    assert len(truth.ids(ledger_url)) == 40
    truth.check_sums(ledger_url)
    writer.close()


predictions = some.fixed_dictionaries(
    {
        "entity": some.sampled_from([None, "A", "B", "U1:I2"]),
        "model": some.sampled_from(["churn", "fraud"]),
        "version": some.sampled_from(["churn:a", "churn:b"]),
        "role": some.sampled_from(["champion", "canary", "shadow"]),
        "score": some.one_of(
            some.none(), some.floats(0, 1), some.floats(allow_nan=False, allow_infinity=False), some.just(1e300)
        ),
        "label": some.sampled_from([None, True, False, "setosa"]),
        "level": some.sampled_from([None, "LOW", "HIGH"]),
        "cached": some.booleans(),
        "stale": some.booleans(),
        "warnings": some.sampled_from([[], ["one"]]),
        "latency_ms": some.one_of(some.none(), some.floats(0, 5000)),
        "hours_ago": some.integers(0, 1000),
        "as_of_days": some.sampled_from([None, -400, -3, 2]),
    }
)


@hypothesis_settings(max_examples=25, deadline=None)
@given(some.lists(some.lists(predictions, min_size=1, max_size=12), min_size=1, max_size=4))
def test_what_is_kept_in_sum_is_what_the_predictions_come_to(
    settings: StorageSettings, sums_url: str, transactions: list[list[dict[str, Any]]]
) -> None:
    execute(sums_url, "truncate predictions, rollups, latest_scores, latest_levels")
    seed = random.Random(5)
    writer = sink(sums_url)
    for drawn in transactions:
        writer.write([_drawn(seed, dict(one)) for one in drawn])
    writer.close()
    truth.check_sums(sums_url)


def _drawn(seed: random.Random, one: dict[str, Any]) -> Row:
    moment = NOW - timedelta(hours=one.pop("hours_ago"))
    days = one.pop("as_of_days")
    as_of = None if days is None else (moment + timedelta(days=days)).isoformat()
    return row(seed, one.pop("entity"), as_of, moment=moment, **one)


@pytest.fixture(scope="module")
def sums_url(settings: StorageSettings) -> Any:
    with fresh_database(settings) as url:
        migrate(url)
        yield url


def test_one_bad_row_is_set_aside_and_the_others_are_written(ledger_url: str) -> None:
    seed, rejections = random.Random(2), Rejections()
    rows = [row(seed, f"C{number}") for number in range(50)]
    for place in (7, 31):
        rows[place] = rows[place]._replace(line=rows[place].line.replace("\t0.4\t", "\tmany\t", 1))
    rows[44] = row(seed, "e" * 3000 + "".join(chr(seed.randrange(33, 0x2FFFF)) for _ in range(3000)))
    writer = sink(ledger_url, rejections)
    assert writer.write(rows) == 47
    assert [one for one, _ in rejections.rows] == [rows[7], rows[31], rows[44]]
    assert "double precision" in rejections.rows[0][1]
    assert "index row" in rejections.rows[2][1]
    truth.check_sums(ledger_url)
    writer.close()


def test_an_id_that_no_clock_has_made_is_set_aside(ledger_url: str) -> None:
    seed, rejections = random.Random(2), Rejections()
    writer = sink(ledger_url, rejections)
    strange = row(seed, prediction_id="00000000-0000-7000-8000-000000000000")
    assert writer.write([strange, row(seed)]) == 1
    assert rejections.rows == [(strange, "its id is not of this century")]
    writer.close()


def test_old_and_future_predictions_find_their_partitions(ledger_url: str) -> None:
    seed = random.Random(3)
    moments = [datetime(2019, 1, 1, tzinfo=UTC), NOW, datetime(2031, 12, 31, 23, 59, tzinfo=UTC)]
    writer = sink(ledger_url)
    assert writer.write([row(seed, moment=moment) for moment in moments]) == 3
    for moment in moments:
        name = Span.of(moment).partition
        assert execute(ledger_url, f"select count(*) from {name}") == [(1,)]
    writer.close()


def test_a_partition_that_was_dropped_meanwhile_is_made_again(ledger_url: str) -> None:
    seed, rejections = random.Random(3), Rejections()
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    writer = sink(ledger_url, rejections)
    writer.write([row(seed, moment=moment)])
    execute(ledger_url, f"drop table {Span.of(moment).partition}")
    assert writer.write([row(seed, moment=moment), row(seed, moment=NOW)]) == 2
    assert rejections.rows == []
    writer.close()


def test_partitions_are_made_ahead(ledger_url: str) -> None:
    writer = sink(ledger_url)
    writer.connected()
    with writer.connected().cursor() as cursor:
        assert set(partitions.ahead(datetime.now(UTC))) <= set(partitions.existing(cursor))
    writer.close()


@given(some.integers(int(8e8), int(3.9e9)))
def test_a_partition_holds_the_ids_of_its_moments_and_begins_on_a_monday(second: int) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    span = Span.of(moment)
    low, high = span.bounds
    made = making.identity(moment, random.Random(1))
    assert span.start <= moment < span.end
    assert low <= made < high
    assert span.start.weekday() == 0
    assert Span(span.number + 1).bounds[0] == high
    assert Span.at(milliseconds(made)) == span
    assert lowest(moment - timedelta(milliseconds=1)) < lowest(moment + timedelta(milliseconds=1))
    assert EPOCH + timedelta(milliseconds=milliseconds(made)) <= moment


def test_several_shippers_write_at_once_without_a_deadlock_and_without_counting_twice(ledger_url: str) -> None:
    seed = random.Random(4)
    rows = [row(seed, f"C{seed.randrange(20)}", model=f"m{seed.randrange(3)}") for _ in range(600)]
    failures: list[BaseException] = []

    def write(order: random.Random) -> None:
        try:
            mine = order.sample(rows, len(rows))
            writer = sink(ledger_url)
            for at in range(0, len(mine), 40):
                writer.write(mine[at : at + 40])
            writer.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(random.Random(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(truth.ids(ledger_url)) == 600
    truth.check_sums(ledger_url)


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    writer = sink("postgresql://tiffin:hunter2@127.0.0.1:1/tiffin")
    with pytest.raises(StorageUnavailableError) as caught:
        writer.write([row(random.Random(1))])
    assert "hunter2" not in str(caught.value)


def test_a_database_without_tables_is_waited_for(database_url: str) -> None:
    writer = sink(database_url)
    with pytest.raises(StorageUnavailableError, match="predictions"):
        writer.write([row(random.Random(1))])
    migrate(database_url)
    assert writer.write([row(random.Random(1))]) == 1
    writer.close()


def test_a_connection_that_was_ended_is_opened_anew(ledger_url: str) -> None:
    seed = random.Random(1)
    writer = sink(ledger_url)
    writer.write([row(seed)])
    execute(ledger_url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'")
    with pytest.raises(StorageUnavailableError):
        writer.write([row(seed)])
    assert writer.write([row(seed)]) == 1
    writer.close()


def test_a_transaction_that_fails_leaves_its_connection_usable(ledger_url: str) -> None:
    connection = connect(ledger_url, "test")
    with pytest.raises(ZeroDivisionError), transaction(connection) as cursor:
        cursor.execute("insert into purges (id, before, requested_by) values (gen_random_uuid(), now(), 'x')")
        raise ZeroDivisionError
    with transaction(connection) as cursor:
        cursor.execute("select count(*) from purges")
        assert cursor.fetchall() == [(0,)]
    connection.close()
