"""What holds for every view over any history: nothing later counts, and company makes no difference."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from features.entity import Entity
from features.reader import UNKNOWN, Pair, read
from features.views import View, views
from tests.features.histories import AS_OF, IDS, Row, histories, insert, moments, query_on
from tests.features.values import fault

every = pytest.mark.parametrize("view", views().values(), ids=views())
slow = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def everybody(view: View) -> list[Entity]:
    return [Entity(ids) for ids in product(IDS, repeat=len(view.keys))]


def at(view: View, as_of: datetime) -> list[Pair]:
    return [Pair(entity, as_of) for entity in everybody(view)]


def write(connection: Connection, rows: list[Row], *, first: int = 0) -> None:
    with connection.cursor() as cursor:
        insert(cursor, rows, first=first)


@every
@given(data=st.data())
@slow
def test_what_happens_at_or_after_the_moment_changes_nothing(
    view: View, connection: Connection, data: st.DataObject
) -> None:
    connection.rollback()
    rows = data.draw(histories(view))
    write(connection, [row for row in rows if row.at < AS_OF])
    before = read(view, at(view, AS_OF), query_on(connection))
    write(connection, [row for row in rows if row.at >= AS_OF], first=1000)
    assert read(view, at(view, AS_OF), query_on(connection)) == before


@every
@given(data=st.data())
@slow
def test_a_pair_has_the_same_values_alone_and_among_many(
    view: View, connection: Connection, data: st.DataObject
) -> None:
    connection.rollback()
    write(connection, data.draw(histories(view)))
    dates = data.draw(st.lists(moments(), min_size=1, max_size=4, unique=True))
    pairs = [pair for date in dates for pair in at(view, date)]
    alone = [read(view, [pair], query_on(connection))[0] for pair in pairs]
    many = [Pair(Entity((f"stranger {number}",) * len(view.keys)), AS_OF) for number in range(50)]
    company = [*zip(pairs, alone, strict=True), *((pair, UNKNOWN) for pair in many), *zip(pairs, alone, strict=True)]
    random.Random(data.draw(st.integers(0, 99))).shuffle(company)
    assert read(view, [pair for pair, _ in company], query_on(connection)) == [row for _, row in company]


@every
@given(data=st.data())
@slow
def test_every_value_is_one_that_the_model_takes(view: View, connection: Connection, data: st.DataObject) -> None:
    connection.rollback()
    rows = data.draw(histories(view, most=60))
    write(connection, rows)
    schema = view.models[0].schema
    for row in read(view, at(view, AS_OF), query_on(connection)):
        assert row.since is None or row.since < AS_OF
        for name, value in zip(view.columns, row.values, strict=row.since is not None):
            assert not fault(schema[name], value)


@every
@given(data=st.data())
@settings(parent=slow, max_examples=40)
def test_the_order_in_which_rows_came_makes_no_difference(
    view: View, connection: Connection, data: st.DataObject
) -> None:
    connection.rollback()
    rows = list(enumerate(data.draw(histories(view, crowded=True))))
    found = []
    for _ in range(2):
        connection.rollback()
        for number, row in rows:
            write(connection, [row], first=number)
        found.append(read(view, at(view, AS_OF + timedelta(days=1)), query_on(connection)))
        rows.reverse()
    assert found[0] == found[1]
