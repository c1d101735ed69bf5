"""The file that is written gives the definition that was inferred, whatever the columns are called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.definition import Definition
from tests.training.infer.frames import ROWS, frame, inferred
from training.infer import Inferred, model_file
from training.infer.literals import text_literal

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = (
    'say "hi"',
    "it's",
    "both ' and \"",
    '"""',
    "back\\slash",
    "ends with \\",
    "\\'",
    "new\nline",
    "tab\there",
    "class",
    "def f(): pass",
    "{x}",
    "%s",
    "# comment",
    "'); import os; os.abort() #",
    "größe in m²",
    "年齢",
    "😀 " * 30,
    "zero\u200bwidth",
    "right\u202eto left",
    "x" * 150,
    "2nd",
    "None",
    "Kind",
)


def run(found: Inferred) -> Definition:
    """The definition that the text gives."""
    made: dict[str, Any] = {}
    exec(compile(model_file(found), "lapse.py", "exec"), made)
    definition = made["definition"]
    assert isinstance(definition, Definition)
    return definition


def formatted(tmp_path: Path, *found: Inferred) -> None:
    """Fails unless ruff would leave the files as they are."""
    for number, one in enumerate(found):
        (tmp_path / f"model_{number}.py").write_text(model_file(one), "utf-8")
    for command in (("format", "--check"), ("check", "--ignore", "E501")):
        ruff = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
        done = subprocess.run(ruff, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def hostile(kind: str) -> Inferred:
    """A model whose columns, levels, target and origin are called as badly as can be."""
    columns: dict[str, Any] = {name: [0.5, number + 1.5] for number, name in enumerate(HOSTILE)}
    columns["levels"] = HOSTILE
    columns['left\nout \'"""'] = ["always \"\"\" '''"]
    target = 'the "target"\n\\'
    values = {"binary": ['"""', "\\"], "multiclass": HOSTILE, "regression": [number / 7 for number in range(ROWS)]}
    rows = frame(**columns, **{target: values[kind]})
    return inferred(rows, target=target, data='folder\'s/"rows".csv', origin='rows\n"""\\.csv')


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_hostile_names_do_no_harm(kind: str) -> None:
    found = hostile(kind)
    assert found.definition.kind == kind
    assert run(found) == found.definition


def test_files_are_formatted_as_the_project_is(tmp_path: Path) -> None:
    days = [day.isoformat() for day in pd.date_range("2024-01-01", periods=ROWS).date]
    plain = inferred(frame(c=["a", "b"], age=[18, 44], when=days, f=["TRUE", "FALSE"]), data="rows.csv", group=None)
    many = inferred(frame(c=[f"level {number % 30} of the {'long ' * (number % 9)}kind" for number in range(ROWS)]))
    anomaly = inferred(frame(x=[number / 3 for number in range(ROWS)]).drop(columns="y"), target=None)
    one = inferred(frame(x=range(ROWS // 2)), query="select " + "a_long_column, " * 30)
    formatted(tmp_path, plain, many, anomaly, one, *map(hostile, ("binary", "multiclass", "regression")))
    for found in (plain, many, anomaly, one):
        assert run(found) == found.definition


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_literal_is_the_text(text: str) -> None:
    assert eval(text_literal(text)) == text
    assert "\n" not in text_literal(text)


def test_a_file_reads_as_if_written_by_hand() -> None:
    rows = frame(customer_no=range(1000, 1000 + ROWS), plan=["monthly", "monthly", "yearly"], age=[18, 44, None])
    assert model_file(inferred(rows.drop(columns="x"), data="data/rows.csv")) == EXPECTED


EXPECTED = '''"""Lapse: Say how likely it is that y is yes."""

from models.definition import (
    BinaryPolicy,
    Category,
    Definition,
    F1Threshold,
    Kind,
    Level,
    Number,
    Recipe,
    Schema,
    Target,
)

# Columns left out:
# - 'customer_no': it numbers the rows: whole numbers from 1000 to 1399, no two alike
definition = Definition(
    name="lapse",
    title="Lapse",
    purpose="Say how likely it is that y is yes.",
    kind=Kind.BINARY,
    schema=Schema(
        (
            Category(
                name="plan",
                description="Plan",
                levels=("monthly", "yearly"),
                example="monthly",
                unseen="missing",
            ),
            Number(
                name="age",
                description="Age",
                unit="years",
                minimum=0,
                maximum=70,
                example=18,
                whole=True,
                missing=True,
            ),
        )
    ),
    target=Target(column="y", description="'yes' in 40.0% of 400 rows", positive="yes"),
    recipe=Recipe(form="auto", data="data/rows.csv", traps="leave_out"),
    policy=BinaryPolicy(threshold=F1Threshold(), levels=(Level("LOW", 0.0), Level("MEDIUM", 0.4), Level("HIGH", 0.67))),
    limits=(
        "Learned from 400 rows of rows.csv.",
        "Inferred, not reviewed: check that every feature is known when a prediction is asked for.",
    ),
)
'''


def test_long_lists_of_levels_stand_above_the_definition_and_are_shared() -> None:
    levels = [f"level {number}" for number in range(40)]
    text = model_file(inferred(frame(town=levels, home_town=levels[::-1], other=[f"{level}!" for level in levels])))
    assert text.count('"level 7"') == 1
    assert text.count("levels=TOWN_LEVELS") == 2
    assert "levels=OTHER_LEVELS" in text
