"""`tiffin new`: from a file or a query to a model's file."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

import models
from storage.settings import StorageSettings
from tests.cli.conftest import Tiffin
from tests.storage.servers import execute
from tests.training import small
from training.check import check
from training.reading import read


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files of new models go, instead of the project's folder."""
    made = tmp_path / "models"
    made.mkdir()
    monkeypatch.setattr(models, "__path__", [str(made)])
    return made


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """A file with an id, a column of one value and all that the small model learns from."""
    frame = small.frame(1500).drop(columns="when")
    frame.insert(0, "customer_no", range(1, 1501))
    path = tmp_path / "rows.csv"
    frame.assign(country="ES", y=frame["y"].map({1: "yes", 0: "no"})).to_csv(path, index=False)
    return str(path)


def test_a_file_becomes_a_model_and_people_read_how(tiffin: Tiffin, folder: Path, rows: str) -> None:
    ran = tiffin("new", "lapse", "--data", rows, "--target", "y", "--group", "who")
    assert ran.code == 0, ran.stderr
    for text in ("lapse: binary of y, 6 columns kept, 3 left out", "whole number", "it is 'ES' in all rows"):
        assert text in ran.stdout
    assert f"written: {folder / 'lapse.py'}" in ran.stdout
    assert "next:    tiffin train lapse" in ran.stdout
    definition = runpy.run_path(str(folder / "lapse.py"))["definition"]
    assert definition.schema.names == ("x", "n", "f", "c", "d", "amount")
    assert definition.recipe.data == rows
    assert definition.recipe.group_column == "who"


def test_a_forecast_shows_its_series_and_what_became_of_closed_days(
    tiffin: Tiffin, folder: Path, tmp_path: Path
) -> None:
    days = pd.date_range("2025-01-01", periods=200, freq="D")
    days = days[days.day_of_week < 6]
    path = tmp_path / "sales.csv"
    pd.DataFrame({"day": days.date, "sold": [20 + 3 * day.day_of_week + day.day for day in days]}).to_csv(
        path, index=False
    )
    ran = tiffin("new", "sales", "--data", str(path), "--target", "sold", "--time", "day")
    assert ran.code == 0, ran.stderr
    (line,) = (line for line in ran.stdout.splitlines() if line.strip().startswith("history"))
    assert "series" in line
    assert "28 to 3,650 numbers from 0 to " in line
    assert "true, false" not in ran.stdout
    assert "are regularly missing, all on Sundays: they count as 0" in ran.stdout
    definition = runpy.run_path(str(folder / "sales.py"))["definition"]
    table = check(read(path), definition, "sales.csv")
    assert any("Sundays" in text for text in table.findings)


def test_the_help_names_every_kind_that_a_file_can_become(tiffin: Tiffin, folder: Path, rows: str) -> None:
    ran = tiffin("new", "lapse", "--data", rows, "--target", "y", "--kind", "binry")
    assert "binary, multiclass, regression, forecast or anomaly" in " ".join(ran.stderr.replace("│", " ").split())


def test_json_tells_the_same(tiffin: Tiffin, folder: Path, rows: str) -> None:
    ran = tiffin("new", "lapse", "--data", rows, "--target", "y", "--exclude", "amount,d", "--exclude", "who", "--json")
    assert ran.code == 0, ran.stderr
    assert (ran.json["kind"], ran.json["positive"], ran.json["rows"]) == ("binary", "yes", 1500)
    assert [feature["name"] for feature in ran.json["features"]] == ["x", "n", "f", "c"]
    left_out = {left["column"]: left["reason"] for left in ran.json["left_out"]}
    assert left_out["amount"] == "as asked for"
    assert left_out["customer_no"].startswith("it numbers the rows")
    assert ran.json["file"] == str(folder / "lapse.py")
    assert ran.json["next"] == "tiffin train lapse"


def test_a_model_that_is_there_is_overwritten_only_by_force(tiffin: Tiffin, folder: Path, rows: str) -> None:
    (folder / "lapse.py").write_text("mine")
    ran = tiffin("new", "lapse", "--data", rows, "--target", "y")
    assert ran.code == 1
    assert "there is a model 'lapse' already" in ran.stderr
    assert "--force" in ran.stderr
    assert (folder / "lapse.py").read_text() == "mine"
    assert tiffin("new", "lapse", "--data", rows, "--target", "y", "--force").code == 0
    assert "definition = Definition(" in (folder / "lapse.py").read_text()


@pytest.mark.parametrize(
    ("name", "better"),
    [("Big one", "big_one"), ("class", "model_class"), ("2nd", "model_2nd"), ("größe", "gr_e"), ("a.b", "a_b")],
)
def test_a_name_that_no_model_can_have_is_refused_with_a_better_one(
    tiffin: Tiffin, folder: Path, rows: str, name: str, better: str
) -> None:
    ran = tiffin("new", name, "--data", rows, "--target", "y")
    assert ran.code == 1
    assert f"{better!r} would do" in ran.stderr
    assert list(folder.iterdir()) == []


def test_a_name_of_tiffins_own_is_refused_even_by_force(tiffin: Tiffin, folder: Path, rows: str) -> None:
    (folder / "definition").mkdir()
    ran = tiffin("new", "definition", "--data", rows, "--target", "y", "--force")
    assert ran.code == 1
    assert "models/definition/ is a part of Tiffin" in ran.stderr


def test_what_is_wrong_is_said_and_nothing_is_written(tiffin: Tiffin, folder: Path, rows: str, tmp_path: Path) -> None:
    ran = tiffin("new", "lapse", "--data", rows, "--target", "Y")
    assert (ran.code, "did you mean 'y'?" in ran.stderr) == (1, True)
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    ran = tiffin("new", "lapse", "--data", str(tmp_path / "ragged.csv"), "--target", "b")
    assert (ran.code, "line 3: 3 fields" in ran.stderr) == (1, True)
    assert tiffin("new", "lapse", "--target", "y").code == 2
    assert tiffin("new", "lapse", "--data", rows, "--query", "select 1").code == 2
    assert tiffin("new", "lapse", "--data", rows, "--target", "y", "--kind", "binry").code == 2
    assert list(folder.iterdir()) == []


def test_rows_can_come_from_the_database(
    tiffin: Tiffin, folder: Path, online: StorageSettings, database_url: str
) -> None:
    execute(database_url, "create table answers as select n, n % 3 = 0 as y from generate_series(1, 300) as rows (n)")
    query = "select n * 0.5 as x, y from answers order by n"
    ran = tiffin("new", "lapse", "--query", query, "--target", "y", "--json")
    assert ran.code == 0, ran.stderr
    definition = runpy.run_path(str(folder / "lapse.py"))["definition"]
    assert definition.recipe.query == query
    assert definition.recipe.data is None
    assert definition.target.positive is True
