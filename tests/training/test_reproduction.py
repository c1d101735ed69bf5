"""A version says how it was made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import xgboost

from tests.training import small
from training.reproduction import commit, reproduction


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    command = ("git", "-C", str(folder), *identity, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_says_when_files_were_changed(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path) == f"{head}+dirty"


def test_outside_a_repository_the_commit_is_unknown(tmp_path: Path) -> None:
    assert commit(tmp_path) == "unknown"


def test_the_call_and_the_libraries_are_recorded() -> None:
    found = reproduction(small.definition, ("--data", "my rows.csv", "--force"))
    assert found.command == "tiffin train small --data 'my rows.csv' --force"
    assert found.libraries["xgboost"] == xgboost.__version__
    assert found.recipe["booster"]["max_depth"] == 4
    assert found.seed == 3
