"""Arrays of floats are what psycopg2 reads by itself, to the last bit."""

from __future__ import annotations

from math import isnan

import psycopg2
import pytest

from storage.arrays import teach
from storage.database import open_engine
from storage.queries import Queries
from storage.settings import StorageSettings

TEXTS = (
    "{}",
    "{1,2.5,-1e-7,1e300,5e-324,0.1,123456789.123456789}",
    "{NULL}",
    "{1,NULL,3}",
    "{Infinity,-Infinity}",
    "{{1,2},{3,4}}",
    "[2:3]={1,2}",
)


@pytest.mark.parametrize("text", [*TEXTS, None])
def test_what_is_read_is_what_psycopg2_reads(database_url: str, text: str | None) -> None:
    read = []
    for taught in (False, True):
        connection = psycopg2.connect(database_url)
        if taught:
            teach(connection)
        with connection.cursor() as cursor:
            cursor.execute("select %s::float8[]", (text,))
            read.append(cursor.fetchall())
        connection.close()
    plain, ours = read
    assert repr(ours) == repr(plain)


def test_not_a_number_stays_one_and_whole_numbers_are_floats(database_url: str, settings: StorageSettings) -> None:
    queries = Queries(database_url)
    ((odd, whole),) = queries.run("select '{1,NaN}'::float8[], '{1,2}'::float8[]", seconds=10)
    queries.close()
    assert odd[0] == 1
    assert isnan(odd[1])
    assert [type(value) for value in whole] == [float, float]


def test_engines_read_them_too(database_url: str, settings: StorageSettings) -> None:
    engine = open_engine(database_url, settings)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select '{1.5,2}'::float8[]").scalar() == [1.5, 2.0]
    engine.dispose()
