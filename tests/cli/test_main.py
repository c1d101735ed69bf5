"""What all commands have in common."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.errors import CommandError, explain
from cli.lookup import _warn_of_broken
from cli.main import app
from settings import VERSION
from tests.cli.conftest import Tiffin
from tests.storage.servers import ROOT

COMMANDS = (
    ("serve",),
    ("new",),
    ("train",),
    ("load",),
    ("sample",),
    ("migrate",),
    ("models",),
    ("models", "list"),
    ("models", "show"),
    ("doctor",),
)
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
    assert ran.code == 1
    wrong = "serving.workrs (from TIFFIN_SERVING__WORKRS): unknown setting; did you mean serving.workers?"
    assert wrong in ran.stderr
    assert wrong in ran.json["error"]


FAULT = "models/mine.py, line 7: ValueError: age: the example 137 lies outside its range"


@pytest.fixture
def broken_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("models.broken", lambda: {"mine": FAULT})
    _warn_of_broken.cache_clear()
    yield
    _warn_of_broken.cache_clear()


@pytest.mark.usefixtures("broken_file", "offline")
def test_a_model_file_that_does_not_load_stops_only_what_is_about_it(tiffin: Tiffin) -> None:
    for command in (("models", "show", "mine"), ("train", "mine")):
        about = tiffin(*command)
        assert about.code == 1
        assert f"error: model 'mine' does not load: {FAULT}" in about.stderr
        assert "hint: mend the file" in about.stderr
    listed = tiffin("models")
    assert listed.code == 0
    assert f"warning: model 'mine' is left out: {FAULT}" in listed.stderr
    assert "broken" in listed.stdout
    assert tiffin("models", "--json").json["broken"] == {"mine": FAULT}
    assert tiffin("models", "show", "churn").code == 0


def test_the_nearest_name_is_suggested(tiffin: Tiffin) -> None:
    ran = tiffin("models", "show", "chrun")
    assert ran.code == 1
    assert "there is no model 'chrun'; did you mean 'churn'?" in ran.stderr
    assert tiffin("tran").code == 2


def test_errors_that_nobody_foresaw_are_one_line_and_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistake(port: int) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr("cli.checks.run.examine", mistake)
    for options in ((), ("--json",)):
        result = CliRunner().invoke(app, ["doctor", *options])
        assert result.exit_code == 1
        assert "error: unexpected KeyError: 'a mistake of ours'" in result.stderr
        assert "Traceback" not in result.stderr
        found = re.search(r"hint: the traceback is in (\S+);", result.stderr)
        assert found
        log = Path(found[1])
        assert "in mistake" in log.read_text()
        log.unlink()
    assert json.loads(result.stdout)["error"] == "unexpected KeyError: 'a mistake of ours'"


def test_ctrl_c_is_one_line_and_130(tiffin: Tiffin, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(port: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.checks.run.examine", interrupted)
    ran = tiffin("doctor")
    assert (ran.code, ran.stdout, ran.stderr) == (130, "", "interrupted; run it again to go on\n")


def test_an_error_that_is_foreseen_is_explained() -> None:
    assert explain(KeyError("a mistake of ours")) is None
    explained = explain(CommandError("no", hint="yes"))
    assert explained is not None
    assert (explained.text, explained.hint) == ("no", "yes")


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (("train", "nope"), 1, "there is no model 'nope'"),
        (("train", "churn", "--rows", "many"), 2, "Invalid value for '--rows'"),
        (("train",), 2, "name the models to train, or give --all"),
        (("models", "show", "nope"), 1, "there is no model 'nope'"),
        (("models", "show"), 2, "Missing argument 'NAME'"),
        (("serve", "--host", "example.com"), 1, "'example.com' is not an IP address"),
        (("serve", "--prot", "1"), 2, "No such option: --prot"),
        (("docter",), 2, "No such command 'docter'"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_with_json_every_failure_is_one_document_too(
    tiffin: Tiffin, command: tuple[str, ...], code: int, error: str
) -> None:
    ran = tiffin(*command, "--json")
    assert ran.code == code
    assert error in ran.json["error"]
    assert set(ran.json) == {"error", "problems", "hint"}
    assert tiffin(*command).stdout == ""
