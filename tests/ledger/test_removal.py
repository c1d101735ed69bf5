"""Retention and purges: what is to go goes everywhere, nothing else does, and interruptions do no harm."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from psycopg2.extensions import connection as Connection
from sqlalchemy import Engine

from ledger import folders, partitions, removal, status
from ledger.attempts import MOST, Attempts
from ledger.connection import connect
from ledger.errors import QueryError, UnknownPurgeError
from ledger.feed import FIELD, LISTENED, STREAM
from ledger.history import history
from ledger.housekeeper import Housekeeper
from ledger.outcomes import record
from ledger.partitions import Span
from ledger.purge import Purge, purge, purges, request_purge
from ledger.purged import Purged, hashed
from ledger.purging import carry_out
from ledger.rejected import Rejected
from ledger.remembered import PREDICTION, key, mark
from ledger.removal import Removal
from ledger.retention import Rules, expire
from ledger.rows import rows_of
from ledger.settings import LedgerSettings
from ledger.sink import Sink
from ledger.spool import Spool
from ledger.statements import PURGES
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
    assert len(kept) < len(made)
    check(ledger_url, kept)  # also what is older than 100 days and shares its partition with what is not
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
    told: list[Removal] = []
    assert carry_out(connection, told.append) == 1
    gone = [one for one in made if one[1] == "C3"]
    check(ledger_url, [one for one in made if one[1] != "C3"])
    found = purge(engine, wanted.id)
    assert (found.state, found.percent, found.predictions, found.outcomes) == ("done", 100.0, len(gone), len(gone))
    assert (found.entity, found.of_entity, found.reason, found.requested_by) == (None, True, "GDPR", "operator")
    assert [removal.entity for removal in told] == ["C3"]
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
    imagined = making.prediction(seed, moment=NOW - timedelta(days=1), score=0.8)
    as_of = (NOW - timedelta(days=40)).isoformat()
    sink.write(rows_of(making.frame(imagined, entity="C1", as_of=as_of, supposed=True)))
    sink.close()
    query = "select prediction_id::text from latest_scores"
    assert execute(ledger_url, query) == [(live["prediction_id"],)]
    asked(engine, entity="C1", before=NOW - timedelta(days=5))
    carry_out(connection, lambda _: None)
    assert execute(ledger_url, query) == [(replayed["prediction_id"],)]
    truth.check_latest(ledger_url)


def fill_with_replays(url: str) -> None:
    """Forty entities scored ten days ago; of each second one there is a score since, as of a day long before."""
    seed = random.Random(1)
    write(url, [(making.prediction(seed, moment=NOW - timedelta(days=10)), f"C{at:02d}", NOW) for at in range(40)])
    sink = Sink(url, "test", lambda row, reason: pytest.fail(reason))
    as_of = (NOW - timedelta(days=50)).isoformat()
    for at in range(0, 40, 2):
        replayed = making.prediction(seed, moment=NOW - timedelta(days=1))
        sink.write(rows_of(making.frame(replayed, entity=f"C{at:02d}", as_of=as_of)))
    sink.close()


def check_replays(url: str) -> None:
    assert execute(url, "select count(*), count(distinct entity) from predictions") == [(20, 20)]
    truth.check_latest(url)


def test_a_purge_goes_on_behind_latest_scores_that_were_only_replaced(
    ledger_url: str, engine: Engine, connection: Connection, small_chunks: None
) -> None:
    fill_with_replays(ledger_url)
    wanted = asked(engine, model="delinquency", before=NOW - timedelta(days=5))
    assert carry_out(connection, lambda _: None) == 1
    check_replays(ledger_url)
    assert purge(engine, wanted.id).latest_scores == 20


def test_retention_goes_on_behind_latest_scores_that_were_only_replaced(
    ledger_url: str, connection: Connection, small_chunks: None
) -> None:
    fill_with_replays(ledger_url)
    done = expire(connection, Rules(by_model={"delinquency": 5}), NOW)
    check_replays(ledger_url)
    assert done is not None
    assert done.latest_scores == 20


def test_a_purge_does_not_wait_for_a_count_that_takes_long(
    ledger_url: str, engine: Engine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger_url, engine)
    slow = "select count(*) from predictions, (select pg_sleep(20)) as slow where {where}"
    monkeypatch.setattr("ledger.purging._COUNT", slow)
    monkeypatch.setattr("ledger.purging.COUNT_SECONDS", 0.05)
    wanted = asked(engine, entity="C3")
    assert carry_out(connection, lambda _: None, is_over=_after(2)) == 0
    assert "too many predictions to count" in purge(engine, wanted.id).message
    assert carry_out(connection, lambda _: None) == 1
    assert purge(engine, wanted.id).state == "done"


def test_a_purge_that_fails_says_so_keeps_no_other_back_and_is_tried_again(
    ledger_url: str, engine: Engine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger_url, engine)
    monkeypatch.setattr("ledger.attempts.FIRST_PAUSE_SECONDS", 0.0)
    first, second = asked(engine, entity="C1"), asked(engine, entity="C2")
    attempts, told = Attempts(), []

    def forget(removal: Removal) -> None:
        told.append(removal.entity)
        if told.count("C1") < 3 and removal.entity == "C1":
            raise OSError("the disk says no")

    assert carry_out(connection, forget, attempts=attempts) == 1
    stumbling = purge(engine, first.id)
    assert (stumbling.state, stumbling.error) == ("running", "OSError: the disk says no")
    assert "tried again: OSError: the disk says no" in stumbling.message
    assert purge(engine, second.id).state == "done"
    assert carry_out(connection, forget, attempts=attempts) == 0
    assert carry_out(connection, forget, attempts=attempts) == 1
    done = purge(engine, first.id)
    assert (done.state, done.error) == ("done", None)
    assert told == ["C1", "C2", "C1", "C1"]


def test_a_purge_that_fails_again_and_again_is_given_up_after_pauses(
    ledger_url: str, engine: Engine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked(engine, entity="C1")
    attempts, told = Attempts(), []

    def forget(removal: Removal) -> None:
        told.append(removal.entity)
        raise ValueError("no")

    for _ in range(3):
        carry_out(connection, forget, attempts=attempts)
    assert told == ["C1"]  # the others came within its pause
    monkeypatch.setattr("ledger.attempts.FIRST_PAUSE_SECONDS", 0.0)
    attempts = Attempts()
    for _ in range(MOST):
        assert purge(engine, wanted.id).state in {"queued", "running"}
        carry_out(connection, forget, attempts=attempts)
    failed = purge(engine, wanted.id)
    assert (failed.state, failed.error) == ("failed", "ValueError: no")
    assert carry_out(connection, forget, attempts=attempts) == 0
    assert len(told) == 1 + MOST


def test_a_task_that_fails_keeps_no_other_back(
    ledger_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger_url, engine)
    execute(ledger_url, "alter table purges rename to mislaid")
    monkeypatch.setattr("ledger.housekeeper.SETTLE_SECONDS", 0.0)
    housekeeper = Housekeeper(ledger_url, Rules(days=10_000, hourly_rollup_days=30), lambda _: None)
    housekeeper.start()
    old = "select count(*) from rollups where width = 'hour' and starts_at < now() - interval '31 days'"
    assert execute(ledger_url, old) != [(0,)]
    wait_for(lambda: execute(ledger_url, old) == [(0,)])
    housekeeper.stop(10)


def test_a_rejected_line_that_does_not_read_goes_when_it_names_the_entity(tmp_path: Path) -> None:
    spool = folders.root(tmp_path)
    spool.mkdir()
    rejected = Rejected(spool)
    (of_it,) = rows_of(making.frame(making.prediction(random.Random(1)), entity="Zo\u00eb\t3"))
    (of_another,) = rows_of(making.frame(making.prediction(random.Random(2)), entity="C33"))
    for row in (of_it, of_another):
        rejected.row(row, "why not")
        rejected.bytes(f"...{row.entity}...".encode() + b"more" * 10, "damaged", spool / "1" / "2.spool")
    (file,) = (spool / folders.REJECTED).iterdir()
    whole = file.read_bytes().splitlines(keepends=True)
    halves = [line[: len(line) - 20] + b"\n" for line in whole]
    nonsense = [b"\xff\x00{\n", b"[1]\n", b'{"row": 5}\n', b'{"row": "C"}\n', b'{"bytes": "?"}\n', b"\n"]
    file.write_bytes(b"".join([*whole, *halves, *nonsense]))
    rejected.forget(Removal(datetime.now(UTC), entity="Zo\u00eb\t3"))
    assert file.read_bytes().splitlines(keepends=True) == [*whole[2:], *halves[2:], *nonsense]


def test_rejected_rows_of_a_model_go_with_it(tmp_path: Path) -> None:
    spool, now = folders.root(tmp_path), datetime.now(UTC)
    spool.mkdir()
    rejected = Rejected(spool)
    for model in ("churn", "fraud"):
        for age in (timedelta(days=2), timedelta()):
            answer = making.prediction(random.Random(3), moment=now - age, model=model)
            (row,) = rows_of(making.frame(answer, entity="C1"))
            rejected.row(row, "why not")
    rejected.bytes(b"...churn...", "damaged", spool / "1" / "2.spool")
    (file,) = (spool / folders.REJECTED).iterdir()
    whole = file.read_bytes().splitlines(keepends=True)
    rejected.forget(Removal(now - timedelta(days=1), model="churn"))
    assert file.read_bytes().splitlines(keepends=True) == whole[1:]
    rejected.forget(Removal(now + timedelta(seconds=1), model="churn"))
    assert file.read_bytes().splitlines(keepends=True) == whole[2:]
    rejected.forget(Removal(now - timedelta(days=1)))
    assert file.read_bytes().splitlines(keepends=True) == whole[3:]


def test_a_rejected_row_behind_half_a_line_stands_in_a_line_of_its_own(tmp_path: Path) -> None:
    spool = folders.root(tmp_path)
    spool.mkdir()
    rejected = Rejected(spool)
    (row,) = rows_of(making.frame(making.prediction(random.Random(1)), entity="C1"))
    rejected.row(row, "why not")
    (file,) = (spool / folders.REJECTED).iterdir()
    half = file.read_bytes()[:50]
    file.write_bytes(half)
    rejected.row(row, "why not")
    first, second = file.read_bytes().splitlines()
    assert first == half
    assert json.loads(second)["row"] == row.line


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


def test_only_purges_of_what_is_no_older_than_the_rows_are_read(
    ledger_url: str, engine: Engine, connection: Connection
) -> None:
    for days in (1, 5, 10, 20):
        asked(engine, model="churn", entity=f"C{days}", before=NOW - timedelta(days=days))
    with connection.cursor() as cursor:
        cursor.execute(PURGES, ((NOW - timedelta(days=7)).timestamp(),))
        hashes = {bytes(entity) for _, entity, _ in cursor.fetchall()}
    assert hashes == {hashed("C1"), hashed("C5")}
    seed = random.Random(1)
    made: list[Made] = []
    for ago in (0, 3, 7, 15, 30):
        moment = NOW - timedelta(days=ago)
        made += [(making.prediction(seed, moment=moment, model="churn"), f"C{days}", moment) for days in (1, 5, 10, 20)]
    write(ledger_url, made)
    kept = [one for one in made if one[2] >= NOW - timedelta(days=int(str(one[1])[1:]))]
    assert 0 < len(kept) < len(made)
    assert truth.ids(ledger_url) == sorted(one[0]["prediction_id"] for one in kept)


def test_a_row_is_covered_by_any_purge_of_it_as_a_plain_search_finds() -> None:
    seed = random.Random(5)
    models, entities = (None, "churn", "fraud"), (None, "C1", "C2")
    rows = []
    for _ in range(200):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=seed.randrange(20))
        answer = making.prediction(seed, moment=moment, model=seed.choice(models[1:]))
        rows += rows_of(making.frame(answer, entity=seed.choice(entities)))
    start = rows_of(making.frame(making.prediction(seed, moment=datetime(2026, 1, 1, tzinfo=UTC))))[0].made_ms
    found: Counter[bool] = Counter()
    for _ in range(30):
        asked_for = [
            (seed.choice(models), seed.choice(entities), start + seed.randrange(20)) for _ in range(seed.randrange(5))
        ]
        purged = Purged.of(
            (model, memoryview(hashed(who)) if who else None, before) for model, who, before in asked_for
        )
        for row in rows:
            wanted = any(
                row.made_ms < before and model in {None, row.model} and who in {None, row.entity}
                for model, who, before in asked_for
            )
            assert purged.covers(row) == wanted
            found[wanted] += 1
    assert min(found.values()) > 100


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
        Cursor(("purges",), (moment, wanted[0])).written
        for moment in ("9999-12-31T23:59:59-23:59", "0001-01-01", "2026-01-01")
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
