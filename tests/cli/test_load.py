"""`tiffin load` and `tiffin sample`, into a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.settings import StorageSettings
from storage.tables import SOURCES
from tests.cli.conftest import Tiffin
from tests.features.made_up import joined
from tests.storage.servers import execute


def written(folder: Path, *customers: str) -> Path:
    path = folder / "people.jsonl"
    path.write_text("".join(json.dumps(joined(name)) + "\n" for name in customers))
    return path


def test_events_of_a_file_are_loaded_once(
    tiffin: Tiffin, online: StorageSettings, database_url: str, tmp_path: Path
) -> None:
    path = written(tmp_path, "ada", "bob")
    ran = tiffin("load", "customers", str(path), "--json")
    assert ran.code == 0, ran.stderr
    counts = {"rows": 2, "accepted": 2, "duplicates": 0, "rejected": 0, "rejects": None}
    assert ran.json == {"source": "customers", "file": str(path)} | counts
    again = tiffin("load", "customers", str(path))
    assert again.code == 0
    assert again.stderr.strip() == "customers: 0 rows loaded, 2 were there already"
    assert execute(database_url, "select customer_id from customers order by 1") == [("ada",), ("bob",)]


def test_rows_that_are_not_right_make_the_exit_code_one_and_a_list(
    tiffin: Tiffin, online: StorageSettings, tmp_path: Path
) -> None:
    path = written(tmp_path, "ada", "", "bob")
    ran = tiffin("load", "customers", str(path))
    assert ran.code == 1
    assert "customers: 2 rows loaded" in ran.stderr
    assert f"1 rows are not right; {path}.rejected.csv says what is wrong with each" in ran.stderr
    as_json = tiffin("load", "customers", str(path), "--json")
    assert as_json.code == 1
    assert (as_json.json["rejected"], as_json.json["rejects"]) == (1, f"{path}.rejected.csv")


def test_what_cannot_be_loaded_is_explained(tiffin: Tiffin, online: StorageSettings, tmp_path: Path) -> None:
    path = written(tmp_path, "ada")
    ran = tiffin("load", "customer", str(path), "--json")
    assert ran.code == 1
    assert "did you mean 'customers'?" in ran.json["error"]
    assert tiffin("load", "customers", str(tmp_path / "nothing.csv")).code == 2
    other = path.rename(tmp_path / "people.txt")
    assert "does not end in .csv, .tsv" in tiffin("load", "customers", str(other)).stderr


def test_without_a_server_the_way_out_is_told(
    tiffin: Tiffin, online: StorageSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/tiffin")
    ran = tiffin("load", "customers", str(written(tmp_path, "ada")))
    assert ran.code == 1
    assert "`tiffin doctor`" in ran.stderr


def test_the_help_names_every_source(tiffin: Tiffin) -> None:
    text = tiffin("load", "--help").stdout
    assert set(SOURCES) <= set(text.split())


def test_sample_data_is_written_once(tiffin: Tiffin, online: StorageSettings, database_url: str) -> None:
    ran = tiffin("sample", "--small", "--until", "2026-03-01", "--json")
    assert ran.code == 0, ran.stderr
    assert set(ran.json["rows"]) == set(SOURCES)
    assert ran.json["until"] == "2026-03-01T00:00:00+00:00"
    assert execute(database_url, "select count(*) from customers") == [(ran.json["rows"]["customers"],)]
    again = tiffin("sample")
    assert again.code == 0
    assert "there already" in again.stderr


def test_old_sample_data_is_made_anew_when_asked(tiffin: Tiffin, online: StorageSettings, database_url: str) -> None:
    assert tiffin("sample", "--small", "--until", "2026-03-01").code == 0
    assert "`tiffin sample --renew` makes it anew, up to today" in tiffin("sample").stderr
    ran = tiffin("sample", "--renew", "--until", "2026-04-01", "--json")
    assert ran.json["until"] == "2026-04-01T00:00:00+00:00"
    assert execute(database_url, "select count(*) from customers") == [(ran.json["rows"]["customers"],)]
    assert execute(database_url, "select max(sold_at)::date::text from sales") == [("2026-03-31",)]
    assert tiffin("sample", "--renew", "--until", "2026-04-01", "--json").json["rows"] == {}


def test_sample_data_is_not_mixed_with_other_rows_unasked(
    tiffin: Tiffin, online: StorageSettings, tmp_path: Path
) -> None:
    tiffin("load", "customers", str(written(tmp_path, "ada")))
    ran = tiffin("sample", "--small", "--json")
    assert ran.code == 1
    assert "other rows in customers" in ran.json["error"]
    assert "--force" in ran.json["hint"]
    assert tiffin("sample", "--small", "--force").code == 0
