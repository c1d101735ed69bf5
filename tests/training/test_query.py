"""Rows of a query against a real PostgreSQL."""

from __future__ import annotations

import pytest

from storage.errors import StorageUnavailableError
from storage.settings import StorageSettings
from tests.storage.servers import database_url, execute, settings
from tests.training import small
from training.errors import DataError
from training.query import read_query
from training.sources import Sql

__all__ = ["database_url", "settings"]


@pytest.fixture
def storage(database_url: str) -> StorageSettings:
    """Settings that name a database of the test's own."""
    return StorageSettings.model_validate({"database_url": database_url})


def problem(query: str, storage: StorageSettings) -> str:
    with pytest.raises(DataError) as caught:
        read_query(query, storage)
    return str(caught.value)


def test_columns_come_with_their_types_and_decimals_are_numbers(storage: StorageSettings) -> None:
    query = """
        select n, n / 4::numeric as part, n % 2 = 0 as even, 'level ' || n as word, ':name %s 100%' as text,
               timestamptz '2026-01-01T12:00+02:00' as at, null::int as nothing
        from generate_series(1, 3) as numbers (n) order by n;
    """
    frame = read_query(query, storage)
    assert frame["n"].tolist() == [1, 2, 3]
    assert frame["part"].tolist() == [0.25, 0.5, 0.75]
    assert frame["even"].tolist() == [False, True, False]
    assert frame["word"].iloc[2] == "level 3"
    assert frame["text"].iloc[0] == ":name %s 100%"
    assert frame["at"].dt.tz_convert("UTC").iloc[0].isoformat() == "2026-01-01T10:00:00+00:00"
    assert frame["nothing"].isna().all()


def test_a_query_cannot_change_anything(storage: StorageSettings, database_url: str) -> None:
    execute(database_url, "create table kept (n int)")
    for query in (
        "insert into kept values (1) returning n",
        "with added as (insert into kept values (1) returning n) select n from added",
        "select 1; commit; insert into kept values (1)",
    ):
        assert "the database refuses it" in problem(query, storage)
    assert execute(database_url, "select count(*) from kept") == [(0,)]


def test_what_is_wrong_with_a_query_is_said(storage: StorageSettings) -> None:
    assert 'relation "nowhere" does not exist' in problem("select * from nowhere", storage)
    assert "it gives no rows" in problem("select 1 as n where false", storage)


def test_a_database_that_does_not_answer_is_named() -> None:
    nowhere = StorageSettings.model_validate({"database_url": "postgresql://tiffin:secret@127.0.0.1:1/tiffin"})
    with pytest.raises(StorageUnavailableError) as caught:
        read_query("select 1", nowhere)
    assert "secret" not in str(caught.value)


def test_a_query_is_a_source_like_a_file(storage: StorageSettings) -> None:
    query = """
        select n, n % 7 / 10.0 as x, n % 2 = 0 as f, 'a' as c, 'mid' as d, n as amount, n % 3 = 0 as y
        from (select n % 50 as n from generate_series(1, 400) as numbers (n)) as numbers
    """
    source = Sql(query, storage)
    table = source.table(small.definition, 300)
    assert len(table) == 300
    assert not source.is_synthetic(table)
    assert source.arguments(table) == ("--query", query)
    assert source.describe(table).startswith('query "select n, n % 7 / 10.0 as x')
