"""Rows are the same whichever way they come in, and bad files are named."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models import catalogue
from models.definition import Definition
from storage.settings import StorageSettings
from tests.training import small
from training.errors import DataError
from training.observed import Observed
from training.sources import ROOT, File, Source, Sql, Synthetic, source_of

STORAGE = StorageSettings()


def message(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        source.table(small.definition, None)
    return str(caught.value)


def test_csv_parquet_and_memory_give_the_same_table(tmp_path: Path) -> None:
    frame = small.frame(400)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_csv(tmp_path / "rows.csv.gz", index=False)
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    expected = small.table(400).fingerprint()
    for name in ("rows.csv", "rows.csv.gz", "rows.parquet"):
        assert File(tmp_path / name).table(small.definition, None).fingerprint() == expected, name


def test_a_level_named_like_a_missing_value_is_a_level(tmp_path: Path) -> None:
    small.frame(400).to_csv(tmp_path / "rows.csv", index=False)
    column = File(tmp_path / "rows.csv").table(small.definition, None).features["c"]
    assert column.isna().sum() == 0
    assert (column == "NA").sum() > 50


def test_a_sample_of_a_file_is_the_same_every_time(tmp_path: Path) -> None:
    small.frame(1000).to_csv(tmp_path / "rows.csv", index=False)
    source = File(tmp_path / "rows.csv")
    first = source.table(small.definition, 300)
    assert len(first) == 300
    assert first.fingerprint() == source.table(small.definition, 300).fingerprint()


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    assert message(File(tmp_path / "none.csv")) == f"{tmp_path / 'none.csv'}: there is no such file"
    assert "it cannot be read" in message(File(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "it is empty"),
        ("ragged.csv", b"x,n\n1,2\n1,2,3,4\n", "line 3: 4 fields"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "damaged or cut off"),
        ("other.csv", b"a;b\n1;2\n", "there are no columns 'x', 'n'"),
    ],
)
def test_a_malformed_file_is_named_with_the_reason(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = message(File(tmp_path / name))
    assert str(tmp_path / name) in found
    assert words in found


def test_synthetic_rows_follow_the_recipe_and_say_what_they_are() -> None:
    source = Synthetic("pricing")
    table = source.table(catalogue()["pricing"], 400)
    assert len(table) == 400
    assert source.is_synthetic(table)
    assert source.arguments(table) == ()
    assert source.describe(table).startswith("synthetic")


def test_a_model_without_a_generator_or_with_too_few_rows_is_refused() -> None:
    assert "it has no synthetic data" in message(Synthetic("small"))
    with pytest.raises(DataError, match="10 are too few"):
        Synthetic("fraud").table(catalogue()["fraud"], 10)


def with_recipe(**changes: Any) -> Definition:
    return dataclasses.replace(small.definition, recipe=dataclasses.replace(small.definition.recipe, **changes))


def test_rows_come_from_what_is_given_else_from_what_the_recipe_names(tmp_path: Path) -> None:
    named = with_recipe(data="rows/small.csv")
    assert source_of(small.definition, STORAGE) == Synthetic("small")
    assert source_of(named, STORAGE) == File(ROOT / "rows" / "small.csv")
    assert source_of(with_recipe(data="/rows/small.csv"), STORAGE) == File(Path("/rows/small.csv"))
    assert source_of(with_recipe(query="select 1"), STORAGE) == Sql("select 1", STORAGE)
    assert source_of(named, STORAGE, data=tmp_path / "other.csv") == File(tmp_path / "other.csv")
    assert source_of(named, STORAGE, query="select 2") == Sql("select 2", STORAGE)


def test_a_model_with_a_view_learns_from_it_unless_rows_are_given_or_named(tmp_path: Path) -> None:
    churn, until = catalogue()["churn"], datetime(2026, 3, 1, tzinfo=UTC)
    assert source_of(churn, STORAGE) == Observed(STORAGE)
    assert source_of(churn, STORAGE, until=until) == Observed(STORAGE, until)
    assert source_of(churn, STORAGE, data=tmp_path / "rows.csv") == File(tmp_path / "rows.csv")
    assert source_of(churn, STORAGE, query="select 1") == Sql("select 1", STORAGE)
    named = dataclasses.replace(churn, recipe=dataclasses.replace(churn.recipe, data="/rows.csv"))
    assert source_of(named, STORAGE) == File(Path("/rows.csv"))


def test_a_file_and_a_query_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give one of the two"):
        source_of(small.definition, STORAGE, data=tmp_path / "rows.csv", query="select 1")
    with pytest.raises(DataError, match="give one of the two"):
        source_of(with_recipe(data="rows.csv", query="select 1"), STORAGE)
