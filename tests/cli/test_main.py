"""What all commands have in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import typer

from cli.errors import CommandError, explain
from cli.main import app
from settings import VERSION
from tests.cli.conftest import Tiffin
from tests.storage.servers import ROOT

COMMANDS = (("serve",), ("new",), ("train",), ("models",), ("models", "list"), ("models", "show"), ("doctor",))
HEAVY = {"pydantic", "rich", "numpy", "pandas", "bentoml", "sqlalchemy", "xgboost", "settings", "models"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_answers_in_json(tiffin: Tiffin, command: tuple[str, ...]) -> None:
    ran = tiffin(*command, "--help")
    assert ran.code == 0
    assert "--json" in ran.stdout
    assert command == ("models", "list") or "Examples:" in ran.stdout or "Commands:" in ran.stdout


def test_the_tested_commands_are_all_there_are() -> None:
    group: Any = typer.main.get_command(app)
    found = set(group.commands) | {f"models {name}" for name in group.commands["models"].commands}
    assert found == {" ".join(command) for command in COMMANDS}


def test_help_comes_without_the_libraries_that_take_long_to_load() -> None:
    script = "import json, sys, cli.main; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_help_comes_quickly() -> None:
    before = os.times()
    subprocess.run([sys.executable, "-m", "cli.main", "--help"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    after = os.times()
    # CPU time, because other processes share the machine: 0.16 s
    assert after.children_user + after.children_system - before.children_user - before.children_system < 0.5


def test_the_version_is_that_of_the_settings(tiffin: Tiffin) -> None:
    assert tiffin("--version").stdout == f"tiffin {VERSION}\n"


def test_a_wrong_setting_is_named(tiffin: Tiffin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIFFIN_SERVING__WORKRS", "2")
    ran = tiffin("models", "--json")
    assert (ran.code, ran.stdout) == (1, "")
    assert "serving.workrs (from TIFFIN_SERVING__WORKRS): unknown setting" in ran.stderr


def test_a_model_file_that_does_not_load_is_named(tiffin: Tiffin, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("models/mine.py must hold a Definition")

    monkeypatch.setattr("models.catalogue", broken)
    ran = tiffin("models")
    assert ran.code == 1
    assert "ValueError: models/mine.py must hold a Definition" in ran.stderr
    assert "hint: mend the file" in ran.stderr


def test_the_nearest_name_is_suggested(tiffin: Tiffin) -> None:
    ran = tiffin("models", "show", "chrun")
    assert ran.code == 1
    assert "there is no model 'chrun'; did you mean 'churn'?" in ran.stderr
    assert tiffin("tran").code == 2


def test_errors_that_nobody_foresaw_keep_their_traceback() -> None:
    assert explain(KeyError("a mistake of ours")) is None
    assert explain(BrokenPipeError()) is None
    explained = explain(CommandError("no", hint="yes"))
    assert explained is not None
    assert (explained.text, explained.hint) == ("no", "yes")
