"""Sample data: all of it or nothing, the same for the same seed, with the stories that its generators tell."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, union_all

from features.entity import Entity
from features.reader import Pair, Query, read
from features.sample import SMALL, load_sample
from features.sample.held import Held, held
from features.sample.load import generate
from features.sampled import last_sale, others
from features.views import view
from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from storage.tables import SOURCES
from tests.features.conftest import ENDS_AT
from tests.features.querying import engine_query
from tests.storage.servers import execute

load = partial(load_sample, size=SMALL, end=ENDS_AT)


def counts(engine: Engine) -> dict[str, int]:
    each = [select(func.count()).select_from(table) for table in SOURCES.values()]
    with engine.connect() as connection:
        return dict(zip(SOURCES, connection.execute(union_all(*each)).scalars(), strict=True))


def test_every_source_gets_rows_and_all_lie_before_the_end(sample: Engine, query: Query) -> None:
    assert all(counts(sample).values())
    for table in SOURCES.values():
        (time,) = (column for column in table.c if column.info.get("part") == "time")
        with sample.connect() as connection:
            first, last = connection.execute(select(func.min(time), func.max(time))).one()
        assert last < ENDS_AT, table.name
        assert last - first > timedelta(days=0) or table.name in ("articles", "items")


def test_running_it_again_changes_nothing(database_url: str, settings: StorageSettings) -> None:
    migrate(database_url)
    engine = open_engine(database_url, settings)
    heard: list[tuple[str, int, int]] = []
    loaded = load(engine, hear=lambda *said: heard.append(said))
    assert loaded.rows == counts(engine)
    assert {table: total for table, done, total in heard if done == total} == loaded.rows
    assert load(engine).rows == {}
    assert counts(engine) == loaded.rows
    engine.dispose()


def test_what_is_there_says_how_much_it_is_and_until_when(sample: Engine) -> None:
    with sample.connect() as connection:
        assert held(connection) == Held(SMALL, ENDS_AT)
        last = last_sale(connection)
        assert others(connection) == []
    assert last is not None
    assert ENDS_AT - timedelta(days=3) < last < ENDS_AT


def test_old_sample_data_is_made_anew_and_rows_of_others_stay(database_url: str, settings: StorageSettings) -> None:
    migrate(database_url)
    engine = open_engine(database_url, settings)
    small = dataclasses.replace(SMALL, customers=60, users=50, days=100)
    load(engine, size=small, end=ENDS_AT - timedelta(days=30))
    execute(database_url, "insert into users (event_id, user_id, changed_at) values ('sampled-by-me', 'me', now())")
    assert load(engine).rows == {}
    renewed = load(engine, renew=True)
    assert renewed.ends_at == ENDS_AT
    with engine.connect() as connection:
        assert held(connection) == Held(small, ENDS_AT)
        assert others(connection) == ["users"]
    assert counts(engine) == {**renewed.rows, "users": renewed.rows["users"] + 1}
    assert load(engine, renew=True).rows == {}
    assert load(engine, renew=True, end=ENDS_AT - timedelta(days=1)).ends_at == ENDS_AT, "never older than it is"
    engine.dispose()


def test_what_reads_while_it_is_made_anew_sees_the_old_data_and_does_not_wait(
    database_url: str, settings: StorageSettings
) -> None:
    migrate(database_url)
    engine = open_engine(database_url, settings)
    load(engine, end=ENDS_AT - timedelta(days=30))
    seen = []

    def look(table: str, done: int, total: int) -> None:
        seen.append(execute(database_url, "set statement_timeout = '5s'; select max(sold_at) from sales")[0][0])

    load(engine, renew=True, hear=look)
    assert len(seen) >= len(SOURCES)
    assert all(isinstance(at, datetime) and at < ENDS_AT - timedelta(days=30) for at in seen)
    engine.dispose()


def test_a_run_that_is_ended_half_way_leaves_nothing_and_can_be_run_again(
    database_url: str, settings: StorageSettings
) -> None:
    migrate(database_url)
    engine = open_engine(database_url, settings)

    def stumble(table: str, done: int, total: int) -> None:
        if table == "activity":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(engine, hear=stumble)
    assert not any(counts(engine).values())
    assert load(engine).rows == counts(engine)
    engine.dispose()


def test_sessions_that_were_cut_off_leave_nothing(database_url: str, settings: StorageSettings) -> None:
    migrate(database_url)
    engine = open_engine(database_url, settings)

    def cut(table: str, done: int, total: int) -> None:
        if table == "activity":
            others = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid <> pg_backend_pid()"
            execute(database_url, f"{others} and datname = current_database()")

    with pytest.raises(Exception, match=r"terminat|closed|not available"):
        load(engine, hear=cut)
    assert not any(counts(engine).values())
    engine.dispose()


def test_the_same_seed_gives_the_same_rows() -> None:
    first, again = (dict(generate(SMALL, ENDS_AT, 7)) for _ in range(2))
    other = dict(generate(SMALL, ENDS_AT, 8))
    for table, columns in first.items():
        for name, values in columns.items():
            assert np.array_equal(values, again[table][name])
    assert not np.array_equal(first["transactions"]["amount"], other["transactions"]["amount"])


def test_every_balance_is_the_one_before_and_the_booking(sample_url: str) -> None:
    wrong = execute(
        sample_url,
        """
        select account_id, booked_at from (
            select
                *, case when kind in ('salary', 'income', 'transfer_in') then amount else -amount end as change,
                lag(balance_after, 1, 0.0) over (partition by account_id order by booked_at, event_id) as before
            from transactions
        ) as booking
        where balance_after <> before + change
        """,
    )
    assert len(wrong) < 5, "bookings of one second may stand in another order"


def share(url: str, condition: str, population: str) -> float:
    ((value,),) = execute(url, f"select avg(({condition})::integer)::float8 from {population}")
    assert isinstance(value, float)
    return value


def test_payments_are_missed_more_often_when_the_income_stays_away(sample: Engine) -> None:
    bank = view("customer_behaviour")
    moments = [ENDS_AT - timedelta(days=days) for days in (40, 100, 160, 220)]
    pairs = [Pair(Entity((f"C{number:06d}",)), at) for number in range(SMALL.customers) for at in moments]
    rows = read(bank, pairs, engine_query(sample))
    late = "select min(paid_at) from payments where payments.instalment_id = instalments.instalment_id"
    with sample.connect() as connection:
        statement = f"select customer_id, due_at from instalments where coalesce(({late}) > due_at, true)"
        missed = connection.exec_driver_sql(statement).all()
    by_customer: dict[str, list[object]] = {}
    for customer, due_at in missed:
        by_customer.setdefault(customer, []).append(due_at)
    income, due = bank.columns.index("income_30d"), bank.columns.index("due_30d")
    outcomes: dict[bool, list[bool]] = {True: [], False: []}
    for pair, row in zip(pairs, rows, strict=True):
        if row.since is not None and row.values[due] > 0:
            until = pair.as_of + timedelta(days=30)
            ahead = [at for at in by_customer.get(pair.entity.text, []) if pair.as_of <= at < until]  # type: ignore[operator]
            outcomes[row.values[income] == 0].append(bool(ahead))
    without, having = np.mean(outcomes[True]), np.mean(outcomes[False])
    assert without > 1.5 * having > 0


def test_subscribers_slow_down_before_they_leave(sample_url: str) -> None:
    last = "ended_at >= left_at - interval '14 days' and ended_at < left_at"
    before = "ended_at >= left_at - interval '60 days' and ended_at < left_at - interval '46 days'"
    ((late, early),) = execute(
        sample_url,
        f"""
        select count(*) filter (where {last}), count(*) filter (where {before})
        from activity
        join (select user_id, changed_at as left_at from subscriptions where change = 'end') as gone using (user_id)
        join (select user_id, min(changed_at) as began_at from subscriptions group by user_id) as came using (user_id)
        where left_at - began_at > interval '60 days'
        """,
    )
    assert isinstance(late, int)
    assert isinstance(early, int)
    assert late < 0.7 * early


def test_what_lies_in_the_cart_is_bought_more_often_than_what_was_seen(sample_url: str) -> None:
    seen = (
        "(select user_id, item_id, session_id, bool_or(kind = 'cart') as carted, bool_or(kind = 'purchase') as bought"
    )
    population = f"{seen} from shop_events group by user_id, item_id, session_id) as seen"
    assert share(sample_url, "bought", f"{population} where carted") > 0.3
    assert share(sample_url, "bought", population) < 0.2


def test_saturdays_sell_more_than_sundays(sample_url: str) -> None:
    day = "extract(isodow from sold_at)"
    ((saturday, sunday),) = execute(
        sample_url,
        f"select sum(units) filter (where {day} = 6)::float8, sum(units) filter (where {day} = 7)::float8 from sales",
    )
    assert isinstance(saturday, float)
    assert isinstance(sunday, float)
    assert saturday > 1.5 * sunday
