"""Retention and purges: what is to go goes everywhere, nothing else does, and interruptions do no harm."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from psycopg2.extensions import connection as Connection
from sqlalchemy import Engine

from ledger import folders, partitions, removal, status
from ledger.connection import connect
from ledger.errors import QueryError, UnknownPurgeError
from ledger.feed import FIELD, LISTENED, STREAM
from ledger.history import history
from ledger.outcomes import record
from ledger.partitions import Span
from ledger.purge import Purge, purge, purges, request_purge
from ledger.purging import carry_out
from ledger.rejected import Rejected
from ledger.remembered import PREDICTION, key, mark
from ledger.retention import Rules, expire
from ledger.rows import rows_of
from ledger.settings import LedgerSettings
from ledger.sink import Sink
from ledger.spool import Spool
from models import catalogue
from storage.addresses import urls
from storage.cursors import Cursor, CursorError
from storage.settings import StorageSettings
from tests.ledger import making, truth
from tests.ledger.processes import ShipperProcess
from tests.ledger.test_reading import Made, write
from tests.storage.servers import execute, wait_for

NOW = datetime.now(UTC)


@pytest.fixture
def connection(ledger_url: str) -> Iterator[Connection]:
    opened = connect(ledger_url, "test")
    yield opened
    opened.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "CHUNK", 7)
    monkeypatch.setattr("ledger.retention.CHUNK", 7)
    monkeypatch.setattr("ledger.purging.CHUNK", 7)


def fill(url: str, engine: Engine) -> list[Made]:
    """Three models over 400 days with outcomes for all, ten entities."""
    seed = random.Random(23)
    made: list[Made] = []
    for number in range(300):
        moment = NOW - timedelta(days=seed.uniform(0, 400))
        model = ("delinquency", "churn", "fraud")[number % 3]
        entity = None if model == "fraud" else f"C{seed.randrange(10)}"
        made.append((making.prediction(seed, moment=moment, model=model), entity, moment))
    write(url, made)
    record(engine, catalogue(), [{"prediction_id": answer["prediction_id"], "outcome": 1} for answer, _, _ in made])
    record(
        engine, catalogue(), [{"prediction_id": answer["prediction_id"], "outcome": 0} for answer, _, _ in made[::2]]
    )
    return made


def check(url: str, kept: list[Made]) -> None:
    """The table, the outcomes with their history and the latest scores hold exactly what is to be kept."""
    ids = sorted(answer["prediction_id"] for answer, _, _ in kept)
    assert truth.ids(url) == ids
    assert [row[0] for row in execute(url, "select prediction_id::text from outcomes order by 1")] == ids
    history_ids = {str(row[0]) for row in execute(url, "select prediction_id::text from outcome_history")}
    assert history_ids <= set(ids)
    truth.check_latest(url)


def sums(url: str) -> list[Any]:
    return execute(url, "select * from rollups order by 1, 2, 3, 4, 5")


def test_a_model_is_kept_as_long_as_its_rule_says(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    made = fill(ledger_url, engine)
    before = sums(ledger_url)
    rules = Rules(days=365, by_model={"churn": 30, "fraud": 10_000}, hourly_rollup_days=1000)
    done = expire(connection, rules, NOW)
    kept = [
        one
        for one in made
        if one[2] > NOW - timedelta(days={"delinquency": 365, "churn": 30, "fraud": 10_000}[one[0]["model"]])
    ]
    assert done is not None
    assert done.predictions == len(made) - len(kept) > 0
    assert done.outcomes == done.predictions
    check(ledger_url, kept)
    assert sums(ledger_url) == before
    again = expire(connection, rules, NOW)
    assert again is not None
    assert (again.predictions, again.outcomes, again.latest_scores) == (0, 0, 0)


def test_partitions_go_as_a_whole_when_all_in_them_is_old(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    made = fill(ledger_url, engine)
    done = expire(connection, Rules(days=100, hourly_rollup_days=1000), NOW)
    assert done is not None
    assert done.predictions == 0
    assert done.partitions >= 9
    kept = [one for one in made if Span.of(one[2]).end > NOW - timedelta(days=100)]
    assert len(kept) > len([one for one in made if one[2] > NOW - timedelta(days=100)]) - 1
    check(ledger_url, kept)
    with connection.cursor() as cursor:
        assert all(span.end > NOW - timedelta(days=100) for span in partitions.existing(cursor))


def test_a_partition_whose_removal_was_interrupted_is_removed_the_next_time(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    fill(ledger_url, engine)
    with connection.cursor() as cursor:
        oldest = partitions.existing(cursor)[0]
        cursor.execute(f"alter table predictions detach partition {oldest.partition}")
        expire(connection, Rules(days=10_000), NOW)
        assert partitions.leftovers(cursor) == []


def test_old_figures_early_outcomes_and_purges_are_removed_in_their_time(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    fill(ledger_url, engine)
    execute(ledger_url, "insert into pending_outcomes (prediction_id, outcome, received_at) "
            "values (gen_random_uuid(), '1', now() - interval '91 days'), (gen_random_uuid(), '1', now())")  # fmt: skip
    expire(connection, Rules(days=10_000, hourly_rollup_days=30, daily_rollup_days=200), NOW)
    rows: list[Any] = execute(ledger_url, "select width, min(starts_at) from rollups group by 1")
    oldest = dict(rows)
    for width, days in (("hour", 30), ("day", 200), ("week", 200)):
        assert NOW - timedelta(days=days) <= oldest[width] < NOW - timedelta(days=days - 20)
    assert execute(ledger_url, "select count(*) from pending_outcomes") == [(1,)]


def test_two_do_not_clear_up_at_once(ledger_url: str, connection: Connection) -> None:
    other = connect(ledger_url, "other")
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", (0x74_69_66_66_69_72,))
    assert expire(connection, Rules(), NOW) is None
    other.close()


def test_an_interrupted_retention_goes_on_later(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    made = fill(ledger_url, engine)
    rules = Rules(days=50, by_model={"fraud": 10_000}, hourly_rollup_days=1000)
    rounds = 0
    while True:
        steps = iter([False] * 3)
        done = expire(connection, rules, NOW, is_over=lambda steps=steps: next(steps, True))  # type: ignore[misc]
        rounds += 1
        assert done is not None
        if done.predictions == done.latest_scores == done.outcomes == 0 and rounds > 1:
            break
        assert rounds < 200
    assert rounds > 5
    # The last rounds have found nothing in their first steps; a whole one clears what lies behind them.
    expire(connection, rules, NOW)
    check(ledger_url, [one for one in made if one[0]["model"] == "fraud" or one[2] > NOW - timedelta(days=50)])


def asked(engine: Engine, **given: Any) -> Purge:
    return request_purge(engine, by="operator", **given)


def test_a_purge_of_an_entity_removes_all_that_is_known_of_it(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    made = fill(ledger_url, engine)
    early = {"model": "churn", "entity": "C3", "observed_at": "2001-01-01T00:00:00Z", "outcome": 1}
    assert record(engine, catalogue(), [early])[0].status == "unmatched"
    wanted = asked(engine, entity="C3", reason="GDPR")
    assert (wanted.state, wanted.entity, wanted.percent) == ("queued", "C3", 0.0)
    told: list[str] = []
    assert carry_out(connection, told.append) == 1
    gone = [one for one in made if one[1] == "C3"]
    check(ledger_url, [one for one in made if one[1] != "C3"])
    found = purge(engine, wanted.id)
    assert (found.state, found.percent, found.predictions, found.outcomes) == ("done", 100.0, len(gone), len(gone))
    assert (found.entity, found.of_entity, found.reason, found.requested_by) == (None, True, "GDPR", "operator")
    assert told == ["C3"]
    assert history(engine, "C3").items == ()
    for table in ("predictions", "latest_scores", "outcomes", "pending_outcomes", "purges"):
        assert "C3" not in str(execute(ledger_url, f"select * from {table}")), table


def test_a_purge_of_a_model_before_a_moment_leaves_the_others(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    made = fill(ledger_url, engine)
    moment = NOW - timedelta(days=60)
    asked(engine, model="churn", before=moment)
    assert carry_out(connection, lambda _: None) == 1
    kept = [one for one in made if one[0]["model"] != "churn" or one[2] >= moment]
    assert len(kept) < len(made)
    check(ledger_url, kept)


def test_the_latest_score_of_an_earlier_moment_comes_back(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    """What was scored later as of an earlier moment is not purged, and is the latest that is left."""
    seed = random.Random(1)
    live = making.prediction(seed, moment=NOW - timedelta(days=10))
    replayed = making.prediction(seed, moment=NOW - timedelta(days=1), score=0.9)
    write(ledger_url, [(live, "C1", NOW)])
    sink = Sink(ledger_url, "test", lambda row, reason: pytest.fail(reason))
    sink.write(rows_of(making.frame(replayed, entity="C1", as_of=(NOW - timedelta(days=50)).isoformat())))
    sink.close()
    query = "select prediction_id::text from latest_scores"
    assert execute(ledger_url, query) == [(live["prediction_id"],)]
    asked(engine, entity="C1", before=NOW - timedelta(days=5))
    carry_out(connection, lambda _: None)
    assert execute(ledger_url, query) == [(replayed["prediction_id"],)]
    truth.check_latest(ledger_url)


def test_a_purged_entity_does_not_come_back_from_a_spool(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    seed = random.Random(1)
    waiting: Made = (making.prediction(seed, moment=NOW - timedelta(seconds=5)), "C1", NOW)
    asked(engine, entity="C1")
    assert carry_out(connection, lambda _: None) == 1
    later: Made = (making.prediction(seed, moment=NOW + timedelta(hours=1)), "C1", NOW)
    other: Made = (making.prediction(seed, moment=NOW - timedelta(seconds=5)), "C2", NOW)
    write(ledger_url, [waiting, later, other])
    assert truth.ids(ledger_url) == sorted(one[0]["prediction_id"] for one in (later, other))


def test_a_purge_that_is_killed_goes_on_where_it_was(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    made = fill(ledger_url, engine)
    wanted = asked(engine, model="delinquency")
    while carry_out(connection, lambda _: None, is_over=_after(4)) == 0:
        found = purge(engine, wanted.id)
        assert found.state == "running"
        assert found.predictions <= 100
    done = purge(engine, wanted.id)
    assert (done.state, done.predictions, done.outcomes) == ("done", 100, 100)
    check(ledger_url, [one for one in made if one[0]["model"] != "delinquency"])


def _after(steps: int) -> Any:
    left = iter([False] * steps)
    return lambda: next(left, True)


def test_a_purge_that_somebody_works_at_is_left_to_him(ledger_url: str, engine: Engine, connection: Connection) -> None:
    wanted = asked(engine, entity="C1")
    other = connect(ledger_url, "other")
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (wanted.id,))
    assert carry_out(connection, lambda _: None) == 0
    other.close()
    wait_for(lambda: carry_out(connection, lambda _: None) == 1)


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "before"),
        ({"before": datetime(2026, 1, 1)}, "before"),  # noqa: DTZ001 - that is the fault
        ({"entity": "C1", "before": NOW + timedelta(days=1)}, "before"),
        ({"before": datetime.fromisoformat("0001-01-01T00:00:00+23:59")}, "before"),
        ({"entity": "a\0b"}, "entity"),
        ({"entity": "\ud800"}, "entity"),
        ({"entity": ""}, "entity"),
        ({"model": "\ud800"}, "model"),
        ({"model": "fraud", "reason": "x" * 1001}, "reason"),
    ],
)
def test_a_purge_that_is_not_clear_is_refused(engine: Engine, given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(QueryError) as caught:
        asked(engine, **given)
    assert caught.value.parameter == parameter


def test_a_purge_says_in_words_how_it_stands(ledger_url: str, engine: Engine, connection: Connection) -> None:
    fill(ledger_url, engine)
    wanted, nobody = asked(engine, entity="C1"), asked(engine, entity="nobody")
    assert wanted.message.startswith("waits; it begins within seconds")
    carry_out(connection, lambda _: None)
    done = purge(engine, wanted.id)
    assert done.message.startswith(f"done: removed {done.predictions} predictions, {done.outcomes} outcome")
    assert "sums stay" in done.message
    assert purge(engine, nobody.id).message == "done: nothing of this was kept"


def test_purges_are_listed_newest_first(engine: Engine) -> None:
    wanted = [asked(engine, entity=f"C{number}").id for number in range(5)]
    found, cursor = [], None
    while True:
        page = purges(engine, limit=2, cursor=cursor)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == wanted[::-1]
    beyond = [
        Cursor((moment, wanted[0])).written for moment in ("9999-12-31T23:59:59-23:59", "0001-01-01", "2026-01-01")
    ]
    for nonsense in ("nonsense", *beyond):
        with pytest.raises(CursorError):
            purges(engine, cursor=nonsense)
    for wrong in ("", "x", "0190163d-8694-739b-aea5-966c26f8ad91"):
        with pytest.raises(UnknownPurgeError):
            purge(engine, wrong)


def test_the_shipper_carries_purges_out_everywhere(
    ledger_url: str, engine: Engine, settings: StorageSettings, tmp_path: Path
) -> None:
    made = fill(ledger_url, engine)
    spool = folders.root(tmp_path)
    rejected = Rejected(spool)
    spool.mkdir()
    (of_it,) = rows_of(making.frame(making.prediction(random.Random(1)), entity="C3"))
    (of_another,) = rows_of(making.frame(making.prediction(random.Random(2)), entity="C33"))
    rejected.row(of_it, "why not")
    rejected.row(of_another, "why not")
    rejected.bytes(b"...C3...", "damaged", spool / "1" / "2.spool")
    redis_url = urls(settings).redis
    with redis.Redis.from_url(redis_url) as client, ShipperProcess(tmp_path, ledger_url, redis_url):
        client.delete(STREAM)
        client.set(LISTENED, b"")
        for entity in ("C3", "C4"):
            client.set(key(PREDICTION, "churn", entity), b"{}", ex=60)
        writer = Spool.open(tmp_path, LedgerSettings())
        for entity in ("C3", "C4"):
            writer.add(making.frame(making.prediction(random.Random(entity)), entity=entity))
        writer.flush()
        wait_for(lambda: client.xlen(STREAM) == 2)
        wait_for(lambda: status.read(tmp_path).shipped == 2)
        wanted = asked(engine, entity="C3")
        wait_for(lambda: purge(engine, wanted.id).state == "done")
        shown = [json.loads(fields[FIELD.encode()])["entity"] for _, fields in client.xrange(STREAM)]
        assert shown == ["C4"]
        assert client.exists(key(PREDICTION, "churn", "C3")) == 0
        assert client.exists(key(PREDICTION, "churn", "C4"), mark("C3")) == 2
        writer.close()
    (file,) = (spool / folders.REJECTED).iterdir()
    assert [json.loads(line)["row"] for line in file.read_text().splitlines()] == [of_another.line]
    assert len(truth.ids(ledger_url)) == len([one for one in made if one[1] != "C3"]) + 1
