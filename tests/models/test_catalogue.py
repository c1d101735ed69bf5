"""Files in models/: those that ship load, and one that does not keeps no other from being there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import models

WRONG = {
    "value": (
        "from models.definition import Number, Schema\n\nSchema((\n    Number(\n        name='age', unit='years', "
        "description='Age', minimum=0, maximum=120, example=137\n    ),\n))\n",
        "line 3: ValueError: age: the example 137",
    ),
    "types": (
        "from models.definition import Definition\ndefinition = Definition(name='types')\n",
        "line 2: TypeError: ",
    ),
    "syntax": ("x = 1\ndefinition = (\n", "line 2: SyntaxError: '(' was never closed"),
    "imports": ("import json\n\nimport no_such_module\n", "line 3: ModuleNotFoundError: No module named"),
    "leaves": ("raise SystemExit('bye')\n", "line 1: SystemExit: bye"),
    "empty": ("", ": ValueError: it must hold a Definition named 'definition' for 'empty'"),
    "copied": ("from models.churn import definition\n", ": ValueError: it must hold a Definition named"),
}


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All the wrong files beside those that ship."""
    for name, (text, _) in WRONG.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    models._files.cache_clear()
    yield
    models._files.cache_clear()
    for name in WRONG:
        sys.modules.pop(f"models.{name}", None)


def test_every_file_that_ships_loads() -> None:
    assert models.broken() == {}
    assert list(models.catalogue()) == sorted(models.catalogue())


@pytest.mark.usefixtures("wrong")
def test_a_file_that_does_not_load_is_named_with_its_line_and_left_out() -> None:
    shipped = {file.stem for file in Path(models.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(models.catalogue()) == shipped
    assert set(models.broken()) == set(WRONG)
    for name, (_, message) in WRONG.items():
        assert models.broken()[name].startswith(f"models/{name}.py")
        assert message in models.broken()[name]
